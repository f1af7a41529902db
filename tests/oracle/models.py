"""Whole models against ONNX Runtime: every output within 1e-4 of its range.

Models: every .onnx of MINNOW_DATA, PP-OCR from the catalogue, MiniLM exported to ONNX by minnow. Also MiniLM's embeddings of
twelve sentences against a NumPy BERT and the `tokenizers` package. What is not there is reported as skipped.
Usage: models.py MINNOW_COMMAND WORK_FOLDER
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import minnow
import numpy as np
import onnx
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MINNOW_DATA", ROOT.parent / "shared" / "data"))
RANGE_TOLERANCE, COSINE = 1e-4, 0.9999
SENTENCES = [
    "A cat sleeps on the warm sofa.", "The kitten is napping on the couch.", "My dog chases the ball in the park.",
    "The central bank raised interest rates.", "Borrowing money has become more expensive.", "naïve café — déjà vu, 100 %!",
    "Add two cups of flour and stir.", "機械学習は楽しい。", "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "The phone's battery lasts two days.", "don't can't won't I'm", "x",
]
# Dynamic dimensions of the inputs by model, because "?" may not be 1 everywhere.
SHAPES = {
    "ch_PP-OCRv4_det_infer.onnx": {"x": (1, 3, 160, 224)},
    "ch_PP-OCRv4_rec_infer.onnx": {"x": (1, 3, 48, 320)},
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": {"x": (1, 3, 48, 192)},
}


def catalogue_file(command, name):
    """Path of a catalogue model's first file, fetched if need be; None when it cannot be had."""
    got = subprocess.run([command, "models", "get", name, "--json"], capture_output=True, text=True)
    return Path(json.loads(got.stdout)["files"][0]) if got.returncode == 0 else None


def random_inputs(session, file, generator):
    feeds = {}
    for info in session.get_inputs():
        shape = SHAPES.get(file.name, {}).get(info.name, tuple(d if isinstance(d, int) else 1 for d in info.shape))
        if "int64" in info.type:
            feeds[info.name] = generator.integers(0, 2, shape)
        else:
            feeds[info.name] = generator.standard_normal(shape).astype(np.float32)
    return feeds


def compare(file, feeds=None):
    """Largest error of any output relative to its range, with optimized and plain graphs and both run options."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    feeds = feeds or random_inputs(session, file, np.random.default_rng(7))
    expected = session.run(None, feeds)
    worst = 0.0
    for optimize in (True, False):
        got = minnow.open(file, optimize=optimize).run(feeds)
        for info, want in zip(session.get_outputs(), expected):
            have = got[info.name]
            assert have.shape == want.shape and have.dtype == want.dtype, f"{info.name}: {have.dtype}{have.shape} against {want.dtype}{want.shape}"
            value_range = float(np.max(want) - np.min(want)) or 1.0
            worst = max(worst, float(np.max(np.abs(have.astype(np.float64) - want))) / value_range)
    return worst


def numpy_embedding(weights, ids):
    """The sentence encoder in plain NumPy, float64: the reference for the cosine."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    erf = np.vectorize(__import__("math").erf)

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * w[name + ".weight"] + w[name + ".bias"]

    def linear(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    n = len(ids)
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:n] + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(6):
        base = f"encoder.layer.{layer}."
        q, k, v = (linear(x, base + f"attention.self.{p}").reshape(n, 12, 32).transpose(1, 0, 2) for p in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(32)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(n, 384)
        x = norm(x + linear(context, base + "attention.output.dense"), base + "attention.output.LayerNorm")
        hidden = linear(x, base + "intermediate.dense")
        hidden = hidden * 0.5 * (1 + erf(hidden / np.sqrt(2)))
        x = norm(x + linear(hidden, base + "output.dense"), base + "output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def check_minilm(command, work):
    """(cosine, error of our ONNX export on ONNX Runtime) over the sentences, or None when MiniLM cannot be had."""
    from safetensors.numpy import load_file
    from tokenizers import BertWordPieceTokenizer

    weights_file = catalogue_file(command, "minilm-l6-v2")
    if weights_file is None:
        return None
    out = subprocess.run([command, "embed", "minilm-l6-v2", "--json", *SENTENCES], capture_output=True, text=True, check=True)
    embeddings = np.array(json.loads(out.stdout)["embeddings"])
    tokenizer = BertWordPieceTokenizer(str(weights_file.parent / "vocab.txt"))
    weights = load_file(weights_file)
    cosines, errors = [], []
    exported = work / "minilm.onnx"
    subprocess.run([command, "embed", "minilm-l6-v2", "--onnx", str(exported)], check=True)
    onnx.checker.check_model(str(exported))
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    model = minnow.open(exported)
    for sentence, embedding in zip(SENTENCES, embeddings):
        ids = tokenizer.encode(sentence).ids
        cosines.append(float(embedding @ numpy_embedding(weights, ids)))
        feeds = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64), "token_type_ids": np.zeros((1, len(ids)), np.int64)}
        want = session.run(None, feeds)[0]
        for have in (embedding[None], list(model.run(feeds).values())[0]):
            errors.append(float(np.abs(have - want).max() / (want.max() - want.min())))
    return min(cosines), max(errors)


def main():
    command, work = sys.argv[1], Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    files = sorted(DATA.rglob("*.onnx")) if DATA.is_dir() else []
    if not files:
        print(f"skipped: no models in {DATA}")
    for name in ("ppocr-v4-det", "ppocr-v4-rec", "ppocr-v2-cls"):
        file = catalogue_file(command, name)
        print(f"skipped: {name} cannot be fetched") if file is None else files.append(file)
    passed = failed = 0
    for file in files:
        try:
            worst = compare(file)
            ok, text = worst <= RANGE_TOLERANCE, f"largest error {worst:.1e} of the range"
        except minnow.Unsupported as error:
            # ONNX Runtime must refuse it, too; compare() asks it first, so this is a real gap.
            ok, text = False, f"unsupported: {error}"
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            try:
                minnow.open(file)
                ok, text = False, f"ONNX Runtime refuses it, minnow does not: {str(error)[:100]}"
            except minnow.Unsupported as ours:
                ok, text = True, f"unsupported by both: {str(ours)[:100]}"
        print(f"{'ok' if ok else 'FAIL':4} {file.name}: {text}")
        passed, failed = passed + ok, failed + (not ok)
    result = check_minilm(command, work)
    if result is None:
        print("skipped: minilm-l6-v2 cannot be fetched")
    else:
        ok = result[0] >= COSINE and result[1] <= RANGE_TOLERANCE
        print(f"{'ok' if ok else 'FAIL':4} minilm-l6-v2: cosine with the reference >= {result[0]:.7f}, ONNX export within {result[1]:.1e} of the range")
        passed, failed = passed + ok, failed + (not ok)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
