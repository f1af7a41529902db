"""minnow beside ONNX Runtime in one process: interleaved runs on one thread, medians and their ratio as a markdown table.

Usage: PYTHONPATH=build/release/python .venv/bin/python bench/compare_onnxruntime.py [--runs 20] MODEL[:NAME=DIMS…]…
Dynamic dimensions without DIMS are 1.
"""

import argparse
import statistics
import time
from pathlib import Path

import minnow
import numpy as np
import onnxruntime


def inputs_of(session, shapes):
    generator = np.random.default_rng(1)
    feeds = {}
    for info in session.get_inputs():
        dims = shapes.get(info.name, [d if isinstance(d, int) else 1 for d in info.shape])
        feeds[info.name] = np.ones(dims, np.int64) if "int64" in info.type else generator.standard_normal(dims).astype(np.float32)
    return feeds


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def compare(spec, runs):
    path, *given = spec.split(":")
    shapes = {name: [int(d) for d in dims.split(",")] for name, dims in (item.split("=") for item in given)}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    theirs = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ours = minnow.open(path).session(threads=1)
    feeds = inputs_of(theirs, shapes)
    ours.run(feeds), theirs.run(None, feeds)
    pairs = [(timed(lambda: ours.run(feeds)), timed(lambda: theirs.run(None, feeds))) for _ in range(runs)]
    mine, peer = (statistics.median(column) for column in zip(*pairs))
    print(f"| {Path(path).name} | {mine:.1f} | {peer:.1f} | {statistics.median(a / b for a, b in pairs):.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    print("| model | minnow ms | ONNX Runtime ms | ratio |\n|---|---:|---:|---:|")
    for spec in options.models:
        compare(spec, options.runs)


if __name__ == "__main__":
    main()
