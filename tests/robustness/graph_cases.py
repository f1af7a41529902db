"""Cases 35-48 and 72: the graph's structure, subgraphs and functions."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK, UNSUPPORTED, Case
from wire import FLOAT, INT64, RawAttribute, function, graph, model, msg, node, opset, tensor, value, wrap

X = [value("x", FLOAT, [2, 3])]
Y = [value("y")]
OWN = [opset(1, "own")]
TRUE = tensor("c", np.array(True))
FALSE = tensor("f", np.array(False))


def bad(number, name, file, *phrases, codes=(BAD_INPUT,), **other):
    phrases = () if OK in codes else ("model.onnx", *phrases)
    return Case(number, name, file, codes=codes, phrases=phrases, **other)


def structure():
    ring = [
        node("Add", ["x", "b"], ["a"], "first"),
        node("Relu", ["a"], ["b"], "second"),
        node("Neg", ["b"], ["y"], "third"),
    ]
    yield bad("35", "cycle", model(ring), "cycle", "first")
    yield bad("36", "self-loop", model([node("Add", ["x", "y"], ["y"], "culprit")]), "culprit")
    yield bad("37", "undefined input", model([node("Add", ["x", "nowhere"], ["y"], "culprit")]), "culprit", "nowhere")
    twice = [node("Relu", ["x"], ["y"], "first"), node("Neg", ["x"], ["y"], "culprit")]
    yield bad("38", "duplicate output", model(twice), "culprit", "'y'")
    yield bad(
        "38",
        "output twice in a node",
        model([node("TopK", ["x", "k"], ["y", "y"], "culprit")], initializers=[tensor("k", np.array([1]))]),
        "culprit",
        "'y'",
    )
    yield bad(
        "38",
        "output named as an input",
        model([node("Relu", ["x"], ["x"], "culprit")], outputs=[value("x")]),
        "culprit",
    )
    shadow = model(
        [node("Relu", ["x"], ["w"], "culprit")],
        outputs=[value("w")],
        initializers=[tensor("w", np.ones(2, np.float32))],
    )
    yield bad("38", "output named as an initializer", shadow, "culprit")
    yield bad("38", "graph output twice", model([node("Relu", ["x"], ["y"], "n")], outputs=Y * 2), "'y'")
    yield bad("38", "graph input twice", model([node("Relu", ["x"], ["y"], "n")], X * 2), "'x'")
    unknown = [
        node("Reluu", ["x"], ["a"], "one"),
        node("Convv", ["a"], ["b"], "two"),
        node("Magic", ["b"], ["y"], "three", domain="else.where"),
    ]
    yield bad(
        "39",
        "unknown operators all at once",
        model(unknown, opsets=[opset(1, "else.where")]),
        "Reluu",
        "'Relu'",
        "Convv",
        "'Conv'",
        "else.where",
        codes=(UNSUPPORTED,),
    )
    yield bad(
        "39",
        "unknown operator in a subgraph",
        in_branch([node("Reluu", ["x"], ["t"], "one")]),
        "Reluu",
        codes=(UNSUPPORTED,),
    )
    yield bad(
        "39", "no operator name", model([node("", ["x"], ["y"], "culprit")]), "culprit", codes=(BAD_INPUT, UNSUPPORTED)
    )
    yield bad("41", "too many inputs", model([node("Relu", ["x", "x"], ["y"], "culprit")]), "culprit")
    yield bad("41", "too few inputs", model([node("Add", ["x"], ["y"], "culprit")]), "culprit")
    yield bad("41", "no inputs", model([node("Add", [], ["y"], "culprit")]), "culprit")
    yield bad("41", "required input absent", model([node("Add", ["", "x"], ["y"], "culprit")]), "culprit")
    yield bad("41", "too many outputs", model([node("Relu", ["x"], ["y", "z"], "culprit")]), "culprit")
    yield bad("41", "no outputs", model([node("Relu", ["x"], [], "culprit")]), codes=(BAD_INPUT,))
    yield bad("48", "output not produced", model([node("Relu", ["x"], ["a"], "n")]), "'y'")
    yield bad("48", "no graph", msg((1, 8), (8, opset(17))), "graph")
    yield bad("48", "graph without outputs", model([node("Relu", ["x"], ["y"], "n")], outputs=[]), "output")
    yield bad("48", "empty graph", wrap(graph([])), "output")
    yield bad("48", "output without name", model([node("Relu", ["x"], ["y"], "n")], outputs=[value("")]))
    yield bad("48", "input without name", model([node("Relu", ["x"], ["y"], "n")], inputs=[*X, value("")]))
    yield bad("72", "input is output", model([], outputs=[value("x")]), codes=(OK,))
    yield bad(
        "72",
        "initializer is output",
        model([], outputs=[value("w")], initializers=[tensor("w", np.ones(3, np.float32))]),
        codes=(OK,),
    )
    unsorted = [node("Neg", ["a"], ["y"], "late"), node("Relu", ["x"], ["a"], "early")]
    yield bad("35", "unsorted is accepted", model(unsorted), codes=(OK,))


def attributes():
    def with_attribute(name, message, *phrases, op="Softmax", codes=(BAD_INPUT,)):
        return bad(
            "40",
            name,
            model([node(op, ["x"], ["y"], "culprit", a=RawAttribute(message))]),
            "culprit",
            *phrases,
            codes=codes,
        )

    yield with_attribute("int as float", msg((1, "axis"), (2, 1.0), (20, 1)), "axis")
    yield with_attribute("int as text", msg((1, "axis"), (4, "1"), (20, 3)), "axis")
    yield with_attribute("int as ints", msg((1, "axis"), (8, [1, 2]), (20, 7)), "axis")
    yield with_attribute("int as tensor", msg((1, "axis"), (5, tensor("", np.ones(1, np.int64))), (20, 4)), "axis")
    yield with_attribute("int as graph", msg((1, "axis"), (6, graph([])), (20, 5)))
    yield with_attribute("type against value", msg((1, "axis"), (4, "1"), (20, 2)))
    yield with_attribute("type unknown", msg((1, "axis"), (3, 1), (20, 99)))
    yield with_attribute("no type and no value", msg((1, "axis")), "axis")
    yield with_attribute("no name", msg((3, 1), (20, 2)))
    yield with_attribute("unknown attribute", msg((1, "spin"), (3, 1), (20, 2)), "spin", codes=(BAD_INPUT, UNSUPPORTED))
    yield with_attribute("twice", msg((1, "axis"), (3, 1), (20, 2)) + b"", codes=(OK,))
    double = node("Softmax", ["x"], ["y"], "culprit", a=RawAttribute(msg((1, "axis"), (3, 1), (20, 2))), axis=0)
    yield bad("40", "given twice", model([double]), "culprit", "axis")
    yield with_attribute("reference outside a function", msg((1, "axis"), (20, 2), (21, "elsewhere")))
    yield bad("40", "missing required", model([node("Concat", ["x", "x"], ["y"], "culprit")]), "culprit", "axis")
    yield bad("40", "If without branches", model([node("If", ["c"], ["y"], "culprit")], initializers=[TRUE]), "culprit")
    yield bad(
        "40",
        "branch is no graph",
        model([node("If", ["c"], ["y"], "culprit", then_branch=1, else_branch=2)], initializers=[TRUE]),
        "culprit",
    )


def in_branch(nodes, outputs=None):
    branch = graph(nodes, [], [value("t")] if outputs is None else outputs)
    return model([node("If", ["c"], ["y"], "choice", then_branch=branch, else_branch=branch)], initializers=[TRUE])


def nested_if(depth):
    """If in If …: built from the inside; every level's message holds all deeper ones."""
    body = graph([node("Relu", ["x"], ["t"], "leaf")], [], [value("t")])
    for _ in range(depth):
        other = graph([node("Neg", ["x"], ["t"], "leaf")], [], [value("t")])
        body = graph([node("If", ["c"], ["t"], "choice", then_branch=body, else_branch=other)], [], [value("t")])
    return model(
        [
            node(
                "If",
                ["c"],
                ["y"],
                "outermost",
                then_branch=body,
                else_branch=body if depth < 3 else graph([node("Neg", ["x"], ["t"], "leaf")], [], [value("t")]),
            )
        ],
        initializers=[TRUE],
    )


