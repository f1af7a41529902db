"""minnow beside ONNX Runtime in one process: interleaved runs on one thread, medians and their ratio as a markdown table.

Usage: PYTHONPATH=build/release/python .venv/bin/python bench/compare_onnxruntime.py [--runs 20] MODEL[:NAME=DIMS…]…
Dynamic dimensions without DIMS are 1.
"""

import beside
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


def compare(spec, runs):
    path, *given = spec.split(":")
    shapes = {name: [int(d) for d in dims.split(",")] for name, dims in (item.split("=") for item in given)}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    theirs = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ours = minnow.open(path).session(threads=1)
    feeds = inputs_of(theirs, shapes)
    beside.print_row(path, lambda: ours.run(feeds), lambda: theirs.run(None, feeds), runs)


if __name__ == "__main__":
    beside.main("ONNX Runtime", compare)
