"""All cases. `python case_list.py FOLDER` writes their files as a corpus for the fuzzers, a folder for each reader."""

import hashlib
import io
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import arithmetic_cases
import compiled_cases
import container_cases
import convolution_cases
import file_cases
import flame_cases
import graph_cases
import harness
import numpy as np
import operator_cases
import picture_cases
import quantized_cases
import recurrent_cases
import tensor_cases
import tflite_arithmetic_cases
import tflite_cases
import tflite_operator_cases
import wire

MODULES = (
    container_cases,
    tensor_cases,
    graph_cases,
    convolution_cases,
    operator_cases,
    arithmetic_cases,
    recurrent_cases,
    quantized_cases,
    file_cases,
    flame_cases,
    picture_cases,
    tflite_cases,
    tflite_operator_cases,
    tflite_arithmetic_cases,
    compiled_cases,
)
# Larger files only slow a fuzzer down.
MAX_CORPUS_BYTES = 64 << 10
READERS = {
    ".onnx": "onnx",
    ".tflite": "tflite",
    ".mng": "mng",
    ".safetensors": "safetensors",
    ".npy": "npy",
    ".png": "picture",
    ".jpg": "picture",
    ".bmp": "picture",
    ".json": "catalogue",
    ".zip": "archive",
    ".whl": "archive",
    ".gz": "archive",
    ".tgz": "archive",
    ".folded": "folded",
}


def all_cases():
    cases = [case for module in MODULES for case in module.cases()]
    titles = [case.title for case in cases]
    assert len(set(titles)) == len(titles), sorted(t for t in titles if titles.count(t) > 1)
    return cases


def archives():
    """Archives with the member that the fuzz target asks for, stored and packed, twice and as a link."""
    for name, method, count in (
        ("stored", zipfile.ZIP_STORED, 1),
        ("packed", zipfile.ZIP_DEFLATED, 1),
        ("twice", zipfile.ZIP_STORED, 2),
    ):
        out = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
            warnings.simplefilter("ignore")  # of the name that stands twice
            for _ in range(count):
                archive.writestr("a.txt", "some text " * 20)
            archive.writestr("folder/b.txt", "other text")
        yield f"{name}.zip", out.getvalue()
    for kind in (tarfile.REGTYPE, tarfile.SYMTYPE):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
            for member in ("folder/b.txt", "a.txt"):
                info = tarfile.TarInfo(member)
                info.type, info.size = kind, 3 if kind == tarfile.REGTYPE else 0
                archive.addfile(info, io.BytesIO(b"abc"))
        yield f"kind{kind.decode()}.tgz", out.getvalue()


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


def write_corpus(folder):
    """The regular files of every case, named by their hash, in folder/READER."""
    for reader in set(READERS.values()):
        (folder / reader).mkdir(parents=True, exist_ok=True)
    (folder / "value").mkdir(exist_ok=True)
    (folder / "onnx" / "small_model").write_bytes(wire.small_model())
    (folder / "catalogue" / "own").write_bytes((harness.ROOT / "models" / "catalogue.json").read_bytes())
    for name, data in archives():
        (folder / "archive" / name).write_bytes(data)
    for i, data in enumerate(values()):
        (folder / "value" / str(i)).write_bytes(data)
    count = 0
    for case in all_cases():
        if case.file_name.endswith(".mnw"):  # made by the command; fuzz_mnw makes its own
            continue
        with tempfile.TemporaryDirectory() as name:
            work = Path(name) / "case"
            harness.write_files(case, work)
            for path in work.rglob("*"):
                reader = READERS.get(path.suffix)
                if reader is None or path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_CORPUS_BYTES:
                    continue
                data = path.read_bytes()
                if reader == "folded":  # the first byte is what the fuzz target draws
                    data = bytes([len(data) % 4]) + data
                (folder / reader / hashlib.sha1(data).hexdigest()).write_bytes(data)
                count += 1
    return count


if __name__ == "__main__":
    print(write_corpus(Path(sys.argv[1])), "files")
