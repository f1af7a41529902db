#!/usr/bin/env python3
"""Checks that includes follow the rooms' order: a room may include the rooms of its row, and all that those may include.

Prints each include that breaks the rule and exits 1 if there is any.
"""

import re
import sys
from pathlib import Path

# room: the rooms it may include.
ROOMS = {
    "base": [],
    "kernels": ["base"],
    "plan": ["kernels"],
    "run": ["plan"],
    "graph": ["base"],
    "ops": ["graph"],
    "import": ["ops"],
    "export": ["import"],
    "passes": ["ops"],
    "lower": ["passes", "kernels", "plan"],
    "zoo": ["ops"],
    "report": ["base"],
    "api": ["import", "export", "lower", "run"],
    "learn": ["api", "zoo", "report"],
    "insight": ["api", "report"],
    "shrink": ["learn", "insight"],
    "kit": ["learn"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def reachable(room):
    """All rooms that `room` may include, itself among them."""
    seen, todo = set(), [room]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += ROOMS[current]
    return seen


def violations(root):
    """(file, line, message) for every include against the table, and every folder that the table does not know."""
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if folder.name not in ROOMS:
            yield folder, 0, f"room '{folder.name}' is not in the table"
            continue
        allowed = reachable(folder.name)
        for file in sorted(folder.rglob("*")):
            if file.suffix not in (".h", ".cc", ".inl"):
                continue
            text = file.read_text()
            for match in INCLUDE.finditer(text):
                target = match.group(1).split("/")[0]
                line = text.count("\n", 0, match.start()) + 1
                if target == "minnow" and folder.name not in ("api", "run"):
                    yield file, line, f"room '{folder.name}' includes the public header {match.group(1)}"
                elif target in ROOMS and target not in allowed:
                    yield file, line, f"room '{folder.name}' may not include '{match.group(1)}'"


def self_test():
    """The table must be acyclic, or "may include" would say nothing."""
    for room in ROOMS:
        for used in ROOMS[room]:
            assert room not in reachable(used), f"rooms {room} and {used} may include each other"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    self_test()
    found = list(violations(root))
    for file, line, message in found:
        print(f"{file.relative_to(root)}:{line}: {message}")
    print(f"layers: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
