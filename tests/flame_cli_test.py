"""Profiles and flame graphs on the command line. MINNOW names the binary."""

import json
import re
import subprocess

import pytest
from cli_test import MINNOW, floats, minnow, minnow_json, model, save  # noqa: F401 (model is a fixture)
from onnx import helper

SAMPLE = "a;b;c 3\na;b 2\na;d 5\n"


@pytest.fixture
def net(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "x"], ["p"], name="/stage/layer1/MatMul"), helper.make_node("Erf", ["p"], ["q"], name="/stage/layer2/Erf_7"),
             helper.make_node("MatMul", ["q", "p"], ["y"], name="/head/MatMul")]
    return save(tmp_path / "net.onnx", nodes, [floats("x", 32, 32)], [floats("y", 32, 32)])


def test_flame_from_a_file_and_from_standard_input(tmp_path):
    (tmp_path / "s.folded").write_text(SAMPLE)
    printed = minnow("flame", tmp_path / "s.folded").stdout
    assert printed.startswith("<?xml") and "<title>b (5 samples, 50.00%)</title>" in printed
    piped = subprocess.run([MINNOW, "flame", "-", "--icicle", "--title", "T"], input=SAMPLE, capture_output=True, text=True, timeout=60)
    assert piped.returncode == 0 and ">T</text>" in piped.stdout
    result = minnow_json("flame", tmp_path / "s.folded", "-o", tmp_path / "s.svg")
    assert result == {"stacks": 3, "total": 10.0}
    assert (tmp_path / "s.svg").read_text() == printed
    assert minnow("flame", tmp_path / "s.folded", "--json").returncode == 2  # the picture has no place


def test_flame_difference(tmp_path):
    (tmp_path / "a").write_text("f;x 10\nf;y 10\n")
    (tmp_path / "b").write_text("f;x 20\nf;z 20\n")
    svg = minnow("flame", "--diff", tmp_path / "a", tmp_path / "b").stdout
    assert "x (20 samples, 50.00%; +10 samples, +100.0%)" in svg and "z (20 samples, 50.00%; +20 samples, new)" in svg and "<title>y" not in svg
    scaled = minnow("flame", "--diff", "--scale", tmp_path / "a", tmp_path / "b").stdout
    assert "x (20 samples, 50.00%; +0 samples, +0.0%)" in scaled
    (tmp_path / "pairs").write_text("f;x 10 20\nf;y 10 0\nf;z 0 20\n")
    assert minnow("flame", tmp_path / "pairs").stdout == svg


def test_profile_tables_and_json(net):
    text = minnow("profile", net, "--runs", 3).stdout
    assert "stage/layer1/MatMul" in text and "between nodes" in text and "GFLOP/s" in text
    result = minnow_json("profile", net, "--runs", 3)
    assert {"model", "runs", "run_ms", "between_nodes_ms", "dropped_events", "threads", "machine", "layers", "operators", "findings"} == set(result)
    layers = {layer["name"]: layer for layer in result["layers"]}
    assert set(layers) == {"/stage/layer1/MatMul", "/stage/layer2/Erf_7", "/head/MatMul"}
    assert layers["/head/MatMul"]["macs"] == 32**3 and layers["/head/MatMul"]["bytes"] == 3 * 4 * 32 * 32
    assert {row["name"]: row["calls"] for row in result["operators"]} == {"matmul": 2, "erf": 1}
    total = sum(layer["ms"] for layer in result["layers"])
    assert 0 < total <= result["run_ms"] * 1.5  # medians of parts need not add up to the median of the whole
    assert result["machine"]["gflops"] > 0.1 and result["dropped_events"] == 0


def test_profile_pictures_and_formats(net, tmp_path):
    out = {name: tmp_path / name for name in ("p.svg", "p.folded", "p.json", "c.json", "m.folded", "b.svg")}
    assert minnow("profile", net, "--runs", 2, "-o", out["p.svg"]).returncode == 0
    svg = out["p.svg"].read_text()
    assert ">net.onnx</text>" in svg and re.search(r"<title>layer1 \([\d.]+ (ns|us|ms|s), ", svg)
    assert minnow("profile", net, "--runs", 2, "-o", out["p.folded"]).returncode == 0
    stacks = dict(line.rsplit(" ", 1) for line in out["p.folded"].read_text().splitlines())
    assert any(stack.startswith("net.onnx;stage;layer1;matmul;") for stack in stacks)
    assert any(stack.startswith("net.onnx;stage;layer2;Erf_7;erf;") for stack in stacks)
    assert minnow("profile", net, "--runs", 2, "--by", "macs", "-o", out["m.folded"]).returncode == 0
    assert sorted(int(line.rsplit(" ", 1)[1]) for line in out["m.folded"].read_text().splitlines()) == [32**3, 32**3]
    assert minnow("profile", net, "--runs", 2, "-o", out["p.json"]).returncode == 0
    speedscope = json.loads(out["p.json"].read_text())
    profile = speedscope["profiles"][0]
    assert len(profile["samples"]) == len(profile["weights"]) and sum(profile["weights"]) == profile["endValue"]
    assert all(i < len(speedscope["shared"]["frames"]) for sample in profile["samples"] for i in sample)
    assert minnow("profile", net, "--runs", 2, "--format", "chrome", "-o", out["c.json"]).returncode == 0
    events = [event for event in json.loads(out["c.json"].read_text())["traceEvents"] if event["ph"] == "X"]
    assert [event["name"] for event in events if event["cat"] == "matmul"] == ["/stage/layer1/MatMul", "/head/MatMul"]
    assert minnow("profile", net, "--runs", 2, "--colors", "peak", "-o", out["b.svg"]).returncode == 0
    assert "% of the machine&#39;s best" in out["b.svg"].read_text()


def test_a_difference_of_saved_profiles(net, tmp_path):
    for name in ("a.folded", "b.folded"):
        assert minnow("profile", net, "--runs", 2, "-o", tmp_path / name).returncode == 0
    svg = minnow("flame", "--diff", tmp_path / "a.folded", tmp_path / "b.folded", "--unit", "ns").stdout
    assert "shrank" in svg and "<title>layer1 (" in svg


def test_profile_mistakes(net):
    for arguments, words in [(("--by", "color"), "time, bytes or macs"), (("--format", "png"), "speedscope"), (("--runs", "0"), "--runs"), (("--colors", "x"), "--colors"),
                             (("--colors", "peak", "--by", "bytes", "-o", "/tmp/never.svg"), "--by time")]:
        result = minnow("profile", net, *arguments)
        assert result.returncode == 2 and words in result.stderr, result.stderr


def test_bench_percentiles_scaling_and_advice(net):
    result = minnow_json("bench", net, "--runs", 4, "--scaling", "--threads", 2)
    assert result["min_ms"] <= result["p50_ms"] <= result["p90_ms"] <= result["p99_ms"]
    assert [entry["threads"] for entry in result["scaling"]] == [1, 2]
    assert result["scaling"][0]["speedup"] == 1
    assert all(isinstance(sentence, str) for sentence in result["advice"])
