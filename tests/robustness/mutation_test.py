"""Cases 5 and 79: a model cut at every byte, and models with random bytes changed, opened and run in one process."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
WORKER = """
import random, sys
sys.path.insert(0, {here!r})
import minnow
import numpy as np
import wire
from case_list import all_cases

LIMITS = {{"bytes": 64 << 20, "nodes": 5000, "steps": 20000, "seconds": 1}}
NUMPY = {{"bool": bool}}
answers = {{"ran": 0, "refused": 0}}

def attempt(data, name):
    try:
        model = minnow.open_bytes(data, name=name, limits=LIMITS)
        feeds = {{v.name: np.zeros([max(d, 1) for d in v.shape], NUMPY.get(v.dtype, v.dtype)) for v in model.inputs}}
        model.run(feeds)
        answers["ran"] += 1
    except (minnow.Error, TypeError, ValueError, AttributeError) as error:
        # The last three are numpy's, about types of inputs that it does not have.
        assert str(error), "an error without a message"
        answers["refused"] += 1

def truncations():
    data = wire.small_model()
    for size in range(len(data)):
        attempt(data[:size], f"cut_{{size}}.onnx")
    assert answers["ran"] < len(data) // 4, answers
    attempt(data, "whole.onnx")
    assert answers["ran"] >= 1, answers

def mutations(count, rounds):
    rng = random.Random(79)
    models = [case.file for case in all_cases() if case.file is not None and case.file_name.endswith(".onnx")]
    seeds = [data for data in models if 0 < len(data) < 4000]
    rng.shuffle(seeds)
    for data in [wire.small_model()] * (count // 3) + seeds[: count - count // 3]:
        for _ in range(rounds):
            changed = bytearray(data)
            for _ in range(rng.choice((1, 1, 2, 5))):
                kind = rng.randrange(4)
                at = rng.randrange(len(changed) + 1)
                if kind == 0 and at < len(changed):
                    changed[at] ^= 1 << rng.randrange(8)
                elif kind == 1 and at < len(changed):
                    changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
                elif kind == 2:
                    del changed[at : at + rng.randrange(1, 9)]
                else:
                    changed[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
            attempt(bytes(changed), "changed.onnx")
    assert answers["refused"] > count, answers

{call}
print(answers)
"""


@pytest.mark.parametrize("call", ["truncations()", "mutations(150, 10)"])
def test_in_one_process(call):
    script = WORKER.format(here=str(HERE), call=call)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{call} ended with {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
