"""Seeds for the fuzzers beside the files of the cases: small files that hold every form of a format, and each form broken."""

import base64
import copy
import io
import json
import tarfile
import warnings
import zipfile

import numpy as np
import wire

TYPES = {  # name: (bytes of an element, two spellings of elements)
    **{f"float{b}": (b // 8, ("1.5", "-inf")) for b in (16, 32, 64)},
    "bfloat16": (2, ("nan", "0.25")),
    **{f"float8{kind}": (1, ("1", "0.5")) for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")},
    "float4e2m1": (1, ("1.5", "6")),
    **{f"int{b}": (max(b, 8) // 8, ("-2", "1")) for b in (2, 4, 8, 16, 32, 64)},
    **{f"uint{b}": (max(b, 8) // 8, ("3", "0")) for b in (2, 4, 8, 16, 32, 64)},
    "boolean": (1, ("true", "false")),
    "complex64": (8, ("1, 2", "3, 4")),
    "complex128": (16, ("1, 2", "3, 4")),
    "string": (0, ('"a\\n"', '"\\x00\\""')),
}
ATTRIBUTES = (
    "1", "-5", "1.5", "inf", "nan", "bits(0x7fc00123)", '"text"', "none", "undefined", "float32[2](1, 2)", "int8[]()", "int8[](3)",
    "[1, 2]", "[1.0, 2.5]", '["a", "b"]', "[float32[1](1), float32[](2)]", "integers[]", "reals[]", "texts[]", "tensors[]", "graphs[]",
    "graph { input %x %y = relu(%x) output %y }", '[graph { name "a" }, graph {}]',
    "[]", "[1, 1.0]", "[[1]]", "99999999999999999999", "words[]", "float32[?](1)", "float32[N](1)", "float32[9999999](1)", "float32[2](1)",
    "float32[1](1, 2)", "float32[1]...", "float32[1] external 0", "bits(7)", "bits(0x123456789)", "1e999", "graph { output %z }",
)  # fmt: skip
DECLARATIONS = (
    "input %x: ?", "input %x: ?[2]", "input %x: float32[...]", "input %x: float32[N, ?, a=3, \"b c\"=0]", "input %x: sequence(float32[])",
    "input %x: optional(sequence(int64[1]))", "input %x: sequence()", "input %x: float33[]", "input %x: float32[-1]", "input %x input %x",
    "const %c: int8[1] = float32[1](1)", "const %c: ? = string[1](\"a\")", "const %c = 3", 'name "a" name "b"', 'metadata "k" = "v"',
    'metadata "k" = "v" metadata "k" = "w"', 'state "s" %s = int64[](0) update "s" = %s', 'state "s" %s = int64[](0)', 'update "s" = %s',
    "%y = f(%missing)", "output %missing", '%"odd name" = "odd op"(_) @"node"', "(%a, _, %b) = f() output %a", "() = f(_, _)",
    "%y = f() {a=1, a=2}", "%y = f() {a}", "%y = f() @node", "%y = f(", "# comment", '%y = f() {a="unterminated}', '%y = f() {a="\\q"}', "%", "$",
    "%y: float32[1] = f() %y = g()", "%y = f() {a=1,}", "input %\"\"", "minnow graph 1", "%y = f() {a=\"\\x9g\"}",
)  # fmt: skip


def text_graphs():
    """.mng texts: every declaration, attribute and element type, whole and broken."""
    head = "minnow graph 1\n"
    yield head + "\n".join(f"%y{i} = f() {{a={a}}}" for i, a in enumerate(ATTRIBUTES[:23]))
    for form in ATTRIBUTES:
        yield f"{head}%y = f() {{a={form}, b=1}}\noutput %y\n"
    for form in DECLARATIONS:
        yield f"{head}{form}\n"
    for name, (size, spelled) in TYPES.items():
        yield f"{head}const %c = {name}[2]({', '.join(spelled)})\noutput %c\n"
        yield f'{head}const %c = {name}[2] base64 "{base64.b64encode(bytes(2 * size)).decode()}"\noutput %c\n'
        yield f'{head}const %c = {name}[2] base64 "{base64.b64encode(bytes([200]) * (2 * size)).decode()}"\noutput %c\n'
        for wrong in ("-99999999999999999999", "300", "bits(0xff)", "1.5x", '"a"', "%a"):
            yield f"{head}const %c = {name}[2]({wrong}, {wrong})\n"
    for wrong in ('base64 "!!"', 'base64 "AAA="', "base64 1", "base64"):
        yield f"{head}const %c = float32[2] {wrong}\n"
    yield "minnow graph 2\n"
    yield head + "%y = f() {a=" + "graph { %y = f() {a=" * 70 + "1" + "} }" * 70 + "}"
    yield head + "input %x: " + "sequence(" * 70 + "float32[]" + ")" * 70


def places(json_value, path=()):
    """The path of every value of a JSON document, its own first."""
    yield path
    items = json_value.items() if isinstance(json_value, dict) else enumerate(json_value) if isinstance(json_value, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def catalogues(own):
    """Catalogues of one model of each kind of contract, with each value in turn left out or of another type."""
    hash_of_nothing = "0" * 64
    picture = {"kind": "picture", "size": [224, 224], "layout": "NCHW", "color": "RGB", "mean": [0.5], "scale": [1, 1, 1]}
    model = {
        "name": "a-1", "task": "t", "licence": "MIT", "source": {"kind": "pypi", "package": "p", "version": "1"},
        "files": [{"name": "m.onnx", "member": "x/m.onnx", "offset": 3, "mirror": "m.onnx", "sha256": hash_of_nothing, "bytes": 1}],
        "input": picture, "output": {"kind": "classes", "labels": ["a", "b"]},
    }  # fmt: skip
    second = {**model, "name": "b", "source": {"kind": "url", "url": "https://a.b/c", "version": "1"}}
    second |= {"input": {"kind": "text", "max_tokens": 128}, "output": {"kind": "ctc", "labels": "metadata:character"}}
    whole = {"version": 1, "models": [model, second]}
    yield own
    yield json.dumps(whole).encode()
    for path in list(places(whole))[1:]:
        for wrong in (None, -1, "x", [], {}, ...):
            changed = copy.deepcopy(whole)
            owner = changed
            for key in path[:-1]:
                owner = owner[key]
            if wrong is ...:
                del owner[path[-1]]
            else:
                owner[path[-1]] = wrong
            yield json.dumps(changed).encode()
    for change in ({"name": ".."}, {"name": "a"}, {"source": {"kind": "url", "url": "http://a", "version": "1"}}):
        yield json.dumps({"version": 1, "models": [{**model, **change}, model, {**model, "name": "a"}]}).encode()
    yield b"[" * 40 + b"]" * 40
    yield json.dumps({"version": 2, "models": []}).encode()


def archives():
    """Archives with the member that the fuzz target asks for, stored and packed, twice and as a link."""
    for method, count in ((zipfile.ZIP_STORED, 1), (zipfile.ZIP_DEFLATED, 1), (zipfile.ZIP_STORED, 2)):
        out = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
            warnings.simplefilter("ignore")  # of the name that stands twice
            for _ in range(count):
                archive.writestr("a.txt", "some text " * 20)
            archive.writestr("folder/b.txt", "other text")
        yield out.getvalue()
    for kind in (tarfile.REGTYPE, tarfile.SYMTYPE):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
            for member in ("folder/b.txt", "a.txt"):
                info = tarfile.TarInfo(member)
                info.type, info.size = kind, 3 if kind == tarfile.REGTYPE else 0
                archive.addfile(info, io.BytesIO(b"abc"))
        yield out.getvalue()


def values():
    """The first byte is the type that the fuzz target expects: tensor, sequence, optional, optional sequence."""
    tensor = wire.tensor("t", np.arange(3, dtype=np.float32))
    sequence = wire.msg((1, "s"), (2, 1), (3, [tensor, tensor]))
    for kind, message in (
        (0, tensor),
        (1, sequence),
        (2, wire.msg((2, 1), (3, tensor))),
        (3, wire.msg((2, 3), (5, sequence))),
    ):
        yield bytes([kind]) + message
    yield bytes([0]) + wire.tensor("t", np.array(["a", "b"], object))
    yield bytes([1]) + wire.msg((2, 3), (5, [sequence]))
