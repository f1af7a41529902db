"""TensorFlow Lite's builtin operators in every element type that LiteRT's reference kernels take: each as a model of that
operator alone, against LiteRT. What LiteRT refuses or cannot run is left out, what it runs minnow must run.

Floats within 1e-5 of the range (float16: 1e-2), codes at most a step away, integers and booleans equal.
Usage: tflite_types.py [NAME_PART]
"""

import os
import pickle
import sys

import numpy as np
import tflite_operators as operators
from tflite_operators import schema, write

TYPES = schema.TensorType
NUMBERS = {
    "float32": TYPES.FLOAT32, "float16": TYPES.FLOAT16, "int8": TYPES.INT8, "uint8": TYPES.UINT8, "int16": TYPES.INT16,
    "uint16": TYPES.UINT16, "int32": TYPES.INT32, "uint32": TYPES.UINT32, "int64": TYPES.INT64, "bool": TYPES.BOOL,
}  # fmt: skip
CODED = ("int8", "uint8", "int16")
PLAIN = ("float32", "float16", "uint16", "int32", "uint32", "int64", "bool")
SCALES = {"int8": 1 / 32, "uint8": 1 / 32, "int16": 1 / 4096}
ZERO_POINTS = {"int8": -5, "uint8": 121, "int16": 0}
TOLERANCE = {"float32": 1e-5, "float16": 1e-2}
SHAPE = (2, 4, 6, 4)


class Entry:
    """One operator. `inputs`: shapes of data in the type under test, or constant arrays of their own type. `outputs`:
    types ("same" or a name). `fixed`: LiteRT takes this scheme of the output alone. `floor`, `top`: limits of the data.
    `without`: types that are left out, because LiteRT's kernels do not compute what the schemes say or approximate."""

    def __init__(self, name, *inputs, options=None, outputs=("same",), fixed=None, floor=None, top=None, same_scheme=False,
                 without=()):  # fmt: skip
        self.name, self.inputs, self.options, self.outputs, self.fixed = name, inputs, options, outputs, fixed
        self.floor, self.top, self.same_scheme, self.without = floor, top, same_scheme, without


def ints(*values):
    return np.array(values, np.int32)


def option(kind, **fields):
    return write.options(kind + "Options", **fields)


def entries():
    one = SHAPE
    # Kernels that take codes for the numbers themselves, whatever their schemes, and such as look int16 up in short tables.
    raw, tabled = ("coded int8", "coded int16"), ("coded int16",)
    yield Entry("NEG", one, without=raw)
    yield Entry("EXP", one, without=tabled)
    for name in ("ABS", "SQUARE", "SIGN", "CEIL", "FLOOR", "ROUND", "SIN", "COS", "ELU", "RELU_N1_TO_1", "RELU_0_TO_1",
                 "HARD_SWISH", "ZEROS_LIKE", "LOGICAL_NOT"):  # fmt: skip
        yield Entry(name, one)
    yield Entry("GELU", one, options=option("Gelu", approximate=False))
    yield Entry("LOG", one, floor=0.1, without=tabled)
    yield Entry("SQRT", one, floor=0.1)
    yield Entry("RSQRT", one, floor=0.1, without=tabled)
    yield Entry("RELU", one)
    yield Entry("RELU6", one)
    yield Entry("LEAKY_RELU", one, options=option("LeakyRelu", alpha=0.3))
    yield Entry("PRELU", one, (1, 1, 4), without=tabled)
    unit = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}
    centred = {"int8": (1 / 128, 0), "uint8": (1 / 128, 128), "int16": (1 / 32768, 0)}
    logs = {"int8": (16 / 256, 127), "uint8": (16 / 256, 255)}
    yield Entry("LOGISTIC", one, fixed=unit)
    yield Entry("TANH", one, fixed=centred)
    yield Entry("SOFTMAX", one, options=option("Softmax", beta=1.0), fixed=unit, without=tabled)
    yield Entry("LOG_SOFTMAX", one, fixed=logs)
    yield Entry("L2_NORMALIZATION", one, fixed=centred)
    for name, kind in (("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul"), ("DIV", "Div")):
        for second in (one, (4,), (2, 1, 6, 1)):
            yield Entry(name, one, second, options=option(kind), floor=0.5 if name == "DIV" else None)
        yield Entry(name, one, one, options=option(kind, fusedActivationFunction=schema.ActivationFunctionType.RELU6),
                    floor=0.5 if name == "DIV" else None)  # fmt: skip
    for name in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "LOGICAL_AND", "LOGICAL_OR", "BITWISE_XOR"):
        yield Entry(name, one, one, same_scheme=True)
        yield Entry(name, one, (6, 1), same_scheme=True)
    for name in ("FLOOR_DIV", "FLOOR_MOD"):
        yield Entry(name, one, one, floor=0.5, without=raw)
    yield Entry("POW", one, one, floor=0.5, top=3)
    for name in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"):
        yield Entry(name, one, (6, 1), outputs=("bool",), same_scheme=True)
    yield Entry("ADD_N", one, one, one)
    for name in ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"):
        for axes, keep in ((ints(1, 2), False), (ints(-1), True), (ints(0, 3), True)):
            yield Entry(name, one, axes, options=option("Reducer", keepDims=keep), same_scheme=name in ("REDUCE_MAX", "REDUCE_MIN"),
                        without=(*raw, "bool") if name in ("SUM", "REDUCE_PROD") else ())  # fmt: skip
    for name, kind in (("ARG_MAX", "ArgMax"), ("ARG_MIN", "ArgMin")):
        yield Entry(name, one, ints(-1), options=option(kind, outputType=TYPES.INT32), outputs=("int32",))
        yield Entry(name, one, ints(2), options=option(kind, outputType=TYPES.INT64), outputs=("int64",))
    yield Entry("TOPK_V2", one, ints(3), outputs=("same", "int32"), same_scheme=True)
    for reverse in (False, True):
        yield Entry("CUMSUM", one, ints(2), options=option("Cumsum", exclusive=reverse, reverse=reverse))
    yield from moves(one)
    yield from spatial(one)


