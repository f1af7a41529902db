"""The command line as users meet it: inputs, outputs, exit codes, JSON keys. MINNOW names the binary."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

MINNOW = os.environ.get("MINNOW", str(Path(__file__).parent.parent / "build/release/minnow"))


def minnow(*arguments, **options):
    return subprocess.run([MINNOW, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def minnow_json(*arguments, code=0):
    result = minnow(*arguments, "--json")
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def save(path, nodes, inputs, outputs, constants=(), opset=17):
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(v, n) for n, v in constants])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def floats(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def model(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return save(tmp_path / "model.onnx", [node], [floats("x", "n", 3)], [floats("y", "n", 2)], [("w", WEIGHT)])


@pytest.fixture
def long_loop(tmp_path):
    """A loop of 2^62 iterations."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("MatMul", ["v", "v"], ["v_next"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []), floats("v", 2, 2)],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), floats("v_next", 2, 2)])
    node = helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)
    return save(tmp_path / "loop.onnx", [node], [floats("x", 2, 2)], [floats("y", 2, 2)], [("count", np.array(2**62))])


def test_info_keys(model):
    info = minnow_json("info", model, "--shape", "x=5,3")
    assert info["inputs"] == [{"name": "x", "type": "float32[5, 3]", "dtype": "float32", "shape": [5, 3]}]
    assert info["macs"] == 5 * 3 * 2 and info["parameters"] == 6 and info["unknown_nodes"] == 0
    assert info["operators"] == [{"name": "matmul", "count": 1, "macs": 30}]
    assert minnow_json("info", model)["inputs"][0]["shape"] == [-1, 3]


def test_run_from_npy_folder_and_literal(model, tmp_path):
    x = np.array([[1, 2, 3]], dtype=np.float32)
    np.save(tmp_path / "0.npy", x)
    for given in (f"x={tmp_path}/0.npy", f"{tmp_path}/0.npy", str(tmp_path), "x=1,2,3"):
        out = tmp_path / "out"
        result = minnow_json("run", model, "--in", given, "--out", out)
        assert result["outputs"][0]["values"] == (x @ WEIGHT)[0].tolist()
        np.testing.assert_array_equal(np.load(out / "0.npy"), x @ WEIGHT)
        listed = json.loads((out / "outputs.json").read_text())
        assert listed[0]["name"] == "y" and listed[0]["shape"] == [1, 2] and listed[0]["file"] == "0.npy"


def test_random_inputs_depend_on_the_seed_only(model):
    runs = [minnow_json("run", model, "--random-inputs", "--seed", seed)["outputs"] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_run_on_a_picture(tmp_path):
    from PIL import Image
    node = helper.make_node("Identity", ["x"], ["y"])
    path = save(tmp_path / "p.onnx", [node], [floats("x", 1, 3, "h", "w")], [floats("y", 1, 3, "h", "w")])
    Image.fromarray(np.array([[[10, 20, 30], [40, 50, 60]]], dtype=np.uint8)).save(tmp_path / "a.png")
    values = minnow_json("run", path, "--in", f"x={tmp_path}/a.png", "--mean", "10", "--scale", "0.5")["outputs"][0]["values"]
    assert values == [0, 15, 5, 20, 10, 25]
    values = minnow_json("run", path, "--in", f"{tmp_path}/a.png", "--color", "bgr")["outputs"][0]["values"]
    assert values == [30, 60, 20, 50, 10, 40]


def test_input_mistakes_name_what_is_expected(model, tmp_path):
    np.save(tmp_path / "bad.npy", np.zeros((2, 4), np.float32))
    for arguments, words in [(("--in", "z=1"), ["z=1", "'x'", "float32[n, 3]"]), ((), ["no value for x"]), (("--in", f"x={tmp_path}/bad.npy"), ["float32[n, 3]", "float32[2, 4]"]),
                             (("--in", "x=hello"), ["hello"]), (("--in", f"x={tmp_path}/missing.npy"), ["missing.npy"])]:
        result = minnow("run", model, *arguments)
        assert result.returncode == 2 and all(word in result.stderr for word in words), result.stderr


def test_verify_names_the_worst_element(model, tmp_path):
    data = tmp_path / "test_data_set_0"
    data.mkdir()
    x = np.ones((1, 3), np.float32)
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(x @ WEIGHT, "y").SerializeToString())
    assert minnow("verify", model).returncode == 0
    wrong = x @ WEIGHT + np.array([[0, 0.5]], np.float32)
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(wrong, "y").SerializeToString())
    result = minnow("verify", model, "--data", tmp_path)
    assert result.returncode == 1 and "[0, 1]" in result.stdout
    assert minnow_json("verify", model, code=1)["outputs"][0]["worst_index"] == [0, 1]
    assert minnow("verify", model, "--atol", "1").returncode == 0


