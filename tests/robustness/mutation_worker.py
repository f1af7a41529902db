"""Opens and runs damaged models in this process: mutation_worker.py cut | change | tflite (see mutation_test.py)."""

import random
import re
import sys

import minnow
import numpy as np
import tflite_cases
import wire
from case_list import all_cases
from harness import OK

LIMITS = {"bytes": 64 << 20, "nodes": 5000, "steps": 20000, "seconds": 1}
NUMBERS = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
answers = {"ran": 0, "refused": 0}


def zeros(declared):
    """Zeros of a type such as "float32[n, 3]"; sizes that are not known, or too large to try, are 1."""
    match = re.fullmatch(r"(\w+)\[(.*)\]", declared)
    if match is None or match[1] not in (*NUMBERS, "boolean"):
        return np.zeros(1, np.float32)
    dtype = np.dtype("bool" if match[1] == "boolean" else match[1])
    sizes = [int(d) if d.isdigit() else 1 for d in re.split(r", ?", match[2]) if d]
    return np.zeros(sizes if np.prod(sizes, dtype=float) < 1e6 and len(sizes) < 30 else [1], dtype)


def attempt(data, name):
    try:
        model = minnow.open_bytes(data, name=name, limits=LIMITS)
        model.run({v.name: zeros(v.type) for v in model.inputs})
        answers["ran"] += 1
    except minnow.Error as error:
        assert name in str(error), f"an error that does not name the file: {error}"
        answers["refused"] += 1


def truncations():
    data = wire.small_model()
    for size in range(len(data)):
        attempt(data[:size], f"cut_{size}.onnx")
    assert answers["ran"] < len(data) // 4, answers
    attempt(data, "whole.onnx")
    assert answers["ran"] >= 1, answers


def mutations(count, rounds):
    rng = random.Random(79)
    # Models that run: a change of one that is refused anyway shows less.
    legal = [case for case in all_cases() if OK in case.codes and case.file_name.endswith(".onnx")]
    models = [case.file for case in legal if case.file is not None]
    seeds = [data for data in models if 0 < len(data) < 4000]
    rng.shuffle(seeds)
    change([wire.small_model()] * (count // 3) + seeds[: count - count // 3], rounds, rng, "changed.onnx")
    assert answers["refused"] > count, answers


def change(models, rounds, rng, name):
    for data in models:
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
            attempt(bytes(changed), name)


if __name__ == "__main__":
    if sys.argv[1] == "cut":
        truncations()
    elif sys.argv[1] == "tflite":
        models = tflite_cases.legal()
        change(models * 40, 10, random.Random(79), "changed.tflite")
        assert answers["refused"] > 100 and answers["ran"] > 100, answers
    else:
        mutations(150, 10)
    print(answers)
