"""Cases 54-61: shapes, axes and indices that do not fit. Each runs twice (`both`): its inputs as weights, seen by
inference and constant folding, and as run-time inputs, seen by the checks before every step."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, Case
from wire import DTYPES, FLOAT, STRING, model, node, opset, tensor, value

MINIMUM64, MAXIMUM64 = -(1 << 63), (1 << 63) - 1
# Well above what a case rightly needs, well below what a bomb asks for.
MAX_BYTES = ("--max-bytes", str(48 << 20))


def f32(*dims):
    return np.linspace(-1, 1, int(np.prod(dims)), dtype=np.float32).reshape(dims)


def ints(*values):
    return np.array(values, np.int64)


def both(
    number,
    name,
    op_type,
    inputs,
    outputs=1,
    codes=(BAD_INPUT,),
    phrases=(),
    version=17,
    domain=None,
    forms=(0, 1),
    seconds=2.0,
    **attrs,
):
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
            yield Case(
                number,
                f"{name} constant",
                file,
                codes=codes,
                phrases=said,
                seconds=seconds,
                command=("run", "{file}", "--random-inputs", *MAX_BYTES),
            )
        else:
            declared = [
                value(key, STRING if array.dtype.kind in "OSU" else DTYPES[array.dtype.name], [None] * array.ndim)
                for key, array in given.items()
            ]
            file = model(nodes, declared, out, version=version, opsets=opsets)
            yield Case(
                number,
                f"{name} given",
                file,
                codes=codes,
                phrases=said,
                seconds=seconds,
                inputs=given,
                command=("run", "{file}", "--random-inputs", *MAX_BYTES),
            )


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
        for op in (
            "Softmax",
            "LogSoftmax",
            "Hardmax",
            "ArgMax",
            "ArgMin",
            "LpNormalization",
            "LayerNormalization",
            "Flatten",
            "Unique",
            "TopK",
            "Gather",
            "GatherElements",
            "ScatterElements",
            "Concat",
            "Split",
            "Compress",
            "OneHot",
            "QuantizeLinear",
            "DequantizeLinear",
        ):
            extra = {
                "LayerNormalization": [f32(3)],
                "TopK": [ints(1)],
                "Gather": [ints(0)],
                "GatherElements": [np.zeros((2, 3), np.int64)],
                "ScatterElements": [np.zeros((2, 3), np.int64), x],
                "Concat": [x],
                "Compress": [np.array([True, False])],
                "OneHot": [ints(3), f32(2)],
                "QuantizeLinear": [f32(3)],
                "DequantizeLinear": [f32(3)],
            }.get(op, [])
            first = (
                np.zeros((2, 3), np.int64)
                if op == "OneHot"
                else np.zeros((2, 3), np.uint8) if op == "DequantizeLinear" else x
            )
            inputs = [first, *extra]
            if op == "OneHot":
                inputs = [first, np.array(3), f32(2)]
            yield from both(
                "56",
                f"{op} axis {axis}",
                op,
                inputs,
                outputs=2 if op in ("TopK", "Split") else 1,
                forms=(1,),
                axis=axis,
            )
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
    yield from both(
        "58",
        "Slice step minimum",
        "Slice",
        [x, ints(1), ints(MINIMUM64), ints(0), ints(MINIMUM64)],
        codes=(OK, BAD_INPUT),
    )
    yield from both(
        "58",
        "Slice to the extremes",
        "Slice",
        [x, ints(MINIMUM64), ints(MAXIMUM64), ints(1), ints(MAXIMUM64)],
        codes=(OK,),
    )
    yield from both(
        "58", "Slice backwards", "Slice", [x, ints(MAXIMUM64), ints(MINIMUM64), ints(1), ints(-1)], codes=(OK,)
    )
    yield from both("58", "Slice starts and ends differ", "Slice", [x, ints(0, 0), ints(2)])
    yield from both("58", "Slice axis twice", "Slice", [x, ints(0, 0), ints(1, 1), ints(0, 0)], codes=(OK, BAD_INPUT))
    yield from both("58", "Slice more axes than the rank", "Slice", [x, ints(0, 0, 0), ints(1, 1, 1)])


def indexing():
    x = f32(2, 3)
    for index in (2, -3, MAXIMUM64, MINIMUM64):
        yield from both("59", f"Gather {index}", "Gather", [x, ints(index)], phrases=(str(index),))
        yield from both(
            "59", f"GatherElements {index}", "GatherElements", [x, ints([0, index, 0])], phrases=(str(index),)
        )
        yield from both("59", f"GatherND {index}", "GatherND", [x, ints([index])], phrases=(str(index),))
        yield from both(
            "59",
            f"ScatterElements {index}",
            "ScatterElements",
            [x, ints([0, index, 0]), f32(1, 3)],
            phrases=(str(index),),
        )
        yield from both(
            "59",
            f"ScatterElements add {index}",
            "ScatterElements",
            [x, ints([0, index, 0]), f32(1, 3)],
            reduction="add",
            version=18,
        )
        yield from both("59", f"ScatterND {index}", "ScatterND", [x, ints([index]), f32(1, 3)], phrases=(str(index),))
        yield from both(
            "59",
            f"ArrayFeatureExtractor {index}",
            "ArrayFeatureExtractor",
            [f32(2, 2), ints(index)],
            domain="ai.onnx.ml",
        )
        rois = np.array([[0, 0, 1, 1]], np.float32)
        yield from both(
            "59", f"RoiAlign batch {index}", "RoiAlign", [f32(1, 1, 4, 4), rois, ints(index if index != -3 else -1)]
        )
    yield from both("59", "GatherND tuple longer than the rank", "GatherND", [x, ints([0, 0, 0])])
    yield from both("59", "GatherND batch_dims 5", "GatherND", [x, ints([0])], batch_dims=5)
    yield from both("59", "GatherND scalar indices", "GatherND", [x, np.array(0)])
    yield from both("59", "ScatterND updates of another shape", "ScatterND", [x, ints([0]), f32(1, 4)])
    yield from both("59", "ScatterElements updates of another shape", "ScatterElements", [x, ints([0, 1]), f32(1, 3)])
    yield from both(
        "59",
        "ScatterElements unknown reduction",
        "ScatterElements",
        [x, ints([0, 1, 0]), f32(1, 3)],
        reduction="guess",
        version=18,
    )
    yield from both(
        "59",
        "GatherElements larger indices",
        "GatherElements",
        [x, np.zeros((5, 5), np.int64)],
        codes=(BAD_INPUT,),
        axis=0,
    )
    yield from both("59", "Gather from nothing", "Gather", [np.zeros((0, 3), np.float32), ints(0)])
    for index in (99, MINIMUM64, MAXIMUM64):
        yield from both(
            "59",
            f"MaxUnpool {index}",
            "MaxUnpool",
            [f32(1, 1, 2, 2), np.full((1, 1, 2, 2), index, np.int64)],
            kernel_shape=[2, 2],
            strides=[2, 2],
        )
    yield from both(
        "59",
        "MaxUnpool shape 2^40",
        "MaxUnpool",
        [f32(1, 1, 2, 2), np.zeros((1, 1, 2, 2), np.int64), ints(1, 1, 1 << 40, 1 << 40)],
        codes=(BAD_INPUT, LIMIT),
        kernel_shape=[2, 2],
    )
    bomb_rois = [f32(1, 1, 4, 4), np.array([[0, 0, 1e9, 1e9]], np.float32), ints(0)]
    yield from both("59", "RoiAlign far outside", "RoiAlign", bomb_rois, codes=(OK, BAD_INPUT, LIMIT))
    yield from both(
        "59",
        "RoiAlign output 2^30",
        "RoiAlign",
        bomb_rois,
        codes=(BAD_INPUT, LIMIT),
        output_height=1 << 30,
        output_width=1 << 30,
    )
    yield from both(
        "59", "RoiAlign output 0", "RoiAlign", bomb_rois, codes=(OK, BAD_INPUT, LIMIT), output_height=0, output_width=-1
    )
    yield from both(
        "59",
        "MaxRoiPool",
        "MaxRoiPool",
        [f32(1, 1, 4, 4), np.array([[7, 0, 0, 3, 3]], np.float32)],
        pooled_shape=[2, 2],
    )
    yield from both("59", "ReverseSequence too long", "ReverseSequence", [x, ints(9, 9, 9)])
    yield from both("59", "ReverseSequence negative", "ReverseSequence", [x, ints(-1, 1, 1)])
    yield from both("59", "ReverseSequence count", "ReverseSequence", [x, ints(1)])
    yield from both("59", "Compress longer than the input", "Compress", [x, np.ones(99, bool)], codes=(OK, BAD_INPUT))
    yield from both(
        "59", "TensorScatter write index", "TensorScatter", [f32(1, 4, 2), f32(1, 2, 2), ints(99)], version=24
    )
    yield from both("59", "OneHot index out of range", "OneHot", [ints(99, -99), np.array(3), f32(2)], codes=(OK,))
    for k in (4, 1 << 40, -1, MINIMUM64):
        yield from both("60", f"TopK {k}", "TopK", [x, ints(k)], outputs=2)
    yield from both("60", "TopK of two counts", "TopK", [x, ints(1, 1)], outputs=2)
    for depth in (1 << 40, -1, MINIMUM64):
        yield from both(
            "61", f"OneHot depth {depth}", "OneHot", [ints(0, 1), np.array(depth), f32(2)], codes=(BAD_INPUT, LIMIT)
        )
    yield from both("61", "OneHot values of three", "OneHot", [ints(0, 1), np.array(3), f32(3)])
    yield from both("61", "EyeLike of rank 3", "EyeLike", [f32(2, 2, 2)])
    yield from both(
        "61",
        "NonMaxSuppression NaN and 2^40",
        "NonMaxSuppression",
        [np.full((1, 4, 4), np.nan, np.float32), f32(1, 1, 4), np.array([1 << 40]), np.array([np.nan], np.float32)],
        codes=(OK, BAD_INPUT),
    )


def cases():
    return [*shapes(), *indexing()]
