"""Parts of TensorFlow Lite models for the comparison with LiteRT: one operator as a model, and forms that LiteRT opens."""

import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

BUILTIN_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def unpack(data):
    return schema.ModelT.InitFromPackedBuf(bytearray(data), 0)


def pack(model):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def operator_name(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return code.customCode.decode() if number == schema.BuiltinOperator.CUSTOM else BUILTIN_NAMES[number]


def is_constant(model, tensor):
    data = model.buffers[tensor.buffer].data
    return tensor.buffer != 0 and data is not None and len(data) > 0


def one_operator(model, index):
    """(bytes of a model of that operator alone, indices of its computed inputs, indices of its outputs)."""
    whole = model.subgraphs[0]
    operator = whole.operators[index]
    used = [i for i in operator.inputs if i >= 0]
    fed = [i for i in dict.fromkeys(used) if not is_constant(model, whole.tensors[i])]
    part = copy.copy(model)
    graph = copy.copy(whole)
    graph.operators, graph.inputs, graph.outputs = [operator], np.array(fed, np.int32), operator.outputs
    needed = {whole.tensors[i].buffer for i in used}
    part.buffers = [b if i in needed or i == 0 else schema.BufferT() for i, b in enumerate(model.buffers)]
    part.subgraphs, part.metadata, part.signatureDefs, part.metadataBuffer = [graph], None, None, None
    return pack(part), fed, list(operator.outputs)


def repair_dimensions(model):
    """Old converters state dimension 3 for the scales of a bias, which LiteRT no longer opens. True: something changed."""
    changed = False
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None and tensor.quantization.quantizedDimension >= len(tensor.shape) == 1:
                tensor.quantization.quantizedDimension, changed = 0, True
    return changed


def for_litert(data):
    """The model as LiteRT opens it: also with MediaPipe's Convolution2DTransposeBias spelled as TRANSPOSE_CONV."""
    model = unpack(data)
    graph = model.subgraphs[0]
    changed = repair_dimensions(model)
    custom = [op for op in graph.operators if operator_name(model, op) == "Convolution2DTransposeBias"]
    if not custom:
        return pack(model) if changed else data
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE_CONV
    code.version = 3
    model.operatorCodes.append(code)
    for op in custom:
        padding, stride_w, stride_h = np.frombuffer(bytes(op.customOptions[:12]), np.int32)
        options = schema.TransposeConvOptionsT()
        options.padding = schema.Padding.SAME if padding == 1 else schema.Padding.VALID
        options.strideW, options.strideH = int(stride_w), int(stride_h)
        shape = schema.BufferT()
        shape.data = np.frombuffer(np.array(graph.tensors[op.outputs[0]].shape, np.int32).tobytes(), np.uint8)
        model.buffers.append(shape)
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = np.array([4], np.int32), schema.TensorType.INT32, len(model.buffers) - 1, b"shape"
        graph.tensors.append(tensor)
        x, weight, bias = op.inputs
        op.inputs = np.array([len(graph.tensors) - 1, weight, x, bias], np.int32)
        op.opcodeIndex = len(model.operatorCodes) - 1
        op.builtinOptionsType, op.builtinOptions, op.customOptions = schema.BuiltinOptions.TransposeConvOptions, options, None
    return pack(model)
