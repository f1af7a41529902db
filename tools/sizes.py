#!/usr/bin/env python3
"""Checks file and function sizes: files soft 400, hard 800 lines; functions 60 lines. Exits 1 when a hard limit is broken.

A function is found by shape: a line that ends with `{` at the outermost level of a namespace or class, up to the line
with its closing brace at the same indentation. Functions that hold a table (mostly initialisers) do not count as long.
"""

import re
import subprocess
import sys
from pathlib import Path

SOFT_FILE, HARD_FILE, MAX_FUNCTION = 400, 800, 60
SUFFIXES = {".cc", ".h", ".hpp", ".inl", ".py", ".js", ".ts", ".sh"}
# A definition: starts at column 0 to 2, has a parameter list, ends with an opening brace, is no control statement.
NOT_A_FUNCTION = r"(?!(?:namespace|class|struct|enum|union|extern|if|for|while|switch|else|do|return|TEST)\b|\})"
FUNCTION = re.compile(rf"^(?P<indent> {{0,2}}){NOT_A_FUNCTION}\S.*\(.*\)[\w\s>:&*-]*\{{$")
TABLE = re.compile(r"^\s*(\{|\.\w+ =|\}|return \{)")


def tracked(root):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / name for name in names.splitlines() if Path(name).suffix in SUFFIXES and (root / name).is_file()]


def long_functions(lines):
    """(first line, length) of functions over the limit in C++ text."""
    i = 0
    while i < len(lines):
        head = lines[i]
        for j in range(i + 1, min(i + 4, len(lines))):   # a parameter list over several lines
            if head.endswith("{") or ";" in head or "(" not in head or not lines[j].startswith("    "):
                break
            head += " " + lines[j].strip()
        match = FUNCTION.match(head)
        if not match:
            i += 1
            continue
        indent = match.group("indent")
        end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith(indent + "}")), len(lines) - 1)
        body = lines[i + 1 : end]
        length = end - i + 1
        if length > MAX_FUNCTION and sum(1 for line in body if TABLE.match(line)) < len(body) * 0.5:
            yield i + 1, length
        i = end + 1


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    broken = soft = 0
    for file in tracked(root):
        lines = file.read_text(errors="replace").splitlines()
        name = file.relative_to(root)
        if len(lines) > HARD_FILE:
            print(f"{name}: {len(lines)} lines, the limit is {HARD_FILE}")
            broken += 1
        elif len(lines) > SOFT_FILE:
            soft += 1
            print(f"note: {name}: {len(lines)} lines, better under {SOFT_FILE}")
        if file.suffix in (".cc", ".h", ".hpp"):
            for line, length in long_functions(lines):
                if not name.name.endswith("_test.cc"):
                    print(f"{name}:{line}: a function of {length} lines, the limit is {MAX_FUNCTION}")
                    broken += 1
    print(f"sizes: {broken} over a limit, {soft} files over {SOFT_FILE} lines")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
