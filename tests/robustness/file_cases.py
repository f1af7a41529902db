"""Cases 95-97, 100, 101 and 105-107: files beside the model, values given at run time, and the surroundings."""

import io
import os
import struct
import tarfile

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from wire import FLOAT, INT64, STRING, model, node, npy, safetensors, small_model, value

RELU = model([node("Relu", ["x"], ["y"], "n")])


def put(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def array_case(name, data, codes=(BAD_INPUT,), file="x.npy", number="96", phrases=None):
    return Case(
        number,
        name,
        RELU,
        codes=codes,
        phrases=(file,) if phrases is None and codes != (OK,) else phrases or (),
        prepare=put(file, data),
        command=("run", "{file}", "--in", f"x={file}"),
    )


def arrays():
    def header(descr="'<f4'", shape="(2, 3)", order="False", extra=""):
        return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}{extra}, }}"

    body = bytes(24)
    yield array_case("valid", npy(np.zeros((2, 3), np.float32)), codes=(OK,))
    pickled = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x0atouch owned\x94\x85\x94R\x94."
    objects = array_case(
        "object array",
        npy(header=header("'|O'", "(1,)"), body=pickled),
        codes=(BAD_INPUT, UNSUPPORTED),
        phrases=("x.npy", "object"),
    )
    yield objects
    yield array_case(
        "structured array",
        npy(header=header("[('a', '<f4'), ('b', '<i4')]"), body=body),
        codes=(BAD_INPUT, UNSUPPORTED),
    )
    yield array_case("dates", npy(header=header("'<M8[s]'"), body=bytes(48)), codes=(BAD_INPUT, UNSUPPORTED))
    yield array_case("pickle as npy", b"\x80\x04" + bytes(100), codes=(BAD_INPUT, UNSUPPORTED))
    for name, data in {
        "empty": b"",
        "magic only": b"\x93NUMPY",
        "version 9": b"\x93NUMPY\x09\x00" + bytes(100),
        "no header": npy(header=""),
        "header cut": npy(np.zeros((2, 3), np.float32))[:30],
        "data short": npy(header=header(), body=body[:-1]),
        "data long": npy(header=header(), body=body + b"x"),
        "header length": b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFFF) + header().encode(),
        "negative shape": npy(header=header(shape="(-2, 3)"), body=body),
        "huge shape": npy(header=header(shape=f"({1 << 40}, {1 << 40})"), body=body),
        "wrapping shape": npy(header=header(shape=f"({1 << 32}, {1 << 32})"), body=b""),
        "shape of digits": npy(header=header(shape="(" + "9" * 400 + ",)"), body=body),
        "shape of 10000": npy(header=header(shape="(" + "1," * 10_000 + ")"), body=bytes(4)),
        "shape of text": npy(header=header(shape="('a',)"), body=body),
        "nested shape": npy(header=header(shape="(" * 3000 + ")" * 3000), body=body),
        "code in the header": npy(header=header(shape="__import__('os').system('touch owned')"), body=body),
        "keys twice": npy(header=header(extra=", 'shape': (6,)"), body=body),
        "no shape": npy(header="{'descr': '<f4', 'fortran_order': False}", body=body),
        "order 7": npy(header=header(order="7"), body=body),
        "unknown type": npy(header=header("'<f3'"), body=body),
        "type of 1 MB": npy(header=header("'" + "f" * 1_000_000 + "'"), body=body, version=(2, 0)),
        "unclosed": npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (2,", body=body),
        "no dictionary": npy(header="[1, 2]", body=body),
    }.items():
        yield array_case(name, data, codes=(BAD_INPUT, UNSUPPORTED, LIMIT))
    yield array_case("tensor file of noise", b"\x0a\xff\xff\xff\xff\x0f" + bytes(9), file="x.pb", number="7")
    missing = array_case("missing", b"", number="101")
    missing.command = ("run", "{file}", "--in", "x=nothing.npy")
    missing.phrases = ("nothing.npy",)
    yield missing