def moves(one):
    """Operators that move elements: input and output share a scheme."""
    def entry(name, *inputs, **more):
        return Entry(name, *inputs, same_scheme=True, **more)

    for axis in (0, 3):
        yield Entry("CONCATENATION", one, one, options=option("Concatenation", axis=axis), without=("coded int16",))
        yield entry("CONCATENATION", one, one, one, options=option("Concatenation", axis=axis))
    yield entry("PACK", one, one, options=option("Pack", axis=1, valuesCount=2))
    yield entry("UNPACK", one, options=option("Unpack", axis=3, num=4), outputs=("same",) * 4)
    yield entry("SPLIT", ints(2), one, options=option("Split", numSplits=3), outputs=("same",) * 3)
    yield entry("SPLIT_V", one, ints(1, 5), ints(2), options=option("SplitV", numSplits=2), outputs=("same",) * 2)
    yield entry("RESHAPE", one, ints(8, -1))
    yield entry("RESHAPE", one, ints(-1))
    yield entry("SQUEEZE", (2, 1, 4, 1), options=option("Squeeze", squeezeDims=[1]))
    yield entry("EXPAND_DIMS", one, ints(1))
    yield entry("TRANSPOSE", one, ints(0, 3, 1, 2))
    yield entry("PAD", one, ints(0, 0, 1, 2, 0, 3, 1, 0).reshape(4, 2))
    yield entry("PADV2", one, ints(0, 0, 1, 2, 0, 3, 1, 0).reshape(4, 2), ())
    yield entry("MIRROR_PAD", one, ints(0, 0, 1, 2, 0, 3, 0, 0).reshape(4, 2), options=option("MirrorPad"))
    yield entry("SLICE", one, ints(0, 1, 2, 0), ints(-1, 2, 3, -1))
    yield entry("STRIDED_SLICE", one, ints(0, 3, 0, 0), ints(2, 0, 6, 4), ints(1, -1, 2, 1),
                options=option("StridedSlice", beginMask=1, shrinkAxisMask=0))  # fmt: skip
    for index in (ints(1, 0, 3), np.array([[2, 2], [0, 1]], np.int64)):
        yield entry("GATHER", one, index, options=option("Gather", axis=1))
    yield entry("GATHER_ND", one, ints(1, 3, 0, 2).reshape(2, 2))
    yield entry("SCATTER_ND", ints(4, 1).reshape(2, 1), (2, 3), ints(6, 3), without=("bool",))
    yield entry("TILE", one, ints(1, 2, 1, 3))
    yield entry("BROADCAST_TO", (4, 1, 3), ints(2, 4, 5, 3))
    yield entry("REVERSE_V2", one, ints(2))
    yield entry("REVERSE_SEQUENCE", one, ints(1, 3), options=option("ReverseSequence", seqDim=1, batchDim=0))
    yield entry("SPACE_TO_DEPTH", one, options=option("SpaceToDepth", blockSize=2))
    yield entry("DEPTH_TO_SPACE", one, options=option("DepthToSpace", blockSize=2))
    yield entry("SPACE_TO_BATCH_ND", one, ints(2, 3), ints(0, 2, 0, 0).reshape(2, 2))
    yield entry("BATCH_TO_SPACE_ND", (6, 4, 3, 2), ints(2, 3), ints(0, 1, 1, 0).reshape(2, 2))
    yield entry("BROADCAST_ARGS", ints(2, 1, 4), ints(3, 1), outputs=("int32",))
    yield entry("FILL", ints(2, 3, 4), ())
    yield entry("SELECT", np.arange(192).reshape(one) % 3 == 0, one, one)
    yield entry("SELECT_V2", np.arange(4) % 3 == 0, one, one)
    yield entry("WHERE", one, outputs=("int64",))
    yield entry("SHAPE", one, options=option("Shape", outType=TYPES.INT32), outputs=("int32",))
    yield entry("RANK", one, outputs=("int32",))
    for update in ((1, 2, 2, 4), (2, 4, 1, 3), one):
        yield entry("DYNAMIC_UPDATE_SLICE", one, update, ints(1, 1, 9, -2))
    yield entry("EMBEDDING_LOOKUP", ints(2, 0), (4, 3))
    for kind in ("float32", "int32", "int64", "bool", "uint8", "int8", "int16", "float16"):
        yield entry("CAST", one, options=option("Cast", outDataType=NUMBERS[kind]), outputs=(kind,))


