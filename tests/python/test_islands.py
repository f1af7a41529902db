"""A detector whose boxes go through non-maximum suppression: its backbone is planned, the suppression runs as it comes."""

import os
from pathlib import Path

import minnow
import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import pytest
from onnx import TensorProto, helper

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("MINNOW_DATA", ROOT.parent / "shared" / "data"))
DETECTOR = DATA / "models" / "ultraface" / "version-slim-320.onnx"


def add_suppression(graph):
    """Appends: the boxes that survive, and which they are."""
    numbers = {"most": np.array([5000], np.int64), "overlap": np.array([0.4], np.float32), "least": np.array([0.05], np.float32),
               "column": np.array([2], np.int64), "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "three": np.array([3], np.int64)}
    graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in numbers.items())
    graph.node.extend([
        helper.make_node("Transpose", ["scores"], ["by_class"], perm=[0, 2, 1]),
        helper.make_node("NonMaxSuppression", ["boxes", "by_class", "most", "overlap", "least"], ["chosen"], name="suppress"),
        helper.make_node("Slice", ["chosen", "column", "three", "one"], ["indices"]),
        helper.make_node("Slice", ["chosen", "zero", "one", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "indices"], ["box_indices"], axis=1),
        helper.make_node("GatherND", ["boxes", "box_indices"], ["found"], name="pick"),
    ])
    graph.output.extend([helper.make_tensor_value_info("found", TensorProto.FLOAT, None),
                         helper.make_tensor_value_info("chosen", TensorProto.INT64, None)])


def suppression_alone():
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, size]) for name, size in (("boxes", 4), ("scores", 2))]
    graph = helper.make_graph([], "suppression", ports, [])
    add_suppression(graph)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)


def runtime(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.mark.skipif(not DETECTOR.exists(), reason=f"{DETECTOR} is not there")
def test_detector_with_suppression():
    detector = onnx.version_converter.convert_version(onnx.load(DETECTOR), 12)
    backbone = runtime(detector)
    add_suppression(detector.graph)
    # Fed with our own scores: the order of boxes may hang on their last bit.
    suppression = runtime(suppression_alone())
    ours = minnow.open_bytes(detector.SerializeToString()).session()
    convolutions = sum(node.op_type == "Conv" for node in detector.graph.node)
    counts = set()
    for seed in range(4):
        generator = np.random.default_rng(seed)
        blobs = generator.uniform(-1, 1, (1, 3, 6, 8)).astype(np.float32)
        picture = np.ascontiguousarray(np.kron(blobs, np.ones((1, 1, 40, 40), np.float32)))
        actual = ours.run({"input": picture}, profile=True)
        ran = [record.name for record in ours.records]
        assert ran.count("suppress") == 1 and ran.count("pick") == 1
        assert sum(record.op == "conv" for record in ours.records) == convolutions
        assert sum(record.op == "relu" for record in ours.records) == 0, "the backbone's activations run in its convolutions"
        scores, boxes = backbone.run(["scores", "boxes"], {"input": picture})
        assert np.allclose(actual["scores"], scores, atol=1e-4) and np.allclose(actual["boxes"], boxes, atol=1e-4)
        found, chosen = suppression.run(["found", "chosen"], {"boxes": actual["boxes"], "scores": actual["scores"]})
        assert actual["chosen"].tolist() == chosen.tolist()
        assert actual["found"].tolist() == found.tolist()
        counts.add(len(chosen))
    assert len(counts) > 1, "the sizes depend on the data"
