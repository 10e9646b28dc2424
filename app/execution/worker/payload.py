"""What every computation sends back, whatever it computed: metrics, series, compositions, documents, and
where the arrays are that it has put into files.

The child encodes it, the server decodes it into the store's records (`app.execution.worker.results`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.execution.worker.frames import Buffer
from app.execution.worker.protocol import encode_arrays
from app.storage.artifacts.writer import WrittenArtifact
from engine.factors.performance import Performance
from engine.factors.portfolio import LegHoldings
from engine.panel import DateArray, FloatArray
from engine.statistics.return_series import RETURN_UNIT


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """times: (n,) days or nanoseconds in UTC, ascending. values: (n,) in `unit`, NaN = missing."""

    name: str
    times: DateArray
    values: FloatArray
    unit: str = RETURN_UNIT
    is_return: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """facts: made plain by `plain`. arrays: one-dimensional."""

    name: str
    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compositions:
    """formation_dates, dates: (R,) start and end of each period that the legs' offsets count."""

    formation_dates: DateArray
    dates: DateArray
    long_leg: LegHoldings
    short_leg: LegHoldings | None


def encode_payload(
    *,
    performance: Performance | None = None,
    net_performance: Performance | None = None,
    series: Sequence[NamedSeries] = (),
    compositions: Compositions | None = None,
    documents: Sequence[Document] = (),
    artifacts: Sequence[WrittenArtifact] = (),
) -> list[Buffer]:
    arrays: dict[str, NDArray[Any]] = {}
    for one in series:
        arrays[f"series.{one.name}.times"] = one.times
        arrays[f"series.{one.name}.values"] = one.values
    if compositions is not None:
        arrays |= {"formation_dates": compositions.formation_dates, "dates": compositions.dates}
        for name in ("long_leg", "short_leg"):
            leg = getattr(compositions, name)
            if leg is not None:
                arrays |= {f"{name}.{column.name}": getattr(leg, column.name) for column in fields(leg)}
    for document in documents:
        arrays |= {f"document.{document.name}/{name}": values for name, values in document.arrays.items()}
    facts = {
        "performance": None if performance is None else asdict(performance),
        "net_performance": None if net_performance is None else asdict(net_performance),
        "series": [{"name": one.name, "unit": one.unit, "is_return": one.is_return} for one in series],
        "documents": {document.name: document.facts for document in documents},
        "artifacts": [asdict(artifact) for artifact in artifacts],
    }
    return encode_arrays(facts, arrays)


def plain(value: object) -> Any:
    """A result's facts in JSON types: dataclasses as objects, numbers that are not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    return value
