"""Cases 49-68 and 87 of TensorFlow Lite's custom operators and of its LSTM: options, shapes, gates and numbers that do not
fit."""

import numpy as np
from flatbuffers import flexbuffers
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from tflite_cases import BUILTIN, opcode, operator, options, pack, subgraph, tensor
from tflite_operator_cases import COMMAND, MINIMUM32, f32

REFUSED = (BAD_INPUT, UNSUPPORTED)
MAXIMUM32 = (1 << 31) - 1


def custom(number, name, code, inputs, outputs, data, codes=(BAD_INPUT,), phrases=(), version=1):
    """One custom operator on inputs of float32; `data`: its options."""
    tensors = [tensor(f"i{k}", array.shape) for k, array in enumerate(inputs)]
    tensors += [tensor(f"o{k}", shape) for k, shape in enumerate(outputs)]
    places, results = range(len(inputs)), range(len(inputs), len(tensors))
    node = operator(places, results)
    node.customOptions = np.frombuffer(data, np.uint8) if data else None
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

    def case(number, name, inputs=(boxes, scores, anchors), data=None, **other):
        made = flexible(good) if data is None else data
        return custom(number, f"detections {name}", "TFLite_Detection_PostProcess", inputs, outputs, made, **other)

    def changed(**changes):
        return flexible({**good, **changes})

    yield case("87", "good", codes=(OK,))
    yield case("87", "by class", data=changed(use_regular_nms=True), codes=(OK,))
    yield case("87", "without options", data=b"", phrases=("missing",))
    yield case("87", "options that are noise", data=bytes(range(64)), phrases=("missing",))
    yield case("87", "options cut", data=flexible(good)[:-3])
    for key in good:
        left = flexible({k: v for k, v in good.items() if k != key})
        optional = key in ("detections_per_class", "use_regular_nms")
        yield case("87", f"without {key}", data=left, codes=(OK,) if optional else (BAD_INPUT,))
        yield case("87", f"{key} is a text", data=changed(**{key: "four"}))
        yield case("87", f"{key} is a list", data=changed(**{key: [1, 2]}))
    for key in ("max_detections", "max_classes_per_detection", "num_classes", "detections_per_class"):
        for value in (-1, 0, MINIMUM32, 1 << 40, -(1 << 63)):
            codes = (OK,) if key == "max_detections" and value == 0 else (BAD_INPUT,)
            yield case("60", f"{key} {value}", data=changed(**{key: value}), codes=codes)
    many = {"max_detections": MAXIMUM32}
    yield case("63", "as many as can be counted", data=changed(**many), codes=(LIMIT,))
    many["max_classes_per_detection"] = MAXIMUM32
    yield case("63", "more than can be counted", data=changed(**many), phrases=("too many",))
    yield case("60", "more classes than scores", data=changed(num_classes=4), phrases=("classes",))
    yield case("60", "every class but two", data=changed(num_classes=1), phrases=("classes",))
    for key in ("nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale"):
        for value in (np.nan, np.inf, -np.inf, 0.0):
            codes = (OK,) if key == "nms_score_threshold" and not np.isnan(value) else (BAD_INPUT,)
            yield case("62", f"{key} {value}", data=changed(**{key: float(value)}), codes=codes)
    for regular in (False, True):
        data = changed(use_regular_nms=regular, max_classes_per_detection=2)
        for value in (np.nan, np.inf, -np.inf, 3e38):
            for k, what in enumerate(("boxes", "scores", "anchors")):
                inputs = [boxes, scores, anchors]
                inputs[k] = np.full_like(inputs[k], value)
                codes = (OK, BAD_INPUT) if k == 2 else (OK,)
                yield case("62", f"{what} {value} {regular}", inputs, data, codes=codes)
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


