"""Writes test folders (model.onnx, tolerance.json, test_data_set_0) whose expected outputs ONNX Runtime computes, for
operators that ONNX's own suite tests little or not at all: recurrent networks with all their attributes, and the
com.microsoft attention and quantized products. suite_runner runs the folders.

    python tests/oracle/runtime_cases.py FOLDER
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
random = np.random.default_rng(7)


def floats(*shape, scale=1.0):
    return (random.uniform(-1, 1, shape) * scale).astype(np.float32)


def write(folder, name, op, inputs, outputs, domain="", rtol=1e-4, atol=1e-5, **attributes):
    """inputs: [(name, array or None)]; outputs: how many."""
    output_names = [f"out{i}" for i in range(outputs)]
    node = helper.make_node(op, [n if a is not None else "" for n, a in inputs], output_names, domain=domain, **attributes)
    given = [(n, a) for n, a in inputs if a is not None]
    infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in given]
    results = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in output_names]
    for info in results:
        info.ClearField("type")
    opsets = [helper.make_opsetid("", 21)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(helper.make_graph([node], name, infos, results), opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(None, dict(given))
    for info, value in zip(model.graph.output, values):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(value.dtype)
    where = folder / name / "test_data_set_0"
    where.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / name / "model.onnx")
    (folder / name / "tolerance.json").write_text(json.dumps({"rtol": rtol, "atol": atol}))
    for i, (n, a) in enumerate(given):
        (where / f"input_{i}.pb").write_bytes(numpy_helper.from_array(a, n).SerializeToString())
    for i, (n, a) in enumerate(zip(output_names, values)):
        (where / f"output_{i}.pb").write_bytes(numpy_helper.from_array(a, n).SerializeToString())


def recurrent(folder):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    functions = {"RNN": ["Relu"], "GRU": ["HardSigmoid", "LeakyRelu"], "LSTM": ["Sigmoid", "Softsign", "ScaledTanh"]}
    alphas = {"RNN": None, "GRU": [0.3, 0.2], "LSTM": [1.2]}
    betas = {"RNN": None, "GRU": [0.4], "LSTM": [0.8]}
    steps, batch, width, hidden = 5, 3, 4, 2
    for op, g in gates.items():
        for direction in ("forward", "reverse", "bidirectional"):
            d = 2 if direction == "bidirectional" else 1
            for variant in ("plain", "lengths", "clip", "functions", "special"):
                inputs = [("X", floats(steps, batch, width)), ("W", floats(d, g * hidden, width)), ("R", floats(d, g * hidden, hidden)),
                          ("B", floats(d, 2 * g * hidden)), ("lengths", np.array([5, 2, 3], np.int32) if variant == "lengths" else None),
                          ("h0", floats(d, batch, hidden))]
                attributes = {"direction": direction, "hidden_size": hidden}
                if op == "LSTM":
                    inputs += [("c0", floats(d, batch, hidden)), ("P", floats(d, 3 * hidden))]
                if variant == "clip":
                    attributes["clip"] = 0.4
                if variant == "functions":
                    attributes["activations"] = functions[op] * d
                    if alphas[op]:
                        attributes["activation_alpha"] = alphas[op] * d
                        attributes["activation_beta"] = betas[op] * d
                if variant == "special":
                    if op == "RNN":
                        continue
                    attributes["input_forget" if op == "LSTM" else "linear_before_reset"] = 1
                write(folder, f"{op.lower()}_{direction}_{variant}", op, inputs, 3 if op == "LSTM" else 2, **attributes)


def microsoft_attention(folder):
    b, s, n, size = 2, 3, 2, 4
    hidden = n * size
    bias = floats(3 * hidden)
    base = [("x", floats(b, s, hidden)), ("w", floats(hidden, 3 * hidden, scale=0.5)), ("bias", bias)]
    masks = {"none": None, "lengths": np.array([3, 2], np.int32), "ends_starts": np.array([3, 2, 0, 1], np.int32),
             "table": np.array([[1, 1, 0], [1, 1, 1]], np.int32), "cube": random.integers(0, 2, (b, s, s)).astype(np.int32) | np.eye(s, dtype=np.int32)}
    for name, mask in masks.items():
        write(folder, f"attention_mask_{name}", "Attention", base + [("mask", mask)], 1, MICROSOFT, num_heads=n)
    write(folder, "attention_unidirectional", "Attention", base, 1, MICROSOFT, num_heads=n, unidirectional=1, scale=0.3)
    write(folder, "attention_past", "Attention", base + [("mask", None), ("past", floats(2, b, n, 2, size))], 2, MICROSOFT, num_heads=n, unidirectional=1)
    write(folder, "attention_bias", "Attention", base + [("mask", None), ("past", None), ("attention_bias", floats(b, n, s, s))], 1, MICROSOFT, num_heads=n)
    q, k, v = floats(b, s, hidden), floats(b, 5, hidden), floats(b, 5, hidden)
    mha = [("q", q), ("k", k), ("v", v)]
    write(folder, "mha_plain", "MultiHeadAttention", mha, 1, MICROSOFT, num_heads=n)
    write(folder, "mha_bias", "MultiHeadAttention", mha + [("bias", bias)], 1, MICROSOFT, num_heads=n)
    write(folder, "mha_mask", "MultiHeadAttention", mha + [("bias", None), ("mask", np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32))], 1, MICROSOFT, num_heads=n)
    write(folder, "mha_lengths", "MultiHeadAttention", mha + [("bias", bias), ("mask", np.array([3, 5], np.int32))], 1, MICROSOFT, num_heads=n)
    write(folder, "mha_attention_bias", "MultiHeadAttention", mha + [("bias", None), ("mask", None), ("ab", floats(1, n, s, 5))], 1, MICROSOFT, num_heads=n)
    cross = [("q", q), ("k", floats(b, n, 5, size)), ("v", floats(b, n, 5, size))]
    write(folder, "mha_cross", "MultiHeadAttention", cross, 1, MICROSOFT, num_heads=n)
    own = [("q", q), ("k", floats(b, s, hidden)), ("v", floats(b, s, hidden)), ("bias", None), ("mask", None), ("ab", None)]
    write(folder, "mha_past", "MultiHeadAttention", own + [("pk", floats(b, n, 2, size)), ("pv", floats(b, n, 2, size))], 3, MICROSOFT, num_heads=n)
    write(folder, "mha_causal", "MultiHeadAttention", own[:3], 1, MICROSOFT, num_heads=n, unidirectional=1)


def grouped(folder):
    b, n, g, size = 2, 4, 2, 16
    cos, sin = np.cos(floats(16, size // 2, scale=3)), np.sin(floats(16, size // 2, scale=3))

    def case(name, s, past, lengths, packed=False, rotary=False, buffer=None, **attributes):
        total = np.array(max(lengths), np.int32)
        q = floats(b, s, (n + 2 * g) * size) if packed else floats(b, s, n * size)
        k, v = (None, None) if packed else (floats(b, s, g * size), floats(b, s, g * size))
        cached = (None, None) if past is None else (floats(b, g, past, size), floats(b, g, past, size))
        inputs = [("q", q), ("k", k), ("v", v), ("pk", cached[0]), ("pv", cached[1]), ("seqlens", np.array(lengths, np.int32) - 1), ("total", total)]
        if rotary:
            inputs += [("cos", cos.astype(np.float32)), ("sin", sin.astype(np.float32))]
        write(folder, name, "GroupQueryAttention", inputs, 3, MICROSOFT, num_heads=n, kv_num_heads=g, do_rotary=int(rotary), **attributes)

    case("gqa_prompt", 3, None, [3, 3])
    case("gqa_prompt_rotary", 3, None, [3, 3], rotary=True)
    case("gqa_packed_rotary", 3, None, [3, 3], packed=True, rotary=True, rotary_interleaved=1)
    case("gqa_decode", 1, 4, [5, 5], rotary=True)
    case("gqa_decode_window", 1, 4, [5, 5], local_window_size=2)
    case("gqa_softcap", 3, None, [3, 3], softcap=2.0, scale=0.5)


def products(folder):
    for bits in (2, 4, 8):
        k, n, block = 40, 3, 16
        blocks, blob = 3, 16 * bits // 8
        codes = random.integers(0, 256, (n, blocks, blob)).astype(np.uint8)
        scales = floats(n * blocks)
        zeros = random.integers(0, 256, n * ((blocks * bits + 7) // 8)).astype(np.uint8)
        base = [("a", floats(2, 5, k)), ("codes", codes), ("scales", scales)]
        write(folder, f"matmul_nbits_{bits}", "MatMulNBits", base, 1, MICROSOFT, rtol=1e-3, atol=1e-4, K=k, N=n, bits=bits, block_size=block)
        write(folder, f"matmul_nbits_{bits}_zeros", "MatMulNBits", base + [("zeros", zeros)], 1, MICROSOFT, rtol=1e-3, atol=1e-4, K=k, N=n, bits=bits, block_size=block)
        write(folder, f"matmul_nbits_{bits}_bias", "MatMulNBits", base + [("zeros", None), ("groups", None), ("bias", floats(n))], 1, MICROSOFT, rtol=1e-3, atol=1e-4, K=k, N=n, bits=bits, block_size=block)
    # Weights of 7 bits: on CPUs without VNNI ONNX Runtime adds pairs of products in 16 bits, which saturate.
    weight = random.integers(-64, 65, (4, 3)).astype(np.int8)
    scale, zero = np.array([0.1, 0.2, 0.3], np.float32), np.array([1, 2, 3], np.int8)
    write(folder, "dynamic_quantize_matmul", "DynamicQuantizeMatMul", [("a", floats(2, 4)), ("b", weight), ("s", scale), ("z", zero), ("bias", floats(3))], 1, MICROSOFT)
    codes = random.integers(0, 128, (2, 4)).astype(np.uint8)
    write(folder, "matmul_integer_to_float", "MatMulIntegerToFloat",
          [("a", codes), ("b", weight), ("sa", np.array(0.05, np.float32)), ("sb", scale), ("za", np.array(7, np.uint8)), ("zb", zero), ("bias", floats(3))], 1, MICROSOFT)
    ids = random.integers(0, 6, (2, 3)).astype(np.int32)
    tables = [("word", floats(6, 8)), ("position", floats(5, 8)), ("segment_table", floats(2, 8)), ("gamma", floats(8)), ("beta", floats(8))]
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    write(folder, "embed_layer_normalization", "EmbedLayerNormalization", [("ids", ids), ("segments", ids % 2)] + tables + [("mask", mask)], 2, MICROSOFT, epsilon=1e-5)
    write(folder, "embed_layer_normalization_plain", "EmbedLayerNormalization",
          [("ids", ids), ("segments", None), tables[0], tables[1], ("none", None), tables[3], tables[4]], 2, MICROSOFT)
    # At most 127: ONNX Runtime's 8-bit products saturate at 16 bits on processors without VNNI.
    x = random.integers(0, 128, (2, 3, 8)).astype(np.uint8)
    w = random.integers(-128, 128, (8, 24)).astype(np.int8)
    write(folder, "qattention", "QAttention",
          [("x", x), ("w", w), ("bias", floats(24)), ("xs", np.array(0.01, np.float32)), ("ws", np.array(0.01, np.float32)), ("mask", None),
           ("xz", np.array(60, np.uint8)), ("wz", np.array(3, np.int8))], 1, MICROSOFT, num_heads=2)
    cos = floats(10, 2)
    for interleaved in (0, 1):
        write(folder, f"rotary_embedding_{interleaved}", "RotaryEmbedding",
              [("x", floats(2, 3, 8)), ("positions", np.array([[0, 3, 9], [1, 2, 4]], np.int64)), ("cos", cos), ("sin", cos)], 1, MICROSOFT, interleaved=interleaved)
    write(folder, "rotary_embedding_offset", "RotaryEmbedding",
          [("x", floats(2, 2, 3, 4)), ("positions", np.array([4], np.int64)), ("cos", cos), ("sin", cos)], 1, MICROSOFT)


def main():
    folder = pathlib.Path(sys.argv[1])
    for group in (recurrent, microsoft_attention, grouped, products):
        group(folder)
    print(f"{len(list(folder.iterdir()))} folders in {folder}")


if __name__ == "__main__":
    main()
