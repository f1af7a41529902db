"""Cases 49-66 of TensorFlow Lite files: operators whose options, shapes, indices or quantization do not fit. Each operator
runs twice, its operands as weights (seen when the file is opened) and as inputs (seen at run time)."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from tflite_cases import BUILTIN, buffer, opcode, operator, options, pack, subgraph, tensor

TYPES = {
    name: getattr(schema.TensorType, name.upper())
    for name in "float32 float64 float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
}
# Well above what a case rightly needs, well below what a bomb asks for.
COMMAND = ("run", "{file}", "--random-inputs", "--max-bytes", str(48 << 20))
REFUSED = (BAD_INPUT, UNSUPPORTED)
MINIMUM32 = -(1 << 31)


def f32(*dims):
    return np.linspace(-1, 1, int(np.prod(dims)), dtype=np.float32).reshape(dims)


def i32(*values):
    return np.array(values, np.int32)


def scheme(scales, zero_points, axis=0):
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint, made.quantizedDimension = list(scales), list(zero_points), axis
    return made


def one(
    number, name, builtin, inputs, outputs, codes=(BAD_INPUT,), phrases=(), forms=(0, 1), schemes=(), given=0, **fields
):
    """One operator. `inputs`: arrays, or None for an absent one; `outputs`: (shape, dtype name) of each; `schemes`: of inputs,
    then outputs; `given`: the input that is none of the weights. Fields: `options` the name of its table, the rest what
    stands in it. Operands that must be constants are refused as inputs, whatever they hold."""
    kind = fields.pop("options", None)
    table = options(kind, **fields) if kind else None
    schemes = [*schemes, *[None] * (len(inputs) + len(outputs) - len(schemes))]
    for form in forms:
        tensors, buffers, arrays, places = [], [], {}, []
        for k, array in enumerate(inputs):
            if array is None:
                places.append(-1)
                continue
            array = np.asarray(array)
            constant = form == 0 and k != given or form == 2
            if constant:
                buffers.append(buffer(array.tobytes()))
            else:
                arrays[f"i{k}"] = array
            places.append(len(tensors))
            dtype = TYPES["bool" if array.dtype == bool else array.dtype.name]
            tensors.append(
                tensor(f"i{k}", array.shape, len(buffers) if constant else 0, dtype, quantization=schemes[k])
            )
        first = len(tensors)
        for k, (shape, dtype) in enumerate(outputs):
            tensors.append(tensor(f"o{k}", shape, 0, TYPES[dtype], quantization=schemes[len(inputs) + k]))
        results = range(first, len(tensors))
        graph_inputs = [t for t in range(first) if tensors[t].buffer == 0]
        graph = subgraph(tensors, graph_inputs, results, [operator(places, results, options=table)])
        yield Case(
            number,
            f"tflite {name} {('weights', 'inputs', 'folded')[form]}",
            pack([graph], [opcode(getattr(BUILTIN, builtin))], buffers),
            codes=(*codes, UNSUPPORTED) if form == 1 else codes,
            phrases=() if OK in codes else ("model.tflite", *phrases),
            file_name="model.tflite",
            inputs=arrays,
            command=COMMAND,
        )


def windows():
    x, w, y = f32(1, 6, 6, 2), f32(4, 3, 3, 2), [((1, 4, 4, 4), "float32")]
    good = {"strideW": 1, "strideH": 1, "padding": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    pool = {"strideW": 1, "strideH": 1, "padding": 1, "filterWidth": 3, "filterHeight": 3}
    for value in (0, -1, MINIMUM32):
        for field in ("strideW", "strideH"):
            change = {**good, field: value}
            yield from one(
                "49", f"conv {field} {value}", "CONV_2D", [x, w, f32(4)], y, options="Conv2DOptions", **change
            )
            for kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
                change = {**pool, field: value}
                yield from one(
                    "49", f"{kind} {field} {value}", kind, [x], y, forms=(1,), options="Pool2DOptions", **change
                )
        for field in ("dilationWFactor", "dilationHFactor"):
            change = {**good, field: value}
            yield from one(
                "50", f"conv {field} {value}", "CONV_2D", [x, w, f32(4)], y, options="Conv2DOptions", **change
            )
        for field in ("filterWidth", "filterHeight"):
            change = {**pool, field: value}
            for kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
                yield from one(
                    "51", f"{kind} {field} {value}", kind, [x], y, forms=(1,), options="Pool2DOptions", **change
                )
        depth = {"depthMultiplier": 1, **good, "strideW": value}
        yield from one(
            "49",
            f"depthwise stride {value}",
            "DEPTHWISE_CONV_2D",
            [x, f32(1, 3, 3, 2)],
            y,
            options="DepthwiseConv2DOptions",
            **depth,
        )
    large = {**good, "dilationWFactor": 1 << 30}
    yield from one("50", "conv dilation 2^30", "CONV_2D", [x, w, f32(4)], y, options="Conv2DOptions", **large)
    yield from one(
        "52", "conv channels do not divide", "CONV_2D", [x, f32(4, 3, 3, 5)], y, options="Conv2DOptions", **good
    )
    yield from one("68", "conv bias of another size", "CONV_2D", [x, w, f32(3)], y, options="Conv2DOptions", **good)
    yield from one("68", "conv of a vector", "CONV_2D", [f32(6), w], y, options="Conv2DOptions", **good)
    yield from one(
        "52",
        "depthwise channels",
        "DEPTHWISE_CONV_2D",
        [x, f32(1, 3, 3, 3)],
        y,
        options="DepthwiseConv2DOptions",
        depthMultiplier=1,
        **good,
    )
    yield from one(
        "49",
        "transposed stride 0",
        "TRANSPOSE_CONV",
        given=2,
        inputs=[i32(1, 6, 6, 2), f32(2, 3, 3, 4), f32(1, 4, 4, 4)],
        outputs=[((1, 6, 6, 2), "float32")],
        options="TransposeConvOptions",
        padding=1,
    )
    for shape in ((1, -1, 6, 2), (1 << 30, 1 << 30, 6, 2), (0, 0, 0, 0), (1, 2)):
        codes = (OK, *REFUSED, LIMIT) if shape[0] == 0 else (*REFUSED, LIMIT)
        yield from one(
            "51",
            f"transposed output {shape}",
            "TRANSPOSE_CONV",
            given=2,
            inputs=[i32(*shape), f32(2, 3, 3, 4), f32(1, 4, 4, 4)],
            outputs=[((1, 6, 6, 2), "float32")],
            codes=codes,
            options="TransposeConvOptions",
            padding=1,
            strideW=1,
            strideH=1,
        )


def shapes():
    x = f32(1, 4, 4, 4)
    for block in (0, -1, 3, 1 << 30, MINIMUM32):
        for kind, table in (("DEPTH_TO_SPACE", "DepthToSpaceOptions"), ("SPACE_TO_DEPTH", "SpaceToDepthOptions")):
            yield from one(
                "54",
                f"{kind} {block}",
                kind,
                [x],
                [((1, 4, 4, 4), "float32")],
                forms=(1,),
                options=table,
                blockSize=block,
            )
        yield from one(
            "54",
            f"batch to space {block}",
            "BATCH_TO_SPACE_ND",
            [x, i32(block, 1), np.zeros((2, 2), np.int32)],
            [((1, 4, 4, 4), "float32")],
        )
        yield from one(
            "54",
            f"space to batch {block}",
            "SPACE_TO_BATCH_ND",
            [x, i32(block, 1), np.zeros((2, 2), np.int32)],
            [((1, 4, 4, 4), "float32")],
            codes=(*REFUSED, LIMIT),
        )
    for shape in ((-1, -1), (-2, 3), (5, 5), (-1, 5), (1 << 30, 1 << 30), (MINIMUM32,)):
        yield from one("55", f"reshape {shape}", "RESHAPE", [x, i32(*shape)], [((8, 8), "float32")])
    for axis in (77, -77, MINIMUM32, 2147483647):
        yield from one(
            "56",
            f"concatenation axis {axis}",
            "CONCATENATION",
            [x, x],
            [((2, 4, 4, 4), "float32")],
            options="ConcatenationOptions",
            axis=axis,
        )
        yield from one(
            "56",
            f"gather axis {axis}",
            "GATHER",
            [x, i32(0)],
            [((1, 4, 4, 4), "float32")],
            options="GatherOptions",
            axis=axis,
        )
        yield from one(
            "56",
            f"pack axis {axis}",
            "PACK",
            [x, x],
            [((2, 1, 4, 4, 4), "float32")],
            options="PackOptions",
            axis=axis,
            valuesCount=2,
        )
        yield from one(
            "56",
            f"unpack axis {axis}",
            "UNPACK",
            [x],
            [((4, 4, 4), "float32")],
            forms=(1,),
            options="UnpackOptions",
            axis=axis,
            num=1,
        )
        yield from one(
            "56",
            f"split axis {axis}",
            "SPLIT",
            given=1,
            inputs=[i32(axis).reshape(()), x],
            outputs=[((1, 4, 4, 2), "float32")] * 2,
            options="SplitOptions",
            numSplits=2,
        )
        for kind in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_PROD"):
            yield from one(
                "56", f"{kind} axis {axis}", kind, [x, i32(axis)], [((1, 4, 4), "float32")], options="ReducerOptions"
            )
        yield from one("56", f"reverse axis {axis}", "REVERSE_V2", [x, i32(axis)], [((1, 4, 4, 4), "float32")])
        yield from one("56", f"cumsum axis {axis}", "CUMSUM", [x, i32(axis).reshape(())], [((1, 4, 4, 4), "float32")])
        yield from one(
            "56", f"expand axis {axis}", "EXPAND_DIMS", [x, i32(axis).reshape(())], [((1, 1, 4, 4, 4), "float32")]
        )
        yield from one(
            "56",
            f"arg max axis {axis}",
            "ARG_MAX",
            [x, i32(axis).reshape(())],
            [((1, 4, 4), "int64")],
            options="ArgMaxOptions",
            outputType=TYPES["int64"],
        )
        yield from one("56", f"transpose {axis}", "TRANSPOSE", [x, i32(0, 1, 2, axis)], [((1, 4, 4, 4), "float32")])
    yield from one("56", "transpose with an axis twice", "TRANSPOSE", [x, i32(0, 1, 2, 2)], [((1, 4, 4, 4), "float32")])
    for count in (0, -1, 3, 1 << 30):
        # 0 is what a file without the option says; the outputs tell.
        codes = (OK, BAD_INPUT) if count == 0 else (BAD_INPUT,)
        yield from one(
            "57",
            f"{count} splits",
            codes=codes,
            builtin="SPLIT",
            given=1,
            inputs=[i32(3).reshape(()), x],
            outputs=[((1, 4, 4, 2), "float32")] * 2,
            options="SplitOptions",
            numSplits=count,
        )
    for sizes in ((-1, -1), (5, 5), (-2, 6), (1 << 30, 1 << 30)):
        yield from one(
            "57",
            f"split sizes {sizes}",
            "SPLIT_V",
            [x, i32(*sizes), i32(3).reshape(())],
            [((1, 4, 4, 2), "float32")] * 2,
            options="SplitVOptions",
            numSplits=2,
        )
    for begin, size in (
        ((0, 0, 0, 5), (1, 1, 1, 1)),
        ((0, 0, 0, -1), (1, 1, 1, 1)),
        ((0, 0, 0, 0), (1, 1, 1, 5)),
        ((0, 0, 0, 0), (1, 1, 1, -2)),
        ((0, 0, 0, 2147483647), (1, 1, 1, 2147483647)),
    ):
        # Bounds outside the tensor are cut, as ONNX has it.
        codes = (OK, BAD_INPUT)
        yield from one(
            "58",
            f"slice {begin} {size}",
            "SLICE",
            [x, i32(*begin), i32(*size)],
            [((1, 1, 1, 1), "float32")],
            codes=codes,
        )
    for stride in (0, MINIMUM32):
        codes = (BAD_INPUT,) if stride == 0 else (OK, *REFUSED)
        yield from one(
            "58",
            f"strided slice by {stride}",
            "STRIDED_SLICE",
            [x, i32(0, 0, 0, 0), i32(1, 4, 4, 4), i32(1, 1, 1, stride)],
            [((1, 4, 4, 4), "float32")],
            codes=codes,
            options="StridedSliceOptions",
        )
    yield from one(
        "58",
        "strided slice of too many axes",
        "STRIDED_SLICE",
        [x, i32(0, 0, 0, 0, 0), i32(1, 1, 1, 1, 1), i32(1, 1, 1, 1, 1)],
        [((1, 4, 4, 4), "float32")],
        options="StridedSliceOptions",
    )


def indices():
    x = f32(4, 3)
    for index in (4, -5, 2147483647, MINIMUM32):
        yield from one(
            "59", f"gather {index}", "GATHER", [x, i32(index)], [((1, 3), "float32")], options="GatherOptions", axis=0
        )
        yield from one("59", f"gather nd {index}", "GATHER_ND", [x, i32(index, 0).reshape(1, 2)], [((1,), "float32")])
        yield from one(
            "59", f"scatter nd {index}", "SCATTER_ND", [i32(index).reshape(1, 1), f32(1), i32(4)], [((4,), "float32")]
        )
        yield from one("59", f"embedding {index}", "EMBEDDING_LOOKUP", [i32(index), x], [((1, 3), "float32")])
        yield from one(
            "66",
            f"segment {index}",
            "SEGMENT_SUM",
            [x, i32(0, 0, 1, index)],
            [((2, 3), "float32")],
            codes=(*REFUSED, LIMIT),
        )
        yield from one(
            "66",
            f"unsorted segment {index}",
            "UNSORTED_SEGMENT_SUM",
            [x, i32(0, 0, 1, index), i32(2).reshape(())],
            [((2, 3), "float32")],
            codes=(OK, *REFUSED),
        )
    yield from one("66", "segments unsorted", "SEGMENT_SUM", [x, i32(0, 1, 0, 1)], [((2, 3), "float32")], codes=REFUSED)
    yield from one(
        "66", "segments of another length", "SEGMENT_SUM", [x, i32(0, 1)], [((2, 3), "float32")], codes=REFUSED
    )
    for count in (4, -1, 1 << 30, MINIMUM32):
        yield from one(
            "60", f"top {count}", "TOPK_V2", [x, i32(count).reshape(())], [((4, 3), "float32"), ((4, 3), "int32")]
        )
        depth = [i32(0, 1), i32(count).reshape(()), np.float32(1), np.float32(0)]
        codes = (OK,) if count == 4 else (BAD_INPUT, LIMIT)
        yield from one(
            "61",
            f"one hot {count}",
            "ONE_HOT",
            depth,
            [((2, 4), "float32")],
            codes=codes,
            options="OneHotOptions",
            axis=-1,
        )
    for start, limit, delta in ((0, 10, 0), (0, 2147483647, 1), (MINIMUM32, 2147483647, 1), (10, 0, 1)):
        codes = (BAD_INPUT, LIMIT) if limit else (OK, BAD_INPUT)
        yield from one(
            "62",
            f"range {start} {limit} {delta}",
            "RANGE",
            [np.int32(start), np.int32(limit), np.int32(delta)],
            [((-1,), "int32")],
            codes=codes,
        )
    for limit, delta in ((np.inf, 1), (np.nan, 1), (1, 1e-30), (1, np.nan)):
        yield from one(
            "62",
            f"range to {limit} by {delta}",
            "RANGE",
            [np.float32(0), np.float32(limit), np.float32(delta)],
            [((-1,), "float32")],
            codes=(BAD_INPUT, LIMIT),
        )


def bombs():
    x = f32(1, 2, 2, 1)
    codes = (BAD_INPUT, LIMIT)
    out = [((1, 2, 2, 1), "float32")]
    for shape in ((1 << 30, 1 << 30), (1 << 26,), (-1, 2), (MINIMUM32, MINIMUM32)):
        yield from one("63", f"fill {shape}", "FILL", [i32(*shape), np.float32(1)], [((-1,), "float32")], codes=codes)
        yield from one(
            "63", f"broadcast to {shape}", "BROADCAST_TO", [f32(1), i32(*shape)], [((-1,), "float32")], codes=codes
        )
    for times in ((1, 1 << 30, 1 << 30, 1), (1, 1 << 13, 1 << 13, 1), (1, -1, 1, 1), (1, 1)):
        yield from one("63", f"tile {times}", "TILE", [x, i32(*times)], out, codes=codes)
    for side in (-1, -3, 1 << 30, 2147483647):
        for kind in ("PAD", "MIRROR_PAD"):
            yield from one(
                "53",
                f"{kind} {side}",
                kind,
                [x, i32(0, 0, side, 0, 0, 0, 0, 0).reshape(4, 2)],
                out,
                codes=(OK, *codes) if side == -1 else codes,
                options="MirrorPadOptions" if kind[0] == "M" else None,
            )
    for count in (1, 1 << 29):
        # What the file declares is not given: nothing of that size may be made when it is opened.
        huge = [tensor("x", [1 << 30]), tensor("p", [1, 2], 1, TYPES["int32"]), tensor("y", [1 << 30])]
        node = operator([0, 1], [2], options=options("MirrorPadOptions"))
        yield Case(
            "53",
            f"tflite mirror {count} of a declared dimension",
            pack([subgraph(huge, [0], [2], [node])], [opcode(BUILTIN.MIRROR_PAD)], [buffer(i32(count, 1).tobytes())]),
            codes=(LIMIT,),
            file_name="model.tflite",
            command=COMMAND,
        )
    yield from one("53", "pads of another rank", "PAD", [x, i32(1, 1).reshape(1, 2)], out)
    for size in ((0, 4), (-1, 4), (1 << 30, 4), (2147483647, 2147483647)):
        for kind, table in (
            ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
            ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
        ):
            yield from one(
                "64",
                f"{kind} {size}",
                kind,
                [x, i32(*size)],
                out,
                codes=(*codes, OK) if size[0] == 0 else codes,
                options=table,
            )
    yield from one(
        "64", "resize to three sizes", "RESIZE_BILINEAR", [x, i32(4, 4, 4)], out, options="ResizeBilinearOptions"
    )


def cases():
    for make in (windows, shapes, indices, bombs):
        yield from make()
