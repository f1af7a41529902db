"""Write ONNX's own backend test suite as test folders: KIND/NAME/{model.onnx, tolerance.json, test_data_set_0/…}.

The onnx wheel ships the node cases as code and the simple and pytorch ones as files; `minnow verify` and
conformance.py read one layout for all. Usage: onnx_suite.py OUT_DIR
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

FILE_KINDS = ("simple", "pytorch-converted", "pytorch-operator")


def to_proto(value, type_proto, name):
    """One test value as the protobuf message that ONNX's runner would write for it."""
    if isinstance(value, onnx.TensorProto):
        return value
    if type_proto.HasField("optional_type"):
        if value is None or type_proto.optional_type.elem_type.HasField("tensor_type"):
            return numpy_helper.from_optional(None if value is None else np.asarray(value), name)
        return numpy_helper.from_optional(list(value), name)
    if type_proto.HasField("sequence_type"):
        return numpy_helper.from_list([np.asarray(v) for v in value], name)
    if isinstance(value, dict):
        return numpy_helper.from_dict(value, name)
    return numpy_helper.from_array(np.asarray(value), name)


def write_node_case(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model, folder / "model.onnx")
    graph = case.model.graph
    for index, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{index}"
        data.mkdir(exist_ok=True)
        for kind, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for i, (value, info) in enumerate(zip(values, infos)):
                (data / f"{kind}_{i}.pb").write_bytes(to_proto(value, info.type, info.name).SerializeToString())


def main(out):
    out = Path(out)
    stamp = out / "version.txt"
    if stamp.exists() and stamp.read_text() == onnx.__version__:
        return
    shutil.rmtree(out, ignore_errors=True)
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    counts = {}
    for kind in ("node", *FILE_KINDS):
        cases = load_model_tests(kind=kind)
        for case in cases:
            folder = out / kind / case.name
            if kind == "node":
                write_node_case(case, folder)
            else:
                shutil.copytree(case.model_dir, folder)
            (folder / "tolerance.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))
        counts[kind] = len(cases)
    stamp.write_text(onnx.__version__)
    print(f"onnx {onnx.__version__}:", ", ".join(f"{n} {kind}" for kind, n in counts.items()), "cases")


if __name__ == "__main__":
    main(sys.argv[1])
