"""TensorFlow Lite operators that few public models hold, each as a small random model, against LiteRT.

Usage: tflite_operators.py [NAME_PART]
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from flatbuffers import flexbuffers
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "robustness"))
import tflite_cases as write  # noqa: E402

FLOAT32, UINT8 = schema.TensorType.FLOAT32, schema.TensorType.UINT8
SEEDS = 20
CASES_FOLDER = os.environ.get("MINNOW_CASES")  # where test folders are written instead of running minnow


def scheme(scale, zero_point):
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint = [scale], [zero_point]
    return made


def run_theirs(data, steps):
    """Outputs of each step. Interpreters of this kind keep variables from step to step."""
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    results = []
    for values in steps:
        for info, value in zip(interpreter.get_input_details(), values):
            interpreter.set_tensor(info["index"], value)
        interpreter.invoke()
        results.append([interpreter.get_tensor(info["index"]) for info in interpreter.get_output_details()])
    return results


def record(data, fed, want, rtol, atol):
    """Writes a test folder for suite_runner if CASES_FOLDER says where. True when it does."""
    if not CASES_FOLDER:
        return False
    digest = hashlib.sha256(data + b"".join(np.ascontiguousarray(v).tobytes() for v in fed)).hexdigest()[:16]
    where = Path(CASES_FOLDER) / digest
    (where / "test_data_set_0").mkdir(parents=True, exist_ok=True)
    (where / "model.tflite").write_bytes(data)
    (where / "tolerance.json").write_text(json.dumps({"rtol": rtol, "atol": atol}))
    for kind, values in (("input", fed), ("output", want)):
        for i, value in enumerate(values):
            tensor = numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)))
            (where / "test_data_set_0" / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())
    return True


def run_ours(data, steps):
    import minnow  # not needed where cases are only recorded

    model = minnow.open_bytes(data, "model.tflite")
    session = model.session(threads=1)
    names = [info.name for info in model.inputs]
    results = []
    for values in steps:
        got = session.run(dict(zip(names, values)))
        results.append([np.array(got[info.name]) for info in model.outputs])
    return results


def detection_options(generator, count, classes, **changes):
    made = {
        "max_detections": int(generator.choice([1, 5, 20, count + 3])),
        "max_classes_per_detection": 1,
        "num_classes": classes,
        "nms_score_threshold": float(generator.choice([1e-8, 0.3, 0.6])),
        "nms_iou_threshold": float(generator.choice([0.2, 0.5, 1.0])),
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    return {**made, **changes}


def detection_model(options, boxes, scores, anchors, schemes=(None, None, None)):
    """Boxes and scores are inputs, anchors a constant."""
    kinds = [UINT8 if a.dtype == np.uint8 else FLOAT32 for a in (boxes, scores, anchors)]
    rows = options["max_detections"] * options["max_classes_per_detection"]
    tensors = [
        write.tensor(name, array.shape, buffer, kind, quantization=quantization)
        for name, array, buffer, kind, quantization in zip(
            ("boxes", "scores", "anchors"), (boxes, scores, anchors), (0, 0, 1), kinds, schemes
        )
    ]
    shapes = {"corners": [1, rows, 4], "classes": [1, rows], "best": [1, rows], "count": [1]}
    tensors += [write.tensor(name, shape) for name, shape in shapes.items()]
    operator = write.operator([0, 1, 2], [3, 4, 5, 6])
    operator.customOptions = np.frombuffer(bytes(flexbuffers.Dumps(options)), np.uint8)
    graph = write.subgraph(tensors, [0, 1], [3, 4, 5, 6], [operator])
    code = write.opcode(write.BUILTIN.CUSTOM, custom="TFLite_Detection_PostProcess")
    return write.pack([graph], [code], [write.buffer(anchors.tobytes())])


def written_rows(options, count):
    """Rows that LiteRT writes; by box it leaves the rest as its memory was."""
    rows, taken = options["max_classes_per_detection"], options["num_classes"]
    if options.get("use_regular_nms"):
        return np.arange(options["max_detections"])
    return np.array([k * rows + i for k in range(count) for i in range(min(rows, taken))], int)


def check_detection(options, boxes, scores, anchors, schemes=(None, None, None)):
    data = detection_model(options, boxes, scores, anchors, schemes)
    (want,), (have,) = run_theirs(data, [(boxes, scores)]), run_ours(data, [(boxes, scores)])
    assert have[3] == want[3], f"{have[3]} detections, LiteRT finds {want[3]}"
    rows = written_rows(options, int(want[3][0]))
    rest = np.setdiff1d(np.arange(have[1].size), rows)
    for h, w in zip(have[:3], want[:3]):
        assert h.shape == w.shape, f"{h.shape} against {w.shape}"
        # The corners take the exponential of another library.
        np.testing.assert_allclose(h[0, rows], w[0, rows], rtol=1e-6, atol=1e-6)
        assert not h[0, rest].any(), "a row that no detection takes is not zero"
    return int(want[3][0])


def detection_inputs(generator, count, classes, extra=0):
    """Boxes that overlap, scores that differ all."""
    boxes = generator.normal(0, 2, (1, count, 4 + extra)).astype(np.float32)
    scores = (generator.permutation(count * classes) + 0.5).astype(np.float32).reshape(1, count, classes)
    centers, sizes = generator.uniform(0, 1, (count, 2)), generator.uniform(0.1, 0.5, (count, 2))
    return boxes, scores / scores.size, np.concatenate([centers, sizes], 1).astype(np.float32)


def detection_float():
    found = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        count, classes, background = int(generator.integers(1, 60)), int(generator.integers(1, 7)), seed % 2
        inputs = detection_inputs(generator, count, classes + background, extra=2 * (seed % 3))
        for changes in (
            {},
            {"max_classes_per_detection": 3},
            {"use_regular_nms": True},
            {"use_regular_nms": True, "detections_per_class": 2, "max_classes_per_detection": 2},
        ):
            found += check_detection(detection_options(generator, count, classes, **changes), *inputs)
    return found, "detections"


def detection_codes():
    """Of equal codes the first box counts in LiteRT where each box has one class; elsewhere codes differ."""
    found = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        count, classes = int(generator.integers(1, 40)), int(generator.integers(1, 7))
        boxes = generator.integers(0, 256, (1, count, 4), np.uint8)
        anchors = generator.integers(0, 256, (count, 4), np.uint8)
        schemes = (scheme(0.05, 128), scheme(1 / 256, 3), scheme(1 / 255, 0))
        ties = generator.integers(0, 256, (1, count, classes), np.uint8)
        found += check_detection(detection_options(generator, count, classes), boxes, ties, anchors, schemes)
        apart = generator.permutation(256)[: count * classes].astype(np.uint8)
        if apart.size < count * classes:
            continue
        apart = apart.reshape(1, count, classes)
        for changes in ({"use_regular_nms": True}, {"max_classes_per_detection": 2}):
            options = detection_options(generator, count, classes, **changes)
            found += check_detection(options, boxes, apart, anchors, schemes)
    return found, "detections"


def mirror_pads():
    """Every axis, up to as far as each mode reaches, beside numpy as well."""
    compared = 0
    for seed in range(SEEDS):
        for mode, name in ((schema.MirrorPadMode.REFLECT, "reflect"), (schema.MirrorPadMode.SYMMETRIC, "symmetric")):
            generator = np.random.default_rng(seed)
            x = generator.normal(0, 1, generator.integers(2, 6, 3)).astype(np.float32)
            most = np.array(x.shape) - (name == "reflect")
            pads = generator.integers(0, np.stack([most, most], 1) + 1).astype(np.int32)
            want = np.pad(x, pads, name)
            tensors = [write.tensor("x", x.shape), write.tensor("pads", pads.shape, 1, write.INT32), write.tensor("y", want.shape)]
            operator = write.operator([0, 1], [2], options=write.options("MirrorPadOptions", mode=mode))
            graph = write.subgraph(tensors, [0], [2], [operator])
            data = write.pack([graph], [write.opcode(write.BUILTIN.MIRROR_PAD)], [write.buffer(pads.tobytes())])
            for ((have,),) in (run_ours(data, [[x]]), run_theirs(data, [[x]])):
                np.testing.assert_array_equal(have, want)
            compared += want.size
    return compared, "elements"


CHECKS = {
    "TFLite_Detection_PostProcess float": detection_float,
    "TFLite_Detection_PostProcess uint8": detection_codes,
    "MIRROR_PAD": mirror_pads,
}


def main(checks, least):
    """Each check gives how much it compared; fewer than `least` say nothing."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = []
    for name, check in checks.items():
        if wanted not in name:
            continue
        try:
            found, what = check()
            assert found >= least, f"only {found} {what} compared"
            print(f"{name} | {found} {what} | ok", flush=True)
        except Exception as error:  # every operator gets its line
            print(f"{name} | {type(error).__name__}: {error} | VIOLATION", flush=True)
            failed.append(name)
    print(f"{len(failed)} violations: {', '.join(failed)}" if failed else "all operators agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(CHECKS, least=500))
