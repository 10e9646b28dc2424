"""A computed result's bytes as the store's records. The server's half of `payload`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from app.execution.protocol import decode_arrays
from db.records import (
    CompositionRecord,
    DocumentRecord,
    LegRecord,
    PerformanceRecord,
    RunResults,
    SeriesRecord,
    UndefinedMetricRecord,
)

Arrays = Mapping[str, NDArray[Any]]


def decode_result(payload: memoryview) -> RunResults:
    """Arrays are views of `payload`. Errors: ValueError, KeyError, TypeError for what is no result."""
    facts, arrays = decode_arrays(payload)
    return RunResults(
        performance=_performance(facts["performance"]),
        net_performance=_performance(facts["net_performance"]),
        series=tuple(
            SeriesRecord(
                name=name,
                dates=arrays[f"series.{name}.dates"].view("datetime64[D]"),
                values=arrays[f"series.{name}.values"],
            )
            for name in facts["series"]
        ),
        compositions=_compositions(arrays) if "dates" in arrays else (),
        documents=tuple(_document(name, of_it, arrays) for name, of_it in facts["documents"].items()),
    )


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
    starts: list[date] = arrays["formation_dates"].view("datetime64[D]").tolist()
    ends: list[date] = arrays["dates"].view("datetime64[D]").tolist()
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
