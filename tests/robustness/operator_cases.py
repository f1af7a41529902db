"""Cases 49-71 and 105: operators with impossible parameters. Each runs twice: its inputs as weights (seen by inference and
constant folding) and as run-time inputs (seen by the checks before every step)."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from wire import DTYPES, FLOAT, STRING, model, node, opset, tensor, value

MINIMUM64, MAXIMUM64 = -(1 << 63), (1 << 63) - 1
# Well above what a case rightly needs, well below what a bomb asks for.
MAX_BYTES = ("--max-bytes", str(48 << 20))


def f32(*dims):
    return np.linspace(-1, 1, int(np.prod(dims)), dtype=np.float32).reshape(dims)


def ints(*values):
    return np.array(values, np.int64)


def both(number, name, op_type, inputs, outputs=1, codes=(BAD_INPUT,), phrases=(), version=17, domain=None, forms=(0, 1), seconds=2.0, **attrs):
    """The case with its inputs as constants and as run-time inputs. `inputs`: arrays, or None for an absent one."""
    names = ["" if array is None else f"i{k}" for k, array in enumerate(inputs)]
    given = {name: np.asarray(array) for name, array in zip(names, inputs) if name}
    results = [f"o{k}" for k in range(outputs)]
    nodes = [node(op_type, names, results, "culprit", domain=domain, **attrs)]
    opsets = [opset(1, domain)] if domain else []
    said = () if OK in codes else ("model.onnx", "culprit", *phrases)
    out = [value(name) for name in results]
    for form in forms:
        if form == 0:
            # An input that nobody reads, so that the command is the same.
            weights = [tensor(key, array) for key, array in given.items()]
            file = model(nodes, [value("x", FLOAT, [1])], out, weights, version=version, opsets=opsets)
            yield Case(number, f"{name} constant", file, codes=codes, phrases=said, seconds=seconds,
                       command=("run", "{file}", "--random-inputs", *MAX_BYTES))  # fmt: skip
        else:
            declared = [value(key, STRING if array.dtype.kind in "OSU" else DTYPES[array.dtype.name], [None] * array.ndim) for key, array in given.items()]
            file = model(nodes, declared, out, version=version, opsets=opsets)
            yield Case(number, f"{name} given", file, codes=codes, phrases=said, seconds=seconds, inputs=given,
                       command=("run", "{file}", "--random-inputs", *MAX_BYTES))  # fmt: skip


def convolutions():
    x, w = f32(1, 2, 5, 5), f32(4, 2, 3, 3)
    for name, attrs in {
        "stride 0": {"strides": [0, 1]}, "stride negative": {"strides": [1, -1]}, "stride 2^62": {"strides": [1 << 62, 1]},
        "strides of another rank": {"strides": [1, 1, 1]},
    }.items():  # fmt: skip
        code = (OK, BAD_INPUT) if "2^62" in name else (BAD_INPUT,)
        yield from both("49", f"Conv {name}", "Conv", [x, w], codes=code, **attrs)
        yield from both("49", f"ConvTranspose {name}", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=code if code == (BAD_INPUT,) else (BAD_INPUT, LIMIT), **attrs)
        for pool in ("MaxPool", "AveragePool", "LpPool"):
            yield from both("49", f"{pool} {name}", pool, [x], codes=code, kernel_shape=[3, 3], **attrs)
        yield from both("49", f"ConvInteger {name}", "ConvInteger", [np.ones((1, 2, 5, 5), np.uint8), np.ones((4, 2, 3, 3), np.uint8)], codes=code, **attrs)
    for name, attrs, codes in (
        ("dilation 0", {"dilations": [0, 1]}, (BAD_INPUT,)), ("dilation -1", {"dilations": [-1, 1]}, (BAD_INPUT,)),
        ("dilation 2^30", {"dilations": [1 << 30, 1]}, (BAD_INPUT,)), ("dilation 2^63-1", {"dilations": [MAXIMUM64, 1]}, (BAD_INPUT,)),
        ("dilations short", {"dilations": [1]}, (BAD_INPUT,)),
    ):  # fmt: skip
        yield from both("50", f"Conv {name}", "Conv", [x, w], codes=codes, **attrs)
        yield from both("50", f"MaxPool {name}", "MaxPool", [x], codes=codes, kernel_shape=[3, 3], **attrs)
        yield from both("50", f"ConvTranspose {name}", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=(*codes, LIMIT), **attrs)
    for name, shape in (("0", [0, 3]), ("negative", [3, -3]), ("not the weight's", [2, 2]), ("2^62", [1 << 62, 1 << 62]), ("of rank 3", [3, 3, 3])):
        yield from both("51", f"Conv kernel {name}", "Conv", [x, w], kernel_shape=shape)
        if name != "not the weight's":
            for pool in ("MaxPool", "AveragePool", "LpPool"):
                yield from both("51", f"{pool} kernel {name}", pool, [x], kernel_shape=shape)
    yield from both("51", "Conv weight without extent", "Conv", [x, np.zeros((4, 2, 0, 3), np.float32)])
    yield from both("51", "MaxPool without kernel", "MaxPool", [x])
    yield from both("51", "MaxPool wider than the input", "MaxPool", [x], kernel_shape=[9, 9])
    for group in (0, -1, 3, 1 << 40, MINIMUM64):
        yield from both("52", f"Conv group {group}", "Conv", [x, w], group=group)
        yield from both("52", f"ConvTranspose group {group}", "ConvTranspose", [x, f32(2, 4, 3, 3)], group=group)
    yield from both("52", "Conv channels", "Conv", [x, f32(4, 3, 3, 3)])
    yield from both("52", "Conv bias length", "Conv", [x, w, f32(3)])
    yield from both("52", "GroupNormalization groups 0", "GroupNormalization", [x, f32(2), f32(2)], version=21, num_groups=0)
    yield from both("52", "GroupNormalization groups 3", "GroupNormalization", [x, f32(2), f32(2)], version=21, num_groups=3)
    for pads, codes in (([-100] * 4, (BAD_INPUT,)), ([1 << 28] * 4, (BAD_INPUT, LIMIT)), ([1 << 62] * 4, (BAD_INPUT, LIMIT)), ([1, 1], (BAD_INPUT,)),
                        ([MINIMUM64, 0, 0, 0], (BAD_INPUT,)), ([MAXIMUM64] * 4, (BAD_INPUT, LIMIT))):  # fmt: skip
        yield from both("53", f"Conv pads {pads}", "Conv", [x, w], codes=codes, pads=pads)
        yield from both("53", f"MaxPool pads {pads}", "MaxPool", [x], codes=codes, kernel_shape=[3, 3], pads=pads)
        yield from both("53", f"AveragePool pads {pads}", "AveragePool", [x], codes=codes, kernel_shape=[3, 3], pads=pads)
        yield from both("53", f"ConvTranspose pads {pads}", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=codes, pads=pads)
        if len(pads) == 4:
            yield from both("53", f"Pad {pads}", "Pad", [f32(3, 3), ints(*pads)], codes=codes)
            yield from both("53", f"Pad {pads} reflect", "Pad", [f32(3, 3), ints(*pads)], codes=codes, mode="reflect")
            yield from both("53", f"Pad {pads} edge", "Pad", [f32(3, 3), ints(*pads)], codes=codes, mode="edge")
            yield from both("53", f"Pad {pads} wrap", "Pad", [f32(3, 3), ints(*pads)], codes=codes, version=19, mode="wrap")
    yield from both("53", "Pad short", "Pad", [f32(3, 3), ints(1, 1)])
    yield from both("53", "Pad empty by edge", "Pad", [np.zeros((0, 3), np.float32), ints(1, 0, 1, 0)], mode="edge")
    yield from both("53", "Pad axes 77", "Pad", [f32(3, 3), ints(1, 1), None, ints(77)], version=18)
    yield from both("53", "Pad unknown mode", "Pad", [f32(3, 3), ints(0, 0, 1, 1)], mode="sideways")
    yield from both("53", "ConvTranspose output_shape 2^40", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=(BAD_INPUT, LIMIT), output_shape=[1 << 40, 1 << 40])
    yield from both("53", "ConvTranspose output_padding -9", "ConvTranspose", [x, f32(2, 4, 3, 3)], output_padding=[-9, 0])
    yield from both("53", "Conv auto_pad unknown", "Conv", [x, w], auto_pad="SIDEWAYS")
    yield from both("53", "Col2Im blocks", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(1, 5)], codes=(OK,), version=18)
    yield from both("53", "Col2Im block 0", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(0, 5)], version=18)
    yield from both("53", "Col2Im stride 0", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(1, 5)], version=18, strides=[0, 1])
    yield from both("53", "Col2Im image 2^31", "Col2Im", [f32(1, 5, 5), ints(1 << 31, 1 << 31), ints(1, 5)], codes=(BAD_INPUT, LIMIT), version=18)


def shapes():
    x = f32(2, 3)
    for block in (0, -1, 3, 1 << 40, MINIMUM64):
        for op in ("DepthToSpace", "SpaceToDepth"):
            yield from both("54", f"{op} block {block}", op, [f32(1, 4, 5, 5)], blocksize=block)
    for shape in ((-1, -1), (2, 3, 0), (-2, 3), (4, 2), (-1, 4), (1 << 32, 1 << 32), (MINIMUM64,), (MAXIMUM64, 2)):
        yield from both("55", f"Reshape {list(shape)}", "Reshape", [x, ints(*shape)])
    yield from both("55", "Reshape to a matrix of dims", "Reshape", [x, ints([2, 3])])
    yield from both("55", "Reshape -1 of nothing", "Reshape", [np.zeros((0, 3), np.float32), ints(-1, 0)], allowzero=1)
    for axis in (77, -77, MAXIMUM64, MINIMUM64):
        for op in ("Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "LpNormalization", "LayerNormalization", "Flatten", "Unique", "TopK", "Gather",
                   "GatherElements", "ScatterElements", "Concat", "Split", "Compress", "OneHot", "QuantizeLinear", "DequantizeLinear"):  # fmt: skip
            extra = {
                "LayerNormalization": [f32(3)], "TopK": [ints(1)], "Gather": [ints(0)], "GatherElements": [np.zeros((2, 3), np.int64)],
                "ScatterElements": [np.zeros((2, 3), np.int64), x], "Concat": [x], "Compress": [np.array([True, False])],
                "OneHot": [ints(3), f32(2)], "QuantizeLinear": [f32(3)], "DequantizeLinear": [f32(3)],
            }.get(op, [])  # fmt: skip
            first = np.zeros((2, 3), np.int64) if op == "OneHot" else np.zeros((2, 3), np.uint8) if op == "DequantizeLinear" else x
            inputs = [first, *extra]
            if op == "OneHot":
                inputs = [first, np.array(3), f32(2)]
            yield from both("56", f"{op} axis {axis}", op, inputs, outputs=2 if op in ("TopK", "Split") else 1, forms=(1,), axis=axis)
        for op in ("ReduceSum", "Squeeze", "Unsqueeze"):
            yield from both("56", f"{op} axes {axis}", op, [x, ints(axis)])
        yield from both("56", f"CumSum axis {axis}", "CumSum", [x, np.array(axis)])
        yield from both("56", f"Slice axis {axis}", "Slice", [x, ints(0), ints(1), ints(axis)])
        yield from both("56", f"ReduceMean axes {axis}", "ReduceMean", [x], axes=[axis])
        yield from both("56", f"Transpose perm {axis}", "Transpose", [x], perm=[0, axis])
    yield from both("56", "Transpose perm twice", "Transpose", [x], perm=[0, 0])
    yield from both("56", "Transpose perm short", "Transpose", [x], perm=[0])
    yield from both("56", "ReduceSum axes twice", "ReduceSum", [x, ints(0, 0)], codes=(OK, BAD_INPUT))
    yield from both("56", "Squeeze a dimension of 3", "Squeeze", [x, ints(1)])
    yield from both("56", "Unsqueeze twice the same", "Unsqueeze", [x, ints(0, 0)])
    for sizes in ((-1, 3), (1, 2), (3, 3), (1 << 62, 1 << 62), (MINIMUM64, MAXIMUM64)):
        yield from both("57", f"Split sizes {list(sizes)}", "Split", [x, ints(*sizes)], outputs=2)
    for count in (0, -1, 3, 1 << 40):
        yield from both("57", f"Split num_outputs {count}", "Split", [x], outputs=2, version=18, num_outputs=count)
    yield from both("57", "Split into uneven parts of old", "Split", [f32(3, 2)], outputs=2, codes=(OK, BAD_INPUT))
    yield from both("57", "SplitToSequence by 0", "SplitToSequence", [x, np.array(0)])
    yield from both("57", "SplitToSequence by -1", "SplitToSequence", [x, np.array(-1)])
    yield from both("57", "SplitToSequence sizes", "SplitToSequence", [x, ints(5, -3)])
    yield from both("58", "Slice step 0", "Slice", [x, ints(0), ints(2), ints(0), ints(0)])
    yield from both("58", "Slice step minimum", "Slice", [x, ints(1), ints(MINIMUM64), ints(0), ints(MINIMUM64)], codes=(OK, BAD_INPUT))
    yield from both("58", "Slice to the extremes", "Slice", [x, ints(MINIMUM64), ints(MAXIMUM64), ints(1), ints(MAXIMUM64)], codes=(OK,))
    yield from both("58", "Slice backwards", "Slice", [x, ints(MAXIMUM64), ints(MINIMUM64), ints(1), ints(-1)], codes=(OK,))
    yield from both("58", "Slice starts and ends differ", "Slice", [x, ints(0, 0), ints(2)])
    yield from both("58", "Slice axis twice", "Slice", [x, ints(0, 0), ints(1, 1), ints(0, 0)], codes=(OK, BAD_INPUT))
    yield from both("58", "Slice more axes than the rank", "Slice", [x, ints(0, 0, 0), ints(1, 1, 1)])


def indexing():
    x = f32(2, 3)
    for index in (2, -3, MAXIMUM64, MINIMUM64):
        yield from both("59", f"Gather {index}", "Gather", [x, ints(index)], phrases=(str(index),))
        yield from both("59", f"GatherElements {index}", "GatherElements", [x, ints([0, index, 0])], phrases=(str(index),))
        yield from both("59", f"GatherND {index}", "GatherND", [x, ints([index])], phrases=(str(index),))
        yield from both("59", f"ScatterElements {index}", "ScatterElements", [x, ints([0, index, 0]), f32(1, 3)], phrases=(str(index),))
        yield from both("59", f"ScatterElements add {index}", "ScatterElements", [x, ints([0, index, 0]), f32(1, 3)], reduction="add", version=18)
        yield from both("59", f"ScatterND {index}", "ScatterND", [x, ints([index]), f32(1, 3)], phrases=(str(index),))
        yield from both("59", f"ArrayFeatureExtractor {index}", "ArrayFeatureExtractor", [f32(2, 2), ints(index)], domain="ai.onnx.ml")
        rois = np.array([[0, 0, 1, 1]], np.float32)
        yield from both("59", f"RoiAlign batch {index}", "RoiAlign", [f32(1, 1, 4, 4), rois, ints(index if index != -3 else -1)])
    yield from both("59", "GatherND tuple longer than the rank", "GatherND", [x, ints([0, 0, 0])])
    yield from both("59", "GatherND batch_dims 5", "GatherND", [x, ints([0])], batch_dims=5)
    yield from both("59", "GatherND scalar indices", "GatherND", [x, np.array(0)])
    yield from both("59", "ScatterND updates of another shape", "ScatterND", [x, ints([0]), f32(1, 4)])
    yield from both("59", "ScatterElements updates of another shape", "ScatterElements", [x, ints([0, 1]), f32(1, 3)])
    yield from both("59", "ScatterElements unknown reduction", "ScatterElements", [x, ints([0, 1, 0]), f32(1, 3)], reduction="guess", version=18)
    yield from both("59", "GatherElements larger indices", "GatherElements", [x, np.zeros((5, 5), np.int64)], codes=(BAD_INPUT,), axis=0)
    yield from both("59", "Gather from nothing", "Gather", [np.zeros((0, 3), np.float32), ints(0)])
    for index in (99, MINIMUM64, MAXIMUM64):
        yield from both("59", f"MaxUnpool {index}", "MaxUnpool", [f32(1, 1, 2, 2), np.full((1, 1, 2, 2), index, np.int64)], kernel_shape=[2, 2], strides=[2, 2])
    yield from both("59", "MaxUnpool shape 2^40", "MaxUnpool", [f32(1, 1, 2, 2), np.zeros((1, 1, 2, 2), np.int64), ints(1, 1, 1 << 40, 1 << 40)],
                    codes=(BAD_INPUT, LIMIT), kernel_shape=[2, 2])  # fmt: skip
    bomb_rois = [f32(1, 1, 4, 4), np.array([[0, 0, 1e9, 1e9]], np.float32), ints(0)]
    yield from both("59", "RoiAlign far outside", "RoiAlign", bomb_rois, codes=(OK, BAD_INPUT, LIMIT))
    yield from both("59", "RoiAlign output 2^30", "RoiAlign", bomb_rois, codes=(BAD_INPUT, LIMIT), output_height=1 << 30, output_width=1 << 30)
    yield from both("59", "RoiAlign output 0", "RoiAlign", bomb_rois, codes=(OK, BAD_INPUT, LIMIT), output_height=0, output_width=-1)
    yield from both("59", "MaxRoiPool", "MaxRoiPool", [f32(1, 1, 4, 4), np.array([[7, 0, 0, 3, 3]], np.float32)], pooled_shape=[2, 2])
    yield from both("59", "ReverseSequence too long", "ReverseSequence", [x, ints(9, 9, 9)])
    yield from both("59", "ReverseSequence negative", "ReverseSequence", [x, ints(-1, 1, 1)])
    yield from both("59", "ReverseSequence count", "ReverseSequence", [x, ints(1)])
    yield from both("59", "Compress longer than the input", "Compress", [x, np.ones(99, bool)], codes=(OK, BAD_INPUT))
    yield from both("59", "TensorScatter write index", "TensorScatter", [f32(1, 4, 2), f32(1, 2, 2), ints(99)], version=24)
    yield from both("59", "OneHot index out of range", "OneHot", [ints(99, -99), np.array(3), f32(2)], codes=(OK,))
    for k in (4, 1 << 40, -1, MINIMUM64):
        yield from both("60", f"TopK {k}", "TopK", [x, ints(k)], outputs=2)
    yield from both("60", "TopK of two counts", "TopK", [x, ints(1, 1)], outputs=2)
    for depth in (1 << 40, -1, MINIMUM64):
        yield from both("61", f"OneHot depth {depth}", "OneHot", [ints(0, 1), np.array(depth), f32(2)], codes=(BAD_INPUT, LIMIT))
    yield from both("61", "OneHot values of three", "OneHot", [ints(0, 1), np.array(3), f32(3)])
    yield from both("61", "EyeLike of rank 3", "EyeLike", [f32(2, 2, 2)])
    yield from both("61", "NonMaxSuppression NaN and 2^40", "NonMaxSuppression",
                    [np.full((1, 4, 4), np.nan, np.float32), f32(1, 1, 4), np.array([1 << 40]), np.array([np.nan], np.float32)], codes=(OK, BAD_INPUT))  # fmt: skip


def sizes():
    big = 1 << 20
    for start, limit, step in ((0, 1 << 62, 1), (0, 5, 0), (MINIMUM64, MAXIMUM64, 1), (MAXIMUM64, MINIMUM64, MINIMUM64)):
        inputs = [np.array(v, np.int64) for v in (start, limit, step)]
        yield from both("62", f"Range {start} {limit} {step}", "Range", inputs, codes=(OK, BAD_INPUT, LIMIT) if step == MINIMUM64 else (BAD_INPUT, LIMIT))
    for start, limit, step in ((0, np.nan, 1), (0, np.inf, 1), (0, 1, 1e-38), (0, 1, 0), (-3e38, 3e38, 1e-3), (0, 5, np.nan)):
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
    yield from both("63", "ConstantOfShape wraps", "ConstantOfShape", [ints(1 << 32, 1 << 32)], codes=(BAD_INPUT, LIMIT))
    yield from both("63", "ConstantOfShape negative", "ConstantOfShape", [ints(-1, 2)])
    yield from both("63", "ConstantOfShape of 3000 dimensions", "ConstantOfShape", [np.ones(3000, np.int64)], codes=(OK, BAD_INPUT))
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
    yield from both("63", "MelWeightMatrix", "MelWeightMatrix", [np.array(1 << 30), np.array(1 << 30), np.array(8000), np.array(0.0, np.float32), np.array(4000.0, np.float32)],
                    codes=(BAD_INPUT, LIMIT))  # fmt: skip
    yield from both("63", "MelWeightMatrix rate 0", "MelWeightMatrix", [np.array(8), np.array(16), np.array(0), np.array(0.0, np.float32), np.array(4000.0, np.float32)])
    yield from both("63", "DFT length", "DFT", [f32(1, 8, 1), np.array(1 << 40)], codes=(BAD_INPUT, LIMIT))
    yield from both("63", "DFT length 0", "DFT", [f32(1, 8, 1), np.array(0)])
    yield from both("63", "DFT last of 3", "DFT", [f32(1, 8, 3)])
    yield from both("63", "DFT axis", "DFT", [f32(1, 8, 1), None, np.array(77)], version=20)
    yield from both("63", "STFT step 0", "STFT", [f32(1, 16, 1), np.array(0), None, np.array(8)])
    yield from both("63", "STFT frame longer", "STFT", [f32(1, 16, 1), np.array(4), None, np.array(80)])
    yield from both("63", "STFT frame negative", "STFT", [f32(1, 16, 1), np.array(4), None, np.array(-8)])
    yield from both("63", "CenterCropPad", "CenterCropPad", [f32(2, 3), ints(big, big)], version=18, **bomb)
    yield from both("63", "CenterCropPad negative", "CenterCropPad", [f32(2, 3), ints(-1, 3)], version=18)
    yield from both("63", "Upsample 1e9", "Upsample", [f32(1, 1, 2, 2), np.array([1, 1, 1e9, 1e9], np.float32)], version=9, codes=(BAD_INPUT, LIMIT))
    yield from both("63", "AffineGrid", "AffineGrid", [f32(1, 2, 3), ints(1, 1, big, big)], version=20, **bomb)
    yield from both("63", "AffineGrid negative", "AffineGrid", [f32(1, 2, 3), ints(1, 1, -4, 4)], version=20)
    for scale in (0.0, np.nan, np.inf, 1e9, -1.0, 1e-30):
        codes = (BAD_INPUT, LIMIT) if scale == 1e9 else (OK, BAD_INPUT) if scale == 1e-30 else (BAD_INPUT,)
        yield from both("64", f"Resize scale {scale}", "Resize", [f32(1, 1, 2, 2), None, np.array([1, 1, scale, scale], np.float32)], codes=codes)
    yield from both("64", "Resize scales short", "Resize", [f32(1, 1, 2, 2), None, f32(2)])
    yield from both("64", "Resize roi NaN", "Resize", [f32(1, 1, 2, 2), np.full(8, np.nan, np.float32), np.array([1, 1, 2, 2], np.float32)],
                    codes=(OK, BAD_INPUT), coordinate_transformation_mode="tf_crop_and_resize")  # fmt: skip
    for mode in ("nearest", "linear", "cubic"):
        yield from both("64", f"Resize of nothing {mode}", "Resize", [np.zeros((1, 1, 0, 2), np.float32), None, None, ints(1, 1, 4, 4)], mode=mode)


def arithmetic():
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        low = np.iinfo(dtype).min
        for op in ("Div", "Mod"):
            yield from both("65", f"{op} {dtype.__name__} by 0", op, [np.array([1, low], dtype), np.array([0], dtype)], phrases=("zero",))
            yield from both("65", f"{op} {dtype.__name__} minimum by -1", op, [np.array([low, 5], dtype), np.array([-1], dtype)], codes=(OK,))
    for dtype in (np.uint8, np.uint32, np.uint64):
        for op in ("Div", "Mod"):
            yield from both("65", f"{op} {dtype.__name__} by 0", op, [np.array([1, 7], dtype), np.array([0], dtype)], phrases=("zero",))
    yield from both("65", "Mod float by 0", "Mod", [f32(2), np.zeros(1, np.float32)], codes=(OK,), fmod=1)
    yield from both("65", "Mod float without fmod", "Mod", [f32(2), f32(2)], codes=(OK, BAD_INPUT))
    yield from both("65", "Pow of integers", "Pow", [np.array([0, 2], np.int64), np.array([-1, -1], np.int64)], codes=(OK, BAD_INPUT))
    yield from both("65", "BitShift by 200", "BitShift", [np.array([1], np.uint8), np.array([200], np.uint8)], codes=(OK,), direction="LEFT")
    yield from both("65", "BitShift nowhere", "BitShift", [np.array([1], np.uint8), np.array([1], np.uint8)], direction="UP")
    yield from both("65", "Abs of the minimum", "Abs", [np.array([-(1 << 31)], np.int32)], codes=(OK,))
    yield from both("65", "Neg of the minimum", "Neg", [np.array([MINIMUM64])], codes=(OK,))
    yield from both("65", "Add wraps", "Add", [np.array([MAXIMUM64]), np.array([1])], codes=(OK,))
    yield from both("65", "ReduceMean of nothing as integers", "ReduceMean", [np.zeros((0, 3), np.int32)], codes=(OK, BAD_INPUT), axes=[0])
    yield from both("65", "Cast 1e30 to int32", "Cast", [np.array([1e30, np.nan, -np.inf], np.float32)], codes=(OK,), to=6)
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
    yield from both("68", "BatchNormalization scale", "BatchNormalization", [f32(1, 2, 3), f32(3), f32(2), f32(2), f32(2)])
    yield from both("68", "BatchNormalization of a scalar", "BatchNormalization", [np.array(1.0, np.float32), f32(1), f32(1), f32(1), f32(1)])
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
    yield from both("68", "Dropout ratio", "Dropout", [f32(3), np.array(7.0, np.float32), np.array(True)], codes=(BAD_INPUT,))
    yield from both("68", "NegativeLogLikelihoodLoss target", "NegativeLogLikelihoodLoss", [f32(2, 3), ints(0, 9)])
    yield from both("68", "SoftmaxCrossEntropyLoss target", "SoftmaxCrossEntropyLoss", [f32(2, 3), ints(0, -9)])
    yield from both("68", "Relu of text", "Relu", [np.array(["a"], object)], forms=(0,), codes=(BAD_INPUT, UNSUPPORTED))
    for name, op, inputs, attrs in (
        ("Conv", "Conv", [np.zeros((0, 2, 5, 5), np.float32), f32(4, 2, 3, 3)], {}),
        ("MatMul", "MatMul", [np.zeros((0, 3), np.float32), f32(3, 2)], {}), ("MatMul inner 0", "MatMul", [np.zeros((2, 0), np.float32), np.zeros((0, 2), np.float32)], {}),
        ("Softmax", "Softmax", [np.zeros((0, 3), np.float32)], {}), ("Softmax over nothing", "Softmax", [np.zeros((3, 0), np.float32)], {}),
        ("MaxPool", "MaxPool", [np.zeros((0, 1, 4, 4), np.float32)], {"kernel_shape": [2, 2]}),
        ("BatchNormalization", "BatchNormalization", [np.zeros((0, 2, 3), np.float32), f32(2), f32(2), f32(2), f32(2)], {}),
        ("Gather", "Gather", [f32(2, 3), np.zeros(0, np.int64)], {}), ("LayerNormalization", "LayerNormalization", [np.zeros((0, 3), np.float32), f32(3)], {}),
        ("ReduceSum", "ReduceSum", [np.zeros((0, 3), np.float32), ints(0)], {}), ("NonZero", "NonZero", [np.zeros((0, 3), np.float32)], {}),
        ("Gemm", "Gemm", [np.zeros((0, 3), np.float32), f32(3, 2), f32(2)], {}), ("Transpose", "Transpose", [np.zeros((0, 3), np.float32)], {"perm": [1, 0]}),
        ("Resize", "Resize", [np.zeros((0, 1, 2, 2), np.float32), None, np.array([1, 1, 2, 2], np.float32)], {}),
        ("GlobalAveragePool", "GlobalAveragePool", [np.zeros((0, 2, 3, 3), np.float32)], {}),
    ):  # fmt: skip
        yield from both("69", f"{name} of batch 0", op, inputs, codes=(OK,), **attrs)
    for op in ("ReduceMax", "ReduceMin", "ArgMax", "ReduceLogSumExp"):
        yield from both("69", f"{op} over nothing", op, [np.zeros((0, 3), np.float32)], codes=(OK, BAD_INPUT), **({"axis": 0} if op == "ArgMax" else {"axes": [0]}))
    for point in (np.inf, np.nan, 1e30, -np.inf):
        for mode in ("bilinear", "nearest", "bicubic"):
            for padding in ("zeros", "border", "reflection"):
                grid = np.full((1, 2, 2, 2), point, np.float32)
                yield from both("70", f"GridSample {point} {mode} {padding}", "GridSample", [f32(1, 1, 3, 3), grid], codes=(OK, BAD_INPUT), forms=(1,), mode=mode, padding_mode=padding)
    yield from both("70", "GridSample mode", "GridSample", [f32(1, 1, 3, 3), f32(1, 2, 2, 2)], mode="guess")
    yield from both("70", "GridSample grid of 3", "GridSample", [f32(1, 1, 3, 3), f32(1, 2, 2, 3)])
    for equation, codes in (
        ("a" * 5000 + "->a", (BAD_INPUT, LIMIT)), (",".join("ab" for _ in range(5000)) + "->a", (BAD_INPUT,)), ("", (BAD_INPUT,)), ("->", (BAD_INPUT,)),
        ("ij,jk->ii", (BAD_INPUT,)), ("ij,jk->iz", (BAD_INPUT,)), ("i1,jk->ik", (BAD_INPUT,)), ("i.j,jk->ik", (BAD_INPUT,)), ("ij,jk,kl->il", (BAD_INPUT,)),
        ("ijk,jk->ik", (BAD_INPUT,)), ("...ij...,jk->ik", (BAD_INPUT,)), ("ij,jk->ik->", (BAD_INPUT,)), ("ij,ij->i", (BAD_INPUT,)), ("\x1b[2J,jk", (BAD_INPUT,)),
    ):  # fmt: skip
        label = equation[:20].replace("\x1b", "ESC") or "empty"
        yield from both("71", f"Einsum {label}", "Einsum", [f32(2, 3), f32(3, 4)], codes=codes, forms=(1,), equation=equation)
    # Small operands can ask for any number of products; time is the only bound that fits.
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for name, extent, flags in (("2^52 products", 2, ("--max-seconds", "0.3")), ("2^104 products", 4, ())):
        inputs = {f"i{k}": np.ones([extent] * 8, np.float32) for k in range(6)}
        terms = [letters[8 * k : 8 * k + 8] for k in range(6)] + [letters[48:]]
        inputs["i6"] = np.ones([extent] * 4, np.float32)
        nodes = [node("Einsum", list(inputs), ["y"], "culprit", equation=",".join(terms) + "->")]
        file = model(nodes, [value(key, FLOAT, [None] * array.ndim) for key, array in inputs.items()])
        yield Case("71", f"Einsum of {name}", file, codes=(LIMIT,), phrases=("culprit",), inputs=inputs,
                   command=("run", "{file}", "--random-inputs", *flags))  # fmt: skip

def cases():
    return [*convolutions(), *shapes(), *indexing(), *sizes(), *arithmetic()]
