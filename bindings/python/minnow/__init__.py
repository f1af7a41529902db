"""minnow: runs trained networks on small machines.

    import minnow, numpy as np
    model = minnow.open("model.onnx")
    outputs = model.run({"input": np.zeros((1, 3, 224, 224), np.float32)})   # {name: array}
"""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, NamedTuple

import numpy as np

from . import _minnow

__all__ = [
    "BadInput", "Cancelled", "Error", "LimitExceeded", "Model", "NodeRecord", "OutOfMemory", "Session", "Unsupported",
    "ValueInfo", "isa", "open", "open_bytes",
]
__version__ = _minnow.version


class Error(Exception):
    """Base of all minnow errors; str(error) names file, node and cause."""


class BadInput(Error, ValueError):
    """The file or an input is wrong."""


class Unsupported(Error, NotImplementedError):
    """Well-formed, but minnow cannot do it."""


class LimitExceeded(Error):
    """A limit (bytes, nodes, depth, steps, seconds) was hit."""


class OutOfMemory(Error, MemoryError):
    """The system refused memory."""


class Cancelled(Error):
    """The run was cancelled."""


_ERRORS = {
    "bad input": BadInput, "unsupported": Unsupported, "limit exceeded": LimitExceeded, "out of memory": OutOfMemory,
    "cancelled": Cancelled,
}


def _make_error(code: str, message: str) -> Error:
    return _ERRORS.get(code, Error)(message)


class _Raised(Exception):
    """What the extension raises: (code, message)."""


_minnow.set_error_type(_Raised)

# Names of minnow's types and of numpy's.
_NAMES = {
    "float32": "float32", "float64": "float64", "float16": "float16", "int8": "int8", "int16": "int16", "int32": "int32",
    "int64": "int64", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "boolean": "bool",
    "complex64": "complex64", "complex128": "complex128",
}
# Types that numpy does not have: with the package ml_dtypes they are its arrays, else raw uint8 or uint16 codes.
_ML_DTYPES = {
    "bfloat16": "bfloat16", "float8e4m3fn": "float8_e4m3fn", "float8e4m3fnuz": "float8_e4m3fnuz", "float8e5m2": "float8_e5m2",
    "float8e5m2fnuz": "float8_e5m2fnuz", "float8e8m0": "float8_e8m0fnu", "float4e2m1": "float4_e2m1fn", "int4": "int4",
    "uint4": "uint4", "int2": "int2", "uint2": "uint2",
}


def _dtype_name(dtype: np.dtype) -> str:
    for name, theirs in (*_NAMES.items(), *_ML_DTYPES.items()):
        if dtype.name == theirs:
            return name
    raise BadInput(f"arrays of {dtype} are not supported")


def _numpy_dtype(name: str) -> np.dtype:
    if name in _NAMES:
        return np.dtype(_NAMES[name])
    try:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, _ML_DTYPES[name]))
    except (ImportError, AttributeError):
        return np.dtype(np.uint16 if name == "bfloat16" else np.uint8)


def _pack(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [_pack(item) for item in value]
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.reshape(-1).tolist()]
        return (texts, "string", list(array.shape))
    dims = list(array.shape)
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    raw.flags.writeable = False
    return (raw, _dtype_name(array.dtype), dims)