def run_time_inputs():
    def given(name, array, codes=(BAD_INPUT,), key="x"):
        case = Case(
            "101", name, RELU, codes=codes, phrases=("'x'", "[2, 3]") if key == "x" else (key, "x"), inputs={key: array}
        )
        return case

    yield given("wrong rank", np.zeros(6, np.float32))
    yield given("wrong shape", np.zeros((3, 2), np.float32))
    yield given("wrong type", np.zeros((2, 3), np.float64))
    yield given("wrong name", np.zeros((2, 3), np.float32), key="image")
    yield given("big-endian", np.zeros((2, 3), ">f4"), codes=(OK, BAD_INPUT))
    yield Case(
        "101",
        "input missing",
        model([node("Add", ["x", "z"], ["y"], "n")], [value("x", FLOAT, [2, 3]), value("z", FLOAT, [2, 3])]),
        phrases=("z",),
        inputs={"x": np.zeros((2, 3), np.float32)},
    )
    for flag, text in (
        ("--in", "x"),
        ("--in", "=x.npy"),
        ("--in", "x=1,2,three"),
        ("--in", "x="),
        ("--in", "x=1,2"),
        ("--shape", "x=-1,3"),
        ("--shape", "x=a"),
        ("--shape", "x=" + "9" * 30),
        ("--shape", f"x={1 << 31},{1 << 31}"),
        ("--shape", "nothing=1"),
        ("--threads", "-1"),
        ("--threads", "ten"),
        ("--max-bytes", "-5"),
        ("--max-bytes", "1e"),
        ("--seed", "x"),
    ):
        words = ("run", "{file}", flag, text) if flag == "--in" else ("run", "{file}", "--random-inputs", flag, text)
        yield Case("101", f"{flag} {text}", RELU, codes=(BAD_INPUT, LIMIT), command=words)
    for threads, codes in (("0", (OK,)), ("10000", (OK, BAD_INPUT))):
        # A thread's stack takes 8 MB of address space; what it does not touch costs nothing.
        yield Case(
            "105",
            f"{threads} threads",
            RELU,
            codes=codes,
            command=("run", "{file}", "--random-inputs", "--threads", threads),
            declared_bytes=3 << 30,
        )
    symbolic = model([node("Relu", ["x"], ["y"], "n")], [value("x", FLOAT, ["n", 3])])
    yield Case(
        "101",
        "bytes beyond the limit",
        symbolic,
        codes=(LIMIT,),
        phrases=("byte",),
        command=("run", "{file}", "--random-inputs", "--shape", "x=1000000,3", "--max-bytes", "1000000"),
    )
    yield Case(
        "101",
        "text for a tensor of text",
        model([node("Identity", ["x"], ["y"], "n")], [value("x", STRING, [1])]),
        codes=(OK,),
        command=("run", "{file}", "--in", "x=héllo\udcff"),
    )
    negative = model([node("Relu", ["x"], ["y"], "n")], [value("x", FLOAT, [-3, 1 << 62])])
    yield Case("13", "input of 2^62", negative, codes=(BAD_INPUT, LIMIT))
    untyped = model([node("Relu", ["x"], ["y"], "n")], [value("x", 0)])
    yield Case("101", "input without type", untyped, codes=(OK, BAD_INPUT))
    yield Case(
        "101",
        "random indices",
        model([node("Gather", ["w", "x"], ["y"], "n")], [value("w", FLOAT, [5]), value("x", INT64, [3])]),
        codes=(OK, BAD_INPUT),
    )


