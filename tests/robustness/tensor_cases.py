"""Cases 13-34: stored tensors, and weights outside the model file."""

import os

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from wire import (
    FLOAT,
    INT2,
    INT4,
    INT64,
    STRING,
    UINT2,
    UINT4,
    RawAttribute,
    external,
    field,
    graph,
    model,
    msg,
    node,
    tensor,
    value,
    wrap,
)

ONES = np.ones((2, 3), np.float32)
MARKER = "OUTSIDE-MARKER-4242"
# The marker as the bytes of a weight: 24 bytes of float32[2, 3].
MARKER_BYTES = (MARKER.encode() * 2)[:24]


def with_weight(weight, **other):
    return model([node("Add", ["x", "w"], ["y"], "culprit")], initializers=[weight], **other)


def raw(dims, data_type, data=b"", fields=b""):
    return msg((1, list(dims)), (2, data_type), (8, "w"), (9, data)) + fields


def bad_weight(number, name, weight, codes=(BAD_INPUT,), **other):
    phrases = () if codes == (OK,) else ("model.onnx", "'w'")
    return Case(number, name, with_weight(weight), codes=codes, phrases=phrases, **other)


def shapes_and_data():
    yield bad_weight("13", "negative dimension", raw([-2, 3], FLOAT, bytes(24)))
    yield bad_weight("13", "minimum dimension", raw([-(1 << 63), 3], FLOAT, bytes(24)))
    yield bad_weight("14", "product wraps to 0", raw([1 << 32, 1 << 32], FLOAT, b""), codes=(BAD_INPUT, LIMIT))
    yield bad_weight("14", "product wraps to 6", raw([(1 << 63) + 3, 2], FLOAT, bytes(24)), codes=(BAD_INPUT, LIMIT))
    yield bad_weight("14", "bytes wrap", raw([1 << 62], FLOAT, b""), codes=(BAD_INPUT, LIMIT))
    yield bad_weight("14", "zero hides a product", raw([1 << 40, 1 << 40, 0], FLOAT, b""), codes=(OK, BAD_INPUT))
    yield bad_weight("14", "100 dimensions", raw([1] * 100, FLOAT, bytes(4)), codes=(OK, BAD_INPUT))
    yield bad_weight("14", "100000 dimensions", raw([1] * 100_000, FLOAT, bytes(4)))
    for dims in ([1 << 40], [1 << 30], [1 << 20, 1 << 20]):
        yield bad_weight("15", f"huge {dims}", raw(dims, FLOAT, bytes(24)), codes=(BAD_INPUT, LIMIT))
        yield bad_weight("15", f"huge without data {dims}", raw(dims, FLOAT), codes=(BAD_INPUT, LIMIT))
    yield bad_weight("15", "huge string tensor", raw([1 << 40], STRING), codes=(BAD_INPUT, LIMIT))
    yield bad_weight("16", "one byte short", raw([2, 3], FLOAT, bytes(23)))
    yield bad_weight("16", "one byte long", raw([2, 3], FLOAT, bytes(25)))
    yield bad_weight("16", "no data", raw([2, 3], FLOAT))
    yield bad_weight("16", "float_data short", msg((1, [2, 3]), (2, FLOAT), (8, "w"), (4, [1.0] * 5)))
    yield bad_weight("16", "float_data long", msg((1, [2, 3]), (2, FLOAT), (8, "w"), (4, [1.0] * 7)))
    yield bad_weight("16", "strings short", msg((1, [3]), (2, STRING), (8, "w"), (6, ["a", "b"])))
    cut = with_weight(msg((1, [2]), (2, FLOAT), (8, "w"), (4, bytes(7))))
    yield Case("16", "packed floats cut", cut, phrases=("model.onnx", "byte", "initializer"))
    yield bad_weight("17", "raw and float data", raw([2, 3], FLOAT, bytes(24), field(4, [1.0] * 6)))
    yield bad_weight("17", "float data of an int64", msg((1, [2]), (2, INT64), (8, "w"), (4, [1.0] * 2)))
    for data_type in (0, 999, -1, 14, 15, 27):
        yield bad_weight("18", f"type {data_type}", raw([2, 3], data_type, bytes(24)), codes=(BAD_INPUT, UNSUPPORTED))
    yield bad_weight("18", "strings in raw data", raw([2, 3], STRING, bytes(24)))
    strings = tensor("w", np.full((2, 3), "a", object))
    yield Case(
        "18",
        "string weight of Add",
        with_weight(strings),
        codes=(BAD_INPUT, UNSUPPORTED),
        phrases=("model.onnx", "culprit"),
    )
    for name, data_type, count, size in (
        ("int4", INT4, 3, 1),
        ("uint4", UINT4, 5, 2),
        ("int2", INT2, 5, 1),
        ("uint2", UINT2, 9, 2),
    ):
        yield bad_weight("19", f"{name} packing short", raw([count], data_type, bytes(size)))
        yield bad_weight("19", f"{name} packing long", raw([count], data_type, bytes(size + 2)))
    yield bad_weight("20", "empty with data", raw([0, 3], FLOAT, bytes(24)))
    empty = model(
        [node("Add", ["x", "w"], ["y"], "sum")], [value("x", FLOAT, [0, 3])], initializers=[raw([0, 3], FLOAT, b"")]
    )
    yield Case("20", "empty", empty, codes=(OK,))


