"""Cases 78-87 and 98 of TensorFlow Lite files: the container, its indices and its options."""

import random
import struct

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case

FLOAT32, INT32, BOOL = schema.TensorType.FLOAT32, schema.TensorType.INT32, schema.TensorType.BOOL
BUILTIN = schema.BuiltinOperator
ANY_CODE = (OK, BAD_INPUT, UNSUPPORTED, LIMIT)


def tensor(name, shape, buffer=0, dtype=FLOAT32, **other):
    made = schema.TensorT()
    made.name, made.shape, made.buffer, made.type = name, list(shape), buffer, dtype
    for key, value in other.items():
        setattr(made, key, value)
    return made


def operator(inputs, outputs, code=0, options=None):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, list(inputs), list(outputs)
    if options is not None:
        made.builtinOptions = options
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
    return made


def subgraph(tensors, inputs, outputs, operators):
    made = schema.SubGraphT()
    made.tensors, made.inputs, made.outputs, made.operators = tensors, list(inputs), list(outputs), operators
    return made


def opcode(builtin, version=1, custom=None):
    made = schema.OperatorCodeT()
    made.builtinCode, made.version, made.customCode = builtin, version, custom
    made.deprecatedBuiltinCode = min(builtin, 127)
    return made


def buffer(data=b"", offset=0, size=0):
    made = schema.BufferT()
    made.data = np.frombuffer(data, np.uint8) if data else None
    made.offset, made.size = offset, size
    return made


def options(kind, **fields):
    made = getattr(schema, kind + "T")()
    for key, value in fields.items():
        setattr(made, key, value)
    return made


def pack(subgraphs, codes, buffers=(), version=3, identifier=b"TFL3"):
    made = schema.ModelT()
    made.version, made.subgraphs, made.operatorCodes = version, subgraphs, codes
    made.buffers = [buffer(), *buffers] if buffers is not None else None
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), file_identifier=identifier)
    return bytes(builder.Output())


def relu(**changes):
    """y = relu(x); what is given replaces a part."""
    parts = {
        "tensors": [tensor("x", [2, 3]), tensor("y", [2, 3])],
        "inputs": [0],
        "outputs": [1],
        "operators": [operator([0], [1])],
    }
    whole = {k: changes.pop(k) for k in ("codes", "buffers", "version", "identifier") if k in changes}
    parts.update(changes)
    return pack([subgraph(**parts)], whole.pop("codes", [opcode(BUILTIN.RELU)]), **whole)


def conv(weight_data, conv_options, weight_shape=(1, 1, 1, 3), **weight):
    tensors = [tensor("x", [1, 4, 4, 3]), tensor("w", weight_shape, 1, **weight), tensor("y", [1, 4, 4, 1])]
    graph = subgraph(tensors, [0], [2], [operator([0, 1], [2], options=conv_options)])
    return pack([graph], [opcode(BUILTIN.CONV_2D)], [buffer(weight_data)])


