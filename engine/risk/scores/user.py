"""A style of the user's own: any field of the panel."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import option
from engine.errors import ConfigFault
from engine.panel import FloatArray
from engine.risk.cross_section import Standardized
from engine.risk.scores.config import StyleConfig, StyleName
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.logarithm import log_of_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConfig(StyleConfig):
    style = StyleName.USER

    name: str = option(text="The style's name among the factors: not that of a sector or of another factor")
    field: str = option(text="The dataset's field")
    logarithm: bool = option(
        False, text="Whether its logarithm is taken; values of 0 and below are then missing"
    )
    negated: bool = option(False, text="Whether high values score low")

    def _cross_faults(self) -> list[ConfigFault]:
        faults = [
            ConfigFault(name, "EMPTY", f"a style of one's own needs a {name}")
            for name in ("name", "field")
            if not getattr(self, name).strip()
        ]
        if not self.name.isprintable():  # it stands in tables and pictures
            message = f"the name of a style has printable characters only, not {self.name!r}"
            faults.append(ConfigFault("name", "NOT_PRINTABLE", message))
        return faults

    @property
    def label(self) -> str:
        return self.name

    @property
    def required_fields(self) -> tuple[str, ...]:
        return (self.field,)


def raw_user(values: FloatArray, config: UserConfig) -> FloatArray:
    """(T, N) the field's values, or their ln, or minus these; NaN is missing."""
    raw = log_of_positive(values) if config.logarithm else values
    return -raw if config.negated else raw


def user_scores(context: ScoreContext, config: UserConfig) -> Standardized:
    values = context.inputs.fields[config.field]
    return context.by_dates(
        lambda rows: context.standard(rows, raw_user(values[rows], config), config.winsor)
    )
