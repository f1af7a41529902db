"""Writes ONNX files byte by byte, so that a test can say what no serializer would.

Field numbers are those of onnx.proto. A message is `msg((number, value), …)`: an int becomes a varint, a float four
bytes, text and bytes a length-delimited field, a list one field an element; None is left out.
"""

import struct

import numpy as np

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
UINT4, INT4, UINT2, INT2 = 21, 22, 25, 26

DTYPES = {
    "float32": FLOAT,
    "uint8": UINT8,
    "int8": INT8,
    "uint16": UINT16,
    "int16": INT16,
    "int32": INT32,
    "int64": INT64,
    "bool": BOOL,
    "float16": FLOAT16,
    "float64": DOUBLE,
    "uint32": 12,
    "uint64": 13,
}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    if value is None:
        return b""
    if isinstance(value, (list, tuple)):
        return b"".join(field(number, item) for item in value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, (bool, int, np.integer)):
        return varint(number << 3) + varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def msg(*fields):
    return b"".join(field(number, value) for number, value in fields)


def tensor(name, array, **other):
    """TensorProto of an array; `other`: dims, data_type, raw … replace what the array says, `fields` is appended."""
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.reshape(-1).tolist()]
        return msg((1, list(array.shape)), (2, STRING), (6, texts), (8, name))
    raw = other.get("raw", array.tobytes())
    dims, data_type = other.get("dims", list(array.shape)), other.get("data_type", DTYPES[array.dtype.name])
    return msg((1, list(dims)), (2, data_type), (8, name), (9, raw)) + other.get("fields", b"")


def external(name, dims, data_type, entries):
    pairs = [msg((1, key), (2, value)) for key, value in entries]
    return msg((1, list(dims)), (2, data_type), (8, name), (13, pairs), (14, 1))


def tensor_type(data_type=FLOAT, dims=None):
    shape = None
    if dims is not None:
        shape = msg((1, [msg((2, d)) if isinstance(d, str) else msg((1, d)) for d in dims]))
    return msg((1, msg((1, data_type), (2, shape))))


def value(name, data_type=None, dims=None):
    """ValueInfoProto; without a data type the file says nothing of the value but its name."""
    return msg((1, name), (2, None if data_type is None else tensor_type(data_type, dims)))


def attribute(name, content):
    """The kind follows the Python type: int, float, str, list of them, array (tensor), bytes (a GraphProto)."""
    if isinstance(content, RawAttribute):
        return content.message
    if isinstance(content, np.ndarray):
        return msg((1, name), (5, tensor("", content)), (20, 4))
    if isinstance(content, bytes):
        return msg((1, name), (6, content), (20, 5))
    if isinstance(content, (list, tuple)):
        first = content[0] if content else 0
        number, kind = (7, 6) if isinstance(first, float) else (9, 8) if isinstance(first, str) else (8, 7)
        return msg((1, name), (number, list(content)), (20, kind))
    number, kind = (2, 1) if isinstance(content, float) else (4, 3) if isinstance(content, str) else (3, 2)
    return msg((1, name), (number, content), (20, kind))


class RawAttribute:
    """An AttributeProto given as bytes."""

    def __init__(self, message):
        self.message = message


def node(op_type, inputs, outputs, name=None, domain=None, **attributes):
    return msg(
        (1, list(inputs)),
        (2, list(outputs)),
        (3, name),
        (4, op_type),
        (5, [attribute(key, content) for key, content in attributes.items()]),
        (7, domain),
    )


def graph(nodes, inputs=(), outputs=(), initializers=(), sparse=(), infos=()):
    return msg(
        (1, list(nodes)),
        (2, "g"),
        (5, list(initializers)),
        (11, list(inputs)),
        (12, list(outputs)),
        (13, list(infos)),
        (15, list(sparse)),
    )


def opset(version, domain=None):
    return msg((1, domain), (2, version))


def function(name, inputs, outputs, nodes, domain="own", opsets=None):
    imports = opsets if opsets is not None else [opset(17), opset(1, "own")]
    return msg((1, name), (4, list(inputs)), (5, list(outputs)), (7, list(nodes)), (9, imports), (10, domain))


def wrap(graph_message, version=17, opsets=(), functions=(), extra=b""):
    imports = [opset(version)] + list(opsets) if version is not None else list(opsets)
    return msg((1, 8), (2, "robustness"), (7, graph_message), (8, imports), (25, list(functions))) + extra


def model(nodes, inputs=None, outputs=None, initializers=(), **other):
    """A model with x: float[2, 3] in and y out unless told otherwise."""
    graph_other = {key: other.pop(key) for key in ("sparse", "infos") if key in other}
    inputs = [value("x", FLOAT, [2, 3])] if inputs is None else inputs
    outputs = [value("y")] if outputs is None else outputs
    return wrap(graph(nodes, inputs, outputs, initializers, **graph_other), **other)


def small_model():
    """A valid model with a weight, an attribute, a subgraph and a function: the ground of truncations and mutations."""
    then_branch = graph([node("Relu", ["s"], ["t"], "inner")], [], [value("t")])
    else_branch = graph([node("Neg", ["s"], ["e"], "other")], [], [value("e")])
    nodes = [
        node("MatMul", ["x", "w"], ["m"], "product"),
        node("Softmax", ["m"], ["s"], "normal", axis=-1),
        node("If", ["c"], ["i"], "choice", then_branch=then_branch, else_branch=else_branch),
        node("Twice", ["i"], ["y"], "call", domain="own"),
    ]
    twice = function("Twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"], "sum")])
    weights = [tensor("w", np.arange(6, dtype=np.float32).reshape(3, 2)), tensor("c", np.array(True))]
    return model(nodes, initializers=weights, functions=[twice], opsets=[opset(1, "own")])


def npy(array=None, header=None, body=b"", version=(1, 0)):
    """An .npy file: of an array, or of a header given as text."""
    if array is not None:
        array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        header = repr({"descr": array.dtype.str, "fortran_order": False, "shape": array.shape})
        body = array.tobytes()
    text = header.encode("latin1")
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes(version) + size + text + b"\n" + body


def safetensors(header, body=b"", length=None):
    data = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(data) if length is None else length) + data + body
