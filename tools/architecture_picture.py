#!/usr/bin/env python3
"""Draws docs/architecture.svg: the path from model file to tensors, and the rooms that it passes through."""

from pathlib import Path
from xml.sax.saxutils import escape

STEPS = [  # title, what it is, rooms
    ("model file", ".onnx .mng", ""),
    ("import", "containers to graph", "import/"),
    ("graph", "values, nodes, states", "graph/ ops/"),
    ("passes", "graph to graph", "passes/"),
    ("run", "walks node by node", "ops/ lower/ kernels/"),
    ("tensors", "outputs", "api/"),
]
BELOW = [
    (2, "zoo/", "networks in code"),
    (3, "differentiate", "gradients as nodes"),
    (4, "references", "what an operator means"),
    (4, "kernels", "the same, faster, per ISA"),
    (5, "C, C++, Python", "include/ bindings/ cli/"),
]
WIDTH, HEIGHT, STEP, BOX_W, BOX_H = 1090, 350, 180, 156, 62


def box(x, y, title, text, fill, small=""):
    lines = [
        f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="8" fill="{fill}" stroke="#2c3e50"/>',
        f'<text x="{x + BOX_W / 2}" y="{y + 24}" text-anchor="middle" font-weight="bold">{escape(title)}</text>',
        f'<text x="{x + BOX_W / 2}" y="{y + 43}" text-anchor="middle" font-size="12">{escape(text)}</text>',
    ]
    if small:
        lines.append(f'<text x="{x + BOX_W / 2}" y="{y - 8}" text-anchor="middle" font-size="12" fill="#7f8c8d" font-family="monospace">{escape(small)}</text>')
    return lines


def main():
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="15">',
        '<defs><marker id="a" markerWidth="9" markerHeight="9" refX="8" refY="4" orient="auto"><path d="M0,0L9,4L0,8z" fill="#2c3e50"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for i, (title, text, rooms) in enumerate(STEPS):
        x, y = 20 + i * STEP, 40
        parts += box(x, y, title, text, "#d6eaf8", rooms)
        if i + 1 < len(STEPS):
            parts.append(f'<line x1="{x + BOX_W}" y1="{y + 31}" x2="{x + STEP - 2}" y2="{y + 31}" stroke="#2c3e50" marker-end="url(#a)"/>')
    rows = {}
    for column, title, text in BELOW:
        row = rows[column] = rows.get(column, 0) + 1
        x, y = 20 + column * STEP, 70 + row * 84
        parts += box(x, y, title, text, "#fdebd0")
        parts.append(f'<line x1="{x + BOX_W / 2}" y1="{y}" x2="{x + BOX_W / 2}" y2="{y - (52 if row == 1 else 22)}" stroke="#2c3e50" stroke-dasharray="4 3"/>')
    parts.append('<text x="20" y="338" font-size="13" fill="#555">Everything is a graph, and every step is a graph-to-graph function. base/ (results, limits, tensors, threads) lies under all rooms.</text>')
    parts.append("</svg>")
    (Path(__file__).resolve().parent.parent / "docs" / "architecture.svg").write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
