"""A computed result's bytes as the store's records. The server's half of `child.encode_result`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.execution.protocol import decode_arrays
from db.records import (
    CompositionRecord,
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
    dates = arrays["dates"].view("datetime64[D]")
    series = {name: arrays[name.lower()] for name in ("FACTOR", "LONG", "SHORT") if name.lower() in arrays}
    return RunResults(
        performance=_performance(facts),
        series=tuple(SeriesRecord(name=name, dates=dates, values=values) for name, values in series.items()),
        compositions=_compositions(dates, arrays),
    )


def _performance(facts: Mapping[str, Any]) -> PerformanceRecord:
    metrics = dict(facts)
    undefined = tuple(UndefinedMetricRecord(**metric) for metric in metrics.pop("undefined"))
    for name, value in metrics.items():
        if isinstance(value, str):
            metrics[name] = date.fromisoformat(value)
    return PerformanceRecord(**metrics, undefined_metrics=undefined)


def _compositions(dates: NDArray[np.datetime64], arrays: Arrays) -> tuple[CompositionRecord, ...]:
    starts: list[date] = arrays["formation_dates"].view("datetime64[D]").tolist()
    ends: list[date] = dates.tolist()
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