def windows():
    x = f32(1, 6, 6, 2)
    good = [1, 2, 2, 2, 2, 0, 0, 0, 0, 0]

    def case(number, name, code, fields, size=40, inputs=None, shape=None, codes=(BAD_INPUT,)):
        pooling = code == "MaxPoolingWithArgmax2D"
        made = (x,) if pooling else (x, np.abs(x))
        outputs = [shape or (1, 3, 3, 2)] * (2 if pooling else 1)
        options = np.array(fields, "<i4").tobytes()[:size]
        return custom(number, f"{code} {name}", code, made if inputs is None else inputs, outputs, options, codes)

    for code in ("MaxPoolingWithArgmax2D", "MaxUnpooling2D"):
        yield case("87", "good", code, good, codes=(OK,))
        yield case("87", "the least options", code, good, 24, codes=(OK,))
        for size in (0, 12, 23):
            yield case("87", f"options of {size} bytes", code, good, size)
        for padding in (0, 3, -1):
            yield case("87", f"padding {padding}", code, [padding, *good[1:]])
        for field, name in ((1, "stride"), (2, "stride"), (3, "filter"), (4, "filter")):
            for value in (0, -1, MINIMUM32, MAXIMUM32):
                changed = [*good]
                changed[field] = value
                codes = (OK, LIMIT, *REFUSED) if value == MAXIMUM32 else (BAD_INPUT,)
                yield case("49", f"{name} {field} {value}", code, changed, codes=codes)
        yield case("68", "a vector", code, good, inputs=(f32(6), f32(6)) if "Un" in code else (f32(6),))
        yield case("68", "no inputs", code, good, inputs=())
    yield case("87", "activation 77", "MaxPoolingWithArgmax2D", [*good[:5], 77], codes=(UNSUPPORTED,))
    for value in (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e9):
        inputs = (x, np.full_like(x, value))
        yield case("59", f"indices {value}", "MaxUnpooling2D", good, inputs=inputs, codes=(OK,))
        yield case("62", f"numbers {value}", "MaxPoolingWithArgmax2D", good, inputs=inputs[1:], codes=(OK,))
    yield case("68", "indices of another shape", "MaxUnpooling2D", good, inputs=(x, f32(1, 6, 3, 2)))
    many = [1, 1, 1, 1 << 14, 1 << 14, 0]
    yield case("63", "windows of 2^28", "MaxUnpooling2D", many, codes=(LIMIT, BAD_INPUT))


def transforms():
    points, x, matrix = f32(1, 6, 3), f32(1, 4, 4, 2), f32(1, 4, 4)
    size = {"output_height": 3, "output_width": 3}
    crop = {
        "left_rotation_idx": 0,
        "right_rotation_idx": 5,
        "scale_x": 1.5,
        "scale_y": 1,
        "target_rotation_radians": 0.5,
        "subset_idxs": [0, 2, 5],
        **size,
    }

    def landmarks(number, name, inputs, codes=(BAD_INPUT,), version=2):
        title = f"landmarks {name}"
        return custom(number, title, "TransformLandmarks", inputs, [points.shape], b"", codes, version=version)

    def resampled(number, name, inputs=(x, matrix), codes=(BAD_INPUT,), version=2, **changes):
        title, options = f"transformed {name}", flexible({**size, **changes})
        return custom(number, title, "TransformTensorBilinear", inputs, [(1, 3, 3, 2)], options, codes, version=version)

    def cropped(number, name, inputs=(points,), codes=(BAD_INPUT,), left=crop, version=2, **changes):
        title, options = f"crop {name}", flexible({**left, **changes})
        return custom(number, title, "Landmarks2TransformMatrix", inputs, [(1, 4, 4)], options, codes, version=version)

    yield landmarks("87", "good", (points, matrix), (OK,))
    yield resampled("87", "good", codes=(OK,))
    yield cropped("87", "good", codes=(OK,))
    for made in (landmarks("87", "version 1", (points, matrix), REFUSED, 1), resampled("87", "version 1", codes=REFUSED, version=1)):
        yield made
    yield cropped("87", "version 3", codes=REFUSED, version=3)
    for other in (f32(1, 3, 4), f32(2, 4, 4), f32(16), f32(4, 4)):
        yield landmarks("68", f"matrix {list(other.shape)}", (points, other))
        yield resampled("68", f"matrix {list(other.shape)}", (x, other))
    for other in (f32(6, 3), f32(1, 6, 4), f32(2, 6, 3), f32(1, 6, 1)):
        yield landmarks("68", f"of {list(other.shape)}", (other, matrix))
        yield cropped("68", f"of {list(other.shape)}", (other,))
    for other in (f32(4, 4, 2), f32(2, 4, 4, 2), f32(1, 0, 4, 2), f32(1, 4, 0, 2)):
        yield resampled("68", f"image {list(other.shape)}", (other, matrix))
    yield landmarks("68", "without a matrix", (points,))
    yield resampled("68", "without a matrix", (x,))
    for value in (np.nan, np.inf, -np.inf, 3e38):
        yield landmarks("62", f"by {value}", (points, np.full_like(matrix, value)), (OK,))
        yield resampled("62", f"by {value}", (x, np.full_like(matrix, value)), (OK,))
        yield resampled("62", f"of {value}", (np.full_like(x, value), matrix), (OK,))
        yield cropped("62", f"of {value}", (np.full_like(points, value),), (OK,))
    yield cropped("62", "of one place", (np.zeros_like(points),), (OK,))
    for key in crop:
        yield cropped("87", f"without {key}", left={k: v for k, v in crop.items() if k != key})
        yield cropped("87", f"{key} is a text", **{key: "four"})
    for key in ("left_rotation_idx", "right_rotation_idx"):
        for value in (-1, 6, MINIMUM32, 1 << 40):
            yield cropped("59", f"{key} {value}", **{key: value})
    for value in ([], [6], [-1], [1 << 40], [0.5], 3):
        yield cropped("59", f"subset {value}", subset_idxs=value)
    for key in ("scale_x", "scale_y", "target_rotation_radians"):
        for value in (np.nan, np.inf, 0.0, -1.0):
            codes = (OK,) if key[0] == "t" and np.isfinite(value) else (BAD_INPUT,)
            yield cropped("62", f"{key} {value}", codes=codes, **{key: float(value)})
    for key in size:
        for value in (0, -1, MINIMUM32, 1 << 40):
            yield resampled("64", f"{key} {value}", **{key: value})
            yield cropped("64", f"{key} {value}", **{key: value})
        yield resampled("64", f"{key} is a text", **{key: "four"})
        yield resampled("64", f"{key} 2^31 - 1", codes=(LIMIT,), **{key: MAXIMUM32})
    yield resampled("64", "both 2^31 - 1", codes=(LIMIT, BAD_INPUT), output_height=MAXIMUM32, output_width=MAXIMUM32)