def loop(body, condition):
    tensors = [tensor("x", [1]), tensor("y", [1])]
    main = subgraph(tensors, [0], [1], [operator([0], [1], options=options("WhileOptions", condSubgraphIndex=condition, bodySubgraphIndex=body))])
    test = subgraph([tensor("x", [1]), tensor("c", [1], dtype=BOOL)], [0], [1], [operator([0, 0], [1], 1)])
    inside = subgraph([tensor("x", [1]), tensor("y", [1])], [0], [1], [operator([0], [1], options=options("WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2))])
    return pack([main, test, inside], [opcode(BUILTIN.WHILE), opcode(BUILTIN.LESS)])


def quantized_sum():
    def scaled(scale, zero_point):
        made = schema.QuantizationParametersT()
        made.scale, made.zeroPoint = [scale], [zero_point]
        return {"dtype": schema.TensorType.INT8, "quantization": made}

    tensors = [tensor("x", [2, 3], **scaled(0.5, 1)), tensor("w", [3], 1, **scaled(0.25, -2)), tensor("y", [2, 3], **scaled(1.0, 3))]
    graph = subgraph(tensors, [0], [2], [operator([0, 1], [2], options=options("AddOptions", fusedActivationFunction=1))])
    return pack([graph], [opcode(BUILTIN.ADD)], [buffer(bytes(3))])


def branches():
    tensors = [tensor("c", [], dtype=BOOL), tensor("x", [2]), tensor("y", [2])]
    choice = options("IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    main = subgraph(tensors, [0, 1], [2], [operator([0, 1], [2], options=choice)])
    sides = [subgraph([tensor("x", [2]), tensor("y", [2])], [0], [1], [operator([0], [1], code)]) for code in (1, 2)]
    return pack([main, *sides], [opcode(BUILTIN.IF), opcode(BUILTIN.RELU), opcode(BUILTIN.NEG)])


def legal():
    """Models that run: a change of one that is refused anyway shows less."""
    plain = options("Conv2DOptions", strideW=1, strideH=1, fusedActivationFunction=3)
    return [relu(), conv(bytes(12), plain), quantized_sum(), branches()]


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 0x20]) + data[position + 1 :]


def container():
    yield "78", "identifier TFL2", relu(identifier=b"TFL2"), (BAD_INPUT, UNSUPPORTED), ()
    for version in (0, 2, 99):
        yield "78", f"schema version {version}", relu(version=version), (UNSUPPORTED,), ("version", str(version))
    good = relu()
    for i, data in enumerate(legal()):
        yield "78", f"good model {i}", data, (OK,), ()
    yield "79", "cut in half", good[: len(good) // 2], (BAD_INPUT,), ("damaged",)
    yield "79", "only a header", good[:8], (BAD_INPUT,), ("damaged",)
    yield "79", "root offset past the end", struct.pack("<I", 0x7FFFFFF0) + good[4:], (BAD_INPUT,), ("damaged",)
    generator = random.Random(79)
    for i in range(40):
        data = bytearray(conv(bytes(12), options("Conv2DOptions", strideW=1, strideH=1)))
        for _ in range(generator.randint(1, 6)):
            data[generator.randrange(8, len(data))] = generator.choice((0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)))
        yield "79", f"random bytes {i}", bytes(data), ANY_CODE, ()
    for position in range(4, 8):
        yield "98", f"identifier byte {position} flipped", flipped(good, position), (BAD_INPUT, UNSUPPORTED), ()


def indices():
    for index in (2, 2**31 - 1, -2):
        yield "80", f"input tensor {index}", relu(operators=[operator([index], [1])]), (BAD_INPUT,), ("operator 0",)
        yield "80", f"output tensor {index}", relu(operators=[operator([0], [index])]), (BAD_INPUT,), ("operator 0",)
    yield "80", "absent input", relu(operators=[operator([-1], [1])]), (BAD_INPUT,), ()
    yield "80", "output made twice", relu(operators=[operator([0], [1]), operator([0], [1])]), (BAD_INPUT,), ("twice",)
    yield "80", "read before made", relu(operators=[operator([1], [1])]), (BAD_INPUT,), ("before",)
    far = [tensor("x", [2, 3]), tensor("y", [2, 3], 7)]
    yield "81", "buffer 7 of 1", relu(tensors=far), (BAD_INPUT,), ("buffer 7",)
    yield "81", "no buffers", relu(tensors=far, buffers=None), (BAD_INPUT,), ("buffer 7",)
    yield "82", "operator code 9", relu(operators=[operator([0], [1], 9)]), (BAD_INPUT,), ("operator code 9",)
    yield "82", "builtin 500", relu(codes=[opcode(500)]), (BAD_INPUT,), ("500",)
    yield "82", "custom without a name", relu(codes=[opcode(BUILTIN.CUSTOM)]), (BAD_INPUT,), ("custom",)
    yield "82", "unknown custom", relu(codes=[opcode(BUILTIN.CUSTOM, custom="Frobnicate")]), (UNSUPPORTED,), ("Frobnicate",)
    yield "82", "terminal escape in a name", relu(codes=[opcode(BUILTIN.CUSTOM, custom="\x1b[31mred")]), (UNSUPPORTED,), ("\\x1b",)
    yield "83", "no subgraph", pack([], [opcode(BUILTIN.RELU)]), (BAD_INPUT,), ("subgraph",)
    yield "83", "graph input 5", relu(inputs=[5]), (BAD_INPUT,), ("graph input",)
    yield "83", "graph output -1", relu(outputs=[-1]), (BAD_INPUT,), ("graph output",)
    yield "83", "no outputs", relu(outputs=[]), (BAD_INPUT,), ("outputs",)
    yield "83", "input twice", relu(inputs=[0, 0]), (BAD_INPUT,), ("twice",)
    yield "83", "negative dimension", relu(tensors=[tensor("x", [-2, 3]), tensor("y", [2, 3])]), (BAD_INPUT,), ("negative",)


def contents():
    weights = bytes(12)
    yield "84", "no options", conv(weights, None), (BAD_INPUT,), ("Conv2DOptions",)
    other = options("SoftmaxOptions", beta=1.0)
    yield "84", "options of another operator", conv(weights, other), (BAD_INPUT,), ("SoftmaxOptions",)
    yield "84", "stride 0", conv(weights, options("Conv2DOptions")), (BAD_INPUT,), ("stride",)
    unknown = options("Conv2DOptions", strideW=1, strideH=1, padding=9)
    yield "84", "padding 9", conv(weights, unknown), (BAD_INPUT,), ("padding",)
    for index in (3, -1, 2**31 - 1):
        yield "85", f"body {index}", loop(index, 1), (BAD_INPUT,), ("subgraph",)
        yield "85", f"condition {index}", loop(2, index), (BAD_INPUT,), ("subgraph",)
    yield "85", "body is the main graph", loop(0, 1), (BAD_INPUT,), ("contain itself",)
    yield "85", "body contains itself", loop(2, 1), (BAD_INPUT,), ("contain itself",)
    plain = options("Conv2DOptions", strideW=1, strideH=1)
    for data in (weights + b"1234", weights[:8]):
        yield "86", f"buffer of {len(data)} bytes", conv(data, plain), (BAD_INPUT,), ("12",)
    huge = conv(weights, plain, weight_shape=(65536, 256, 256, 3))
    yield "86", "weight of 48 GB", huge, (BAD_INPUT,), ("12",)
    quantized = schema.QuantizationParametersT()
    quantized.scale, quantized.zeroPoint = [1.0, 2.0], [0, 0]
    scales = conv(bytes(3), plain, dtype=schema.TensorType.INT8, quantization=quantized)
    yield "86", "two scales for one channel", scales, (BAD_INPUT,), ("scales",)
    for offset, size in ((1 << 40, 12), (8, 1 << 63), ((1 << 64) - 8, 16), (2, (1 << 64) - 1)):
        graph = subgraph([tensor("x", [3]), tensor("w", [3], 1), tensor("y", [3])], [0], [2], [operator([0, 1], [2])])
        data = pack([graph], [opcode(BUILTIN.ADD)], [buffer(offset=offset, size=size)])
        yield "87", f"buffer at {offset} of {size}", data, (BAD_INPUT,), ("outside the file",)
    graph = subgraph([tensor("x", [3]), tensor("w", [3], 1), tensor("y", [3])], [0], [2], [operator([0, 1], [2])])
    data = pack([graph], [opcode(BUILTIN.ADD)], [buffer(offset=2, size=12)])
    yield "87", "buffer behind the tables", data, (OK,), ()


def cases():
    for make in (container, indices, contents):
        for number, name, data, codes, phrases in make():
            yield Case(number, f"tflite, {name}", data, codes=codes, phrases=phrases, file_name="model.tflite")