def text_graphs():
    def text(name, body, *phrases, codes=(BAD_INPUT,), number="100", head="minnow graph 1\n"):
        data = (head + body).encode("utf-8", "surrogateescape")
        return Case(
            number,
            f"mng {name}",
            data,
            codes=codes,
            phrases=() if OK in codes else ("model.mng", *phrases),
            file_name="model.mng",
        )

    relu = "input %x: float32[2, 3]\n%y = relu(%x)\noutput %y\n"
    yield text("valid", relu, codes=(OK,))
    yield text("newer version", relu, "version", head="minnow graph 2\n", codes=(BAD_INPUT, UNSUPPORTED))
    yield text(
        "version 99999999999999999999", relu, head="minnow graph 99999999999999999999\n", codes=(BAD_INPUT, UNSUPPORTED)
    )
    yield text("version -1", relu, head="minnow graph -1\n", codes=(BAD_INPUT, UNSUPPORTED))
    yield text("no version", relu, head="minnow graph\n", codes=(BAD_INPUT, UNSUPPORTED))
    for name, body in {
        "unclosed string": 'name "abc',
        "unclosed list": "input %x: float32[2, 3\n",
        "unknown statement": "frobnicate %x\n",
        "unknown type": "input %x: float33[2]\n",
        "unknown operator": "input %x: float32[2]\n%y = reluu(%x)\noutput %y\n",
        "value before use": "%y = relu(%x)\noutput %y\n",
        "value twice": "input %x: float32[2]\ninput %x: float32[2]\n",
        "missing output": "input %x: float32[2]\noutput %z\n",
        "negative size": "input %x: float32[-2]\n",
        "size overflow": "input %x: float32[99999999999999999999]\n",
        "huge constant": "const %w = float32[1099511627776](1)\n",
        "wrapping constant": "const %w = float32[4294967296, 4294967296]()\n",
        "constant short": "const %w = float32[3](1, 2)\n",
        "constant long": "const %w = float32[1](1, 2)\n",
        "base64 damaged": 'const %w = float32[2] base64 "AAA*"\n',
        "base64 short": 'const %w = float32[2] base64 "AAAA"\n',
        "integer overflow": "const %w = int8[1](1000)\n",
        "text in numbers": 'const %w = float32[1]("a")\n',
        "elided": "const %w = float32[2](1, ...)\n",
        "attribute twice": "input %x: float32[2]\n%y = softmax(%x) {axis=0, axis=0}\noutput %y\n",
        "attribute unknown": "input %x: float32[2]\n%y = relu(%x) {spin=0}\noutput %y\n",
        "attribute kind": 'input %x: float32[2]\n%y = softmax(%x) {axis="a"}\noutput %y\n',
        "mixed list": "input %x: float32[2]\n%y = relu(%x) {a=[1, 2.0]}\noutput %y\n",
        "state without update": 'state "s" %s = float32[1](0)\noutput %s\n',
        "update twice": 'state "s" %s = float32[1](0)\nupdate "s" = %s\nupdate "s" = %s\noutput %s\n',
        "update of nothing": 'input %x: float32[1]\nupdate "s" = %x\noutput %x\n',
        "escape unknown": 'name "\\q"\n',
        "NUL": "name \x00\n",
        "not UTF-8": "\udcff\udcfe\n",
        "state of another shape": 'input %x: float32[2, 3]\nstate "s" %s = float32[1](0)\nupdate "s" = %x\noutput %x\n',
    }.items():
        yield text(name, body, codes=(BAD_INPUT, UNSUPPORTED, LIMIT))
    deep = "{a=" * 3000
    yield text(
        "graphs nested 3000",
        "input %x: float32[2]\n" + "%y = if(%x) {then_branch=graph {" * 3000,
        codes=(BAD_INPUT, LIMIT),
        number="43",
    )
    yield text(
        "lists nested 100000",
        "input %x: float32[2]\n%y = relu(%x) {a=" + "[" * 100_000,
        codes=(BAD_INPUT, LIMIT),
        number="43",
    )
    yield text("types nested 100000", "input %x: " + "sequence(" * 100_000, codes=(BAD_INPUT, LIMIT), number="43")
    yield text(
        "braces nested 3000", "input %x: float32[2]\n%y = relu(%x) " + deep, codes=(BAD_INPUT, LIMIT), number="43"
    )
    yield text("a line of 10 MB", 'name "' + "a" * 10_000_000, codes=(BAD_INPUT, LIMIT))
    chain = (
        "input %v0: float32[2]\n" + "".join(f"%v{i + 1} = relu(%v{i})\n" for i in range(100_000)) + "output %v100000\n"
    )
    case = text("100 k nodes", chain, codes=(OK,), number="42")
    case.seconds, case.declared_bytes = 3.0, 128 << 20
    yield case
    yield Case("107", "non-ASCII path", small_model(), codes=(OK,), file_name="modèle 模型.onnx")
    broken = Case("107", "non-UTF-8 path", RELU[:-9], file_name=os.fsdecode(b"mod\xe8le.onnx"), absent=("\udce8",))
    yield broken