def values():
    odd = np.array([[np.nan, np.inf, -np.inf], [1e-45, -0.0, 3.4e38]], np.float32)
    yield Case("21", "NaN Inf and denormal weights", with_weight(tensor("w", odd)), codes=(OK,))
    yield Case(
        "21", "check warns of NaN", with_weight(tensor("w", odd)), codes=(OK, 1, BAD_INPUT), command=("check", "{file}")
    )

    def sparse(indices, count=2, dims=(2, 3), **other):
        stored = tensor("w", np.ones(count, np.float32))
        return msg((1, stored), (2, tensor("", np.array(indices, np.int64), **other)), (3, list(dims)))

    def sparse_case(name, message, codes=(BAD_INPUT,)):
        file = model([node("Add", ["x", "w"], ["y"], "culprit")], sparse=[message])
        return Case("22", name, file, codes=codes, phrases=() if codes == (OK,) else ("model.onnx", "'w'"))

    yield sparse_case("sparse tensor", sparse([1, 4]), codes=(OK,))
    yield sparse_case("sparse tensor by coordinates", sparse([[0, 1], [1, 2]]), codes=(OK,))
    yield sparse_case("index beyond", sparse([1, 6]))
    yield sparse_case("index negative", sparse([-1, 4]))
    yield sparse_case("index minimum", sparse([-(1 << 63), 4]))
    yield sparse_case("unsorted", sparse([4, 1]))
    yield sparse_case("duplicate", sparse([4, 4]))
    yield sparse_case("coordinate beyond", sparse([[0, 1], [0, 3]]))
    yield sparse_case("fewer indices", sparse([1]))
    yield sparse_case("coordinates of another rank", sparse([[0, 1, 0], [0, 2, 0]]))
    yield sparse_case("coordinates 3-D", sparse([[[0, 1]], [[1, 2]]]))
    yield sparse_case("indices cut short", sparse([1, 4], raw=bytes(9)))
    yield sparse_case("huge dense form", sparse([1, 4], dims=(1 << 20, 1 << 20)), codes=(LIMIT,))
    yield sparse_case("wrapping dense form", sparse([1, 4], dims=(1 << 32, 1 << 32)), codes=(BAD_INPUT, LIMIT))
    yield sparse_case("negative dense form", sparse([1, 4], dims=(-2, 3)))
    yield Case(
        "23",
        "duplicate initializer",
        model([node("Add", ["x", "w"], ["y"], "sum")], initializers=[tensor("w", ONES)] * 2),
        phrases=("model.onnx", "'w'"),
    )
    sparse_twin = model(
        [node("Add", ["x", "w"], ["y"], "sum")], initializers=[tensor("w", ONES)], sparse=[sparse([1, 4])]
    )
    yield Case("23", "initializer and sparse twin", sparse_twin, phrases=("model.onnx", "'w'"))
    yield Case(
        "23",
        "initializer without name",
        model([node("Relu", ["x"], ["y"], "n")], initializers=[tensor("", ONES)]),
        phrases=("model.onnx", "name"),
    )
    attribute = RawAttribute(msg((1, "value"), (5, raw([1 << 40], FLOAT, bytes(4))), (20, 4)))
    yield Case(
        "15",
        "huge tensor attribute",
        model([node("Constant", [], ["y"], "culprit", value=attribute)]),
        codes=(BAD_INPUT, LIMIT),
        phrases=("model.onnx", "culprit"),
    )


