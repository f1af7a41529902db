"""minnow beside LiteRT in one process: interleaved runs on one thread, medians and their ratio as a markdown table.

Usage: PYTHONPATH=build/release/python .venv/bin/python bench/compare_litert.py [--runs 20] MODEL.tflite…
LiteRT runs its default path: XNNPACK where that takes an operator.
"""

import sys
from pathlib import Path

import beside
import minnow
import numpy as np
from ai_edge_litert.interpreter import Interpreter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracle"))
import tflite_parts  # noqa: E402


def inputs_of(interpreter):
    """Random numbers, or random codes."""
    generator = np.random.default_rng(1)
    feeds = []
    for info in interpreter.get_input_details():
        dtype, dims = info["dtype"], tuple(info["shape"])
        if np.issubdtype(dtype, np.floating):
            feeds.append(generator.standard_normal(dims).astype(dtype))
        else:
            limits = np.iinfo(dtype)
            feeds.append(generator.integers(limits.min, limits.max, dims, dtype, endpoint=True))
    return feeds


def compare(path, runs):
    # Metadata of old converters that LiteRT refuses is put right; the network is the same.
    theirs = Interpreter(model_content=tflite_parts.for_litert(Path(path).read_bytes()), num_threads=1)
    theirs.allocate_tensors()
    model = minnow.open(path)
    ours = model.session(threads=1)
    values = inputs_of(theirs)
    feeds = dict(zip([info.name for info in model.inputs], values))

    def run_theirs():
        for info, value in zip(theirs.get_input_details(), values):
            theirs.set_tensor(info["index"], value)
        theirs.invoke()
        return [theirs.get_tensor(info["index"]) for info in theirs.get_output_details()]

    beside.print_row(path, lambda: ours.run(feeds), run_theirs, runs)


if __name__ == "__main__":
    beside.main("LiteRT", compare)
