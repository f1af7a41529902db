"""What a case is, and how its command is run under bounds."""

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import wire

ROOT = Path(__file__).resolve().parents[2]
MB = 1 << 20
# Address space that the command needs before it reads anything: its code, its libraries, the first arena and
# the stack. On x86-64 with glibc 2.36 it starts in 16 MB (ulimit -v); twice that leaves room for other C libraries.
BASE_BYTES = 32 * MB
# What a bad file may cost above what it holds and declares (docs/security.md).
ALLOWED_BYTES = 64 * MB
# A hang is ended after this much wall time, on however busy a machine; the bound that a case states is processor time.
HANG_SECONDS = 60

OK, BAD_INPUT, UNSUPPORTED, LIMIT = 0, 2, 3, 4


@dataclass
class Case:
    """One file, or a few, and the answer expected."""

    number: str  # of the list of hostile inputs, "49"
    name: str
    file: bytes | None = None  # written as `file_name`; None: `prepare` makes what the command needs
    codes: tuple = (BAD_INPUT,)
    phrases: tuple = ()  # each must be in the message
    file_name: str = "model.onnx"
    command: tuple = ("run", "{file}", "--random-inputs")
    inputs: dict = field(default_factory=dict)  # name → array, given as --in NAME=FILE.npy, not --random-inputs
    prepare: object = None  # called with the folder before the command runs
    seconds: float = 2.0
    declared_bytes: int = 0  # what the file rightly declares it needs
    absent: tuple = ()  # must not be in the output: what lies outside the folder

    @property
    def title(self):
        return f"{self.number}-{self.name}".replace(" ", "_")


@dataclass
class Outcome:
    code: int
    signal: int
    output: str
    error: str
    seconds: float


def minnow_path():
    path = Path(os.environ.get("MINNOW", ROOT / "build" / "release" / "minnow"))
    if not path.exists():
        raise FileNotFoundError(f"{path}: not built (scripts/build), or set MINNOW")
    return str(path)


def sanitized():
    """AddressSanitizer reserves terabytes of address space, so RLIMIT_AS means nothing there."""
    return os.environ.get("MINNOW_SANITIZED", "") == "1"


class Process:
    """A command under bounds, its output in files."""

    def __init__(self, arguments, folder, address_bytes):
        # The shell sets RLIMIT_AS (in KiB) for the command alone.
        limit = "unlimited" if sanitized() else str(address_bytes // 1024)
        bounded = ["/bin/sh", "-c", 'ulimit -c 0; ulimit -v "$0"; exec "$@"', limit, *arguments]
        self.streams = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        out, err = self.streams
        self.process = subprocess.Popen(bounded, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.end = time.monotonic() + HANG_SECONDS

    def poll(self):
        """The outcome, or None while the command runs."""
        waited, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not waited:
            if time.monotonic() > self.end:
                self.process.kill()
            return None
        self.process.returncode = 0  # reaped here, for the resources it used
        texts = []
        for stream in self.streams:
            stream.seek(0)
            texts.append(stream.read(1 << 20).decode("utf-8", "replace"))
            stream.close()
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return Outcome(code, ended_by, texts[0], texts[1], usage.ru_utime + usage.ru_stime)


def write_files(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if case.file is not None:
        (folder / case.file_name).write_bytes(case.file)
    for name, array in case.inputs.items():
        (folder / f"{name}.npy").write_bytes(wire.npy(array))
    if case.prepare is not None:
        case.prepare(folder)


def arguments_of(case):
    words = [word.format(file=case.file_name) for word in case.command]
    if case.inputs:
        words = [word for word in words if word != "--random-inputs"]
        for name in case.inputs:
            words += ["--in", f"{name}={name}.npy"]
    return words


def start_case(case, folder):
    write_files(case, folder)
    held = len(case.file or b"") + sum(array.nbytes for array in case.inputs.values())
    # Files are read into memory and their largest parts may be held twice (packed and unpacked).
    address = BASE_BYTES + ALLOWED_BYTES + 2 * held + case.declared_bytes
    return Process([minnow_path(), *arguments_of(case)], folder, address)


def check_cases(cases, folder):
    """Runs the cases, a few at a time; yields (index, what is wrong with the answer or "")."""
    running = {}
    waiting = list(enumerate(cases))[::-1]
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            index, case = waiting.pop()
            running[index] = start_case(case, folder / str(index))
        outcomes = {index: process.poll() for index, process in running.items()}
        for index, outcome in outcomes.items():
            if outcome is not None:
                del running[index]
                yield index, fault(cases[index], outcome)
        if not any(outcomes.values()):
            time.sleep(0.001)


def fault(case, got):
    """What is wrong with the answer, or ""."""
    wrong = []
    if got.signal:
        wrong.append(f"ended by {signal.Signals(got.signal).name}")
    if got.code not in case.codes:
        wrong.append(f"exit code {got.code}, expected {' or '.join(map(str, case.codes))}")
    if got.seconds > case.seconds * (10 if sanitized() else 1):
        wrong.append(f"{got.seconds:.2f} s of processor time, allowed {case.seconds}")
    if OK not in case.codes and not got.error.strip():
        wrong.append("no message on standard error")
    if got.code != OK:
        wrong += [f"the message lacks {phrase!r}" for phrase in case.phrases if phrase not in got.error]
    said = got.output + got.error
    wrong += [f"the output holds {marker!r}" for marker in case.absent if marker in said]
    wrong += [
        f"the output holds {word!r}" for word in ("terminate called", "Sanitizer", "Assertion", "\x1b]") if word in said
    ]
    return "; ".join(wrong) + (f"\n  stderr: {got.error[:600]}" if wrong else "")
