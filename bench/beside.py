"""What the comparisons with rivals share: interleaved runs in one process, medians and their ratio as a markdown table."""

import argparse
import statistics
import time
from pathlib import Path


def timed(run):
    """Milliseconds."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def print_row(path, ours, theirs, runs):
    """One row: `ours` and `theirs` are called once to warm up, then `runs` times in turn."""
    ours(), theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(runs)]
    mine, peer = (statistics.median(column) for column in zip(*pairs))
    print(f"| {Path(path).name} | {mine:.2f} | {peer:.2f} | {statistics.median(a / b for a, b in pairs):.2f} |", flush=True)


def main(rival, compare):
    """Reads the command line and calls compare(model, runs) for each model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    print(f"| model | minnow ms | {rival} ms | ratio |\n|---|---:|---:|---:|")
    for model in options.models:
        compare(model, options.runs)
