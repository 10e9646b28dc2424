"""How factors move together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.errors import ConfigFault, InvalidConfig, TooFewObservations
from engine.exposures.returns import FactorSeries, aligned, within
from engine.panel import FloatArray
from engine.statistics.undefined import deviation_is_zero

FEWEST_SERIES, MOST_SERIES = 2, 50
FEWEST_WEEKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Pearson correlations of K series over the weeks that all of them have.

    matrix: (K, K), rows and columns in the order of names; NaN where a series does not vary.
    """

    names: tuple[str, ...]
    matrix: FloatArray
    observations: int
    start_week: date
    end_week: date


def correlations(
    series: Sequence[FactorSeries], *, start: np.datetime64 | None = None, end: np.datetime64 | None = None
) -> Correlations:
    """Correlations of 2 to 50 series of different names, over at least 3 common weeks in [start, end].

    Raises InvalidConfig, TooFewObservations.
    """
    names = tuple(one.name for one in series)
    if not FEWEST_SERIES <= len(names) <= MOST_SERIES or len(set(names)) < len(names):
        message = f"between {FEWEST_SERIES} and {MOST_SERIES} different series are needed"
        raise InvalidConfig((ConfigFault("series", "OUT_OF_RANGE", message),))
    weeks = series[0].weeks[within(series[0].weeks, start, end)]
    returns = aligned(weeks, series)
    complete = np.isfinite(returns).all(axis=1)
    observations = int(complete.sum())
    if observations < FEWEST_WEEKS:
        counts = [int((np.isfinite(one.returns) & within(one.weeks, start, end)).sum()) for one in series]
        least = counts.index(min(counts))
        scarcest = f"series {names[least]!r}, {counts[least]} weeks"
        raise TooFewObservations(observations, FEWEST_WEEKS, scarcest)
    weeks, returns = weeks[complete], returns[complete]
    return Correlations(
        names=names,
        matrix=_pearson(returns),
        observations=observations,
        start_week=weeks[0].item(),
        end_week=weeks[-1].item(),
    )


def _pearson(returns: FloatArray) -> FloatArray:
    """(K, K) of (n, K) finite returns, exactly symmetric, exactly 1 on the diagonal where a series varies."""
    means = returns.mean(axis=0)
    centred = returns - means
    lengths = np.sqrt((centred**2).sum(axis=0))
    constant = deviation_is_zero(lengths / np.sqrt(len(returns) - 1), means)
    units = centred / np.where(constant, np.nan, lengths)
    matrix = np.clip(units.T @ units, -1.0, 1.0)
    matrix = (matrix + matrix.T) / 2.0
    np.fill_diagonal(matrix, np.where(constant, np.nan, 1.0))
    return np.asarray(matrix)
