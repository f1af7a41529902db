"""All cases. `python case_list.py FOLDER` writes their files as a corpus for the fuzzers, a folder for each reader."""

import hashlib
import sys
import tempfile
from pathlib import Path

import arithmetic_cases
import compiled_cases
import container_cases
import convolution_cases
import file_cases
import flame_cases
import graph_cases
import harness
import operator_cases
import picture_cases
import quantized_cases
import recurrent_cases
import seed_files
import tensor_cases
import tflite_arithmetic_cases
import tflite_cases
import tflite_custom_cases
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
    tflite_custom_cases,
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


def write_corpus(folder):
    """The regular files of every case, named by their hash, in folder/READER."""
    for reader in set(READERS.values()):
        (folder / reader).mkdir(parents=True, exist_ok=True)
    (folder / "value").mkdir(exist_ok=True)
    (folder / "onnx" / "small_model").write_bytes(wire.small_model())
    own_catalogue = (harness.ROOT / "models" / "catalogue.json").read_bytes()
    for reader, files in {
        "catalogue": seed_files.catalogues(own_catalogue),
        "archive": seed_files.archives(),
        "value": seed_files.values(),
        "mng": (text.encode() for text in seed_files.text_graphs()),
    }.items():
        for i, data in enumerate(files):
            (folder / reader / str(i)).write_bytes(data)
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
