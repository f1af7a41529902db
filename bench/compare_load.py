"""Load and first run of a model in a fresh process: minnow beside LiteRT (.tflite) and ONNX Runtime (.onnx), on one thread.

Every sample is a process of its own; the runtimes take turns. Reported are medians: milliseconds from before the
runtime's import to the end of the first run, of that the import, and the peak of resident memory above that of a process
that only imports numpy and makes the inputs.

Usage: PYTHONPATH=build/release/python .venv/bin/python bench/compare_load.py [--runs 9] [--json FILE] MODEL…
Dynamic dimensions are 1.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

# What a child does; argv: runtime, model, the inputs as JSON [[name, dims, dtype], …].
CHILD = r"""
import json, sys, time
import numpy as np

def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024

runtime, path, specs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
feeds = {name: np.ones(dims, dtype) for name, dims, dtype in specs}
start = time.perf_counter()
imported = start
if runtime == "minnow":
    import minnow
    imported = time.perf_counter()
    outputs = minnow.open(path).session(threads=1).run(feeds)
    outputs = list(outputs.values()) if isinstance(outputs, dict) else list(outputs)
elif runtime == "litert":
    from ai_edge_litert.interpreter import Interpreter
    imported = time.perf_counter()
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], feeds[detail["name"]])
    interpreter.invoke()
    outputs = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
elif runtime == "onnxruntime":
    import onnxruntime
    imported = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, feeds)
else:
    outputs = [np.ones(1)]
end = time.perf_counter()
assert all(np.asarray(output).size for output in outputs)
print(json.dumps({"total_ms": (end - start) * 1e3, "import_ms": (imported - start) * 1e3, "peak_bytes": peak_bytes()}))
"""


def input_specs(path):
    """Names, dims and dtypes of the inputs, as the rival sees them."""
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        details = Interpreter(str(path)).get_input_details()
        return [[d["name"], [int(n) for n in d["shape"]], d["dtype"].__name__] for d in details]
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    types = {"float": "float32", "double": "float64"}
    inputs = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_inputs()
    kind = lambda text: text.removeprefix("tensor(").removesuffix(")")
    return [[i.name, [d if isinstance(d, int) else 1 for d in i.shape], types.get(kind(i.type), kind(i.type))] for i in inputs]


def sample(runtime, path, specs):
    command = [sys.executable, "-c", CHILD, runtime, str(path), json.dumps(specs)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(path, runs):
    specs = input_specs(path)
    rival = "litert" if path.suffix == ".tflite" else "onnxruntime"
    samples = {"none": [], "minnow": [], rival: []}
    for _ in range(runs):
        for runtime, list_ in samples.items():
            list_.append(sample(runtime, path, specs))
    middle = lambda runtime, key: statistics.median(s[key] for s in samples[runtime])
    rows = []
    for runtime in ("minnow", rival):
        above = middle(runtime, "peak_bytes") - middle("none", "peak_bytes")
        rows.append({"model": path.name, "runtime": runtime, "total_ms": middle(runtime, "total_ms"),
                     "import_ms": middle(runtime, "import_ms"), "bytes_above_numpy": above})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", type=Path)
    parser.add_argument("models", nargs="+", type=Path)
    options = parser.parse_args()
    print("| model | runtime | import + load + first run ms | of that import | MB above Python + numpy |\n|---|---|---:|---:|---:|")
    rows = []
    for path in options.models:
        for row in compare(path, options.runs):
            rows.append(row)
            print(f"| {row['model']} | {row['runtime']} | {row['total_ms']:.0f} | {row['import_ms']:.0f} "
                  f"| {row['bytes_above_numpy'] / 1e6:.1f} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
