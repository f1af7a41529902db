"""Resident memory, one process a measurement: VmHWM minus weights and program is at most 1.2 times what a run takes, as minnow
says before it. Of program, a process of the runtime has 8 MB; the command, which holds operators, importers and passes, 12 MB:
8 MB for a model of one node, and what more of its text larger models touch. A BERT that meets 64 lengths takes at most 1.1
times the memory of the longest alone, and packs its weights once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("VmHWM is Linux's", allow_module_level=True)

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MINNOW_DATA", ROOT.parent / "shared" / "data"))
MINNOW = os.environ["MINNOW"]
PROGRAMS = Path(MINNOW).parent
RUNTIME_BYTES, COMMAND_BYTES = 8 << 20, 12 << 20


def output_of(*command):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def memory_of(model, *arguments):
    """Weights, and what a run takes, as minnow says."""
    info = output_of(MINNOW, "info", model, "--memory", "--json", *arguments)
    return info["parameter_bytes"], info["memory"]["run_bytes"]


def check(name, peak, weights, program, run):
    over = peak - weights - program
    print(f"{name}: peak {peak}, weights {weights}, run {run}, over {over}, ratio {over / run:.2f}")
    assert over <= 1.2 * run, f"{name}: {peak} bytes at the peak, {weights} of weights, {program} of program, a run takes {run}"


def write_synthetic(path):
    """Five convolutions with 20 MB of weights."""
    numbers = np.random.default_rng(1)
    channels = [3, 64, 128, 256, 512, 768]
    nodes, weights = [], []
    for i, (cin, cout) in enumerate(zip(channels, channels[1:])):
        values = numbers.uniform(-0.05, 0.05, (cout, cin, 3, 3)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(values, f"w{i}"))
        nodes.append(onnx.helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"c{i}"], pads=[1] * 4, strides=[2, 2]))
        nodes.append(onnx.helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"]))
    ports = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, d) for n, d in (("x0", [1, 3, 192, 192]), ("x5", None))]
    graph = onnx.helper.make_graph(nodes, "synthetic", ports[:1], ports[1:], weights)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    return write_synthetic(tmp_path_factory.mktemp("memory") / "synthetic.onnx")


def check_runtime(model, folder, *arguments):
    path = folder / (model.stem + ".mnw")
    made = subprocess.run([MINNOW, "compile", str(model), "-o", str(path), "--runtime-only", *arguments], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    result = output_of(PROGRAMS / "run_compiled", path)
    check(f"runtime, {model.name}", result["peak_rss_bytes"], memory_of(model, *arguments)[0], RUNTIME_BYTES, result["run_bytes"])


def check_command(model, *arguments):
    """The file is mapped, so that weights leave memory once they are packed."""
    peak = output_of(MINNOW, "bench", model, "--mmap", "--runs", 2, "--json", *arguments)["peak_rss_bytes"]
    weights, run = memory_of(model, *arguments)
    check(f"command, {model.name}", peak, weights, COMMAND_BYTES, run)


def test_synthetic(synthetic, tmp_path):
    check_runtime(synthetic, tmp_path)
    check_command(synthetic)


REAL = [
    ("blazeface/face_detection_short_range.tflite",),
    ("blazeface/face_detection_full_range.tflite",),
    ("onnx/mnist.onnx",),
    ("onnx/mobilenet_v2_0.35_128_tfs_channel_first.onnx", "--shape", "input_1=1,3,128,128"),
    ("ultraface/version-RFB-320.onnx",),
    ("portrait/prisma-net.tflite",),
    ("coral/tf2_mobilenet_v2_1.0_224_ptq.tflite",),
]


@pytest.mark.parametrize("model, arguments", [(m[0], m[1:]) for m in REAL])
def test_real(model, arguments, tmp_path):
    path = DATA / "models" / model
    if not path.exists():
        pytest.skip(f"{path} is not there")
    check_runtime(path, tmp_path, *arguments)
    check_command(path, *arguments)


def test_changing_lengths():
    program = PROGRAMS / "bench_lengths"
    longest, mixed = output_of(program, "longest"), output_of(program, "random", 7)
    assert mixed["most_plans"] == 8 and mixed["most_plan_bytes"] > 0
    assert mixed["pack_bytes"] == mixed["pack_bytes_first"] == longest["pack_bytes"] > 0, "weights are packed once"
    assert mixed["peak_rss_bytes"] <= 1.1 * longest["peak_rss_bytes"]