def loop(trips, condition=True, extra_codes=None, body=None):
    body = body or graph(
        [node("Identity", ["ci"], ["co"], "keep"), node("Add", ["v", "v"], ["vo"], "double")],
        [value("i", INT64, []), value("ci", 9, []), value("v", FLOAT, [2, 3])],
        [value("co", 9), value("vo")],
    )
    loops = node("Loop", ["m", "c" if condition else "f", "x"], ["y"], "culprit", body=body)
    return model([loops], initializers=[tensor("m", np.array(trips, np.int64)), TRUE, FALSE])


def scan(inputs, **attrs):
    body = graph(
        [node("Add", ["s", "e"], ["so"], "sum"), node("Identity", ["e"], ["eo"], "keep")],
        [value("s", FLOAT, [3]), value("e", FLOAT, [3])],
        [value("so"), value("eo")],
    )
    return model(
        [node("Scan", inputs, ["a", "y"], "culprit", body=body, **attrs)],
        initializers=[tensor("z", np.zeros(3, np.float32))],
    )


def subgraphs():
    yield bad("43", "If nested 10", nested_if(10), codes=(OK,))
    yield bad("43", "If nested 200", nested_if(200), "nested", codes=(BAD_INPUT, LIMIT))
    yield bad("43", "If nested 2000", nested_if(2000), "nested", codes=(BAD_INPUT, LIMIT))
    yield bad(
        "46",
        "Loop of 2^62 trips",
        loop(1 << 62),
        "culprit",
        "step",
        codes=(LIMIT,),
        command=("run", "{file}", "--random-inputs", "--max-steps", "10000"),
    )
    yield bad(
        "46",
        "Loop without end in time",
        loop(1 << 62),
        "culprit",
        codes=(LIMIT,),
        command=("run", "{file}", "--random-inputs", "--max-seconds", "0.3"),
    )
    yield bad("46", "Loop of -1 trips", loop(-1), codes=(OK, BAD_INPUT))
    yield bad("46", "Loop of 3 trips", loop(3), codes=(OK,))
    growing = graph(
        [node("Identity", ["ci"], ["co"], "keep"), node("Concat", ["v", "v"], ["vo"], "grow", axis=0)],
        [value("i", INT64, []), value("ci", 9, []), value("v", FLOAT)],
        [value("co", 9), value("vo")],
    )
    yield bad(
        "46",
        "Loop doubles its state",
        loop(1 << 40, body=growing),
        "grow",
        codes=(LIMIT,),
        command=("run", "{file}", "--random-inputs", "--max-bytes", "16000000"),
    )
    collecting = graph(
        [
            node("Identity", ["ci"], ["co"], "keep"),
            node("Identity", ["v"], ["vo"], "v"),
            node("Tile", ["v", "r"], ["s"], "tile"),
        ],
        [value("i", INT64, []), value("ci", 9, []), value("v", FLOAT, [2, 3])],
        [value("co", 9), value("vo"), value("s")],
        [tensor("r", np.array([100, 100]))],
    )
    collect = model(
        [node("Loop", ["m", "c", "x"], ["a", "y"], "culprit", body=collecting)],
        initializers=[tensor("m", np.array(1 << 40)), TRUE],
    )
    yield bad(
        "46",
        "Loop collects without end",
        collect,
        codes=(LIMIT,),
        command=("run", "{file}", "--random-inputs", "--max-bytes", "16000000"),
    )
    one_output = graph(
        [node("Identity", ["ci"], ["co"], "keep")],
        [value("i", INT64, []), value("ci", 9, []), value("v")],
        [value("co")],
    )
    yield bad("41", "Loop body lacks an output", loop(3, body=one_output), "culprit")
    no_inputs = graph([node("Identity", ["x"], ["vo"], "k")], [], [value("c"), value("vo")])
    yield bad("41", "Loop body lacks inputs", loop(3, body=no_inputs), "culprit")
    text_condition = graph(
        [node("Identity", ["v"], ["co"], "keep"), node("Identity", ["v"], ["vo"], "k")],
        [value("i", INT64, []), value("ci", 9, []), value("v")],
        [value("co"), value("vo")],
    )
    yield bad("46", "Loop condition is no boolean", loop(3, body=text_condition), "culprit")
    yield bad("46", "Loop trips a vector", loop([3, 4]), "culprit")
    captured = in_branch([node("Relu", ["nowhere"], ["t"], "inner")])
    yield bad("47", "capture of a missing name", captured, "inner", "nowhere")
    yield bad("47", "branch output not produced", in_branch([node("Relu", ["x"], ["u"], "inner")]), "'t'")
    different = model(
        [
            node(
                "If",
                ["c"],
                ["y"],
                "culprit",
                then_branch=graph([node("Relu", ["x"], ["t"])], [], [value("t")]),
                else_branch=graph([node("Relu", ["x"], ["t"])], [], [value("t"), value("t")]),
            )
        ],
        initializers=[TRUE],
    )
    yield bad("41", "branches with other counts", different)
    vector = model(
        [
            node(
                "If",
                ["w"],
                ["y"],
                "culprit",
                then_branch=graph([node("Relu", ["x"], ["t"])], [], [value("t")]),
                else_branch=graph([node("Neg", ["x"], ["t"])], [], [value("t")]),
            )
        ],
        initializers=[tensor("w", np.array([True, False]))],
    )
    yield bad("40", "If on a vector", vector, "culprit")
    yield bad("40", "If on a float", in_branch_float(), "culprit")
    yield bad("41", "Scan", scan(["z", "x"], num_scan_inputs=1), codes=(OK,))
    for count in (0, -1, 3, 1 << 40):
        yield bad("41", f"Scan with {count} scan inputs", scan(["z", "x"], num_scan_inputs=count), "culprit")
    yield bad("56", "Scan axis 77", scan(["z", "x"], num_scan_inputs=1, scan_input_axes=[77]), "culprit")
    yield bad("56", "Scan output axis 77", scan(["z", "x"], num_scan_inputs=1, scan_output_axes=[77]), "culprit")
    yield bad("41", "Scan directions", scan(["z", "x"], num_scan_inputs=1, scan_input_directions=[1, 0, 1]), "culprit")
    yield bad("41", "Scan direction 7", scan(["z", "x"], num_scan_inputs=1, scan_input_directions=[7]), "culprit")


