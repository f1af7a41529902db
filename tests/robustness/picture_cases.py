"""Case 102: pictures that lie about themselves, and those that are rare but right."""

import io
import struct
import zlib

import numpy as np
from file_cases import put
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from PIL import Image
from wire import FLOAT, model, node, value

PICTURE_MODEL = model([node("Relu", ["x"], ["y"], "n")], [value("x", FLOAT, [1, 3, 8, 8])])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth=8, color=2, rows=None, **other):
    rows = rows if rows is not None else b"".join(b"\0" + bytes(width * 3 * depth // 8) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, other.get("interlace", 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + other.get("before", b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def encoded(mode, kind, size=(9, 7), **options):
    image = Image.frombytes(
        mode, size, bytes(i * 7 % 256 for i in range(size[0] * size[1] * len(Image.new(mode, (1, 1)).tobytes())))
    )
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pictures():
    def picture(name, data, codes=(BAD_INPUT,), file="p.png", phrases=None):
        return Case(
            "102",
            name,
            PICTURE_MODEL,
            codes=codes,
            phrases=(file,) if phrases is None and OK not in codes else phrases or (),
            prepare=put(file, data),
            command=("run", "{file}", "--in", f"x={file}"),
        )

    jpeg = encoded("RGB", "JPEG")
    yield picture("png", png(3, 2), codes=(OK,))
    yield picture("png 1x1", png(1, 1), codes=(OK,))
    yield picture("png 16-bit", png(3, 2, depth=16), codes=(OK,))
    yield picture("png palette", encoded("P", "PNG"), codes=(OK,))
    yield picture("png 1-bit", encoded("L", "PNG"), codes=(OK,))
    yield picture("png alpha", encoded("RGBA", "PNG"), codes=(OK,))
    yield picture("png 0x0", png(0, 0, rows=b""))
    yield picture("png 65535x65535", png(65535, 65535, rows=bytes(100)), codes=(BAD_INPUT, LIMIT))
    yield picture("png 2^31 wide", png((1 << 31) - 1, (1 << 31) - 1, rows=bytes(100)), codes=(BAD_INPUT, LIMIT))
    yield picture("png 8000x8000 of a few bytes", png(8000, 8000, rows=bytes(100)), codes=(BAD_INPUT, LIMIT))
    yield picture("png rows missing", png(300, 200, rows=bytes(100)))
    yield picture("png cut", png(30, 20)[:-30])
    yield picture("png header only", png(30, 20)[:20])
    yield picture("png checksum", png(30, 20)[:-20] + bytes(20))
    yield picture("png color type 5", png(3, 2, color=5))
    yield picture("png filter 9", png(1, 2, rows=b"\x09abc" * 2))
    yield picture(
        "png text bomb",
        png(3, 2, before=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(40 << 20)))),
        codes=(OK, BAD_INPUT, LIMIT),
    )
    yield picture(
        "png profile bomb",
        png(3, 2, before=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(40 << 20)))),
        codes=(OK, BAD_INPUT, LIMIT),
    )
    yield picture(
        "png 60 k text chunks", png(3, 2, before=chunk(b"tEXt", b"k\0v") * 60_000), codes=(OK, BAD_INPUT, LIMIT)
    )
    yield picture("jpeg", jpeg, codes=(OK,), file="p.jpg")
    yield picture("jpeg gray", encoded("L", "JPEG"), codes=(OK,), file="p.jpg")
    yield picture("jpeg CMYK", encoded("CMYK", "JPEG"), codes=(OK,), file="p.jpg")
    yield picture("jpeg progressive", encoded("RGB", "JPEG", progressive=True), codes=(OK,), file="p.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    yield picture("jpeg turned", encoded("RGB", "JPEG", exif=exif), codes=(OK,), file="p.jpg")
    rotated = encoded("RGB", "JPEG", exif=exif)
    at = rotated.index(b"Exif")
    yield picture(
        "jpeg EXIF lies", rotated[: at + 10] + b"\xff" * 16 + rotated[at + 26 :], codes=(OK, BAD_INPUT), file="p.jpg"
    )
    for size in (2, 20, len(jpeg) // 2, len(jpeg) - 20):
        yield picture(f"jpeg cut at {size}", jpeg[:size], file="p.jpg")
    frame = jpeg.index(b"\xff\xc0")
    yield picture(
        "jpeg 65535x65535",
        jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :],
        codes=(BAD_INPUT, LIMIT),
        file="p.jpg",
    )
    yield picture("jpeg 0x0", jpeg[: frame + 5] + bytes(4) + jpeg[frame + 9 :], file="p.jpg")
    big = encoded("RGB", "JPEG", size=(64, 64), progressive=True)
    scan_start = big.index(b"\xff\xda")
    scan_end = big.index(b"\xff", scan_start + 20)
    scans = big[:scan_start] + big[scan_start:scan_end] * 20_000 + b"\xff\xd9"
    yield picture("jpeg 20 k scans", scans, codes=(OK, BAD_INPUT, LIMIT), file="p.jpg")
    bmp = encoded("RGB", "BMP")
    yield picture("bmp", bmp, codes=(OK,), file="p.bmp")
    for name, offset, data in (
        ("height minimum", 22, struct.pack("<i", -(1 << 31))),
        ("0x0", 18, bytes(8)),
        ("65535x65535", 18, struct.pack("<ii", 65535, 65535)),
        ("17 bits", 28, b"\x11\0"),
        ("compression 1", 30, b"\x01"),
        ("pixels beyond", 10, struct.pack("<I", 1 << 31)),
        ("header size", 14, struct.pack("<I", 0xFFFFFFFF)),
        ("planes", 26, b"\x07\0"),
    ):
        codes = (OK, BAD_INPUT) if name == "planes" else (BAD_INPUT, UNSUPPORTED, LIMIT)
        yield picture(f"bmp {name}", bmp[:offset] + data + bmp[offset + len(data) :], codes=codes, file="p.bmp")
    yield picture("bmp cut", bmp[:60], file="p.bmp")
    yield picture("noise", bytes(range(200)), file="p.png")
    yield picture("empty", b"", file="p.png")
    for flags in (
        ("--size", "0,0"),
        ("--size", "-1,5"),
        ("--size", "1000000,1000000"),
        ("--mean", "a"),
        ("--mean", "1,2"),
        ("--scale", ""),
        ("--scale", "nan"),
        ("--color", "XYZ"),
        ("--layout", "HCWN"),
    ):
        codes = (OK, BAD_INPUT, LIMIT) if flags[1] in ("nan", "", "0,0") else (BAD_INPUT, LIMIT)
        yield Case(
            "102",
            f"{flags[0]} {flags[1] or 'empty'}",
            PICTURE_MODEL,
            codes=codes,
            prepare=put("p.png", png(3, 2)),
            command=("run", "{file}", "--in", "x=p.png", *flags),
        )
    nan = np.full((1, 3, 8, 8), np.nan, np.float32)
    yield Case("102", "NaN picture", PICTURE_MODEL, codes=(OK,), inputs={"x": nan})


def cases():
    return list(pictures())
