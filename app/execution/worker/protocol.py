"""What server and child tell each other: the request, progress, findings, a failure, a result's arrays.

JSON carries what is small, raw little-endian arrays what is large. Nothing is pickled: bytes from a child may
be wrong, but never run code in the server.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.execution.worker.frames import Buffer
from app.storage.file_hashes import FileIdentity, KnownHash

_HEADER_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 8
_DTYPES = frozenset({"<f8", "<i8", "<i4", "<M8[D]", "<M8[ns]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRequest:
    """One computation, by name: the child opens the dataset's files itself and keeps to the limits itself.

    kind: that of the run, or of what is computed for a reader without one. subject: the run's, or empty.
    identity: hash of all that the
    result depends on, names what is kept of unfinished work. memory_limit_bytes: what it may allocate beyond
    what it has at birth; mapped files do not count. artifacts_dir: where files of the result go.
    arrays: one-dimensional, what of the input is too much for the config. hashes: of files that need not be
    read again to be trusted.
    """

    datasets_dir: str
    cache_dir: str
    artifacts_dir: str
    fingerprint: str
    kind: str
    subject: str
    identity: str
    config: Mapping[str, Any]
    memory_limit_bytes: int
    cpu_limit_seconds: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    hashes: tuple[KnownHash, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` from 0 to 1; `stage` is a few words for people; `counts` are for programs, by name."""

    fraction: float
    stage: str
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the server is to know of the files that a child has read, whatever became of its computation:
    their hashes, and warnings for the log."""

    hashes: tuple[KnownHash, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result. `traceback` is given when the program is to blame, and is for its log alone.
    `faults`: (option or asset, code, message) of each that is to blame, where some are."""

    code: str
    message: str
    traceback: str | None = None
    faults: tuple[tuple[str, str, str], ...] = ()


def encode_message(message: ComputeRequest | Progress | Findings | Failure) -> bytes:
    if isinstance(message, ComputeRequest):
        facts = {item.name: getattr(message, item.name) for item in fields(message) if item.name != "arrays"}
        return b"".join(encode_arrays(facts, message.arrays))
    return json.dumps(asdict(message)).encode()


def decode_request(payload: Buffer) -> ComputeRequest:
    facts, arrays = decode_arrays(memoryview(payload))
    return ComputeRequest(**{**facts, "hashes": _hashes(facts["hashes"])}, arrays=arrays)


def decode_progress(payload: Buffer) -> Progress:
    return Progress(**json.loads(bytes(payload)))


def decode_findings(payload: Buffer) -> Findings:
    facts = json.loads(bytes(payload))
    return Findings(hashes=_hashes(facts["hashes"]), warnings=tuple(facts["warnings"]))


def decode_failure(payload: Buffer) -> Failure:
    facts = json.loads(bytes(payload))
    return Failure(**{**facts, "faults": tuple(tuple(fault) for fault in facts["faults"])})


def _hashes(listed: Iterable[tuple[Any, str]]) -> tuple[KnownHash, ...]:
    return tuple(KnownHash(FileIdentity(*identity), sha256) for identity, sha256 in listed)


def encode_arrays(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[Buffer]:
    """Return JSON facts and named one-dimensional arrays (float64, int64, int32, datetime64 in days or
    nanoseconds) as parts of a payload.

    The arrays are not copied unless they are strided or big-endian."""
    columns, parts = [], []
    for name, values in arrays.items():
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        columns.append((name, values.dtype.str, len(values)))
        plain = values.view("<i8") if values.dtype.kind == "M" else values  # which has no buffer of its own
        parts += [memoryview(plain).cast("B"), bytes(-values.nbytes % _ALIGNMENT)]
    header = json.dumps({"facts": facts, "columns": columns}, default=str).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    return [_HEADER_LENGTH.pack(len(header)), header, *parts]


def decode_arrays(payload: memoryview) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The inverse: facts and arrays, which are views of `payload`. Errors: ValueError for anything amiss."""
    (header_length,) = _HEADER_LENGTH.unpack_from(payload)
    start = _HEADER_LENGTH.size + header_length
    header = json.loads(bytes(payload[_HEADER_LENGTH.size : start]))
    arrays = {}
    for name, dtype, count in header["columns"]:
        if dtype not in _DTYPES:
            raise ValueError(f"array {name!r} has type {dtype!r}")
        values = np.frombuffer(payload, dtype, count, start)
        start += values.nbytes + -values.nbytes % _ALIGNMENT
        arrays[name] = values
    if start != len(payload):
        raise ValueError(f"{len(payload):,} bytes hold {start:,} bytes of arrays")
    return header["facts"], arrays
