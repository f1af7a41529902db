"""Whole TensorFlow Lite models against LiteRT.

Float models: every output within 1e-4 of its range; where a deep model's sums cancel, so that the order of summation
alone moves them more, every operator alone, fed with the reference kernels' intermediates, within 1e-4 of its range.
So are models with custom operators that LiteRT lacks, fed with minnow's intermediates.
Quantized ones: (i) every operator alone, fed with the reference kernels' intermediates: no element more than a step
away, and of all elements 99 % equal, or as many as of LiteRT's default path (the reference kernels round products
twice, real arithmetic, as in minnow and XNNPACK, once); (ii) whole models on 20 inputs: the share of elements more
than a step away from the reference kernels is no larger than that of LiteRT's default path, and so is the number of
inputs on which the best class differs where the reference's two best are more than two steps apart. Both are chance
events, compared input by input: a mean difference of two standard errors is allowed.
Models: all .tflite of MINNOW_DATA and of MediaPipe's npm packages, those inside their packed assets too (skipped without
network).
Usage: tflite_models.py WORK_FOLDER [NAME_PART]
"""

import copy
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import minnow
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

import tflite_parts as parts

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MINNOW_DATA", ROOT.parent / "shared" / "data"))
PACKAGES = ("face_detection", "hands", "selfie_segmentation", "pose", "face_mesh", "holistic", "objectron")
RANGE_TOLERANCE, EQUAL_SHARE, INPUTS = 1e-4, 0.99, 20
# These have checks of their own in mediapipe_operators.py.
MEDIAPIPE_OPERATORS = ("Landmarks2TransformMatrix", "TransformTensorBilinear", "TransformLandmarks")
# Operators whose weights alone are codes: LiteRT quantizes their inputs at run time, minnow dequantizes the weights.
HYBRID_TOLERANCE = 0.05
# Of the share of equal elements: two paths that round correctly may still part on exact halves.
PARITY = 1e-3
CODES = (np.int8, np.uint8, np.int16)


def reference(data, keep=False):
    made = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, experimental_preserve_all_tensors=keep)
    made.allocate_tensors()
    return made


