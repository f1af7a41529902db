"""Cases 5 and 79: a model cut at every byte, and models with random bytes changed, opened and run in one process."""

import subprocess
import sys
from pathlib import Path

import harness
import pytest

WORKER = Path(__file__).resolve().parent / "mutation_worker.py"


# A sanitized module does not load into an ordinary Python; the fuzzers do there what this does here.
@pytest.mark.skipif(harness.sanitized(), reason="the Python module is not built under sanitizers")
@pytest.mark.parametrize("kind", ["cut", "change", "tflite"])
def test_in_one_process(kind):
    done = subprocess.run([sys.executable, str(WORKER), kind], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
