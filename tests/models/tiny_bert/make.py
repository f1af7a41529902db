"""Writes one tiny BERT, the same weights each time, as five tools write it: the models beside this file.

2 layers, 2 heads, hidden size 16, 50 words, 24 positions, 2 segments; the output is the last hidden state.

    torchscript.onnx   torch.onnx.export(dynamo=False), attention spelled out ("eager")
    dynamo.onnx        torch.onnx.export(dynamo=True), attention by scaled_dot_product_attention
    runtime.onnx       ONNX Runtime's transformer optimizer on torchscript.onnx
    tf2onnx.onnx       tf2onnx on TensorFlow's model
    tflite.tflite      TensorFlow's converter to TFLite, sizes fixed to [1, 12]

The tools do not fit into one Python environment, so run it twice, from two:

    pip install torch 'transformers<5' onnx onnxscript onnxruntime sympy
    python make.py torch
    pip install tensorflow-cpu==2.15.1 transformers==4.40.2 tf2onnx==1.16.1 'onnx<1.17' 'numpy<2'
    python make.py tensorflow
"""

import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
LAYERS, HEADS, HIDDEN, INNER, WORDS, POSITIONS, SEGMENTS = 2, 2, 16, 32, 50, 24, 2
NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def config():
    from transformers import BertConfig
    return BertConfig(vocab_size=WORDS, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                      intermediate_size=INNER, max_position_embeddings=POSITIONS, type_vocab_size=SEGMENTS)


def weights():
    """By the names that transformers gives them; matrices as [out, in]."""
    random = np.random.default_rng(1)
    made = {}

    def add(name, *dims, mean=0.0, deviation=0.3):
        made[name] = (mean + deviation * random.standard_normal(dims)).astype(np.float32)

    def linear(name, inputs, outputs):
        add(name + ".weight", outputs, inputs)
        add(name + ".bias", outputs)

    def norm(name):
        add(name + ".weight", HIDDEN, mean=1.0, deviation=0.1)
        add(name + ".bias", HIDDEN, deviation=0.1)

    for name, rows in (("word", WORDS), ("position", POSITIONS), ("token_type", SEGMENTS)):
        add(f"embeddings.{name}_embeddings.weight", rows, HIDDEN)
    norm("embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            linear(layer + "attention.self." + name, HIDDEN, HIDDEN)
        linear(layer + "attention.output.dense", HIDDEN, HIDDEN)
        norm(layer + "attention.output.LayerNorm")
        linear(layer + "intermediate.dense", HIDDEN, INNER)
        linear(layer + "output.dense", INNER, HIDDEN)
        norm(layer + "output.LayerNorm")
    return made


def make_torch():
    import torch
    from transformers import BertModel

    class LastHidden(torch.nn.Module):
        def __init__(self, attention):
            super().__init__()
            self.bert = BertModel._from_config(config(), attn_implementation=attention, add_pooling_layer=False)
            missing, unexpected = self.bert.load_state_dict({k: torch.tensor(v) for k, v in weights().items()}, strict=False)
            assert not unexpected and all("ids" in name for name in missing), (missing, unexpected)

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state

    ids = torch.arange(24).reshape(2, 12)
    mask = torch.ones(2, 12, dtype=torch.int64)
    mask[1, 7:] = 0
    arguments = (ids, mask, (ids > 5).long())
    torch.onnx.export(LastHidden("eager").eval(), arguments, FOLDER / "torchscript.onnx", dynamo=False, opset_version=17,
                      input_names=NAMES, output_names=["hidden"],
                      dynamic_axes={name: {0: "batch", 1: "length"} for name in [*NAMES, "hidden"]})
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=POSITIONS)
    program = torch.onnx.export(LastHidden("sdpa").eval(), arguments, dynamo=True, input_names=NAMES, output_names=["hidden"],
                                dynamic_shapes=tuple({0: batch, 1: length} for _ in NAMES))
    without_traces(program.model_proto, FOLDER / "dynamo.onnx")

    from onnxruntime.transformers import optimizer
    optimized = optimizer.optimize_model(str(FOLDER / "torchscript.onnx"), model_type="bert", num_heads=HEADS, hidden_size=HIDDEN)
    optimized.save_model_to_file(str(FOLDER / "runtime.onnx"))


def without_traces(model, path):
    """The exporter's notes on each node (its stack, with this machine's paths) are several times the weights."""
    import onnx
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in model.graph.value_info:
        del value.metadata_props[:]
    onnx.save(model, path)


def make_tensorflow():
    import tensorflow as tf
    import tf2onnx
    from transformers import TFBertModel

    bert = TFBertModel(config(), add_pooling_layer=False)
    bert.build()
    given = weights()
    for variable in bert.weights:
        parts = variable.name.split(":")[0].split("/")
        name = ".".join(parts[parts.index("embeddings" if "embeddings" in parts else "encoder"):])
        name = name.replace("layer_._", "layer.").replace("kernel", "weight").replace("gamma", "weight").replace("beta", "bias")
        if parts[-1] == "embeddings":
            name = name[: name.rindex(".")] + ".weight"
        value = given.pop(name)
        variable.assign(value.T if parts[-1] == "kernel" else value)
    assert not given, given.keys()

    def run(input_ids, attention_mask, token_type_ids):
        return bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, training=False).last_hidden_state

    def signature(*dims):
        return [tf.TensorSpec(dims, tf.int32, name=name) for name in NAMES]

    tf2onnx.convert.from_function(tf.function(run, input_signature=signature(None, None)), signature(None, None), opset=17,
                                  output_path=str(FOLDER / "tf2onnx.onnx"))
    concrete = tf.function(run, input_signature=signature(1, 12)).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], bert)
    (FOLDER / "tflite.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    {"torch": make_torch, "tensorflow": make_tensorflow}[sys.argv[1]]()