def run(interpreter, values):
    for info, value in zip(interpreter.get_input_details(), values):
        interpreter.set_tensor(info["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(info["index"]) for info in interpreter.get_output_details()]


def pictures(shape, count):
    files = sorted((DATA / "imagenet-sample").glob("*.jpg"))[:count]
    return [np.asarray(Image.open(f).convert("RGB").resize((shape[2], shape[1]))) for f in files]


def make_inputs(details, count):
    """Pictures for image models, else noise."""
    generator = np.random.default_rng(7)
    shape = tuple(details[0]["shape"])
    images = pictures(shape, count) if len(details) == 1 and len(shape) == 4 and shape[3] == 3 and min(shape[1:3]) > 8 else []
    out = []
    for k in range(count):
        values = []
        for info in details:
            dtype, dims = info["dtype"], tuple(info["shape"])
            if dtype in CODES:
                limits = np.iinfo(dtype)
                value = generator.integers(limits.min, limits.max, dims, endpoint=True)
                if k < len(images):
                    value = images[k].astype(np.int32)[None] + (limits.min if dtype == np.int8 else 0)
            elif dtype == np.float32:
                value = images[k][None] / 127.5 - 1 if k < len(images) else generator.standard_normal(dims)
            else:
                value = generator.integers(0, 2, dims)
            values.append(np.ascontiguousarray(value.astype(dtype)))
        out.append(values)
    return out


def ours(data, values):
    model = minnow.open_bytes(data, "model.tflite")
    return run_ours(model, values)


def run_ours(model, values):
    got = model.run(list(values))
    return [np.asarray(got[info.name]) for info in model.outputs]


def steps(have, want):
    assert have.shape == want.shape and have.dtype == want.dtype, f"{have.dtype}{have.shape} against {want.dtype}{want.shape}"
    return np.abs(have.astype(np.int64) - want.astype(np.int64))


def range_error(have, want):
    assert have.shape == want.shape and have.dtype == want.dtype, f"{have.dtype}{have.shape} against {want.dtype}{want.shape}"
    if have.size == 0:
        return 0.0
    scale = float(np.max(want) - np.min(want)) or max(1.0, float(np.max(np.abs(want))))
    return float(np.max(np.abs(have.astype(np.float64) - want))) / scale


def check_operators(data, values):
    """Criterion (i): (largest step, share of equal elements, that of LiteRT's default path, the operator with the fewest)."""
    model, whole = parts.unpack(data), reference(data, keep=True)
    run(whole, values)
    worst_step, lowest, where, equal, equal_default, total = 0, 1.0, "", 0, 0, 0
    for i, op in enumerate(model.subgraphs[0].operators):
        if all(parts.is_constant(model, model.subgraphs[0].tensors[k]) for k in op.inputs if k >= 0):
            continue
        part, fed, outputs = parts.one_operator(model, i)
        fed_values = [whole.get_tensor(k) for k in fed]
        default = Interpreter(model_content=part)
        default.allocate_tensors()
        for have, usual, tensor in zip(ours(part, fed_values), run(default, fed_values), outputs):
            want = whole.get_tensor(tensor)
            if want.dtype not in CODES or want.size == 0:
                continue
            away = steps(have, want)
            equal, total = equal + int(np.sum(away == 0)), total + want.size
            equal_default += int(np.sum(steps(usual, want) == 0))
            worst_step = max(worst_step, int(away.max()))
            if np.mean(away == 0) < lowest:
                lowest = float(np.mean(away == 0))
                where = f"{lowest:.2%} in {i} {parts.operator_name(model, op)}"
    return worst_step, equal / total, equal_default / total, where


def no_more(ours, theirs):
    """Whether counts for each input are no larger than others, up to chance: pixels of a picture flip together, pictures do not."""
    more = np.subtract(ours, theirs).astype(float)
    return more.mean() <= 2 * more.std(ddof=1) / len(more) ** 0.5


def best_differs(have, want):
    """Whether the best class differs although the reference's two best are more than two steps apart."""
    order = np.sort(want.ravel().astype(np.int64))
    return have.ravel().argmax() != want.ravel().argmax() and len(order) > 1 and order[-1] - order[-2] > 2


def check_quantized(data):
    """(line for the table, verdict) of a model whose inputs are codes."""
    model, data = minnow.open_bytes(data, "model.tflite"), parts.for_litert(data)
    exact, default = reference(data), Interpreter(model_content=data)
    default.allocate_tensors()
    inputs = make_inputs(exact.get_input_details(), INPUTS)
    far, far_default, wrong, wrong_default = (np.zeros(INPUTS, int) for _ in range(4))
    total = 0
    for k, values in enumerate(inputs):
        want, usual, have = run(exact, values), run(default, values), run_ours(model, values)
        for w, u, h in zip(want, usual, have):
            # Other integers are positions: each that differs is far.
            allowed = 1 if w.dtype in CODES else 0
            far[k] += np.sum(steps(h, w) > allowed)
            far_default[k] += np.sum(steps(u, w) > allowed)
            total += w.size
            if w.ndim == 2 and w.shape[1] > 1:
                wrong[k] += best_differs(h, w)
                wrong_default[k] += best_differs(u, w)
    step, share, share_default, where = check_operators(data, inputs[0])
    good = step <= 1 and share >= min(EQUAL_SHARE, share_default - PARITY)
    good = good and no_more(far, far_default) and no_more(wrong, wrong_default)
    text = f"operators: {step} step, {share:.2%} equal, LiteRT's own {share_default:.2%} ({where}); far: {far.sum() / total:.3%}, LiteRT's own {far_default.sum() / total:.3%}; best differs {wrong.sum()}, {wrong_default.sum()}"
    return text, good


def worst_operator(data, values):
    """(largest error of an operator alone relative to its range, which one)."""
    model, whole = parts.unpack(data), reference(data, keep=True)
    run(whole, values)
    worst, where = 0.0, ""
    for i, op in enumerate(model.subgraphs[0].operators):
        if all(parts.is_constant(model, model.subgraphs[0].tensors[k]) for k in op.inputs if k >= 0):
            continue
        part, fed, outputs = parts.one_operator(model, i)
        for have, tensor in zip(ours(part, [whole.get_tensor(k) for k in fed]), outputs):
            error = range_error(have, whole.get_tensor(tensor))
            if error > worst:
                worst, where = error, f"{i} {parts.operator_name(model, op)}"
    return worst, where


def check_apart(model):
    """Of a model with custom operators that LiteRT lacks, every other operator alone, fed with our intermediates."""
    graph, worst, where, count = model.subgraphs[0], 0.0, "", 0
    known = [i for i, op in enumerate(graph.operators) if parts.operator_name(model, op) not in MEDIAPIPE_OPERATORS]
    details = [{"dtype": np.float32, "shape": graph.tensors[i].shape} for i in graph.inputs]
    fed = make_inputs(details, 1)[0]
    whole = copy.copy(model)
    whole.subgraphs = [copy.copy(graph)]
    computed = [i for op in graph.operators for i in op.outputs]
    whole.subgraphs[0].outputs, whole.signatureDefs = np.array(computed, np.int32), None
    tensors = dict(zip(computed, ours(parts.pack(whole), fed)))
    tensors.update(zip(graph.inputs, fed))
    for i in known:
        if all(parts.is_constant(model, graph.tensors[k]) for k in graph.operators[i].inputs if k >= 0):
            continue
        part, needed, outputs = parts.one_operator(model, i)
        for want, tensor in zip(run(reference(part), [tensors[k] for k in needed]), outputs):
            error, count = range_error(tensors[tensor], want), count + 1
            if error > worst:
                worst, where = error, f"{i} {parts.operator_name(model, graph.operators[i])}"
    return f"{count} operators alone {worst:.1e} of the range ({where}), {len(graph.operators) - len(known)} unknown to LiteRT", worst <= RANGE_TOLERANCE


def check_float(data):
    stated = parts.for_litert(data)
    whole = parts.unpack(stated)
    if any(parts.operator_name(whole, op) in MEDIAPIPE_OPERATORS for op in whole.subgraphs[0].operators):
        return check_apart(whole)
    interpreter, model = reference(stated), minnow.open_bytes(data, "model.tflite")
    hybrid = any(d["dtype"] == np.int8 and d["quantization_parameters"]["scales"].size for d in interpreter.get_tensor_details())
    worst, inputs = 0.0, make_inputs(interpreter.get_input_details(), 3)
    for values in inputs:
        for want, have in zip(run(interpreter, values), run_ours(model, values)):
            worst = max(worst, range_error(have, want))
    if hybrid:
        return f"{worst:.1e} of the range (dynamic range)", worst <= HYBRID_TOLERANCE
    if worst <= RANGE_TOLERANCE:
        return f"{worst:.1e} of the range", True
    alone, where = worst_operator(stated, inputs[0])
    return f"{worst:.1e} of the range; operators alone {alone:.1e} ({where})", alone <= RANGE_TOLERANCE


def packed_assets(archive):
    """(name, bytes) of the files inside Emscripten packages: the loader beside each lists name, start and end."""
    for member in archive.getmembers():
        if not member.isfile() or not member.name.endswith("_packed_assets_loader.js"):
            continue
        loader = archive.extractfile(member).read().decode()
        files = json.loads(re.search(r'"files":\s*(\[.*?\])', loader).group(1))
        data = archive.extractfile(member.name.replace("_loader.js", ".data")).read()
        for file in files:
            assert 0 <= file["start"] <= file["end"] <= len(data), f"{member.name}: {file} of {len(data)} bytes"
            yield Path(file["filename"]).name, data[file["start"] : file["end"]]


def archive_models(archive):
    """{name: bytes} of the .tflite members, and of those inside packed assets."""
    members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".tflite")]
    found = {Path(m.name).name: archive.extractfile(m).read() for m in members}
    found.update((name, data) for name, data in packed_assets(archive) if name.endswith(".tflite"))
    return found


