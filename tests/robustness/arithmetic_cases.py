"""Cases 62-71: sizes that explode, integers that overflow, shapes that do not meet."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from operator_cases import MAXIMUM64, MINIMUM64, both, f32, ints
from wire import FLOAT, model, node, value


def sizes():
    big = 1 << 20
    for start, limit, step in (
        (0, 1 << 62, 1),
        (0, 5, 0),
        (MINIMUM64, MAXIMUM64, 1),
        (MAXIMUM64, MINIMUM64, MINIMUM64),
    ):
        inputs = [np.array(v, np.int64) for v in (start, limit, step)]
        yield from both(
            "62",
            f"Range {start} {limit} {step}",
            "Range",
            inputs,
            codes=(OK, BAD_INPUT, LIMIT) if step == MINIMUM64 else (BAD_INPUT, LIMIT),
        )
    for start, limit, step in (
        (0, np.nan, 1),
        (0, np.inf, 1),
        (0, 1, 1e-38),
        (0, 1, 0),
        (-3e38, 3e38, 1e-3),
        (0, 5, np.nan),
    ):
        inputs = [np.array(v, np.float32) for v in (start, limit, step)]
        yield from both("62", f"Range {start} {limit} {step}", "Range", inputs, codes=(BAD_INPUT, LIMIT))
    bomb = {"codes": (LIMIT,), "phrases": ("byte",)}
    yield from both("63", "Expand", "Expand", [f32(1, 1), ints(big, big)], **bomb)
    yield from both("63", "Expand wraps", "Expand", [f32(1, 1), ints(1 << 32, 1 << 32)], codes=(BAD_INPUT, LIMIT))
    yield from both("63", "Expand negative", "Expand", [f32(1, 1), ints(-1, 3)])
    yield from both("63", "Expand not broadcastable", "Expand", [f32(2, 3), ints(2, 5)])
    yield from both("63", "Tile", "Tile", [f32(2, 3), ints(big, big)], **bomb)
    yield from both("63", "Tile wraps", "Tile", [f32(2, 4), ints(1 << 62, 1 << 62)], codes=(BAD_INPUT, LIMIT))
    yield from both("63", "Tile negative", "Tile", [f32(2, 3), ints(-1, 1)])
    yield from both("63", "Tile short", "Tile", [f32(2, 3), ints(2)])
    yield from both("63", "ConstantOfShape", "ConstantOfShape", [ints(big, big)], **bomb)
    yield from both("63", "ConstantOfShape 4 GB", "ConstantOfShape", [ints(1 << 30)], **bomb)
    yield from both(
        "63", "ConstantOfShape wraps", "ConstantOfShape", [ints(1 << 32, 1 << 32)], codes=(BAD_INPUT, LIMIT)
    )
    yield from both("63", "ConstantOfShape negative", "ConstantOfShape", [ints(-1, 2)])
    yield from both(
        "63", "ConstantOfShape of 3000 dimensions", "ConstantOfShape", [np.ones(3000, np.int64)], codes=(OK, BAD_INPUT)
    )
    yield from both("63", "RandomNormal", "RandomNormal", [], forms=(0,), shape=[big, big], **bomb)
    yield from both("63", "RandomUniform negative", "RandomUniform", [], forms=(0,), shape=[-1, 2])
    yield from both("63", "Multinomial 2^40", "Multinomial", [f32(1, 3)], sample_size=1 << 40, codes=(BAD_INPUT, LIMIT))
    yield from both("63", "Multinomial -1", "Multinomial", [f32(1, 3)], sample_size=-1)
    yield from both("63", "Resize sizes", "Resize", [f32(1, 1, 2, 2), None, None, ints(1, 1, big, big)], **bomb)
    yield from both("63", "Resize sizes negative", "Resize", [f32(1, 1, 2, 2), None, None, ints(1, 1, -2, 2)])
    yield from both("63", "Resize sizes and scales", "Resize", [f32(1, 1, 2, 2), None, f32(4), ints(1, 1, 2, 2)])
    yield from both("63", "Resize without either", "Resize", [f32(1, 1, 2, 2)])
    yield from both("63", "HannWindow", "HannWindow", [np.array(1 << 40)], **bomb)
    yield from both("63", "HammingWindow negative", "HammingWindow", [np.array(-5)])
    yield from both("63", "BlackmanWindow 0", "BlackmanWindow", [np.array(0)], codes=(OK, BAD_INPUT))
    yield from both(
        "63",
        "MelWeightMatrix",
        "MelWeightMatrix",
        [np.array(1 << 30), np.array(1 << 30), np.array(8000), np.array(0.0, np.float32), np.array(4000.0, np.float32)],
        codes=(BAD_INPUT, LIMIT),
    )
    yield from both(
        "63",
        "MelWeightMatrix rate 0",
        "MelWeightMatrix",
        [np.array(8), np.array(16), np.array(0), np.array(0.0, np.float32), np.array(4000.0, np.float32)],
    )
    yield from both("63", "DFT length", "DFT", [f32(1, 8, 1), np.array(1 << 40)], codes=(BAD_INPUT, LIMIT))
    yield from both("63", "DFT length 0", "DFT", [f32(1, 8, 1), np.array(0)])
    yield from both("63", "DFT last of 3", "DFT", [f32(1, 8, 3)])
    yield from both("63", "DFT axis", "DFT", [f32(1, 8, 1), None, np.array(77)], version=20)
    yield from both("63", "STFT step 0", "STFT", [f32(1, 16, 1), np.array(0), None, np.array(8)])
    yield from both("63", "STFT frame longer", "STFT", [f32(1, 16, 1), np.array(4), None, np.array(80)])
    yield from both("63", "STFT frame negative", "STFT", [f32(1, 16, 1), np.array(4), None, np.array(-8)])
    yield from both("63", "CenterCropPad", "CenterCropPad", [f32(2, 3), ints(big, big)], version=18, **bomb)
    yield from both("63", "CenterCropPad negative", "CenterCropPad", [f32(2, 3), ints(-1, 3)], version=18)
    yield from both(
        "63",
        "Upsample 1e9",
        "Upsample",
        [f32(1, 1, 2, 2), np.array([1, 1, 1e9, 1e9], np.float32)],
        version=9,
        codes=(BAD_INPUT, LIMIT),
    )
    yield from both("63", "AffineGrid", "AffineGrid", [f32(1, 2, 3), ints(1, 1, big, big)], version=20, **bomb)
    yield from both("63", "AffineGrid negative", "AffineGrid", [f32(1, 2, 3), ints(1, 1, -4, 4)], version=20)
    for scale in (0.0, np.nan, np.inf, 1e9, -1.0, 1e-30):
        codes = (BAD_INPUT, LIMIT) if scale == 1e9 else (OK, BAD_INPUT) if scale == 1e-30 else (BAD_INPUT,)
        yield from both(
            "64",
            f"Resize scale {scale}",
            "Resize",
            [f32(1, 1, 2, 2), None, np.array([1, 1, scale, scale], np.float32)],
            codes=codes,
        )
    yield from both("64", "Resize scales short", "Resize", [f32(1, 1, 2, 2), None, f32(2)])
    yield from both(
        "64",
        "Resize roi NaN",
        "Resize",
        [f32(1, 1, 2, 2), np.full(8, np.nan, np.float32), np.array([1, 1, 2, 2], np.float32)],
        codes=(OK, BAD_INPUT),
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    for mode in ("nearest", "linear", "cubic"):
        yield from both(
            "64",
            f"Resize of nothing {mode}",
            "Resize",
            [np.zeros((1, 1, 0, 2), np.float32), None, None, ints(1, 1, 4, 4)],
            mode=mode,
        )


def arithmetic():
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        low = np.iinfo(dtype).min
        for op in ("Div", "Mod"):
            yield from both(
                "65",
                f"{op} {dtype.__name__} by 0",
                op,
                [np.array([1, low], dtype), np.array([0], dtype)],
                phrases=("zero",),
            )
            yield from both(
                "65",
                f"{op} {dtype.__name__} minimum by -1",
                op,
                [np.array([low, 5], dtype), np.array([-1], dtype)],
                codes=(OK,),
            )
    for dtype in (np.uint8, np.uint32, np.uint64):
        for op in ("Div", "Mod"):
            yield from both(
                "65",
                f"{op} {dtype.__name__} by 0",
                op,
                [np.array([1, 7], dtype), np.array([0], dtype)],
                phrases=("zero",),
            )
    yield from both("65", "Mod float by 0", "Mod", [f32(2), np.zeros(1, np.float32)], codes=(OK,), fmod=1)
    yield from both("65", "Mod float without fmod", "Mod", [f32(2), f32(2)], codes=(OK, BAD_INPUT))
    yield from both(
        "65",
        "Pow of integers",
        "Pow",
        [np.array([0, 2], np.int64), np.array([-1, -1], np.int64)],
        codes=(OK, BAD_INPUT),
    )
    yield from both(
        "65",
        "BitShift by 200",
        "BitShift",
        [np.array([1], np.uint8), np.array([200], np.uint8)],
        codes=(OK,),
        direction="LEFT",
    )
    yield from both(
        "65", "BitShift nowhere", "BitShift", [np.array([1], np.uint8), np.array([1], np.uint8)], direction="UP"
    )
    yield from both("65", "Abs of the minimum", "Abs", [np.array([-(1 << 31)], np.int32)], codes=(OK,))
    yield from both("65", "Neg of the minimum", "Neg", [np.array([MINIMUM64])], codes=(OK,))
    yield from both("65", "Add wraps", "Add", [np.array([MAXIMUM64]), np.array([1])], codes=(OK,))
    yield from both(
        "65",
        "ReduceMean of nothing as integers",
        "ReduceMean",
        [np.zeros((0, 3), np.int32)],
        codes=(OK, BAD_INPUT),
        axes=[0],
    )
    yield from both(
        "65", "Cast 1e30 to int32", "Cast", [np.array([1e30, np.nan, -np.inf], np.float32)], codes=(OK,), to=6
    )
    yield from both("65", "Cast to nothing", "Cast", [f32(2)], codes=(BAD_INPUT, UNSUPPORTED), to=999)
    yield from both("65", "Cast of bad text", "Cast", [np.array(["12x", ""], object)], forms=(0,), to=7)
    yield from both("68", "MatMul inner dimensions", "MatMul", [f32(2, 3), f32(4, 5)])
    yield from both("68", "MatMul of a scalar", "MatMul", [f32(2, 3), np.array(1.0, np.float32)])
    yield from both("68", "MatMul batches", "MatMul", [f32(2, 2, 3), f32(5, 3, 2)])
    yield from both("68", "MatMul of float and integer", "MatMul", [f32(2, 3), np.ones((3, 2), np.int32)])
    yield from both("68", "Gemm of 3-D", "Gemm", [f32(1, 2, 3), f32(3, 2)])
    yield from both("68", "Gemm bias", "Gemm", [f32(2, 3), f32(3, 2), f32(7)])
    yield from both("68", "Conv weight 2-D", "Conv", [f32(1, 2, 5, 5), f32(4, 2)])
    yield from both("68", "Conv of 2-D", "Conv", [f32(5, 5), f32(3, 3)])
    yield from both("68", "Conv of a scalar", "Conv", [np.array(1.0, np.float32), np.array(1.0, np.float32)])
    yield from both("68", "Add not broadcastable", "Add", [f32(2, 3), f32(2, 4)])
    yield from both("68", "Where not broadcastable", "Where", [np.array([True, False]), f32(3), f32(3)])
    yield from both("68", "Where condition float", "Where", [f32(3), f32(3), f32(3)])
    yield from both("68", "Concat ranks", "Concat", [f32(2, 3), f32(2, 3, 1)], axis=0)
    yield from both("68", "Concat sizes", "Concat", [f32(2, 3), f32(2, 4)], axis=0)
    yield from both(
        "68", "BatchNormalization scale", "BatchNormalization", [f32(1, 2, 3), f32(3), f32(2), f32(2), f32(2)]
    )
    yield from both(
        "68",
        "BatchNormalization of a scalar",
        "BatchNormalization",
        [np.array(1.0, np.float32), f32(1), f32(1), f32(1), f32(1)],
    )
    yield from both("68", "InstanceNormalization of 1-D", "InstanceNormalization", [f32(3), f32(3), f32(3)])
    yield from both("68", "LayerNormalization scale", "LayerNormalization", [f32(2, 3), f32(4)])
    yield from both("68", "PRelu slope", "PRelu", [f32(2, 3), f32(2, 2)])
    yield from both("68", "Det of a rectangle", "Det", [f32(2, 3)])
    yield from both("68", "Trilu of 1-D", "Trilu", [f32(3)])
    yield from both("68", "Trilu extremes", "Trilu", [f32(3, 3), np.array(MINIMUM64)], codes=(OK,))
    yield from both("68", "LRN size 0", "LRN", [f32(1, 2, 3, 3)], size=0)
    yield from both("68", "LRN size 2^62", "LRN", [f32(1, 2, 3, 3)], codes=(OK, BAD_INPUT), size=1 << 62)
    yield from both("68", "Softmax of a scalar", "Softmax", [np.array(1.0, np.float32)], codes=(OK, BAD_INPUT))
    yield from both("68", "Clip bounds as vectors", "Clip", [f32(3), f32(3), f32(3)])
    yield from both(
        "68", "Dropout ratio", "Dropout", [f32(3), np.array(7.0, np.float32), np.array(True)], codes=(BAD_INPUT,)
    )
    yield from both("68", "NegativeLogLikelihoodLoss target", "NegativeLogLikelihoodLoss", [f32(2, 3), ints(0, 9)])
    yield from both("68", "SoftmaxCrossEntropyLoss target", "SoftmaxCrossEntropyLoss", [f32(2, 3), ints(0, -9)])
    yield from both("68", "Relu of text", "Relu", [np.array(["a"], object)], forms=(0,), codes=(BAD_INPUT, UNSUPPORTED))
    for name, op, inputs, attrs in (
        ("Conv", "Conv", [np.zeros((0, 2, 5, 5), np.float32), f32(4, 2, 3, 3)], {}),
        ("MatMul", "MatMul", [np.zeros((0, 3), np.float32), f32(3, 2)], {}),
        ("MatMul inner 0", "MatMul", [np.zeros((2, 0), np.float32), np.zeros((0, 2), np.float32)], {}),
        ("Softmax", "Softmax", [np.zeros((0, 3), np.float32)], {}),
        ("Softmax over nothing", "Softmax", [np.zeros((3, 0), np.float32)], {}),
        ("MaxPool", "MaxPool", [np.zeros((0, 1, 4, 4), np.float32)], {"kernel_shape": [2, 2]}),
        (
            "BatchNormalization",
            "BatchNormalization",
            [np.zeros((0, 2, 3), np.float32), f32(2), f32(2), f32(2), f32(2)],
            {},
        ),
        ("Gather", "Gather", [f32(2, 3), np.zeros(0, np.int64)], {}),
        ("LayerNormalization", "LayerNormalization", [np.zeros((0, 3), np.float32), f32(3)], {}),
        ("ReduceSum", "ReduceSum", [np.zeros((0, 3), np.float32), ints(0)], {}),
        ("NonZero", "NonZero", [np.zeros((0, 3), np.float32)], {}),
        ("Gemm", "Gemm", [np.zeros((0, 3), np.float32), f32(3, 2), f32(2)], {}),
        ("Transpose", "Transpose", [np.zeros((0, 3), np.float32)], {"perm": [1, 0]}),
        ("Resize", "Resize", [np.zeros((0, 1, 2, 2), np.float32), None, np.array([1, 1, 2, 2], np.float32)], {}),
        ("GlobalAveragePool", "GlobalAveragePool", [np.zeros((0, 2, 3, 3), np.float32)], {}),
    ):
        yield from both("69", f"{name} of batch 0", op, inputs, codes=(OK,), **attrs)
    for op in ("ReduceMax", "ReduceMin", "ArgMax", "ReduceLogSumExp"):
        yield from both(
            "69",
            f"{op} over nothing",
            op,
            [np.zeros((0, 3), np.float32)],
            codes=(OK, BAD_INPUT),
            **({"axis": 0} if op == "ArgMax" else {"axes": [0]}),
        )
    for point in (np.inf, np.nan, 1e30, -np.inf):
        for mode in ("bilinear", "nearest", "bicubic"):
            for padding in ("zeros", "border", "reflection"):
                grid = np.full((1, 2, 2, 2), point, np.float32)
                yield from both(
                    "70",
                    f"GridSample {point} {mode} {padding}",
                    "GridSample",
                    [f32(1, 1, 3, 3), grid],
                    codes=(OK, BAD_INPUT),
                    forms=(1,),
                    mode=mode,
                    padding_mode=padding,
                )
    yield from both("70", "GridSample mode", "GridSample", [f32(1, 1, 3, 3), f32(1, 2, 2, 2)], mode="guess")
    yield from both("70", "GridSample grid of 3", "GridSample", [f32(1, 1, 3, 3), f32(1, 2, 2, 3)])
    for equation, codes in (
        ("a" * 5000 + "->a", (BAD_INPUT, LIMIT)),
        (",".join("ab" for _ in range(5000)) + "->a", (BAD_INPUT,)),
        ("", (BAD_INPUT,)),
        ("->", (BAD_INPUT,)),
        ("ij,jk->ii", (BAD_INPUT,)),
        ("ij,jk->iz", (BAD_INPUT,)),
        ("i1,jk->ik", (BAD_INPUT,)),
        ("i.j,jk->ik", (BAD_INPUT,)),
        ("ij,jk,kl->il", (BAD_INPUT,)),
        ("ijk,jk->ik", (BAD_INPUT,)),
        ("...ij...,jk->ik", (BAD_INPUT,)),
        ("ij,jk->ik->", (BAD_INPUT,)),
        ("ij,ij->i", (BAD_INPUT,)),
        ("\x1b[2J,jk", (BAD_INPUT,)),
    ):
        label = equation[:20].replace("\x1b", "ESC") or "empty"
        yield from both(
            "71", f"Einsum {label}", "Einsum", [f32(2, 3), f32(3, 4)], codes=codes, forms=(1,), equation=equation
        )
    # Small operands can ask for any number of products; time is the only bound that fits.
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for name, extent, flags in (("2^52 products", 2, ("--max-seconds", "0.3")), ("2^104 products", 4, ())):
        inputs = {f"i{k}": np.ones([extent] * 8, np.float32) for k in range(6)}
        terms = [letters[8 * k : 8 * k + 8] for k in range(6)] + [letters[48:]]
        inputs["i6"] = np.ones([extent] * 4, np.float32)
        nodes = [node("Einsum", list(inputs), ["y"], "culprit", equation=",".join(terms) + "->")]
        file = model(nodes, [value(key, FLOAT, [None] * array.ndim) for key, array in inputs.items()])
        yield Case(
            "71",
            f"Einsum of {name}",
            file,
            codes=(LIMIT,),
            phrases=("culprit",),
            inputs=inputs,
            command=("run", "{file}", "--random-inputs", *flags),
        )


def cases():
    return [*sizes(), *arithmetic()]
