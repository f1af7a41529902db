"""Cases 67 and the like: recurrent networks, attention, sequences, text and trees with parts that do not fit."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, Case
from operator_cases import both, f32, ints
from wire import FLOAT, model, msg, node, tensor, value


def recurrent():
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        x, w, r = f32(5, 2, 3), f32(1, gates * 4, 3), f32(1, gates * 4, 4)
        yield from both("67", f"{op} valid", op, [x, w, r], codes=(OK,), hidden_size=4)
        yield from both("67", f"{op} weights short", op, [x, f32(1, gates * 2, 3), r], hidden_size=4)
        yield from both("67", f"{op} recurrence short", op, [x, w, f32(1, gates * 4, 2)], hidden_size=4)
        yield from both("67", f"{op} recurrence rows", op, [x, w, f32(1, gates * 2, 4)], hidden_size=4)
        yield from both("67", f"{op} input size", op, [x, f32(1, gates * 4, 7), r], hidden_size=4)
        yield from both("67", f"{op} bias short", op, [x, w, r, f32(1, 3)], hidden_size=4)
        yield from both("67", f"{op} two directions of one", op, [x, w, r], hidden_size=4, direction="bidirectional")
        yield from both("67", f"{op} direction unknown", op, [x, w, r], hidden_size=4, direction="sideways")
        yield from both("67", f"{op} input 2-D", op, [f32(5, 3), w, r], hidden_size=4)
        yield from both("67", f"{op} weights 2-D", op, [x, f32(gates * 4, 3), r], hidden_size=4)
        for size in (0, -4, 3, 1 << 40, (1 << 62) + 1):
            yield from both("67", f"{op} hidden size {size}", op, [x, w, r], hidden_size=size)
        for lengths in ([9, 9], [-1, 1], [1]):
            yield from both(
                "67", f"{op} lengths {lengths}", op, [x, w, r, None, np.array(lengths, np.int32)], hidden_size=4
            )
        yield from both("67", f"{op} initial state", op, [x, w, r, None, None, f32(1, 3, 4)], hidden_size=4)
        yield from both(
            "67",
            f"{op} activation unknown",
            op,
            [x, w, r],
            hidden_size=4,
            activations=["Guess"] * {"LSTM": 3, "GRU": 2, "RNN": 1}[op],
        )
        yield from both("67", f"{op} layout 7", op, [x, w, r], hidden_size=4, layout=7)
        yield from both("69", f"{op} batch 0", op, [np.zeros((5, 0, 3), np.float32), w, r], codes=(OK,), hidden_size=4)
        yield from both("69", f"{op} no steps", op, [np.zeros((0, 2, 3), np.float32), w, r], codes=(OK,), hidden_size=4)
    x, w, r = f32(5, 2, 3), f32(1, 16, 3), f32(1, 16, 4)
    yield from both("67", "LSTM activations short", "LSTM", [x, w, r], hidden_size=4, activations=["Tanh"])
    yield from both("67", "LSTM cell state", "LSTM", [x, w, r, None, None, f32(1, 2, 4), f32(1, 9, 4)], hidden_size=4)
    yield from both("67", "LSTM peepholes", "LSTM", [x, w, r, None, None, None, None, f32(1, 3)], hidden_size=4)


def attention():
    ms = {"domain": "com.microsoft"}
    q = f32(1, 2, 4, 8)
    yield from both("68", "Attention key width", "Attention", [q, f32(1, 2, 4, 6), q], version=23)
    yield from both("68", "Attention mask", "Attention", [q, q, q, f32(7, 7)], version=23)
    yield from both("68", "Attention 3-D without heads", "Attention", [f32(1, 4, 8)] * 3, version=23)
    for heads in (0, -1, 3, 1 << 62):
        yield from both(
            "68",
            f"Attention {heads} heads",
            "Attention",
            [f32(1, 4, 8)] * 3,
            version=23,
            q_num_heads=heads,
            kv_num_heads=heads,
        )
        yield from both(
            "68",
            f"fused Attention {heads} heads",
            "Attention",
            [f32(1, 4, 8), f32(8, 24), f32(24)],
            num_heads=heads,
            **ms,
        )
    yield from both(
        "68",
        "Attention grouped heads",
        "Attention",
        [f32(1, 4, 8), f32(1, 4, 8), f32(1, 4, 8)],
        version=23,
        q_num_heads=2,
        kv_num_heads=0,
    )
    yield from both(
        "68", "fused Attention weights", "Attention", [f32(1, 4, 8), f32(8, 20), f32(24)], num_heads=2, **ms
    )
    yield from both(
        "68", "SkipLayerNormalization shapes", "SkipLayerNormalization", [f32(1, 4, 8), f32(1, 3, 8), f32(8)], **ms
    )
    yield from both("68", "BiasGelu bias", "BiasGelu", [f32(4, 8), f32(7)], **ms)
    table = f32(5, 8)
    for name, word in (("too large", 99), ("negative", -1)):
        ids = np.full((1, 4), word, np.int32)
        # A negative index counts from the end, as Gather's does.
        yield from both(
            "59",
            f"embedding id {name}",
            "EmbedLayerNormalization",
            codes=(OK, BAD_INPUT) if word < 0 else (BAD_INPUT,),
            inputs=[ids, np.zeros((1, 4), np.int32), table, table, table, f32(8), f32(8)],
            outputs=2,
            **ms,
        )
    yield from both(
        "68",
        "RotaryEmbedding odd",
        "RotaryEmbedding",
        [f32(1, 2, 4, 7), f32(4, 3), f32(4, 3), np.zeros((1, 4), np.int64)],
        version=23,
    )
    yield from both(
        "59",
        "RotaryEmbedding position",
        "RotaryEmbedding",
        [q, f32(4, 4), f32(4, 4), np.full((1, 4), 99, np.int64)],
        version=23,
    )
    yield from both("68", "FusedMatMul shapes", "FusedMatMul", [f32(2, 3), f32(2, 3)], **ms)


def sequences():
    def sequence_case(name, index, op="SequenceAt", codes=(BAD_INPUT,)):
        nodes = [
            node("SequenceConstruct", ["x", "x"], ["s"], "make"),
            node(op, ["s", "x", "i"] if op == "SequenceInsert" else ["s", "i"], ["q"], "culprit"),
            *([] if op == "SequenceAt" else [node("SequenceLength", ["q"], ["n"], "count")]),
        ]
        file = model(
            nodes, outputs=[value("q" if op == "SequenceAt" else "n")], initializers=[tensor("i", np.array(index))]
        )
        return Case("59", f"{op} {name}", file, codes=codes, phrases=("model.onnx", "culprit"))

    for op in ("SequenceAt", "SequenceErase", "SequenceInsert"):
        for index in (3, -4, 1 << 62, -(1 << 63)):
            yield sequence_case(str(index), index, op)
    nodes = [
        node("SequenceConstruct", ["x", "z"], ["s"], "make"),
        node("ConcatFromSequence", ["s"], ["y"], "culprit", axis=0),
    ]
    other = model(nodes, initializers=[tensor("z", f32(2, 4))])
    yield Case("68", "ConcatFromSequence sizes", other, phrases=("model.onnx", "culprit"))
    empty = model(
        [node("SequenceEmpty", [], ["s"], "make"), node("ConcatFromSequence", ["s"], ["y"], "culprit", axis=0)]
    )
    yield Case("68", "ConcatFromSequence of nothing", empty, phrases=("model.onnx", "culprit"))
    tensor_as_sequence = model(
        [node("SequenceAt", ["x", "i"], ["y"], "culprit")], initializers=[tensor("i", np.array(0))]
    )
    yield Case("68", "SequenceAt of a tensor", tensor_as_sequence, phrases=("model.onnx", "culprit"))
    sequence_as_tensor = model([node("SequenceConstruct", ["x"], ["s"], "make"), node("Relu", ["s"], ["y"], "culprit")])
    yield Case("68", "Relu of a sequence", sequence_as_tensor, phrases=("model.onnx", "culprit"))
    for op in ("MatMul", "Concat", "Gather", "Conv", "Shape", "Reshape"):
        attrs = {"axis": 0} if op == "Concat" else {}
        inputs = ["s"] if op == "Shape" else ["s", "x"]
        file = model([node("SequenceConstruct", ["x"], ["s"], "make"), node(op, inputs, ["y"], "culprit", **attrs)])
        yield Case("68", f"{op} of a sequence", file, phrases=("model.onnx", "culprit"))
    nothing = model(
        [
            node("Optional", [], ["o"], "none", type=_type_attribute()),
            node("OptionalGetElement", ["o"], ["y"], "culprit"),
        ]
    )
    yield Case("68", "element of an empty optional", nothing, phrases=("model.onnx", "culprit"))


def _type_attribute():
    from wire import RawAttribute, tensor_type

    return RawAttribute(msg((1, "type"), (14, tensor_type(FLOAT, [2])), (20, 13)))


def texts():
    words = np.array(["a,b", "c"], object)
    yield from both(
        "71",
        "RegexFullMatch backtracks",
        "RegexFullMatch",
        [np.array(["a" * 40 + "b"], object)],
        forms=(0,),
        version=20,
        codes=(OK, BAD_INPUT, LIMIT),
        pattern="(a+)+$",
    )
    yield from both("71", "RegexFullMatch broken", "RegexFullMatch", [words], forms=(0,), version=20, pattern="(((")
    yield from both(
        "71",
        "RegexFullMatch repeats",
        "RegexFullMatch",
        [words],
        forms=(0,),
        version=20,
        codes=(OK, BAD_INPUT, LIMIT),
        pattern="((a{1000}){1000}){1000}",
    )
    yield from both("71", "StringNormalizer 3-D", "StringNormalizer", [np.full((1, 1, 2), "a", object)], forms=(0,))
    yield from both(
        "71", "StringSplit", "StringSplit", [words], forms=(0,), outputs=2, version=20, codes=(OK,), delimiter=","
    )
    yield from both(
        "71",
        "StringSplit max -5",
        "StringSplit",
        [words],
        forms=(0,),
        outputs=2,
        version=20,
        codes=(OK, BAD_INPUT),
        delimiter=",",
        maxsplit=-5,
    )
    tfidf = {
        "mode": "TF",
        "min_gram_length": 1,
        "max_gram_length": 1,
        "max_skip_count": 0,
        "ngram_counts": [0],
        "ngram_indexes": [0],
        "pool_int64s": [1],
    }
    yield from both("59", "TfIdfVectorizer", "TfIdfVectorizer", [ints(1, 2)], codes=(OK,), **tfidf)
    yield from both(
        "59", "TfIdfVectorizer index -5", "TfIdfVectorizer", [ints(1, 2)], **{**tfidf, "ngram_indexes": [-5]}
    )
    yield from both(
        "59",
        "TfIdfVectorizer index 2^40",
        "TfIdfVectorizer",
        [ints(1, 2)],
        codes=(BAD_INPUT, LIMIT),
        **{**tfidf, "ngram_indexes": [1 << 40]},
    )
    yield from both("59", "TfIdfVectorizer counts", "TfIdfVectorizer", [ints(1, 2)], **{**tfidf, "ngram_counts": [99]})
    yield from both(
        "59",
        "TfIdfVectorizer lengths",
        "TfIdfVectorizer",
        [ints(1, 2)],
        codes=(BAD_INPUT,),
        **{**tfidf, "min_gram_length": 5},
    )
    yield from both(
        "59",
        "TfIdfVectorizer skips 2^40",
        "TfIdfVectorizer",
        [ints(1, 2)],
        codes=(OK, BAD_INPUT),
        **{**tfidf, "max_skip_count": 1 << 40},
    )
    yield from both(
        "71", "ImageDecoder of noise", "ImageDecoder", [np.arange(64, dtype=np.uint8)], version=20, codes=(BAD_INPUT, 3)
    )


TREE = {
    "nodes_featureids": [0, 0, 0],
    "nodes_falsenodeids": [2, 0, 0],
    "nodes_truenodeids": [1, 0, 0],
    "nodes_nodeids": [0, 1, 2],
    "nodes_treeids": [0, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_values": [0.5, 0.0, 0.0],
    "target_ids": [0, 0],
    "target_nodeids": [1, 2],
    "target_treeids": [0, 0],
    "target_weights": [1.0, 2.0],
    "n_targets": 1,
}


def trees():
    ml = {"domain": "ai.onnx.ml"}
    x = f32(2, 1)
    yield from both("59", "tree", "TreeEnsembleRegressor", [x], codes=(OK,), **TREE, **ml)
    for name, change in {
        "goes in circles": {"nodes_truenodeids": [0, 0, 0]},
        "goes nowhere": {"nodes_falsenodeids": [77, 0, 0]},
        "goes before": {"nodes_falsenodeids": [-5, 0, 0]},
        "feature beyond": {"nodes_featureids": [9, 0, 0]},
        "feature negative": {"nodes_featureids": [-1, 0, 0]},
        "mode unknown": {"nodes_modes": ["GUESS", "LEAF", "LEAF"]},
        "lists of other lengths": {"nodes_values": [0.5]},
        "target beyond": {"target_ids": [0, 9]},
        "target negative": {"target_ids": [0, -1]},
        "weights short": {"target_weights": [1.0]},
        "no targets": {"n_targets": 0},
        "2^40 targets": {"n_targets": 1 << 40},
        "twice the same node": {"nodes_nodeids": [0, 0, 2]},
        "weight of a missing node": {"target_nodeids": [1, 55]},
    }.items():
        codes = (BAD_INPUT, LIMIT) if "2^40" in name else (OK, BAD_INPUT) if "missing node" in name else (BAD_INPUT,)
        yield from both("59", f"tree {name}", "TreeEnsembleRegressor", [x], codes=codes, **{**TREE, **change}, **ml)
    vectors = {
        "kernel_type": "RBF",
        "kernel_params": [0.5, 0.0, 3.0],
        "support_vectors": [0.1] * 4,
        "coefficients": [1.0] * 4,
        "n_supports": 4,
        "rho": [0.1],
    }
    for name, change in {
        "counts": {"n_supports": 1 << 40},
        "vectors short": {"support_vectors": [0.1]},
        "coefficients short": {"coefficients": [1.0]},
        "rho missing": {"rho": []},
        "parameters short": {"kernel_params": [0.5]},
    }.items():
        yield from both("59", f"SVM {name}", "SVMRegressor", [x], codes=(BAD_INPUT, 3), **{**vectors, **change}, **ml)
    yield from both(
        "59", "LinearRegressor coefficients", "LinearRegressor", [f32(2, 3)], coefficients=[1.0], targets=1, **ml
    )
    yield from both(
        "59",
        "LinearRegressor 2^40 targets",
        "LinearRegressor",
        [f32(2, 3)],
        codes=(BAD_INPUT, LIMIT),
        coefficients=[1.0],
        targets=1 << 40,
        **ml,
    )
    yield from both(
        "59",
        "LinearClassifier labels",
        "LinearClassifier",
        [f32(2, 3)],
        outputs=2,
        coefficients=[1.0] * 6,
        intercepts=[0.0],
        classlabels_ints=[1, 2, 3, 4],
        **ml,
    )
    yield from both("59", "Scaler lengths", "Scaler", [f32(2, 3)], offset=[1.0, 2.0], scale=[1.0], **ml)
    yield from both(
        "59", "LabelEncoder lengths", "LabelEncoder", [ints(1, 2)], keys_int64s=[1, 2], values_int64s=[1], **ml
    )
    yield from both("59", "LabelEncoder without tables", "LabelEncoder", [ints(1, 2)], **ml)


def cases():
    return [*recurrent(), *attention(), *sequences(), *texts(), *trees()]
