#!/usr/bin/env python3
"""Seeds small faults into the library, one at a time, and counts how many the tests notice.

Works on a copy of the tree (WORK_FOLDER/tree) with a build of its own, under AddressSanitizer and UndefinedBehaviorSanitizer:
a loop that runs one too far often reads what happens to be harmless. A mutant is killed when it does not build, or when a test
fails or hangs. Prints every mutant with its fate; exits 1 when fewer than MINIMUM are killed.
Usage: mutate.py WORK_FOLDER [--count 40] [--minimum 36] [--seed 1]
"""

import argparse
import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("base", "kernels", "plan", "run", "graph", "ops", "import", "export", "passes", "lower", "zoo", "api")
TESTED = ("ops", "api", "lower", "import", "passes", "base", "kernels", "graph", "export", "zoo")  # rooms with unit tests
# kind: (pattern, replacement). Patterns need spaces around operators, as the formatter leaves them.
FAULTS = {
    "sign": [(r"(?<=[\w)\]]) \+ (?=[\w(])", " - "), (r"(?<=[\w)\]]) - (?=[\w(])", " + ")],
    "bound": [(r" < (?=[a-z(])", " <= "), (r" >= (?=[a-z(])", " > "), (r" <= (?=[a-z(])", " < ")],
    "off by one": [(r" \+ 1\b(?!\.)", ""), (r" - 1\b(?!\.)", ""), (r"(for \(.*) = 0;", r"\1 = 1;")],
    "dropped bias": [(r" \+ bias\w*(\[[^\]]*\])?", ""), (r"\+= bias", "+= 0 * bias")],
    "wrong axis": [(r"\bdims?\[0\]", "dims[1]"), (r"\.dim\(1\)", ".dim(0)"), (r"\.dim\(2\)", ".dim(1)"), (r"\baxis \+ 1\b", "axis")],
}
# Not code whose change must be visible: comments, checks' texts, test inputs, logging, tuning, includes. Bounds that are
# literals are left out above as well: x < 0 against x <= 0 is most often the same function.
SKIP = re.compile(r"^\s*(//|#|\*)|MN_CHECK|bad_input|unsupported\(|over_limit|concat\(|log_|\.expected|\.inputs|\.note|random_tensor|step\(|reserve\(|template|kMax|Cost|static_assert|assert\(|constexpr|friend|operator")


def copy_if_changed(source, target):
    """With today's time: a file restored after a mutant must stay newer than the mutant's object."""
    if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
        shutil.copy(source, target)


def candidates(tree):
    """{kind: [(file, line index, pattern, replacement, line)]}, files relative to the tree"""
    found = {kind: [] for kind in FAULTS}
    for room in ROOMS:
        for file in sorted((tree / "src" / room).rglob("*.cc")):
            if file.name.endswith("_test.cc"):
                continue
            skipping_cases = False
            for index, line in enumerate(file.read_text().splitlines()):
                if re.search(r"_cases\(\) \{", line):
                    skipping_cases = True
                elif line.startswith("}"):
                    skipping_cases = False
                if skipping_cases or SKIP.search(line):
                    continue
                code = line.split("//")[0]
                if '"' in code:
                    continue
                for kind, rules in FAULTS.items():
                    for pattern, replacement in rules:
                        if re.search(pattern, code):
                            found[kind].append((file.relative_to(tree), index, pattern, replacement, line.strip()))
    return found


def choose(tree, count, seed):
    """COUNT mutants, the kinds in turn. Drawn by a hash of place and text, not by position in a list: a change elsewhere in the
    library leaves the choice as it is, so that the survivors of one run can be mended and looked at again in the next."""
    found = candidates(tree)
    for kind in found:
        found[kind].sort(key=lambda c: hashlib.sha256(f"{seed} {kind} {c[0]} {c[4]} {c[2]}".encode()).digest())
    kinds = [kind for kind in FAULTS if found[kind]]
    chosen = []
    while len(chosen) < count and any(found.values()):
        kind = kinds[len(chosen) % len(kinds)]
        if not found[kind]:
            kind = next(k for k in kinds if found[k])
        chosen.append((kind, *found[kind].pop(0)[:4]))
    return chosen


def run(command, folder, seconds):
    """True when the command succeeded in time."""
    try:
        return subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def targets():
    return [*(f"test_{r}" for r in TESTED), "suite_runner"]


