"""Cases 98 and 100: compiled models (.mnw) with bytes changed, cut off, of another version, or with a plan that lies. The
command itself compiles the model that is then changed."""

import struct
import subprocess
import tempfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import wire
from harness import BAD_INPUT, OK, UNSUPPORTED, Case, minnow_path

HEADER_BYTES, ENTRY_BYTES = 64, 32


@cache
def compiled():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = [wire.tensor("w", np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4))]
        nodes = [wire.node("MatMul", ["x", "w"], ["h"], "product"), wire.node("Relu", ["h"], ["y"], "positive")]
        (folder / "m.onnx").write_bytes(
            wire.model(nodes, [wire.value("x", wire.FLOAT, [2, 3])], [wire.value("y", wire.FLOAT, [2, 4])], weights)
        )
        subprocess.run([minnow_path(), "compile", "m.onnx", "-o", "m.mnw"], cwd=folder, check=True, capture_output=True)
        return (folder / "m.mnw").read_bytes()


def sections(data):
    """(position of the entry, kind, offset, bytes) of each section."""
    (count,) = struct.unpack_from("<I", data, 16)
    for i in range(count):
        entry = HEADER_BYTES + i * ENTRY_BYTES
        kind, _, offset, size = struct.unpack_from("<IIQQ", data, entry)
        yield entry, kind, offset, size


def sealed(data):
    """With checksums that are right."""
    data = bytearray(data)
    for entry, _, offset, size in sections(data):
        struct.pack_into("<I", data, entry + 4, zlib.crc32(data[offset : offset + size]))
    (count,) = struct.unpack_from("<I", data, 16)
    struct.pack_into("<I", data, 20, zlib.crc32(data[HEADER_BYTES : HEADER_BYTES + count * ENTRY_BYTES]))
    return bytes(data)


def case(number, name, change, codes=(BAD_INPUT,), phrases=(), command=("run", "{file}", "--random-inputs")):
    def prepare(folder):
        (folder / "model.mnw").write_bytes(change(compiled()))

    return Case(
        number,
        f"compiled, {name}",
        codes=codes,
        phrases=("model.mnw", *phrases) if OK not in codes else (),
        file_name="model.mnw",
        command=command,
        prepare=prepare,
    )


def flipped(at):
    def change(data):
        position = at(data) if callable(at) else at
        return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]

    return change


def patched(position, form, value):
    def change(data):
        data = bytearray(data)
        struct.pack_into(form, data, position, value)
        return bytes(data)

    return change


def inside(kind, byte):
    """Byte number `byte` of the first section of a kind, from its end when negative."""

    def at(data):
        _, _, offset, size = next(s for s in sections(data) if s[1] == kind)
        return offset + (byte if byte >= 0 else size + byte)

    return at


def cases():
    yield case("98", "unchanged", lambda data: data, codes=(OK,))
    yield case("98", "unchanged and checked", lambda data: data, codes=(OK,), command=("check", "{file}"))
    for position in range(24):
        yield case("98", f"header byte {position} flipped", flipped(position), codes=(BAD_INPUT, UNSUPPORTED))
    for position in range(HEADER_BYTES, HEADER_BYTES + 2 * ENTRY_BYTES):
        yield case("98", f"table byte {position} flipped", flipped(position), phrases=("section table",))
    for kind, what in ((1, "tensor"), (3, "graph"), (4, "plan")):
        for byte in (0, 1, 3, -1):
            yield case("98", f"{what} byte {byte} flipped", flipped(inside(kind, byte)), phrases=(what, "checksum"))
    for version in (0, 2, 99, 0xFFFFFFFF):
        yield case(
            "100",
            f"version {version}",
            patched(4, "<I", version),
            codes=(UNSUPPORTED,),
            phrases=(str(version), "compile"),
        )
    for size in (0, 3, 63, 64, 100):
        yield case("98", f"cut to {size} bytes", lambda data, size=size: data[:size])
    yield case("98", "a byte too many", lambda data: data + b"\0")
    yield case("98", "2^32-1 sections", patched(16, "<I", 0xFFFFFFFF))
    for offset, size in ((1 << 62, 8), ((1 << 64) - 64, 128), (64, 1 << 40), (0, 64)):

        def moved(data, offset=offset, size=size):
            data = bytearray(data)
            struct.pack_into("<QQ", data, HEADER_BYTES + 8, offset, size)
            (count,) = struct.unpack_from("<I", data, 16)
            struct.pack_into("<I", data, 20, zlib.crc32(data[HEADER_BYTES : HEADER_BYTES + count * ENTRY_BYTES]))
            return bytes(data)

        yield case("98", f"section at {offset} of {size}", moved, phrases=("section",))
    # Checksums are right, the contents are not.
    for byte in (0, 1, 2, 5, 9, 17, 33, -1, -2, -9):
        for kind, what in ((1, "tensor"), (4, "plan")):
            change = flipped(inside(kind, byte))
            yield case(
                "98",
                f"{what} byte {byte} changed and sealed",
                lambda data, change=change: sealed(change(data)),
                codes=(OK, BAD_INPUT, UNSUPPORTED, 4),
            )
