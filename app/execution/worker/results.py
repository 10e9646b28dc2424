"""A computed result's bytes as the store's records. The server's half of `payload`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.execution.worker.protocol import decode_arrays
from app.storage.artifacts.place import artifact_path, parse_artifact_path
from db.records import (
    ArtifactRecord,
    CompositionRecord,
    DocumentRecord,
    LegRecord,
    PerformanceRecord,
    RunResults,
    SeriesRecord,
    UndefinedMetricRecord,
)

Arrays = Mapping[str, NDArray[Any]]

_ARTIFACT_TYPES: Final = frozenset({"<f8", "<i4", "|b1"})
_LONGEST_HEADER: Final = 4096
"""Of an artifact's file, before its array."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def decode_result(payload: memoryview) -> RunResults:
    """Arrays are views of `payload`. Errors: ValueError, KeyError, TypeError for what is no result."""
    facts, arrays = decode_arrays(payload)
    return RunResults(
        performance=_performance(facts["performance"]),
        net_performance=_performance(facts["net_performance"]),
        series=tuple(
            SeriesRecord(
                **one,
                times=arrays[f"series.{one['name']}.times"],
                values=arrays[f"series.{one['name']}.values"],
            )
            for one in facts["series"]
        ),
        compositions=_compositions(arrays) if "dates" in arrays else (),
        documents=tuple(_document(name, of_it, arrays) for name, of_it in facts["documents"].items()),
        artifacts=_artifacts(facts["artifacts"]),
    )


def _artifacts(listed: Sequence[Mapping[str, Any]]) -> tuple[ArtifactRecord, ...]:
    """Of one folder, each another array. Whether the files are what is said is found when they are opened."""
    records = tuple(ArtifactRecord(**{**facts, "shape": tuple(facts["shape"])}) for facts in listed)
    folders = set()
    for record in records:
        place = parse_artifact_path(record.path)
        if place is None or record.path != artifact_path(place[0], record.name):
            raise ValueError(f"{record.path!r} is not where an artifact {record.name!r} can be")
        folders.add(place[0])
        _require_array(record)
    if len(folders) > 1 or len({record.name for record in records}) < len(records):
        raise ValueError("the artifacts are not those of one run")
    return records


def _require_array(record: ArtifactRecord) -> None:
    lengths_are_known = all(type(length) is int and length >= 0 for length in record.shape)
    if record.dtype not in _ARTIFACT_TYPES or not lengths_are_known:
        raise ValueError(f"artifact {record.name!r} is no array: {record.dtype!r}, {record.shape}")
    header = record.byte_count - np.dtype(record.dtype).itemsize * math.prod(record.shape)
    if not 0 < header <= _LONGEST_HEADER or not _SHA256.fullmatch(record.sha256):
        raise ValueError(f"the file of artifact {record.name!r} does not hold its array")


def _document(name: str, facts: Mapping[str, Any], arrays: Arrays) -> DocumentRecord:
    prefix = f"document.{name}/"
    own = {key.removeprefix(prefix): values for key, values in arrays.items() if key.startswith(prefix)}
    return DocumentRecord(name=name, facts=facts, arrays=own)


def _performance(facts: Mapping[str, Any] | None) -> PerformanceRecord | None:
    if facts is None:
        return None
    metrics = dict(facts)
    undefined = tuple(UndefinedMetricRecord(**metric) for metric in metrics.pop("undefined"))
    for name, value in metrics.items():
        if isinstance(value, str):
            metrics[name] = date.fromisoformat(value)
    return PerformanceRecord(**metrics, undefined_metrics=undefined)


def _compositions(arrays: Arrays) -> tuple[CompositionRecord, ...]:
    starts: list[date] = arrays["formation_dates"].tolist()
    ends: list[date] = arrays["dates"].tolist()
    longs = _legs("long_leg", arrays)
    shorts = _legs("short_leg", arrays) if "short_leg.offsets" in arrays else [None] * len(ends)
    return tuple(
        CompositionRecord(period_start=start, period_end=end, long=long, short=short)
        for start, end, long, short in zip(starts, ends, longs, shorts, strict=True)
    )


def _legs(leg: str, arrays: Arrays) -> list[LegRecord]:
    offsets = arrays[f"{leg}.offsets"].tolist()
    columns = {
        "asset_ordinals": arrays[f"{leg}.assets"],
        "weights": arrays[f"{leg}.weights"],
        "period_returns": arrays[f"{leg}.period_returns"],
        "signals": arrays[f"{leg}.signals"],
        "market_caps": arrays[f"{leg}.market_caps"],
    }
    return [
        LegRecord(**{name: values[start:stop] for name, values in columns.items()})
        for start, stop in pairwise(offsets)
    ]
