"""Cases 65-76 of TensorFlow Lite files: divisions, products, recurrent weights, quantization, and tensors that alias."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, Case
from tflite_cases import BUILTIN, opcode, operator, options, pack, subgraph, tensor
from tflite_operator_cases import MINIMUM32, REFUSED, f32, i32, one, scheme


def arithmetic():
    a = i32(MINIMUM32, 7, -7)
    out = [((3,), "int32")]
    for kind, table in (("DIV", "DivOptions"), ("FLOOR_DIV", None), ("FLOOR_MOD", None)):
        yield from one(
            "65", f"{kind} by 0", kind, [a, i32(1, 0, 1)], out, codes=(BAD_INPUT,), forms=(0, 1, 2), options=table
        )
        yield from one("65", f"{kind} minimum by -1", kind, [a, i32(-1, -1, -1)], out, codes=(OK,), options=table)
    for shift in (32, -1, 2147483647):
        yield from one("65", f"shift by {shift}", "RIGHT_SHIFT", [a, i32(shift, 0, 0)], out, codes=(OK, *REFUSED))
    x, w = f32(2, 4), f32(3, 4)
    dense = {"options": "FullyConnectedOptions"}
    yield from one("68", "dense depths", "FULLY_CONNECTED", [x, f32(3, 5)], [((2, 3), "float32")], **dense)
    yield from one(
        "68", "dense weight 1-D", "FULLY_CONNECTED", [x, f32(4)], [((2, 3), "float32")], codes=REFUSED, **dense
    )
    yield from one("68", "dense bias", "FULLY_CONNECTED", [x, w, f32(7)], [((2, 3), "float32")], **dense)
    yield from one(
        "68", "dense without a weight", "FULLY_CONNECTED", [x, None], [((2, 3), "float32")], codes=REFUSED, **dense
    )
    yield from one(
        "68",
        "matrix depths",
        "BATCH_MATMUL",
        [f32(2, 3, 4), f32(2, 5, 3)],
        [((2, 3, 3), "float32")],
        options="BatchMatMulOptions",
    )
    yield from one(
        "68",
        "matrix batches",
        "BATCH_MATMUL",
        [f32(2, 3, 4), f32(3, 4, 3)],
        [((2, 3, 3), "float32")],
        options="BatchMatMulOptions",
    )
    yield from one(
        "68", "sum of sizes that do not fit", "ADD", [f32(3), f32(4)], [((4,), "float32")], options="AddOptions"
    )
    yield from one("68", "sum of two types", "ADD", [f32(3), i32(1, 2, 3)], [((3,), "float32")], options="AddOptions")
    yield from one(
        "69",
        "batch 0",
        "CONV_2D",
        [np.zeros((0, 6, 6, 2), np.float32), f32(4, 3, 3, 2)],
        [((0, 4, 4, 4), "float32")],
        codes=(OK, BAD_INPUT),
        forms=(0,),
        options="Conv2DOptions",
        strideW=1,
        strideH=1,
        padding=1,
    )
    yield from one(
        "69",
        "dense batch 0",
        "FULLY_CONNECTED",
        [np.zeros((0, 4), np.float32), w],
        [((0, 3), "float32")],
        codes=(OK, BAD_INPUT),
        forms=(0,),
        **dense,
    )


def recurrent():
    def weights(cells=3, size=2, short=-1):
        made = (
            [f32(1, 4, size)]
            + [f32(cells, size)] * 4
            + [f32(cells, cells)] * 4
            + [None] * 3
            + [f32(cells)] * 4
            + [None] * 2
        )
        if short >= 0:
            made[short] = f32(1, 1)
        return [*made, np.zeros((1, cells), np.float32), np.zeros((1, cells), np.float32)]

    table = {"options": "UnidirectionalSequenceLSTMOptions", "fusedActivationFunction": 4}
    out = [((1, 4, 3), "float32")]
    for short in (1, 2, 4, 5, 8, 12, 15):
        yield from one(
            "67",
            f"lstm input {short} short",
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            weights(short=short),
            out,
            codes=REFUSED,
            forms=(1,),
            **table,
        )
    for missing in (2, 6, 13, 18):
        made = weights()
        made[missing] = None
        yield from one(
            "67",
            f"lstm input {missing} absent",
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            made,
            out,
            codes=(OK, *REFUSED),
            forms=(1,),
            **table,
        )
    yield from one(
        "67",
        "lstm of three inputs",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        weights()[:3],
        out,
        codes=REFUSED,
        forms=(1,),
        **table,
    )
    boxes, scores = np.full((4, 4), np.nan, np.float32), np.full(4, np.nan, np.float32)
    for most in (1 << 30, -1, 2147483647):
        given = [boxes, scores, np.int32(most), np.float32(0.5), np.float32(0)]
        yield from one(
            "70",
            f"suppression of NaN, at most {most}",
            "NON_MAX_SUPPRESSION_V4",
            given,
            [((-1,), "int32"), ((), "int32")],
            codes=(OK, BAD_INPUT, LIMIT),
        )


def quantized():
    x, y = np.arange(6, dtype=np.int8).reshape(2, 3), [((2, 3), "int8")]
    fine = scheme([0.5], [0])
    w = np.ones((4, 3), np.int8)
    dense = {"options": "FullyConnectedOptions"}
    for scale in (0.0, np.nan, np.inf, -1.0, 1e-45):
        bad = scheme([scale], [0])
        codes = (OK, BAD_INPUT) if scale == 1e-45 else (BAD_INPUT,)
        for where, schemes in (
            ("first", [bad, fine, fine]),
            ("second", [fine, bad, fine]),
            ("output", [fine, fine, bad]),
        ):
            yield from one(
                "73", f"{where} scale {scale}", "ADD", [x, x], y, codes=codes, schemes=schemes, options="AddOptions"
            )
            yield from one(
                "73",
                f"dense {where} scale {scale}",
                "FULLY_CONNECTED",
                [x, w],
                [((2, 4), "int8")],
                codes=codes,
                schemes=schemes,
                **dense,
            )
    for zero in (128, -129, 1 << 40, -(1 << 63)):
        bad = scheme([0.5], [zero])
        for where, schemes in (("input", [bad, fine]), ("output", [fine, bad])):
            yield from one("74", f"{where} zero point {zero}", "RELU", [x], y, forms=(1,), schemes=schemes)
            yield from one(
                "74",
                f"dequantize {where} zero point {zero}",
                "DEQUANTIZE",
                [x],
                [((2, 3), "float32")],
                forms=(1,),
                schemes=[schemes[0]],
                codes=(BAD_INPUT,) if where == "input" else (OK,),
            )
    for scales, axis in (([0.5] * 3, 0), ([0.5] * 5, 0), ([], 0)):
        codes = (BAD_INPUT,) if scales else (OK, *REFUSED)
        several = scheme(scales, [0] * len(scales), axis)
        yield from one(
            "75",
            f"{len(scales)} scales for 4 filters",
            "FULLY_CONNECTED",
            [x, w],
            [((2, 4), "int8")],
            codes=codes,
            schemes=[fine, several, fine],
            **dense,
        )
    yield from one(
        "75",
        "more zero points than scales",
        "FULLY_CONNECTED",
        [x, w],
        [((2, 4), "int8")],
        schemes=[fine, scheme([0.5] * 4, [0] * 3), fine],
        **dense,
    )
    for axis in (2, -1, 77, 2147483647, MINIMUM32):
        several = scheme([0.5] * 4, [0] * 4, axis)
        yield from one(
            "76",
            f"quantized axis {axis}",
            "FULLY_CONNECTED",
            [x, w],
            [((2, 4), "int8")],
            schemes=[fine, several, fine],
            **dense,
        )
    conv = {"options": "Conv2DOptions", "strideW": 1, "strideH": 1, "padding": 1}
    image, filters = np.ones((1, 5, 5, 2), np.int8), np.ones((4, 3, 3, 2), np.int8)
    yield from one(
        "52",
        "quantized conv channels",
        "CONV_2D",
        [image, np.ones((4, 3, 3, 3), np.int8)],
        [((1, 3, 3, 4), "int8")],
        schemes=[fine, fine, fine],
        **conv,
    )
    yield from one(
        "68",
        "quantized conv bias",
        "CONV_2D",
        [image, filters, i32(1, 2, 3)],
        [((1, 3, 3, 4), "int8")],
        schemes=[fine, fine, None, fine],
        **conv,
    )
    yield from one(
        "49",
        "quantized conv stride 0",
        "CONV_2D",
        [image, filters],
        [((1, 3, 3, 4), "int8")],
        schemes=[fine, fine, fine],
        **{**conv, "strideW": 0},
    )
    yield from one(
        "68",
        "quantized conv of floats",
        "CONV_2D",
        [image, f32(4, 3, 3, 2)],
        [((1, 3, 3, 4), "int8")],
        codes=(OK, *REFUSED),
        schemes=[fine, None, fine],
        **conv,
    )


def same_tensor():
    tensors = [tensor("x", [2, 3]), tensor("y", [2, 3])]
    graph = subgraph(tensors, [0], [1], [operator([1, 0], [1], options=options("AddOptions"))])
    yield Case(
        "72",
        "tflite sum into its own input",
        pack([graph], [opcode(BUILTIN.ADD)]),
        phrases=("model.tflite",),
        file_name="model.tflite",
    )
    graph = subgraph(tensors, [0], [0], [operator([0], [0])])
    yield Case(
        "72",
        "tflite graph input written",
        pack([graph], [opcode(BUILTIN.RELU)]),
        phrases=("model.tflite",),
        file_name="model.tflite",
    )


def cases():
    for make in (arithmetic, recurrent, quantized, same_tensor):
        yield from make()