def _unpack(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    data, name, dims = value
    if name == "string":
        array = np.empty(len(data), dtype=object)
        array[:] = [text.decode(errors="surrogateescape") for text in data]
        return array.reshape(dims)
    return data.view(_numpy_dtype(name)).reshape(dims)


class ValueInfo(NamedTuple):
    """An input or output: its name and its type as text, such as "float32[batch, 3, 224, 224]"."""

    name: str
    type: str


class NodeRecord(NamedTuple):
    """One executed node: name, operator, nanoseconds, and its outputs by name when they were asked for."""

    name: str
    op: str
    duration_ns: int
    outputs: dict


class Session:
    """Runs a model; owns threads and states. One run at a time: give each thread its own session."""

    def __init__(self, model: "Model", threads: int = 1, seed: int = 0, limits: Mapping[str, float] | None = None):
        self._model = model
        self._session = _call(_minnow.Session, model._model, threads, seed, dict(limits or {}))
        self.records: list[NodeRecord] = []

    def run(self, inputs: Mapping[str, Any] | Iterable[Any], profile: bool = False, keep_values: bool = False) -> dict:
        """Runs once. `inputs`: {name: array}, or arrays in the model's order; None stands for an absent optional. Lists are
        sequences. With `profile` or `keep_values` self.records tells what each node did."""
        names = [info.name for info in self._model.inputs]
        if isinstance(inputs, Mapping):
            unknown = [name for name in inputs if name not in names]
            missing = [name for name in names if name not in inputs]
            if unknown or missing:
                raise BadInput(f"inputs are {names}; missing: {missing}, unknown: {unknown}")
            ordered = [inputs[name] for name in names]
        else:
            ordered = list(inputs)
        outputs, rows = _call(self._session.run, [_pack(v) for v in ordered], profile or keep_values, keep_values)
        self.records = [NodeRecord(n, op, ns, {k: _unpack(v) for k, v in values}) for n, op, ns, values in rows]
        return {info.name: _unpack(value) for info, value in zip(self._model.outputs, outputs)}

    def cancel(self) -> None:
        """Ends the run in progress, from another thread; that run raises Cancelled."""
        self._session.cancel()

    @property
    def peak_bytes(self) -> int:
        """Most bytes that tensors held at once, weights apart."""
        return self._session.peak_bytes

    def state(self, name: str) -> np.ndarray:
        return _unpack(_call(self._session.state, name))

    def set_state(self, name: str, value: Any) -> None:
        _call(self._session.set_state, name, _pack(np.asarray(value)))

    def reset_states(self) -> None:
        _call(self._session.reset_states)


class Model:
    """An opened network. `run` uses a session of its own; make `Session`s for threads, states and profiles."""

    def __init__(self, model: Any):
        self._model = model
        self._default: Session | None = None

    @property
    def inputs(self) -> list[ValueInfo]:
        return [ValueInfo(*pair) for pair in self._model.inputs]

    @property
    def outputs(self) -> list[ValueInfo]:
        return [ValueInfo(*pair) for pair in self._model.outputs]

    @property
    def states(self) -> list[str]:
        return self._model.states

    @property
    def metadata(self) -> dict:
        return dict(self._model.metadata)

    @property
    def node_count(self) -> int:
        return self._model.node_count

    def session(self, threads: int = 1, seed: int = 0, limits: Mapping[str, float] | None = None) -> Session:
        return Session(self, threads, seed, limits)

    def run(self, inputs: Mapping[str, Any] | Iterable[Any]) -> dict:
        """Runs once on one thread; see Session.run."""
        if self._default is None:
            self._default = self.session()
        return self._default.run(inputs)


def _call(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except _Raised as raised:
        raise _make_error(*raised.args) from None


def open(path: str | os.PathLike, limits: Mapping[str, float] | None = None, optimize: bool = True) -> Model:
    """Opens a model file (.onnx, .mng). `limits`: bytes, nodes, depth, steps, seconds."""
    return Model(_call(_minnow.open_file, os.fspath(path), dict(limits or {}), optimize))


def open_bytes(data: bytes, name: str = "bytes", limits: Mapping[str, float] | None = None, optimize: bool = True, folder: str = "") -> Model:
    """Opens a model from memory; `folder` is where its external data may lie (empty: it may have none)."""
    return Model(_call(_minnow.open_bytes, bytes(data), name, dict(limits or {}), optimize, folder))


def isa() -> list[str]:
    """The instruction sets of this processor that minnow knows."""
    return _minnow.isa()
