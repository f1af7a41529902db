"""Folded stacks: what `minnow flame` says of files that are none, too large, or mean harm."""

from harness import BAD_INPUT, LIMIT, OK, Case

PICTURE = ("flame", "{file}", "-o", "out.svg")


def folded(name, text, **other):
    data = text if isinstance(text, bytes) else text.encode()
    other.setdefault("command", PICTURE)
    return Case("flame", name, data, file_name="stacks.folded", **other)


def refused():
    where = ("stacks.folded",)
    yield folded("empty", "", phrases=where)
    yield folded("blank lines", "\n \n\t\r\n", phrases=where)
    yield folded("no counts", "a;b\nc\n", phrases=("stacks.folded:1", "COUNT"))
    yield folded("bad line after good ones", "a 1\n" * 1000 + "a;b x\n", phrases=("stacks.folded:1001",))
    yield folded("count alone", " 12\n", phrases=("stacks.folded:1",))
    yield folded("negative", "a -1\n", phrases=("stacks.folded:1",))
    yield folded("not a number", "a nan\n", phrases=("stacks.folded:1",))
    yield folded("infinite", "a inf\n", phrases=("stacks.folded:1",))
    yield folded("exponent", "a 1e308\n", phrases=("stacks.folded:1",))
    yield folded("huge count", "a " + "9" * 400 + "\n", phrases=("stacks.folded:1", "2^53"))
    yield folded("zeros", "a 0\nb 0\n", phrases=("add up to 0",))
    yield folded("zero bytes", bytes(4096), phrases=where)
    yield folded("escapes in a bad line", "a\x1b]0;title\x07 b\n", phrases=("stacks.folded:1",))
    yield folded("picture instead", "<svg onload='alert(1)'></svg>\n", phrases=("stacks.folded:1",))
    deep = ";".join(["f"] * 100_000)
    yield folded("deep", f"{deep} 1\n", codes=(LIMIT,), phrases=("stacks.folded:1", "1024"))
    yield folded("many frames", f"{';'.join(['f'] * 1000)} 1\n" * 2100, codes=(LIMIT,), phrases=("frames in all",))
    wide = "".join(f"f{i} 1\n" for i in range(100_001))
    yield folded("too many boxes", wide, codes=(LIMIT,), phrases=("--min-width",), command=(*PICTURE, "--min-width", "0"))
    yield folded("two files without diff", "a 1\n", phrases=("--diff",), command=("flame", "{file}", "{file}"))
    yield folded("one file with diff", "a 1\n", phrases=("two files",), command=("flame", "--diff", "{file}"))
    yield folded("difference of differences", "a 1 2\n", phrases=("difference already",), command=("flame", "--diff", "{file}", "{file}"))
    yield folded("missing file", "a 1\n", phrases=("absent.folded",), command=("flame", "absent.folded"))
    yield folded("unknown colors", "a 1\n", phrases=("--colors", "hot"), command=(*PICTURE, "--colors", "pink"))
    for width in ("0", "-5", "100000000", "nan"):
        yield folded(f"width {width}", "a 1\n", command=(*PICTURE, "--width", width), phrases=("--width",))
    for width in ("-1", "nan", "inf"):
        yield folded(f"minimum width {width}", "a 1\n", command=(*PICTURE, "--min-width", width), phrases=("--min-width",))


def accepted():
    yield folded("hostile names", "</title><script>alert(1)</script>;]]>;\"'&;\x01\x02\x1b[2J 1\n", codes=(OK,))
    yield folded("bytes that are no text", b"\xff\xfe\xc0\x80;\xed\xa0\x80 1\n", codes=(OK,))
    yield folded("long name", "a" * 1_000_000 + " 1\n", codes=(OK,))
    yield folded("empty frames", ";;;; 1\n;; 2\n", codes=(OK,))
    yield folded("no line end", "a 1", codes=(OK,))
    yield folded("sums beyond integers", "a 9007199254740992\n" * 1000, codes=(OK,))
    yield folded("tiny fractions", "a 0.0000000000000000001\nb 1\n", codes=(OK,))
    yield folded("at the depth limit", ";".join(["f"] * 1024) + " 1\n", codes=(OK,))
    yield folded("narrow frames", "".join(f"f{i};g{i} 1\n" for i in range(50_000)), codes=(OK,))
    yield folded("only new", "a 0 5\nb 3 0\n", codes=(OK,))
    yield folded("nothing left", "a 5 0\n", codes=(BAD_INPUT,), phrases=("add up to 0",))


def cases():
    yield from refused()
    yield from accepted()