def test_compare(model, tmp_path):
    other = save(tmp_path / "other.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", "n", 3)], [floats("y", "n", 2)], [("w", WEIGHT + 1)])
    same = minnow_json("compare", model, model, "--layers")
    assert same["equal"] and same["outputs"][0]["max_abs"] == 0 and same["layers"][0]["name"] == "y"
    assert minnow("compare", model, other).returncode == 1
    minnow("run", model, "--random-inputs", "--out", tmp_path / "recorded")
    assert minnow("compare", model, tmp_path / "recorded").returncode == 0


def test_convert_there_and_back(model, tmp_path):
    text, back = tmp_path / "m.mng", tmp_path / "back.onnx"
    report = minnow_json("convert", model, "-o", text)
    assert report["equal"] and report["verified"] and text.read_text().startswith("minnow graph 1")
    assert minnow("convert", text, "-o", back).returncode == 0
    onnx.checker.check_model(onnx.load(back))
    assert minnow_json("compare", model, back)["outputs"][0]["max_abs"] == 0
    assert minnow("convert", model, "-o", tmp_path / "m.pt").returncode == 2
    assert minnow("convert", model).returncode == 2


def test_convert_writes_nothing_where_the_result_differs(tmp_path):
    """Folding a batch normalization rounds differently: without tolerance the result differs, with it it does not."""
    random = np.random.default_rng(1)
    constants = [("w", random.standard_normal((8, 3, 3, 3)).astype(np.float32))]
    constants += [(name, random.uniform(0.5, 2, 8).astype(np.float32)) for name in ("scale", "bias", "mean", "variance")]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "variance"], ["y"])]
    path = save(tmp_path / "bn.onnx", nodes, [floats("x", 1, 3, 16, 16)], [floats("y", 1, 8, 14, 14)], constants)
    target = tmp_path / "bn.mng"
    result = minnow("convert", path, "-o", target, "--optimize", "--rtol", 0, "--atol", 0)
    assert result.returncode == 1 and "not written" in result.stdout and not target.exists()
    assert minnow("convert", path, "-o", target, "--optimize").returncode == 0
    assert "batch_normalization" not in target.read_text()


def test_check_finds_bad_weights(tmp_path):
    weight = WEIGHT.copy()
    weight[0, 0] = np.nan
    weight[1, 1] = 1e-42
    path = save(tmp_path / "w.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", "n", 3), floats("unused", 1)], [floats("y", "n", 2)], [("w", weight)])
    rules = {finding["rule"] for finding in minnow_json("check", path)["findings"]}
    assert {"weight-not-finite", "weight-denormal", "unused-input"} <= rules
    assert minnow("check", path, "--strict").returncode == 1
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert minnow("check", tmp_path / "empty.onnx").returncode == 2


def test_bench_keys(model):
    keys = {"median_ms", "min_ms", "p90_ms", "load_ms", "first_run_ms", "peak_rss_bytes", "macs", "threads", "isa"}
    result = minnow_json("bench", model, "--runs", 3, "--shape", "x=4,3", "--threads", 2)
    assert keys <= result.keys() and result["macs"] == 24 and result["threads"] == 2 and result["min_ms"] <= result["median_ms"] <= result["p90_ms"]
    assert minnow("bench", model, "--runs", 1).stdout.startswith("| model |")