def gates():
    """Inputs 1 to 15 of an LSTM in the file's order; a coupled one lacks 1, 5, 9 and 12."""
    width, cells = 3, 2
    shapes = [None] * 24
    shapes[0] = (2, 4, width)
    for i in range(1, 5):
        shapes[i], shapes[i + 4], shapes[i + 11] = (cells, width), (cells, cells), (cells,)
    shapes[18] = shapes[19] = (2, cells)
    coupled = {1: None, 5: None, 12: None}

    def case(name, changes, codes=(BAD_INPUT,), states=(18, 19), **fields):
        tensors, places = [], []
        for i, shape in enumerate([changes.get(i, shape) for i, shape in enumerate(shapes)]):
            places.append(-1 if shape is None else len(tensors))
            if shape is not None:
                tensors.append(tensor(f"i{i}", shape, isVariable=i in states))
        given = [k for k, made in enumerate(tensors) if not made.isVariable]
        tensors.append(tensor("o", (2, 4, cells)))
        made = options("UnidirectionalSequenceLSTMOptions", **{"fusedActivationFunction": 4, **fields})
        node = operator(places, [len(tensors) - 1], options=made)
        graph = subgraph(tensors, given, node.outputs, [node])
        return Case(
            "68",
            f"tflite LSTM {name}",
            pack([graph], [opcode(BUILTIN.UNIDIRECTIONAL_SEQUENCE_LSTM)]),
            codes=codes,
            phrases=() if OK in codes else ("model.tflite",),
            file_name="model.tflite",
            command=COMMAND,
        )

    peepholes = {9: (cells,), 10: (cells,), 11: (cells,)}
    yield case("good", {}, (OK,))
    yield case("coupled", coupled, (OK,))
    yield case("with peepholes", peepholes, (OK,))
    yield case("coupled with peepholes", {**peepholes, **coupled, 9: None}, (OK,))
    yield case("coupled with a peephole of its input gate", {**peepholes, **coupled})
    for i in (*range(1, 9), *range(12, 16)):
        yield case(f"without {i}", {i: None})
        for shape in ((), (cells, width, 1), (0, 0), (cells + 1, cells + 1)):
            yield case(f"{i} is {list(shape)}", {i: shape}, REFUSED)
    for i in (9, 10, 11):
        yield case(f"only peephole {i}", {i: (cells,)})
        yield case(f"peephole {i} of another size", {**peepholes, i: (cells + 3,)})
    for i in (18, 19):
        yield case(f"without state {i}", {i: None})
        yield case(f"state {i} is an input", {}, states=(37 - i,))
        yield case(f"state {i} of another size", {i: (2, cells + 1)})
    yield case("with clipping", {}, (UNSUPPORTED,), cellClip=1.0)
    yield case("with a projection", {16: (1, cells)}, (UNSUPPORTED,))
    yield case("with layer normalization", {21: (cells,)}, (UNSUPPORTED,))
    yield case("of a vector", {0: (width,)}, REFUSED)


def cases():
    for make in (detections, windows, transforms, gates):
        yield from make()
