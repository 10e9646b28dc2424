"""What sweeps vary, measure and chart, as enums of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.features.sweeps.series import SweepSeriesName
from app.schema.options import described_enum, in_camel_case, metric_text
from db.runs.read import RunSortField
from engine.config import Option, meaning, options_of
from engine.factors.config import LongShortConfig
from engine.factors.registry import FACTORS
from engine.factors.sweepable import SWEEP_METRICS


def _sweepable() -> dict[str, str]:
    """Describe what can be swept, by name: what all long-short factors have first."""
    described = {name: _axis_text(option, "") for name, option in options_of(LongShortConfig).items()}
    for factor in FACTORS.values():
        for name, option in options_of(factor.config_type).items():
            described.setdefault(name, _axis_text(option, f"Of {factor.name}: "))
    return {name: text for name, text in described.items() if text}


def _axis_text(option: Option, owner: str) -> str:
    if not option.sweepable:
        return ""
    text, kind = in_camel_case(meaning(option)), option.choices or option.kind
    if owner and not text[:2].isupper():
        text = text[0].lower() + text[1:]
    if issubclass(kind, StrEnum):
        text += f" Names of {kind.__name__}."
    elif option.is_list:
        text += " One name a value."
    return owner + text


_SERIES: Final[Mapping[str, str]] = {
    "BEST_POINT": "Return of the best point; 0 where it held nothing.",
    "WALK_FORWARD": "Return of choosing the best point so far every quarter, out of sample; missing before "
    "the first choice.",
}
_RUN_SORTS: Final[Mapping[str, str]] = {
    "ID": "The order in which sweeps were added.",
    "CREATED_AT": "When the sweep was added.",
    "FINISHED_AT": "When the sweep ended.",
    "FACTOR": "The factor's name.",
    "STATUS": "The status's name.",
}


def _enum(name: str, values: Mapping[str, str], description: str) -> type[StrEnum]:
    """Make an enum of the graph with one member a key, in capitals; its value is the key."""
    enum = StrEnum(name, {key.upper(): key for key in values})
    return described_enum(enum, description, {key.upper(): text for key, text in values.items()})


ConfigOption = _enum(
    "ConfigOption",
    _sweepable(),
    "An option that a sweep can vary. Each factor has the shared ones and its own.",
)
SweepMetric = _enum(
    "SweepMetric",
    {name: metric_text(one) for name, one in SWEEP_METRICS.items()},
    "A metric of a sweep's point: after costs where the point has any.",
)
SweepRunSortField = _enum("SweepRunSortField", _RUN_SORTS, "What sweeps can be sorted by.")
described_enum(SweepSeriesName, "A return series of a sweep.", _SERIES)


def to_sort_field(field: StrEnum) -> RunSortField:
    return RunSortField(field.value)