def in_branch_float():
    branch = graph([node("Relu", ["x"], ["t"], "leaf")], [], [value("t")])
    return model(
        [node("If", ["w"], ["y"], "culprit", then_branch=branch, else_branch=branch)],
        initializers=[tensor("w", np.array(1.0, np.float32))],
    )


def doubling_functions(levels):
    """Each function calls the next twice: 2^levels nodes when expanded."""
    last = function("F0", ["a"], ["b"], [node("Relu", ["a"], ["b"])])
    rest = [
        function(
            f"F{i}",
            ["a"],
            ["b"],
            [node(f"F{i - 1}", ["a"], ["m"], domain="own"), node(f"F{i - 1}", ["m"], ["b"], domain="own")],
        )
        for i in range(1, levels + 1)
    ]
    return model([node(f"F{levels}", ["x"], ["y"], "culprit", domain="own")], functions=[last, *rest], opsets=OWN)


def functions():
    def call(functions, number="44", name="", *phrases, inputs=("x",), codes=(BAD_INPUT,), **attrs):
        file = model([node("F", inputs, ["y"], "culprit", domain="own", **attrs)], functions=functions, opsets=OWN)
        return bad(number, name, file, *phrases, codes=codes)

    itself = function("F", ["a"], ["b"], [node("F", ["a"], ["b"], domain="own")])
    yield call([itself], "44", "function calls itself", "'F'", codes=(BAD_INPUT, LIMIT))
    first = function("F", ["a"], ["b"], [node("G", ["a"], ["b"], domain="own")])
    second = function("G", ["a"], ["b"], [node("F", ["a"], ["b"], domain="own")])
    yield call([first, second], "44", "functions call each other", codes=(BAD_INPUT, LIMIT))
    branch = graph([node("F", ["x"], ["t"], domain="own")], [], [value("t")])
    hidden = function("F", ["x"], ["b"], [node("If", ["x"], ["b"], then_branch=branch, else_branch=branch)])
    yield call([hidden], "44", "function calls itself in a branch", codes=(BAD_INPUT, LIMIT))
    chain = [function(f"F{i}", ["a"], ["b"], [node(f"F{i + 1}", ["a"], ["b"], domain="own")]) for i in range(2000)]
    chain.append(function("F2000", ["a"], ["b"], [node("Relu", ["a"], ["b"])]))
    deep = model([node("F0", ["x"], ["y"], "culprit", domain="own")], functions=chain, opsets=OWN)
    yield bad("44", "functions nested 2000", deep, "nested", codes=(LIMIT,))
    yield bad("45", "expansion to 2^29 nodes", doubling_functions(29), "nodes", codes=(LIMIT,))
    yield bad("45", "expansion to 2^10 nodes", doubling_functions(10), codes=(OK,))
    relu = [node("Relu", ["a"], ["b"])]
    yield call([function("F", ["a"], ["b"], relu)] * 2, "44", "function twice", "F")
    yield call([function("F", ["a", "a"], ["b"], relu)], "44", "function input twice", "'a'", inputs=("x", "x"))
    yield call([function("F", ["a"], ["b"], relu)], "41", "function with too many inputs", "culprit", inputs=("x", "x"))
    yield call(
        [function("F", ["a"], ["b"], [node("Relu", ["nowhere"], ["b"])])],
        "37",
        "function reads a missing name",
        "nowhere",
    )
    yield call([function("F", ["a"], ["nowhere"], relu)], "48", "function output not produced", "nowhere")
    yield call(
        [function("F", ["a"], ["b"], relu, opsets=[])], "11", "function without opset", codes=(BAD_INPUT, UNSUPPORTED)
    )
    reference = RawAttribute(msg((1, "axis"), (20, 2), (21, "nothing")))
    yield call(
        [function("F", ["a"], ["b"], [node("Softmax", ["a"], ["b"], "inner", a=reference)])],
        "40",
        "reference to a missing attribute",
        codes=(OK, BAD_INPUT),
    )
    yield call([function("F", ["a"], ["b"], relu)], "40", "attribute the function lacks", "spin", spin=1)
    yield call(
        [function("F", ["a", "u"], ["b"], [node("Add", ["a", "u"], ["b"], "inner")])],
        "41",
        "function input not given",
        "culprit",
    )


