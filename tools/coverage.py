#!/usr/bin/env python3
"""Adds up gcov's line counts of the library's rooms and prints a table; exits 1 under the minimum.

Usage: coverage.py BUILD_FOLDER MINIMUM_PERCENT
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def covered_lines(build):
    """{source file: {line: hits}} over all object files; headers are merged from every includer."""
    lines = defaultdict(lambda: defaultdict(int))
    notes = sorted(str(p) for p in build.rglob("*.gcda"))
    for start in range(0, len(notes), 50):
        output = subprocess.run(["gcov", "--json-format", "--stdout", *notes[start : start + 50]], cwd=build, capture_output=True, text=True, check=True).stdout
        for document in output.splitlines():
            for file in json.loads(document)["files"]:
                path = (build / file["file"]).resolve()
                if not path.is_relative_to(ROOT / "src") or path.name.endswith("_test.cc"):
                    continue
                for line in file["lines"]:
                    lines[path][line["line_number"]] += line["count"]
    return lines


def main():
    build, minimum = Path(sys.argv[1]).resolve(), float(sys.argv[2])
    rooms = defaultdict(lambda: [0, 0])
    files = []
    for path, counts in covered_lines(build).items():
        hit, total = sum(c > 0 for c in counts.values()), len(counts)
        room = path.relative_to(ROOT / "src").parts[0]
        rooms[room][0] += hit
        rooms[room][1] += total
        files.append((total - hit, hit / max(total, 1), path.relative_to(ROOT)))
    print("| room | lines | covered |\n|---|---|---|")
    for room, (hit, total) in sorted(rooms.items()):
        print(f"| {room} | {total} | {100 * hit / total:.1f} % |")
    hit, total = (sum(r[i] for r in rooms.values()) for i in (0, 1))
    percent = 100 * hit / max(total, 1)
    print("least covered:", ", ".join(f"{path} ({missing} lines missed)" for missing, _, path in sorted(files, reverse=True)[:8]))
    print(f"coverage: {percent:.1f} % of {total} lines, the minimum is {minimum:g} %")
    return 0 if percent >= minimum else 1


if __name__ == "__main__":
    sys.exit(main())
