"""What can be swept, and the points that a sweep is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from engine.errors import EngineError
from engine.panel import FloatArray
from engine.statistics.performance import RETURN_METRICS, Metric

SPAN_SHARPE: Final = "span_sharpe_ratio"
SPAN_SHARPE_METRIC: Final[Metric] = replace(
    RETURN_METRICS["sharpe_ratio"],
    name=SPAN_SHARPE,
    label="Sharpe ratio of the span",
    text="Annualised Sharpe ratio over the periods that all points share, 0 where the point held nothing: "
    "what points are compared by",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """returns: (P,) in each grid period, net where the point has costs, NaN where it held nothing.

    metrics: in the order of the metrics that are swept, NaN = undefined.
    failure: (code, message) of a point without portfolios; the others are empty then.
    """

    returns: FloatArray
    metrics: tuple[float, ...]
    failure: tuple[str, str] | None = None


class Sweepable(Protocol):
    """What earns something once its options are chosen.

    name: for people. metrics: of a point by itself, by name. followers: by option, the one that follows it
    where it is not given.
    """

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def followers(self) -> Mapping[str, str]: ...

    def parse(self, options: Mapping[str, object]) -> Any:
        """Return the checked config, whose options are those of `engine.config`. Raises InvalidConfig."""

    def sharing_key(self, config: Any) -> tuple[str, ...]:
        """Return what sorts configs so that neighbours share the most work."""


class PointEvaluator(Protocol):
    """Computes the points of a sweep on the data that it has."""

    def evaluate(self, config: Any) -> Point:
        """Return one point; what cannot be computed becomes its failure."""

    def failed(self, error: EngineError) -> Point:
        """Return a point that holds nothing."""
