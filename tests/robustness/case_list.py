"""All cases. `python case_list.py FOLDER` writes their files as a corpus for the fuzzers, a folder for each reader."""

import hashlib
import sys
import tempfile
from pathlib import Path

import container_cases
import file_cases
import graph_cases
import harness
import operator_cases
import quantized_cases
import recurrent_cases
import tensor_cases
import wire

MODULES = (container_cases, tensor_cases, graph_cases, operator_cases, recurrent_cases, quantized_cases, file_cases)
# Larger files only slow a fuzzer down.
MAX_CORPUS_BYTES = 64 << 10
READERS = {
    ".onnx": "onnx", ".mng": "mng", ".safetensors": "safetensors", ".npy": "npy", ".png": "picture", ".jpg": "picture",
    ".bmp": "picture", ".json": "catalogue", ".zip": "archive", ".whl": "archive", ".gz": "archive", ".tgz": "archive",
}  # fmt: skip


def all_cases():
    cases = [case for module in MODULES for case in module.cases()]
    titles = [case.title for case in cases]
    assert len(set(titles)) == len(titles), sorted(t for t in titles if titles.count(t) > 1)
    return cases


def write_corpus(folder):
    """The regular files of every case, named by their hash, in folder/READER."""
    for reader in set(READERS.values()):
        (folder / reader).mkdir(parents=True, exist_ok=True)
    (folder / "onnx" / "small_model").write_bytes(wire.small_model())
    count = 1
    for case in all_cases():
        with tempfile.TemporaryDirectory() as name:
            work = Path(name) / "case"
            harness.write_files(case, work)
            for path in work.rglob("*"):
                reader = READERS.get(path.suffix)
                if reader is None or path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_CORPUS_BYTES:
                    continue
                data = path.read_bytes()
                (folder / reader / hashlib.sha1(data).hexdigest()).write_bytes(data)
                count += 1
    return count


if __name__ == "__main__":
    print(write_corpus(Path(sys.argv[1])), "files")