def outside(folder):
    """The model's folder is folder/model; what it must not read lies beside it."""
    (folder / "outside.bin").write_bytes(MARKER_BYTES)


def with_external(location, dims=(2, 3), data_type=FLOAT, **entries):
    pairs = [("location", location), *((key, str(content)) for key, content in entries.items())]
    return with_weight(external("w", dims, data_type, pairs))


def external_case(number, name, file, prepare=None, codes=(BAD_INPUT,), phrases=("model.onnx", "'w'"), **other):
    def set_up(folder):
        (folder / "model").mkdir()
        outside(folder)
        (folder / "model" / "model.onnx").write_bytes(file)
        (folder / "model" / "weights.bin").write_bytes(bytes(range(64)))
        if prepare is not None:
            prepare(folder)

    # As floats, the marker's bytes would show up in the printed sum; as text they must not show up either.
    shown = " ".join(f"{number + 1:.5g}" for number in np.frombuffer(MARKER_BYTES, np.float32)[:2])
    command = ("run", "model/model.onnx", "--random-inputs")
    return Case(
        number,
        name,
        None,
        codes=codes,
        phrases=phrases,
        prepare=set_up,
        command=command,
        absent=(MARKER, shown),
        **other,
    )


def link_file(folder):
    os.symlink(folder / "outside.bin", folder / "model" / "link.bin")


def link_inside(folder):
    os.symlink("weights.bin", folder / "model" / "link.bin")


def link_folder(folder):
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "w.bin").write_bytes(MARKER_BYTES)
    os.symlink(folder / "elsewhere", folder / "model" / "sub")


def hard_link(folder):
    os.link(folder / "outside.bin", folder / "model" / "link.bin")


def special_file(folder):
    os.mkfifo(folder / "model" / "pipe.bin")
    (folder / "model" / "sub").mkdir()


def external_places():
    yield external_case("24", "valid", with_external("weights.bin", offset=0, length=24), codes=(OK,), phrases=())
    for location in (
        "../outside.bin",
        "sub/../../outside.bin",
        "./../outside.bin",
        "..",
        "a/..",
        ".",
        "",
        "/",
        "//outside.bin",
    ):
        yield external_case("24", f"location {location.replace('/', '|') or 'empty'}", with_external(location))
    yield external_case("24", "location missing", with_weight(external("w", [2, 3], FLOAT, [("offset", "0")])))
    yield external_case("24", "location with NUL", with_external(b"weights.bin\x00/../../outside.bin"))
    yield external_case("24", "location of 1 MB", with_external("a/" * 500_000))
    yield external_case("25", "absolute", with_external("/etc/passwd"), codes=(BAD_INPUT,))
    yield external_case("25", "file URL", with_external("file:///etc/passwd"))
    yield external_case("26", "symlink out", with_external("link.bin"), prepare=link_file)
    yield external_case("26", "symlink inside", with_external("link.bin"), prepare=link_inside)
    yield external_case("27", "symlink folder", with_external("sub/w.bin"), prepare=link_folder)
    yield external_case("28", "hard link", with_external("link.bin"), prepare=hard_link)
    yield external_case("28", "pipe", with_external("pipe.bin"), prepare=special_file)
    yield external_case("28", "folder", with_external("sub"), prepare=special_file)
    yield external_case("28", "missing file", with_external("nothing.bin"))
    for name in (
        "..\\outside.bin",
        "C:outside.bin",
        "C:\\outside.bin",
        "NUL",
        "\\\\server\\share\\w.bin",
        "%2e%2e/outside.bin",
        "con.txt",
    ):
        yield external_case("34", f"location {name}".replace("/", "|").replace("\\", "|"), with_external(name))


