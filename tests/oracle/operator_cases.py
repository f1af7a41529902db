"""Asks ONNX Runtime for its opinion on every operator's cases, as case_writer wrote them. Prints how many it agrees with, and
which it cannot run; fails when it disagrees without a reason that stands in DIFFERS, or agrees with too few.

    python tests/oracle/operator_cases.py CASE_WRITER FOLDER
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

MINIMUM = 800
# case: why ONNX Runtime says something else.
SAME_DILATED = "its automatic padding forgets the dilation; ONNX: out = ceil(in / stride)"
ONE_WIDE = "it divides 0 by 0 in a symmetric window of one element"
DIFFERS = {
    "average_pool_4": SAME_DILATED,
    "max_pool_4": SAME_DILATED,
    "blackman_window_2": ONE_WIDE,
    "hamming_window_2": ONE_WIDE,
    "hann_window_2": ONE_WIDE,
    "cast_4": "it writes 1 where ONNX's own suite expects 1.0",
    "matmul_nbits_1": "it ignores packed zero points when there is a group index",
    "non_max_suppression_4": "it compares NaN scores as if they were above the threshold",
    "non_zero_2": "a scalar has no axis to index: ONNX says [0, N]",
    "qlinear_conv_1": "on a CPU without VNNI its sums of two products saturate at 16 bits",
    "resize_8": "it takes the wrong size for a negative axis when the aspect ratio is kept",
    "squeeze_3": "no axes given is not the same as an empty list of axes, which squeezes none",
    "string_split_0": "Python's ''.split(',') has one element",
    "string_split_2": "Python's split leaves the rest after the last split as it is",
}
# Agreement there depends on the CPU that ONNX Runtime runs on.
MACHINES = {"qlinear_conv_1"}


def load(path, info):
    kind = info.type.WhichOneof("value")
    data = path.read_bytes()
    if kind == "tensor_type":
        return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(data))
    if kind == "sequence_type":
        return onnx.numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    raise ValueError(f"no way to read a {kind}")


def difference(got, want, integer_slack):
    """None when they agree, else what does not."""
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return "another length of the sequence"
        return next((d for d in (difference(g, w, integer_slack) for g, w in zip(got, want)) if d), None)
    got, want = np.asarray(got), np.asarray(want)
    if want.dtype.kind == "V" or want.dtype.name.startswith("float8"):
        want = want.view(np.uint8)  # ONNX Runtime gives the bits of an 8-bit float
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)} against ours {want.dtype}{list(want.shape)}"
    if want.dtype.kind in "OSU" or want.dtype == bool:
        return None if (got.astype(str) == want.astype(str)).all() else "other values"
    a, b = got.astype(np.float64), want.astype(np.float64)
    if want.dtype.kind in "iu":
        far = np.abs(a - b) > integer_slack
    else:
        narrow = want.dtype.itemsize < 4
        far = ~np.isclose(a, b, rtol=1e-2 if narrow else 1e-4, atol=1e-3 if narrow else 1e-5, equal_nan=True)
    return f"{int(far.sum())} of {far.size} values differ, first {a[far][0]} against ours {b[far][0]}" if far.any() else None


def judge(folder):
    """("agrees" | "differs" | "cannot run", detail)"""
    model = onnx.load(folder / "model.onnx")
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        data = folder / "test_data_set_0"
        inputs = {info.name: load(data / f"input_{i}.pb", info) for i, info in enumerate(model.graph.input)}
        results = session.run(None, inputs)
        wanted = [load(data / f"output_{i}.pb", info) for i, info in enumerate(model.graph.output)]
    except Exception as error:  # whatever its Python layer throws is a case that it cannot judge
        return "cannot run", str(error).strip().split("\n")[0][:160]
    # Half a step more or less decides how a quantized result is rounded.
    slack = 1 if "quant" in folder.name or "qlinear" in folder.name else 0
    for got, want in zip(results, wanted):
        detail = difference(got, want, slack)
        if detail:
            return "differs", detail
    return "agrees", ""


def judge_apart(folder):
    """In a child process: some cases crash ONNX Runtime (a division by zero, say)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(judge(folder)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        verdict = pipe.read()
    os.waitpid(child, 0)
    return json.loads(verdict) if verdict else ("cannot run", "it crashes")


def main():
    writer, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([writer, str(folder)], check=True, stderr=subprocess.DEVNULL)
    count = collections.Counter()
    failed = 0
    for case in sorted(folder.iterdir()):
        verdict, detail = judge_apart(case)
        count[verdict] += 1
        if verdict == "differs":
            reason = DIFFERS.get(case.name)
            failed += reason is None
            print(f"{case.name}: {detail}" + (f" (known: {reason})" if reason else ""))
        elif verdict == "cannot run" and "--verbose" in sys.argv:
            print(f"{case.name}: cannot run: {detail}")
        elif verdict == "agrees" and case.name in DIFFERS and case.name not in MACHINES:
            failed += 1
            print(f"{case.name}: agrees now; take it out of DIFFERS")
    print(f"operator cases: ONNX Runtime agrees with {count['agrees']}, cannot run {count['cannot run']}, differs in {count['differs']}")
    return 1 if failed or count["agrees"] < MINIMUM else 0


if __name__ == "__main__":
    sys.exit(main())
