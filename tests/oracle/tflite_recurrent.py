"""TensorFlow Lite's recurrent layers, each as a small random model, against LiteRT: several runs of one session, so that
states carry over.

Usage: tflite_recurrent.py [NAME_PART]
"""

import sys

import numpy as np
import tflite_operators as operators
from ai_edge_litert import schema_py_generated as schema
from tflite_operators import write

SEEDS, RUNS = 12, 3
TANH, RELU = schema.ActivationFunctionType.TANH, schema.ActivationFunctionType.RELU
# Float kernels sum in another order; where weights are codes LiteRT rounds activations to 8 bits at run time.
TOLERANCE, HYBRID_TOLERANCE = 1e-5, 0.05


class Layer:
    """Tensors of one operator, in the order of its inputs."""

    def __init__(self, generator, codes=False):
        self.generator, self.codes = generator, codes
        self.tensors, self.buffers, self.inputs, self.places = [], [], [], []

    def add(self, made):
        self.places.append(len(self.tensors))
        self.tensors.append(made)

    def given(self, shape):
        self.inputs.append(len(self.tensors))
        self.add(write.tensor(f"x{len(self.tensors)}", shape))

    def absent(self, count=1):
        self.places += [-1] * count

    def weight(self, *shape, bias=False):
        """Codes where the layer has codes, but for biases."""
        name, values = f"w{len(self.tensors)}", self.generator.normal(0, 0.5, shape).astype(np.float32)
        quantization, kind = None, schema.TensorType.FLOAT32
        if self.codes and not bias:
            scale = float(np.abs(values).max()) / 127
            quantization, kind = operators.scheme(scale, 0), schema.TensorType.INT8
            values = np.round(values / scale).astype(np.int8)
        self.buffers.append(write.buffer(values.tobytes()))
        self.add(write.tensor(name, shape, len(self.buffers), kind, quantization=quantization))

    def state(self, *shape):
        self.add(write.tensor(f"state{len(self.tensors)}", shape, isVariable=True))

    def model(self, builtin, out, options):
        output = len(self.tensors)
        tensors = [*self.tensors, write.tensor("y", out)]
        operator = write.operator(self.places, [output], options=options)
        graph = write.subgraph(tensors, self.inputs, [output], [operator])
        return write.pack([graph], [write.opcode(getattr(write.BUILTIN, builtin))], self.buffers)


def compare(layer, builtin, out, options, tolerance):
    data = layer.model(builtin, out, options)
    shapes = [layer.tensors[i].shape for i in layer.inputs]
    steps = [[layer.generator.normal(0, 1, s).astype(np.float32) for s in shapes] for _ in range(RUNS)]
    for (have,), (want,) in zip(operators.run_ours(data, steps), operators.run_theirs(data, steps)):
        assert have.shape == want.shape, f"{have.shape} against {want.shape}"
        np.testing.assert_allclose(have, want, rtol=0, atol=tolerance * max(1.0, float(np.ptp(want))))
    return RUNS * int(np.prod(out))


def sizes(generator):
    """Batch, steps, inputs, cells."""
    return (int(v) for v in generator.integers((1, 1, 1, 1), (4, 7, 9, 13)))


def sequence_shapes(batch, steps, width, cells, major):
    return [(steps, batch, n) if major else (batch, steps, n) for n in (width, cells)]


def lstm_inputs(layer, shape, batch, width, cells, peepholes, coupled):
    layer.given(shape)
    gates = (not coupled, True, True, True)  # input, forget, cell, output
    for columns in (width, cells):
        for present in gates:
            layer.weight(cells, columns) if present else layer.absent()
    for present in (not coupled, True, True):  # input, forget, output
        layer.weight(cells) if peepholes and present else layer.absent()
    for present in gates:
        layer.weight(cells, bias=True) if present else layer.absent()
    layer.absent(2)  # projection
    layer.state(batch, cells)
    layer.state(batch, cells)
    layer.absent(4)  # layer normalization


def lstm(sequence, codes=False, coupled=False):
    def check():
        compared = 0
        for seed in range(SEEDS):
            layer = Layer(np.random.default_rng(seed), codes)
            batch, steps, width, cells = sizes(layer.generator)
            peepholes, major = seed % 3 == 0, seed % 2 == 1
            shape, out = sequence_shapes(batch, steps, width, cells, major)
            if not sequence:
                shape, out = (batch, width), (batch, cells)
            lstm_inputs(layer, shape, batch, width, cells, peepholes, coupled)
            if sequence:
                options = write.options("UnidirectionalSequenceLSTMOptions", fusedActivationFunction=TANH, timeMajor=major)
            else:
                options = write.options("LSTMOptions", fusedActivationFunction=TANH)
            name = "UNIDIRECTIONAL_SEQUENCE_LSTM" if sequence else "LSTM"
            compared += compare(layer, name, out, options, HYBRID_TOLERANCE if codes else TOLERANCE)
        return compared, "elements"

    return check


def rnn(sequence, codes=False):
    def check():
        compared = 0
        for seed in range(SEEDS):
            layer = Layer(np.random.default_rng(seed), codes)
            batch, steps, width, cells = sizes(layer.generator)
            major, activation = seed % 2 == 1, RELU if seed % 4 > 1 and not codes else TANH
            shape, out = sequence_shapes(batch, steps, width, cells, major)
            if not sequence:
                shape, out = (batch, width), (batch, cells)
            layer.given(shape)
            layer.weight(cells, width)
            layer.weight(cells, cells)
            layer.weight(cells, bias=True)
            layer.state(batch, cells)
            if sequence:
                options = write.options("SequenceRNNOptions", fusedActivationFunction=activation, timeMajor=major)
            else:
                options = write.options("RNNOptions", fusedActivationFunction=activation)
            name = "UNIDIRECTIONAL_SEQUENCE_RNN" if sequence else "RNN"
            compared += compare(layer, name, out, options, HYBRID_TOLERANCE if codes else TOLERANCE)
        return compared, "elements"

    return check


def svdf():
    compared = 0
    for seed in range(SEEDS):
        layer = Layer(np.random.default_rng(seed))
        batch, memory, width, units = sizes(layer.generator)
        rank = 1 + seed % 3
        layer.given((batch, width))
        layer.weight(units * rank, width)
        layer.weight(units * rank, memory)
        layer.weight(units, bias=True) if seed % 2 else layer.absent()
        layer.state(batch, units * rank * memory)
        activation = RELU if seed % 4 > 1 else schema.ActivationFunctionType.NONE
        options = write.options("SVDFOptions", rank=rank, fusedActivationFunction=activation)
        compared += compare(layer, "SVDF", (batch, units), options, TOLERANCE)
    return compared, "elements"


CHECKS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm(sequence=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM coupled": lstm(sequence=True, coupled=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM int8 weights": lstm(sequence=True, codes=True),
    "LSTM": lstm(sequence=False),
    "LSTM coupled": lstm(sequence=False, coupled=True),
    "LSTM int8 weights": lstm(sequence=False, codes=True),
    "UNIDIRECTIONAL_SEQUENCE_RNN": rnn(sequence=True),
    "UNIDIRECTIONAL_SEQUENCE_RNN int8 weights": rnn(sequence=True, codes=True),
    "RNN": rnn(sequence=False),
    "RNN int8 weights": rnn(sequence=False, codes=True),
    "SVDF": svdf,
}

if __name__ == "__main__":
    sys.exit(operators.main(CHECKS, least=300))