def external_ranges():
    for offset in ((1 << 63) - 1, -1, 65, 64, 1 << 62, "1e3", "", "12x", 1 << 64):
        yield external_case("29", f"offset {offset or 'empty'}", with_external("weights.bin", offset=offset))
    yield external_case("29", "offset and length wrap", with_external("weights.bin", offset=(1 << 63) - 8, length=24))
    yield external_case("29", "tail too short", with_external("weights.bin", offset=48))
    yield external_case("30", "length 1 TB", with_external("weights.bin", length=1 << 40), codes=(BAD_INPUT, LIMIT))
    yield external_case(
        "30",
        "length and dims 4 TB",
        with_external("weights.bin", dims=(1 << 40,), length=1 << 42),
        codes=(BAD_INPUT, LIMIT),
    )
    yield external_case("30", "length negative", with_external("weights.bin", length=-24))
    yield external_case("30", "length too small", with_external("weights.bin", length=20))
    yield external_case(
        "31", "key __class__", with_external("weights.bin", __class__="os.system"), codes=(OK, BAD_INPUT), phrases=()
    )
    yield external_case(
        "31",
        "location twice",
        with_weight(external("w", [2, 3], FLOAT, [("location", "weights.bin"), ("location", "../outside.bin")])),
    )
    for location in ("*/_ORT_MEM_ADDR_/*", "*/_ORT_MEM_ADDR_/140737488355328"):
        yield external_case(
            "32", f"memory address {location.replace('/', '|')}", with_external(location, offset=4096, length=24)
        )
    both = with_weight(external("w", [2, 3], FLOAT, [("location", "weights.bin")]) + field(9, bytes(24)))
    yield external_case("31", "external and raw", both)
    yield external_case(
        "31", "external strings", with_external("weights.bin", data_type=STRING), codes=(BAD_INPUT, UNSUPPORTED)
    )
    mapped = external_case("33", "mapped", with_external("weights.bin"), codes=(OK,), phrases=())
    mapped.command = ("run", "model/model.onnx", "--random-inputs", "--mmap")
    yield mapped
    attribute = RawAttribute(
        msg((1, "value"), (5, external("w", [6], FLOAT, [("location", "../outside.bin")])), (20, 4))
    )
    in_attribute = model([node("Constant", [], ["y"], "culprit", value=attribute)])
    yield external_case("24", "traversal in an attribute", in_attribute, phrases=("model.onnx", "culprit"))
    branch = graph([], [], [value("w")], [external("w", [6], FLOAT, [("location", "../outside.bin")])])
    condition = tensor("c", np.array(True))
    in_branch = model(
        [node("If", ["c"], ["y"], "culprit", then_branch=branch, else_branch=branch)], initializers=[condition]
    )
    yield external_case("24", "traversal in a subgraph", in_branch)
    yield Case(
        "18",
        "initializer of a missing type",
        wrap(graph([node("Relu", ["w"], ["y"], "n")], [], [value("y")], [msg((8, "w"))])),
        phrases=("model.onnx", "'w'"),
    )
    yield Case(
        "18",
        "int8 weight of a float Add",
        with_weight(tensor("w", np.ones((2, 3), np.int8))),
        phrases=("model.onnx", "culprit"),
    )


def cases():
    return [*shapes_and_data(), *values(), *external_places(), *external_ranges()]