def spatial(one):
    window = {"strideW": 2, "strideH": 1, "filterWidth": 3, "filterHeight": 2}
    for padding in (schema.Padding.SAME, schema.Padding.VALID):
        for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            yield Entry(name, one, options=option("Pool2D", padding=padding, **window), same_scheme=True)
    for name, kind in (("RESIZE_BILINEAR", "ResizeBilinear"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor")):
        for aligned, half in ((False, False), (True, False), (False, True)):
            made = option(kind, alignCorners=aligned, halfPixelCenters=half)
            yield Entry(name, one, ints(7, 9), options=made, same_scheme=True, without=("coded int16",) * (name == "RESIZE_BILINEAR"))
    for x, y in ((False, False), (True, False), (False, True)):
        shapes = (2, 5, 3) if x else (2, 3, 5), (2, 4, 5) if y else (2, 5, 4)
        yield Entry("BATCH_MATMUL", *shapes, options=option("BatchMatMul", adjX=x, adjY=y))
    weight = np.random.default_rng(3).uniform(-1, 1, (3, 3, 2, 4)).astype(np.float32)
    for padding, out in ((schema.Padding.SAME, ints(2, 8, 6, 3)), (schema.Padding.VALID, ints(2, 9, 7, 3))):
        yield Entry("TRANSPOSE_CONV", out, weight, one, options=option("TransposeConv", padding=padding, strideH=2, strideW=1))
    # LiteRT's kernel reads floats whatever the type is, in narrower ones beyond the end of the tensor.
    yield Entry("FAKE_QUANT", one, options=option("FakeQuant", min=-1.0, max=1.5, numBits=5),
                without=(*PLAIN[1:], *(f"coded {name}" for name in CODED)))  # fmt: skip


def values(generator, entry, shape, dtype):
    if dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if dtype in ("float32", "float16"):
        made = generator.normal(0, 2, shape)
        return np.asarray(np.clip(made, entry.floor, entry.top) if entry.floor is not None else made).astype(dtype)
    least = -20 if np.iinfo(dtype).min < 0 else 0
    if entry.floor is not None:
        least = int(np.ceil(entry.floor))
    return np.asarray(generator.integers(least, 20 if entry.top is None else entry.top, shape)).astype(dtype)


def codes(generator, entry, shape, dtype):
    limits = np.iinfo(dtype)
    least = limits.min if entry.floor is None else ZERO_POINTS[dtype] + int(np.ceil(entry.floor / SCALES[dtype]))
    return np.asarray(generator.integers(least, limits.max, shape, endpoint=True)).astype(dtype)


def build(entry, dtype, coded, generator):
    """(model, the values of its inputs)."""
    tensors, buffers, fed, where = [], [], [], []
    for k, given in enumerate(entry.inputs):
        constant = isinstance(given, np.ndarray)
        array = given if constant else (codes if coded else values)(generator, entry, given, dtype)
        quantization = None
        if coded and not constant:
            factor = 1 if entry.same_scheme else (1, 0.75, 1.25)[k % 3]
            quantization = operators.scheme(SCALES[dtype] * factor, ZERO_POINTS[dtype])
        if constant:
            buffers.append(write.buffer(array.tobytes()))
        else:
            fed.append(array)
            where.append(k)
        tensors.append(write.tensor(f"i{k}", array.shape, len(buffers) if constant else 0, NUMBERS[array.dtype.name], quantization=quantization))
    for k, kind in enumerate(entry.outputs):
        quantization = None
        if coded and kind == "same":
            scale, zero = (entry.fixed or {}).get(dtype, (SCALES[dtype] * (1 if entry.same_scheme else 1.5), ZERO_POINTS[dtype]))
            quantization = operators.scheme(scale, zero)
        tensors.append(write.tensor(f"o{k}", (), 0, NUMBERS[dtype if kind == "same" else kind], quantization=quantization))
    outputs = range(len(entry.inputs), len(tensors))
    graph = write.subgraph(tensors, where, outputs, [write.operator(range(len(entry.inputs)), outputs, options=entry.options)])
    return write.pack([graph], [write.opcode(getattr(write.BUILTIN, entry.name))], buffers), fed


def compare(have, want, dtype, coded):
    assert have.shape == want.shape and have.dtype == want.dtype, f"{have.dtype}{have.shape} against {want.dtype}{want.shape}"
    if want.dtype.kind == "f":
        h, w = have.astype(np.float64), want.astype(np.float64)
        finite = np.isfinite(w)
        np.testing.assert_array_equal(h[~finite], w[~finite])
        far = np.abs(h - w)[finite].max(initial=0) / max(1.0, np.abs(w[finite]).max(initial=0))
        assert far <= TOLERANCE[want.dtype.name], f"{far:.1e} of the range away"
    else:
        away = np.abs(have.astype(np.int64) - want.astype(np.int64))
        allowed = 1 if coded and want.dtype.name == dtype else 0
        assert away.max(initial=0) <= allowed, f"{np.mean(away > allowed):.1%} of the elements differ, by up to {away.max()}"


def theirs(data, fed):
    """LiteRT's outputs, None where it refuses the model or dies of it (hence a process of its own)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with os.fdopen(writer, "wb") as out:
                pickle.dump([np.asarray(w) for w in operators.run_theirs(data, [fed])[0]], out)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        packed = answer.read()
    os.waitpid(child, 0)
    return pickle.loads(packed) if packed else None


def check(entry, dtype, coded):
    """Elements compared; 0 where LiteRT does not run it."""
    data, fed = build(entry, dtype, coded, np.random.default_rng(11))
    want = theirs(data, fed)
    if want is None:
        return 0
    ranges = [(w.dtype.name, float(np.abs(w[np.isfinite(w)]).max(initial=1))) for w in want if w.dtype.kind == "f"]
    loosest = 1 if coded else max([TOLERANCE[name] * size for name, size in ranges], default=0)
    if not operators.record(data, fed, want, 0, loosest):
        (have,) = operators.run_ours(data, [fed])
        for h, w in zip(have, want):
            compare(h, np.asarray(w), dtype, coded)
    return sum(np.asarray(w).size for w in want)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    compared, failed = {}, []
    for entry in entries():
        if wanted not in entry.name:
            continue
        for dtype, coded in [(d, False) for d in PLAIN] + [(d, True) for d in CODED]:
            kind = f"{'coded ' if coded else ''}{dtype}"
            if kind in entry.without:
                continue
            label = f"{entry.name} {kind}"
            try:
                found = check(entry, dtype, coded)
                compared.setdefault(entry.name, []).extend([kind] * (found > 0))
            except Exception as error:  # every operator gets its line
                print(f"{label} | {type(error).__name__}: {' '.join(str(error).split())[:300]} | VIOLATION", flush=True)
                failed.append(label)
    for name, types in compared.items():
        print(f"{name} | {', '.join(dict.fromkeys(types)) or 'LiteRT runs none'}")
    count = sum(len(types) for types in compared.values())
    print(f"{len(failed)} violations" if failed else f"all {count} cases agree")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