def sizes():
    chain = [
        node("Relu", ["x" if i == 0 else f"v{i}"], [f"v{i + 1}" if i < 99_999 else "y"], f"n{i}")
        for i in range(100_000)
    ]
    yield bad("42", "100 k nodes in a chain", model(chain), codes=(OK,), seconds=3.0, declared_bytes=128 << 20)
    yield bad(
        "42",
        "100 k nodes backwards",
        model(chain[::-1]),
        codes=(OK,),
        seconds=3.0,
        declared_bytes=128 << 20,
        command=("info", "{file}"),
    )
    alike = [node("Relu", ["x"], [f"v{i}" if i < 99_999 else "y"], "same") for i in range(100_000)]
    yield bad("42", "100 k equal nodes", model(alike), codes=(OK,), seconds=3.0, declared_bytes=128 << 20)
    yield bad(
        "42",
        "node limit",
        model(chain[:2000], outputs=[value("v2000")]),
        "nodes",
        codes=(LIMIT,),
        command=("run", "{file}", "--random-inputs", "--max-nodes", "1000"),
    )
    wide = model([node("Sum", ["x"] * 100_000, ["y"], "wide")])
    yield bad("42", "100 k inputs", wide, codes=(OK,), seconds=3.0, declared_bytes=64 << 20)
    outputs = [f"y{i}" for i in range(20_000)]
    split = model(
        [node("Split", ["x"], outputs, "wide", axis=0)], [value("x", FLOAT, [20_000])], [value("y7")], version=11
    )
    yield bad("42", "20 k outputs", split, codes=(OK,), seconds=3.0, declared_bytes=64 << 20)


def cases():
    return [*structure(), *attributes(), *subgraphs(), *functions(), *sizes()]
