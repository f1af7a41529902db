"""Transformers as five tools write them (tests/models/tiny_bert): one network, found again in each of the files."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

MINNOW = os.environ.get("MINNOW", str(Path(__file__).parent.parent / "build/release/minnow"))
FOLDER = Path(__file__).parent / "models/tiny_bert"
FILES = ["torchscript.onnx", "dynamo.onnx", "runtime.onnx", "tf2onnx.onnx", "tflite.tflite"]
LAYERS, LENGTH = 2, 12


def minnow(*arguments):
    result = subprocess.run([MINNOW, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def report(file, *arguments):
    patterns = json.loads(minnow("optimize", file, "--report", "--json", *arguments))["patterns"]
    return {pattern["name"]: pattern for pattern in patterns}


def inputs(batch=1, length=LENGTH):
    random = np.random.default_rng(3)
    ids = random.integers(0, 50, (batch, length))
    mask = np.ones((batch, length), np.int64)
    mask[-1, length * 2 // 3:] = 0
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": (np.arange(length) > 4) * np.ones_like(mask)}


def run(file, feeds, folder, *arguments):
    """The hidden states; inputs go by the words in their names, in the model's type."""
    given = []
    for info in json.loads(minnow("info", file, "--json"))["inputs"]:
        name = next(name for name in feeds if name in info["name"])
        np.save(folder / f"{name}.npy", feeds[name].astype(info["dtype"]))
        given += ["--in", f"{info['name']}={folder}/{name}.npy"]
    minnow("run", file, *given, "--out", folder / "out", *arguments)
    return np.load(folder / "out/0.npy")


def range_of(values):
    return values.max() - values.min()


@pytest.mark.parametrize("file", FILES)
def test_all_patterns_are_found(file):
    shapes = [] if file.endswith("tflite") else [a for name in inputs() for a in ("--shape", f"{name}=1,{LENGTH}")]
    found = report(FOLDER / file, *shapes)
    assert found["attention"]["present"] == LAYERS
    assert found["gelu"]["present"] == LAYERS
    # The first one stands behind the embeddings: ONNX Runtime's operator for both is spelled out when sizes are known.
    assert found["layer_normalization"]["present"] == 2 * LAYERS + (file != "runtime.onnx")
    assert found["embedding"]["present"] == 1
    assert found["skip + layer_normalization"]["present"] == len(found["skip + layer_normalization"]["fused"]) == 2 * LAYERS
    assert not any(pattern["refused"] for name, pattern in found.items() if name != "embedding")
    if file != "runtime.onnx":
        assert len(found["attention"]["fused"]) == LAYERS and all(found["attention"]["fused"])


@pytest.mark.parametrize("file", FILES)
def test_fusion_leaves_results_alone(file, tmp_path):
    feeds = inputs() if file.endswith("tflite") else inputs(3, 7)
    fused, spelled = run(FOLDER / file, feeds, tmp_path), run(FOLDER / file, feeds, tmp_path, "--no-passes", "--reference")
    assert fused.shape == spelled.shape
    assert np.abs(fused - spelled).max() <= 1e-5 * range_of(spelled)


def test_all_five_are_one_network(tmp_path):
    feeds = inputs()
    session = onnxruntime.InferenceSession(FOLDER / "torchscript.onnx", providers=["CPUExecutionProvider"])
    expected = session.run(None, feeds)[0]
    for file in FILES:
        assert np.abs(run(FOLDER / file, feeds, tmp_path) - expected).max() <= 1e-4 * range_of(expected), file


def changed(tmp_path, change):
    """torchscript.onnx with its first attention changed; the report on it."""
    model = onnx.load(FOLDER / "torchscript.onnx")
    softmax = next(i for i, node in enumerate(model.graph.node) if node.op_type == "Softmax")
    change(model.graph, softmax)
    onnx.save(model, tmp_path / "changed.onnx")
    return report(tmp_path / "changed.onnx")


def refused(found, name="attention"):
    assert len(found[name]["fused"]) + len(found[name]["refused"]) >= LAYERS
    return [note["why"] for note in found[name]["refused"]]


def test_near_misses_say_why(tmp_path):
    def sine_before(graph, at):
        softmax = graph.node[at]
        graph.node.insert(at, helper.make_node("Sin", [softmax.input[0]], ["waves"]))
        softmax.input[0] = "waves"

    def read_twice(graph, at):
        graph.output.append(helper.make_tensor_value_info(graph.node[at].output[0], onnx.TensorProto.FLOAT, None))

    def along_queries(graph, at):
        graph.node[at].attribute[0].i = 2

    for change, why in ((sine_before, r"its input 'waves' is not a scaled matrix product plus masks"),
                        (read_twice, r"its probabilities are not read by one node alone"),
                        (along_queries, r"it is not along the last axis")):
        found = changed(tmp_path, change)
        assert len(found["attention"]["fused"]) == LAYERS - 1
        assert [note for note in refused(found) if re.fullmatch(why, note)], found["attention"]

    def another_root(graph, _):
        for constant in [*graph.initializer, *(node.attribute[0].t for node in graph.node if node.op_type == "Constant")]:
            values = numpy_helper.to_array(constant)
            if values.size == 1 and values.dtype == np.float32 and abs(values.item() - 2**0.5) < 1e-5:
                constant.CopyFrom(numpy_helper.from_array(np.full_like(values, 1.5), constant.name))

    found = changed(tmp_path, another_root)
    assert found["gelu"]["present"] == 0
    assert [re.sub(r"(0\.\d{4})\d*", r"\1", why) for why in refused(found, "gelu")] == \
        ["its argument is scaled by 0.6666: gelu's by 0.7071"] * LAYERS


def test_the_report_reads_well():
    text = minnow("optimize", FOLDER / "torchscript.onnx", "--report")
    assert re.search(r"attention +2 +2 +0\n", text)
    assert "attention '/bert/encoder/layer.0/attention/self/Softmax': fused" in text