def test_commands(tree, build, room, work):
    """[(name, command)]: the quick tests, the likely killers first."""
    rooms = ([room] if room in TESTED else []) + [r for r in TESTED if r != room]
    units = [(f"test_{r}", [str(tree / build / f"test_{r}"), "--gtest_brief=1"]) for r in rooms]
    runner = str(tree / build / "suite_runner")
    return units + [
        ("runtime_cases", [runner, str(work / "runtime_cases")]),
        ("tflite_cases", [runner, str(work / "tflite_cases")]),
        ("conformance", [sys.executable, "tests/oracle/conformance.py", runner, str(work)]),
    ]


def first_failure(commands, folder, seconds):
    """The name of a command that failed or hung, two at a time; None when all succeed."""
    waiting, running = list(commands), {}
    failed = None
    while failed is None and (waiting or running):
        while waiting and len(running) < 2:
            name, command = waiting.pop(0)
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running[name] = (process, time.monotonic() + seconds)
        time.sleep(0.1)
        for name, (process, deadline) in list(running.items()):
            if process.poll() is None and time.monotonic() < deadline:
                continue
            if process.returncode != 0:
                failed = failed or name
            else:
                del running[name]
    for process, _ in running.values():
        process.kill()
        process.wait()
    return failed


def fate(tree, build, room, work):
    if not run(["ninja", "-C", build, *targets()], tree, 900):
        return "killed: does not build"
    failed = first_failure(test_commands(tree, build, room, work), tree, 900)
    return f"killed by {failed}" if failed else "SURVIVED"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--minimum", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of the mutants to look at, of which an earlier run told")
    options = parser.parse_args()
    tree, build = options.work.resolve() / "tree", "build/mutate"
    os.environ |= {"CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1", "LLVM_PROFILE_FILE": "/dev/null"}
    tree.mkdir(parents=True, exist_ok=True)
    for name in ("src", "tests", "cmake", "cli", "include", "models", "docs", "bindings"):
        shutil.copytree(ROOT / name, tree / name, dirs_exist_ok=True, copy_function=copy_if_changed)
    for name in ("CMakeLists.txt", "CMakePresets.json"):
        copy_if_changed(ROOT / name, tree / name)
    # clang: GCC 12 under AddressSanitizer places 32-byte vectors on 16-byte boundaries (GCC bug 110027).
    # The flags of the fuzzers' build, so that the compiler cache serves both.
    subprocess.run(["cmake", "--preset", "fuzz", "-B", build], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    cases = options.work.resolve() / "runtime_cases"
    for script in ("runtime_cases", "machine_learning_cases"):
        subprocess.run([sys.executable, f"tests/oracle/{script}.py", str(cases)], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    tflite_cases = options.work.resolve() / "tflite_cases"
    shutil.rmtree(tflite_cases, ignore_errors=True)  # named by their content: those of an earlier tree would stay
    recording = os.environ | {"MINNOW_CASES": str(tflite_cases)}
    for script in ("tflite_types", "mediapipe_operators"):
        subprocess.run([sys.executable, f"tests/oracle/{script}.py"], cwd=tree, env=recording, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, *targets()], cwd=tree, check=True, stdout=subprocess.DEVNULL)  # however long it takes
    if fate(tree, build, "base", options.work.resolve()) != "SURVIVED":
        sys.exit("the tests fail without any fault: mend them first")
    killed = 0
    chosen = list(enumerate(choose(tree, options.count, options.seed), 1))
    if options.only:
        chosen = [c for c in chosen if c[0] in options.only]
    for number, (kind, file, index, pattern, replacement) in chosen:
        path = tree / file
        original = path.read_text()
        lines = original.splitlines(keepends=True)
        before = lines[index].strip()
        lines[index] = re.sub(pattern, replacement, lines[index], count=1)
        path.write_text("".join(lines))
        verdict = fate(tree, build, file.parts[1], options.work.resolve())
        path.write_text(original)
        killed += verdict != "SURVIVED"
        print(f"{number:2} {kind}: {file}:{index + 1}: {before}  ->  {lines[index].strip()}\n   {verdict}", flush=True)
    print(f"mutants: {killed} of {len(chosen)} killed, the minimum of {options.count} is {options.minimum}")
    return 0 if killed >= options.minimum else 1


if __name__ == "__main__":
    sys.exit(main())