def package_models(work, seen):
    """(name, bytes) of the models of MediaPipe's npm packages, each once; fewer without network."""
    for name in PACKAGES:
        packed = work / "mediapipe" / "packed" / name
        if not list(packed.glob("*.tgz")):
            packed.mkdir(parents=True, exist_ok=True)
            subprocess.run(["npm", "pack", f"@mediapipe/{name}", "--silent"], cwd=packed, capture_output=True)
        archives = list(packed.glob("*.tgz"))
        if not archives:
            print(f"{name}: skipped (npm pack @mediapipe/{name} failed)")
            continue
        with tarfile.open(archives[0]) as archive:
            models = archive_models(archive)
        for file, data in sorted(models.items()):
            if data not in seen:
                seen.add(data)
                yield f"{name}/{file}", data


def main():
    work, wanted = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    work.mkdir(parents=True, exist_ok=True)
    failed = []
    files = [(str(f.relative_to(DATA)), f.read_bytes()) for f in sorted(DATA.rglob("*.tflite"))]
    for name, data in files + list(package_models(work, {data for _, data in files})):
        if wanted not in name:
            continue
        try:
            inputs = minnow.open_bytes(data, name).inputs
            quantized = any(str(i.type).startswith(("int8", "uint8", "int16")) for i in inputs)
            text, good = check_quantized(data) if quantized else check_float(data)
        except Exception as error:  # every model gets its line
            quantized, text, good = None, f"{type(error).__name__}: {error}", False
        kind = {True: "quantized", False: "float", None: "?"}[quantized]
        print(f"{name} | {kind} | {text} | {'ok' if good else 'VIOLATION'}", flush=True)
        if not good:
            failed.append(name)
    print(f"{len(failed)} violations: {', '.join(failed)}" if failed else "all models agree with LiteRT")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
