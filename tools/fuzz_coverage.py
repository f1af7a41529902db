"""How much of some sources a fuzzer's corpus reaches. Usage: llvm-cov export -summary-only … | fuzz_coverage.py SOURCE…

Sources are chosen by how their names end: the compiler may have noted them relative to the build.
"""

import json
import sys


def shares(files, wanted):
    """Percent of regions, lines and branches of those `files` (llvm-cov's rows) whose names end in one of `wanted`."""
    chosen = [row["summary"] for row in files if row["filename"].endswith(tuple(wanted))]
    if not chosen:
        sys.exit(f"none of the sources is in the report: {' '.join(wanted)}")
    parts = {}
    for kind in ("regions", "lines", "branches"):
        total = sum(row[kind]["count"] for row in chosen)
        parts[kind] = f"{100 * sum(row[kind]['covered'] for row in chosen) / total:.1f}%" if total else "none"
    return parts


def main():
    files = json.load(sys.stdin)["data"][0]["files"]
    parts = shares(files, [f"/{source}" for source in sys.argv[1:]])
    print("the corpus reaches {regions} of the reader's regions, {lines} of its lines, {branches} of its branches".format(**parts))


if __name__ == "__main__":
    main()