def test_exit_codes(model, tmp_path, long_loop):
    assert minnow("info", tmp_path / "none.onnx").returncode == 2
    assert minnow("info", tmp_path).returncode == 2
    assert minnow("nonsense").returncode == 2
    assert minnow("info", model, "--threads", 10000).returncode == 2
    assert minnow("info", model, "--max-nodes", 0).returncode == 2
    unknown = save(tmp_path / "u.onnx", [helper.make_node("Frobnicate", ["x"], ["y"])], [floats("x", 1)], [floats("y", 1)])
    result = minnow("info", unknown)
    assert result.returncode == 3 and "Frobnicate" in result.stderr
    assert minnow_json("info", unknown, code=3)["error"]["code"] == "unsupported"
    assert minnow("run", model, "--random-inputs", "--shape", "x=1000,3", "--max-bytes", 1000).returncode == 4
    assert minnow("run", long_loop, "--random-inputs", "--max-steps", 1000).returncode == 4
    started = time.time()
    assert minnow("run", long_loop, "--random-inputs", "--max-seconds", 0.3).returncode == 4
    assert time.time() - started < 5


def test_interrupt(long_loop):
    process = subprocess.Popen([MINNOW, "run", str(long_loop), "--random-inputs"], stderr=subprocess.PIPE)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130


def test_closed_pipes_and_full_disks(model):
    result = subprocess.run(f"'{MINNOW}' ops --table | head -c 10", shell=True, capture_output=True, text=True)
    assert len(result.stdout) == 10 and result.stderr == ""
    assert subprocess.run([MINNOW, "info", str(model)], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE).returncode == 2


def test_output_files_are_whole_or_absent(model, tmp_path):
    assert minnow("info", model, "--json", "-o", tmp_path / "info.json").stdout == ""
    assert json.loads((tmp_path / "info.json").read_text())["format"]
    assert minnow("info", model, "-o", tmp_path / "none" / "info.json").returncode == 2
    assert not (tmp_path / "none").exists()


def test_names_outside_ascii(model, tmp_path):
    folder = tmp_path / "größe 模型"
    folder.mkdir()
    path = folder / "网络.onnx"
    path.write_bytes(model.read_bytes())
    assert minnow_json("info", path)["name"] == "网络.onnx"
    assert minnow("run", path, "--in", "x=1,2,3", "--out", folder / "résultat", env={**os.environ, "LANG": "C", "LC_ALL": "C"}).returncode == 0
    assert (folder / "résultat" / "0.npy").exists()


def test_every_verb_has_help_with_an_example_and_common_flags():
    listing = minnow("--help").stdout
    verbs = [line.split()[0] for line in listing[listing.index("Subcommands:"):].splitlines()[1:] if line.startswith("  ")]
    assert {"info", "check", "run", "verify", "compare", "bench", "ops", "doctor"} <= set(verbs)
    for verb in verbs:
        help_text = minnow(verb, "--help").stdout
        assert "Example:\n  minnow " + verb in help_text, verb
        for flag in ("--json", "--output", "--threads", "--seed", "--max-bytes", "--max-nodes", "--max-depth", "--max-steps", "--max-seconds", "--quiet", "--verbose"):
            assert flag in help_text, (verb, flag)


def test_docs_name_every_flag():
    documentation = (Path(__file__).parent.parent / "docs/cli.md").read_text()
    listing = minnow("--help").stdout
    verbs = [line.split()[0] for line in listing[listing.index("Subcommands:"):].splitlines()[1:] if line.startswith("  ")]
    for verb in verbs:
        assert f"## {verb}" in documentation, verb
        for word in minnow(verb, "--help").stdout.replace(",", " ").split():
            if word.startswith("--") and word != "--help":
                assert word in documentation, (verb, word)


def test_doctor():
    report = minnow_json("doctor")
    assert "generic" in report["kernels"] and report["hardware_threads"] >= 1 and report["operators"] > 0
