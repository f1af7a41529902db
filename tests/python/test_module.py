"""The Python module: arrays in and out, every dtype, typed errors, states, sessions on threads."""

import threading

import ml_dtypes
import minnow
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper


def model_of(nodes, inputs, outputs, opset=21, **kwargs):
    graph = helper.make_graph(nodes, "g", inputs, outputs, **kwargs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10).SerializeToString()


def value(name, dtype=TensorProto.FLOAT, shape=("n",)):
    return helper.make_tensor_value_info(name, dtype, shape)


def add_model():
    return model_of([helper.make_node("Add", ["a", "b"], ["c"], name="sum")], [value("a"), value("b")], [value("c")])


def test_runs_on_arrays_by_name_and_by_order():
    model = minnow.open_bytes(add_model())
    a, b = np.arange(3, dtype=np.float32), np.ones(3, np.float32)
    np.testing.assert_array_equal(model.run({"a": a, "b": b})["c"], [1, 2, 3])
    np.testing.assert_array_equal(model.run([a, b])["c"], [1, 2, 3])
    assert [info.name for info in model.inputs] == ["a", "b"] and model.inputs[0].type == "float32[n]"


def test_strided_and_misaligned_arrays():
    model = minnow.open_bytes(add_model())
    strided = np.arange(12, dtype=np.float32).reshape(3, 4)[:, 1]
    raw = np.zeros(13, np.uint8)
    misaligned = raw[1:13].view(np.float32)
    np.testing.assert_array_equal(model.run([strided, misaligned])["c"], [1, 5, 9])


@pytest.mark.parametrize("dtype", [
    np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_,
    ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4, ml_dtypes.uint4,
])
def test_every_dtype_passes_through(dtype):
    code = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    model = minnow.open_bytes(model_of([helper.make_node("Identity", ["x"], ["y"])], [value("x", code)], [value("y", code)], opset=23), optimize=False)
    array = np.array([0, 1, 1, 0]).astype(dtype)
    got = model.run([array])["y"]
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_strings_and_sequences():
    text = minnow.open_bytes(model_of([helper.make_node("Identity", ["x"], ["y"])], [value("x", TensorProto.STRING)], [value("y", TensorProto.STRING)]))
    assert text.run([np.array(["ä", ""], object)])["y"].tolist() == ["ä", ""]
    seq = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    model = minnow.open_bytes(model_of([helper.make_node("SequenceConstruct", ["a", "b"], ["s"])], [value("a"), value("b")], [seq]))
    parts = model.run([np.ones(2, np.float32), np.zeros(1, np.float32)])["s"]
    assert [p.tolist() for p in parts] == [[1, 1], [0]]


@pytest.mark.parametrize("inputs, phrase", [
    ({"a": np.zeros(3, np.float32)}, "missing: ['b']"),
    ({"a": np.zeros(3, np.float32), "b": np.zeros(3, np.float64)}, "input 'b': expected float32[n], got float64[3]"),
    ({"a": np.zeros((3, 1), np.float32), "b": np.zeros(3, np.float32)}, "input 'a': expected float32[n], got float32[3, 1]"),
    ({"a": np.zeros(3, np.float32), "b": np.zeros(4, np.float32)}, "node 'sum' (Add)"),
])
def test_wrong_inputs_are_named(inputs, phrase):
    with pytest.raises(minnow.BadInput) as caught:
        minnow.open_bytes(add_model()).run(inputs)
    assert phrase in str(caught.value)


def test_errors_are_typed():
    with pytest.raises(minnow.BadInput, match="empty"):
        minnow.open_bytes(b"", name="empty.onnx")
    unknown = model_of([helper.make_node("Relux", ["x"], ["y"], name="r")], [value("x")], [value("y")])
    with pytest.raises(minnow.Unsupported, match="Relux"):
        minnow.open_bytes(unknown)
    big = model_of([helper.make_node("ConstantOfShape", ["s"], ["y"])], [value("s", TensorProto.INT64, [1])], [value("y")])
    with pytest.raises(minnow.LimitExceeded, match="bytes"):
        minnow.open_bytes(big).session(limits={"bytes": 1e6}).run([np.array([10**9])])
    with pytest.raises(minnow.Error):
        minnow.open("/nonexistent/model.onnx")


def test_profile_tells_what_nodes_did():
    session = minnow.open_bytes(add_model()).session()
    session.run([np.ones(2, np.float32)] * 2, keep_values=True)
    assert [(r.name, r.op) for r in session.records] == [("sum", "add")]
    np.testing.assert_array_equal(session.records[0].outputs["c"], [2, 2])


def test_sessions_on_threads_share_a_model():
    model = minnow.open_bytes(add_model())
    wrong = []

    def work(seed):
        session = model.session()
        for i in range(200):
            a = np.full(50, seed + i, np.float32)
            if not np.array_equal(session.run([a, a])["c"], 2 * a):
                wrong.append((seed, i))

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


def test_outputs_outlive_the_session():
    out = minnow.open_bytes(add_model()).session().run([np.ones(4, np.float32)] * 2)["c"]
    np.testing.assert_array_equal(out, [2, 2, 2, 2])


def test_onnx_version_is_the_pinned_one():
    assert onnx.__version__ == "1.23.2"
