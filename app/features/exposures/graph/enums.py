"""How exposures are measured and what a return is made of, as enums of the graph."""

from __future__ import annotations

from enum import Enum, StrEnum

import strawberry

from engine.exposures.results import Method, ReturnKind

_MAY_GROW = "Values may be added: keep a default branch."


class AttributionKind(StrEnum):
    """What a part of a return is due to."""

    FACTOR = "FACTOR"
    ALPHA = "ALPHA"
    RISK_FREE = "RISK_FREE"
    RESIDUAL = "RESIDUAL"


def _described(enum: type[Enum], name: str, description: str, **values: str) -> None:
    strawberry.enum(enum, name=name, description=f"{description} {_MAY_GROW}")
    for value in enum.__strawberry_definition__.values:
        value.description = values[value.name]


_described(
    Method,
    "RegressionMethod",
    "How many factors a regression has.",
    JOINT="One regression on all factors: each beta is what is left of a factor beside the others.",
    UNIVARIATE="One regression on each factor alone.",
)
_described(
    ReturnKind,
    "ReturnKind",
    "Which returns are regressed.",
    SIMPLE="Simple returns, in excess of the risk-free rate where it is given.",
    LOG="The logarithm of 1 + these.",
)
_described(
    AttributionKind,
    "AttributionKind",
    "What a part of a return is due to.",
    FACTOR="A factor: its beta times its return.",
    ALPHA="The intercept: the same each week.",
    RISK_FREE="The risk-free rate on the net weight; 0 where none is subtracted.",
    RESIDUAL="What the other parts leave.",
)
