"""Cases 1-12: the file and its protobuf container."""

import os
import random
from pathlib import Path

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from wire import field, graph, model, msg, node, opset, small_model, tensor, value, varint, wrap

RELU = node("Relu", ["x"], ["y"], "culprit")


def make_fifo(folder):
    os.mkfifo(folder / "model.onnx")


def make_folder(folder):
    (folder / "model.onnx").mkdir()


def nested_messages(depth):
    """A subgraph in a subgraph …, `depth` times: each level is a NodeProto in a GraphProto in an AttributeProto."""
    inner = graph([RELU])
    for _ in range(depth):
        inner = graph([msg((1, "c"), (2, "y"), (4, "If"), (5, msg((1, "then_branch"), (6, inner), (20, 5))))])
    return wrap(inner)


def nested_types(depth):
    inner = msg((1, msg((1, 1))))
    for _ in range(depth):
        inner = msg((4, msg((1, inner))))
    return model([RELU], inputs=[msg((1, "x"), (2, inner))])


def file_kinds():
    yield Case("1", "empty file", b"", phrases=("model.onnx",))
    yield Case("2", "folder", prepare=make_folder, phrases=("model.onnx",))
    yield Case("2", "fifo", prepare=make_fifo, phrases=("model.onnx",))
    if Path("/dev/zero").exists():
        yield Case("2", "dev zero", file_name="/dev/zero", phrases=("/dev/zero",))
    yield Case("2", "missing file", phrases=("model.onnx",))
    noise = random.Random(3).randbytes(4096)
    yield Case("3", "random 4 KB", noise, codes=(BAD_INPUT, UNSUPPORTED), phrases=("model.onnx",))
    yield Case("3", "random behind a field", field(1, 8) + noise, phrases=("model.onnx",))
    yield Case("4", "all zeros", bytes(4096), codes=(BAD_INPUT, UNSUPPORTED), phrases=("model.onnx",))
    yield Case("5", "cut in half", small_model()[:-150], phrases=("model.onnx",))
    for kind, head in (
        ("pickle", b"\x80\x02}q\x00."),
        ("torch zip", b"PK\x03\x04" + bytes(60)),
        ("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(60)),
    ):
        suffix = {"pickle": "pkl", "torch zip": "pt", "hdf5": "h5"}[kind]
        yield Case("96", f"{kind} as model", head, codes=(UNSUPPORTED,), phrases=("onnx",), file_name=f"model.{suffix}")


def wire_forms():
    def ends_with(name, number, tail, **other):
        return Case(number, name, msg((1, 8)) + tail, phrases=("model.onnx",), **other)

    yield ends_with("varint of 11 bytes", "6", varint(1 << 3) + b"\xff" * 10 + b"\x01")
    yield ends_with("tag of 11 bytes", "6", b"\xff" * 11)
    yield ends_with("length past the end", "7", varint(7 << 3 | 2) + varint(1000) + b"abc")
    yield ends_with("length 2^63", "7", varint(7 << 3 | 2) + varint(1 << 63) + b"abc")
    yield ends_with("length 2^32", "7", varint(7 << 3 | 2) + varint((1 << 32) + 3) + b"abc")
    yield ends_with("length past the end of a node", "7", field(7, varint(1 << 3 | 2) + varint(40) + b"abc"))
    yield ends_with("group", "8", varint(7 << 3 | 3) + varint(7 << 3 | 4))
    yield ends_with("wire type 7", "8", varint(7 << 3 | 7))
    yield ends_with("field number 0", "8", b"\x00\x00")
    yield ends_with("graph as a varint", "8", field(7, 5))
    yield ends_with("node as a varint", "8", field(7, field(1, 5)))
    unknown = field(1000, 7) * 1_000_000
    yield Case(
        "8",
        "1 M unknown fields",
        wrap(graph([RELU], [value("x", 1, [2, 3])], [value("y")]), extra=unknown),
        codes=(OK,),
    )
    # Two million empty nodes: a small file that asks for many structures.
    yield Case(
        "8", "2 M empty nodes", wrap(field(1, b"") * 2_000_000), codes=(BAD_INPUT, LIMIT), phrases=("model.onnx",)
    )
    yield Case(
        "8",
        "2 M empty initializers",
        wrap(field(5, b"") * 2_000_000),
        codes=(BAD_INPUT, LIMIT),
        phrases=("model.onnx",),
    )
    yield Case(
        "8",
        "2 M empty metadata",
        wrap(graph([RELU], [value("x", 1, [2, 3])], [value("y")]), extra=field(14, b"") * 2_000_000),
        codes=(OK, BAD_INPUT, LIMIT),
    )
    yield Case(
        "8",
        "2 M empty attributes",
        model([msg((1, "x"), (2, "y"), (3, "culprit"), (4, "Relu")) + field(5, b"") * 2_000_000]),
        codes=(BAD_INPUT, LIMIT),
        phrases=("model.onnx",),
    )
    yield Case(
        "8",
        "4 M inputs of a node",
        model([msg((2, "y"), (3, "culprit"), (4, "Relu")) + field(1, b"x") * 4_000_000]),
        codes=(BAD_INPUT, LIMIT),
        phrases=("model.onnx",),
    )
    yield Case("9", "nesting 2000", nested_messages(700), codes=(BAD_INPUT, LIMIT), phrases=("model.onnx", "nested"))
    yield Case("9", "types nested 2000", nested_types(1000), codes=(BAD_INPUT, LIMIT), phrases=("model.onnx", "nested"))


def names():
    for label, name in (("not UTF-8", b"\xff\xfe\x80"), ("NUL", b"a\x00b"), ("1 MB", b"n" * 1_000_000)):
        case = Case(
            "10", f"node name {label}", model([node("Relu", ["nothing"], ["y"], name)]), phrases=("model.onnx",)
        )
        yield case
        yield Case(
            "10",
            f"operator name {label}",
            model([node(name, ["x"], ["y"], "culprit")]),
            codes=(BAD_INPUT, UNSUPPORTED),
            phrases=("model.onnx",),
        )
    escape = b"\x1b]0;owned\x07\x1b[2J"
    yield Case(
        "10",
        "terminal codes in a name",
        model([node("Relu", ["nothing"], ["y"], escape)]),
        phrases=("model.onnx",),
        absent=("\x1b", "\x07"),
    )
    yield Case(
        "10",
        "terminal codes in an operator",
        model([node(escape, ["x"], ["y"], "n")]),
        codes=(BAD_INPUT, UNSUPPORTED),
        phrases=("model.onnx",),
        absent=("\x1b", "\x07"),
    )
    yield Case(
        "10",
        "terminal codes in an output",
        model([node("Relu", ["x"], [escape], "n")], outputs=[value(escape)]),
        codes=(OK, BAD_INPUT),
        absent=("\x1b", "\x07"),
    )
    yield Case(
        "10",
        "terminal codes shown by info",
        model([node("Relu", ["x"], [escape], "n")], outputs=[value(escape)]),
        codes=(OK, BAD_INPUT),
        command=("info", "{file}"),
        absent=("\x1b", "\x07"),
    )
    metadata = field(14, msg((1, escape), (2, escape)))
    yield Case(
        "10",
        "terminal codes in metadata",
        wrap(graph([RELU], [value("x", 1, [2, 3])], [value("y")]), extra=metadata),
        codes=(OK, BAD_INPUT),
        command=("info", "{file}"),
        absent=("\x1b", "\x07"),
    )


def versions():
    plain = graph([RELU], [value("x", 1, [2, 3])], [value("y")])
    yield Case("11", "no opset", wrap(plain, version=None), phrases=("model.onnx", "opset"))
    yield Case(
        "11", "opset 999", wrap(plain, version=999), codes=(BAD_INPUT, UNSUPPORTED), phrases=("model.onnx", "999")
    )
    yield Case("11", "opset 0", wrap(plain, version=0), codes=(BAD_INPUT, UNSUPPORTED), phrases=("model.onnx",))
    yield Case("11", "opset -1", wrap(plain, version=-1), codes=(BAD_INPUT, UNSUPPORTED), phrases=("model.onnx",))
    yield Case("11", "duplicate domain", wrap(plain, opsets=[opset(13)]), phrases=("model.onnx", "ai.onnx"))
    yield Case(
        "11",
        "domain under both its names",
        wrap(plain, opsets=[opset(13, "ai.onnx")]),
        phrases=("model.onnx", "ai.onnx"),
    )
    unknown = model([node("Relu", ["x"], ["y"], "culprit", domain="elsewhere")])
    yield Case("11", "domain without opset", unknown, codes=(BAD_INPUT, UNSUPPORTED), phrases=("elsewhere",))
    # Protobuf merges a singular message that comes twice: the halves are one graph.
    first = graph([node("Relu", ["x"], ["h"], "first")], [value("x", 1, [2, 3])])
    second = graph([node("Neg", ["h"], ["y"], "second")], [], [value("y")], [tensor("unused", np.zeros(1, np.float32))])
    yield Case("12", "two graphs merge", wrap(first) + field(7, second), codes=(OK,))
    yield Case("12", "two whole graphs", wrap(plain) + field(7, plain), phrases=("model.onnx", "x"))


def cases():
    return [*file_kinds(), *wire_forms(), *names(), *versions()]