def outputs():
    def read_only(folder):
        (folder / "file").write_bytes(b"kept")

    yield Case(
        "106",
        "output folder is a file",
        RELU,
        command=("run", "{file}", "--random-inputs", "--out", "file"),
        prepare=read_only,
        phrases=("file",),
    )
    yield Case(
        "106",
        "output into no folder",
        RELU,
        command=("run", "{file}", "--random-inputs", "-o", "no/where/y.json"),
        phrases=("no/where",),
    )
    yield Case(
        "106",
        "full disk",
        RELU,
        command=("run", "{file}", "--random-inputs", "-o", "/dev/full"),
        phrases=("/dev/full",),
        codes=(BAD_INPUT,),
    )


def stored_weights():
    """safetensors files are no models and refused with advice, whatever they hold (their reader has its own tests)."""
    header = '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
    forms = {
        "valid": safetensors(header, bytes(8)),
        "header 2^62": safetensors(header, bytes(8), length=1 << 62),
        "depth 1e5": safetensors('{"a":' * 100_000),
        "overlap": safetensors(
            header[:-1] + ', "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}', bytes(12)
        ),
        "gap": safetensors(header.replace("[0, 8]", "[8, 16]"), bytes(16)),
        "duplicate": safetensors(header[:-1] + "," + header[1:], bytes(8)),
        "size": safetensors(header.replace("[2]", "[3]"), bytes(8)),
        "wraps": safetensors(header.replace("[2]", f"[{1 << 32}, {1 << 32}]"), bytes(8)),
        "type": safetensors(header.replace("F32", "F33"), bytes(8)),
        "shape -2": safetensors(header.replace("[2]", "[-2]"), bytes(8)),
        "not JSON": safetensors("{a", bytes(8)),
        "array": safetensors("[1]", bytes(8)),
        "empty": b"",
        "length only": bytes(8),
        "offsets 1e300": safetensors(header.replace("8]", "1e300]"), bytes(8)),
        "metadata": safetensors('{"__metadata__": {"a": "b"}}'),
        "metadata number": safetensors('{"__metadata__": {"a": 1}}'),
    }
    for name, data in forms.items():
        yield Case(
            "95",
            name,
            data,
            codes=(BAD_INPUT, UNSUPPORTED, LIMIT),
            phrases=("weights.safetensors",),
            file_name="weights.safetensors",
            command=("info", "{file}"),
        )


def archives():
    """Archives are no models either: refused by name and content (their reader, of `models get`, has its own tests)."""
    for name, member in (("plain", "a.txt"), ("traversal", "../owned"), ("absolute", "/tmp/owned")):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            info = tarfile.TarInfo(member)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
        yield Case(
            "97",
            f"tar {name}",
            out.getvalue(),
            codes=(BAD_INPUT, UNSUPPORTED),
            file_name="model.tar.gz",
            phrases=("model.tar.gz",),
        )


def cases():
    return [*arrays(), *run_time_inputs(), *text_graphs(), *outputs(), *stored_weights(), *archives()]
