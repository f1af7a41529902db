"""Cases 49-66 and 87 of TensorFlow Lite's custom operators: options, shapes and numbers that do not fit."""

import numpy as np
from flatbuffers import flexbuffers
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from tflite_cases import BUILTIN, opcode, operator, pack, subgraph, tensor
from tflite_operator_cases import COMMAND, MINIMUM32, f32

REFUSED = (BAD_INPUT, UNSUPPORTED)
MAXIMUM32 = (1 << 31) - 1


def custom(number, name, code, inputs, outputs, options, codes=(BAD_INPUT,), phrases=(), version=1):
    """One custom operator on inputs of float32; `options`: its bytes."""
    tensors = [tensor(f"i{k}", array.shape) for k, array in enumerate(inputs)]
    tensors += [tensor(f"o{k}", shape) for k, shape in enumerate(outputs)]
    places, results = range(len(inputs)), range(len(inputs), len(tensors))
    node = operator(places, results)
    node.customOptions = np.frombuffer(options, np.uint8) if options else None
    return Case(
        number,
        f"tflite {name}",
        pack([subgraph(tensors, places, results, [node])], [opcode(BUILTIN.CUSTOM, version, code)]),
        codes=codes,
        phrases=() if OK in codes else ("model.tflite", *phrases),
        file_name="model.tflite",
        inputs={f"i{k}": array for k, array in enumerate(inputs)},
        command=COMMAND,
    )


def flexible(values):
    return bytes(flexbuffers.Dumps(values))


def detections():
    boxes, scores = f32(1, 5, 4), f32(1, 5, 3)
    anchors = np.abs(f32(5, 4)) + 0.1
    outputs = [(1, 4, 4), (1, 4), (1, 4), (1,)]
    good = {
        "max_detections": 4,
        "max_classes_per_detection": 1,
        "num_classes": 2,
        "detections_per_class": 3,
        "use_regular_nms": False,
        "nms_score_threshold": 0.1,
        "nms_iou_threshold": 0.5,
        "y_scale": 10.0,
        "x_scale": 10,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }

    def case(number, name, inputs=(boxes, scores, anchors), options=None, **other):
        made = flexible(good) if options is None else options
        return custom(number, f"detections {name}", "TFLite_Detection_PostProcess", inputs, outputs, made, **other)

    def changed(**changes):
        return flexible({**good, **changes})

    yield case("87", "good", codes=(OK,))
    yield case("87", "by class", options=changed(use_regular_nms=True), codes=(OK,))
    yield case("87", "without options", options=b"", phrases=("missing",))
    yield case("87", "options that are noise", options=bytes(range(64)), phrases=("missing",))
    yield case("87", "options cut", options=flexible(good)[:-3])
    for key in good:
        left = flexible({k: v for k, v in good.items() if k != key})
        optional = key in ("detections_per_class", "use_regular_nms")
        yield case("87", f"without {key}", options=left, codes=(OK,) if optional else (BAD_INPUT,))
        yield case("87", f"{key} is a text", options=changed(**{key: "four"}))
        yield case("87", f"{key} is a list", options=changed(**{key: [1, 2]}))
    for key in ("max_detections", "max_classes_per_detection", "num_classes", "detections_per_class"):
        for value in (-1, 0, MINIMUM32, 1 << 40, -(1 << 63)):
            codes = (OK,) if key == "max_detections" and value == 0 else (BAD_INPUT,)
            yield case("60", f"{key} {value}", options=changed(**{key: value}), codes=codes)
    many = {"max_detections": MAXIMUM32}
    yield case("63", "as many as can be counted", options=changed(**many), codes=(LIMIT,))
    many["max_classes_per_detection"] = MAXIMUM32
    yield case("63", "more than can be counted", options=changed(**many), phrases=("too many",))
    yield case("60", "more classes than scores", options=changed(num_classes=4), phrases=("classes",))
    yield case("60", "every class but two", options=changed(num_classes=1), phrases=("classes",))
    for key in ("nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale"):
        for value in (np.nan, np.inf, -np.inf, 0.0):
            codes = (OK,) if key == "nms_score_threshold" and not np.isnan(value) else (BAD_INPUT,)
            yield case("62", f"{key} {value}", options=changed(**{key: float(value)}), codes=codes)
    for regular in (False, True):
        options = changed(use_regular_nms=regular, max_classes_per_detection=2)
        for value in (np.nan, np.inf, -np.inf, 3e38):
            for k, what in enumerate(("boxes", "scores", "anchors")):
                inputs = [boxes, scores, anchors]
                inputs[k] = np.full_like(inputs[k], value)
                codes = (OK, BAD_INPUT) if k == 2 else (OK,)
                yield case("62", f"{what} {value} {regular}", inputs, options, codes=codes)
    yield case("62", "anchors of a negative height", (boxes, scores, -anchors), phrases=("ends before it begins",))
    for name, inputs in {
        "anchors for fewer boxes": (boxes, scores, anchors[:3]),
        "scores for fewer boxes": (boxes, scores[:, :3], anchors),
        "boxes of three coordinates": (boxes[..., :3], scores, anchors),
        "anchors of five coordinates": (boxes, scores, f32(5, 5)),
        "two images": (f32(2, 5, 4), f32(2, 5, 3), anchors),
        "boxes without an image": (boxes[0], scores, anchors),
        "scores without boxes": (boxes, scores[0, 0], anchors),
        "no anchors": (boxes, scores),
    }.items():
        yield case("68", name, inputs)
    yield case("68", "no boxes", (f32(1, 0, 4), f32(1, 0, 3), f32(0, 4)), codes=(OK,))


def cases():
    yield from detections()
