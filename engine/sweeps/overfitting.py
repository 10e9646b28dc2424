"""How large the best Sharpe ratio of a sweep would be by luck alone: the deflated Sharpe ratio.

A returns matrix is (T, P) float64: T periods in order, P points (variants) of the sweep, simple returns
without NaN, 0 where a point held nothing. Sharpe ratios here are per period, std with ddof 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.distributions import normal_quantile
from engine.statistics.inference import probabilistic_sharpe_ratio
from engine.statistics.undefined import ZERO_STD, Undefined, UndefinedReason, deviation_is_zero, need

NOISE = 1e-12
"""A sum of squared deviations at or below this share of the sum of squares is rounding noise."""
TIE = 1e-9
"""Sharpe ratios this close, relative to max(1, |Sharpe|), are equal: variants with the same returns tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflatedSharpe:
    """Sharpe ratios per period. probability: that the true Sharpe ratio exceeds the expected maximum.

    trials: points that vary; effective_trials: how many independent ones they count for.
    mean_correlation: of their pairs, may be negative. sharpe_variance: across the points, ddof 1.
    """

    sharpe_ratio: float
    expected_maximum: float
    effective_trials: float
    mean_correlation: float
    trials: int
    sharpe_variance: float
    probability: float


def deflated_sharpe(returns: FloatArray, best: int) -> DeflatedSharpe:
    """The probabilistic Sharpe ratio of point `best` against the maximum that luck alone would give the
    effective number of trials (Bailey and Lopez de Prado 2014, doi:10.3905/jpm.2014.40.5.094).

    returns: (T, P). Points whose returns do not vary are no trials. Raises Undefined for fewer than 3
    periods, fewer than 2 points that vary, and where `best` does not.
    """
    require_matrix(returns)
    need(len(returns), 3)
    sharpe = column_sharpe(returns)
    varies = np.isfinite(sharpe)
    if not varies[best]:
        raise Undefined(UndefinedReason.ZERO_VOLATILITY, f"the returns of point {best} do not vary")
    correlation = mean_correlation(returns)
    trials = int(varies.sum())
    effective = _effective_trials(correlation, trials)
    variance = float(sharpe[varies].var(ddof=1))
    maximum = expected_maximum_sharpe(variance, effective)
    probability = probabilistic_sharpe_ratio(np.ascontiguousarray(returns[:, best]), maximum)
    if not all(map(math.isfinite, (correlation, maximum, probability))):
        raise Undefined(UndefinedReason.OVERFLOW, "the returns exceed double precision")
    return DeflatedSharpe(
        sharpe_ratio=float(sharpe[best]),
        expected_maximum=maximum,
        effective_trials=effective,
        mean_correlation=correlation,
        trials=trials,
        sharpe_variance=variance,
        probability=probability,
    )


def mean_correlation(returns: FloatArray) -> float:
    """Mean Pearson correlation of all pairs of different columns, in O(TP): the standardised columns' sum
    z has |z|^2 = sum of all P x P correlations.

    returns: (T, P). Columns that do not vary have no correlation and are left out. Raises Undefined for
    fewer than 2 periods or 2 columns that vary.
    """
    require_matrix(returns)
    need(len(returns), 2)
    centred = returns - returns.mean(axis=0)
    varies = np.isfinite(column_sharpe(returns))
    columns = int(varies.sum())
    if columns < 2:
        raise Undefined(UndefinedReason.TOO_FEW_POINTS, f"{columns} points that vary, 2 are needed")
    norm = np.sqrt(np.einsum("tp,tp->p", centred, centred))
    standardised_sum = centred @ np.divide(1.0, norm, out=np.zeros_like(norm), where=varies)
    everything = float(standardised_sum @ standardised_sum)
    return (everything - columns) / (columns * (columns - 1))


def effective_trials(returns: FloatArray) -> float:
    """rho + (1 - rho) P, rho the mean correlation of the P columns that vary, at least 0: how many
    independent trials they count for (Bailey and Lopez de Prado 2014, appendix,
    doi:10.3905/jpm.2014.40.5.094). Raises Undefined as `mean_correlation`.
    """
    correlation = mean_correlation(returns)
    return _effective_trials(correlation, int(np.isfinite(column_sharpe(returns)).sum()))


def _effective_trials(correlation: float, columns: int) -> float:
    rho = min(max(correlation, 0.0), 1.0)  # rounding can carry equal columns past 1
    return rho + (1.0 - rho) * columns


def expected_maximum_sharpe(sharpe_variance: float, trials: float) -> float:
    """Expected largest of `trials` (>= 1, may be fractional) independent Sharpe ratios whose true value is
    0 and whose variance is `sharpe_variance`, in the unit of its root (Bailey and Lopez de Prado 2014,
    equation 1, doi:10.3905/jpm.2014.40.5.094).

    At least 0: a maximum's expectation is never below that of one trial, where the approximation is.
    Raises ValueError for trials < 1 or a negative variance.
    """
    if trials < 1.0 or sharpe_variance < 0.0:
        raise ValueError(f"{trials} trials of variance {sharpe_variance}")
    if trials == 1.0:
        return 0.0
    weight = np.euler_gamma
    # the quantile of 1 - p as minus that of p, which keeps its digits for many trials
    nth, nth_e = normal_quantile(1.0 / trials), normal_quantile(1.0 / (trials * math.e))
    standard = -(1.0 - weight) * nth - weight * nth_e
    return math.sqrt(sharpe_variance) * max(standard, 0.0)


# -- shared by the statistics of a sweep -------------------------------------------------------------------


def require_matrix(returns: FloatArray) -> None:
    """Raises ValueError unless `returns` is (T, P) and finite: NaN would pass for a number further on."""
    if returns.ndim != 2 or not np.isfinite(returns).all():
        raise ValueError(f"returns must be a finite matrix (periods, points), not of shape {returns.shape}")


def column_sharpe(returns: FloatArray) -> FloatArray:
    """(P,) per-period Sharpe ratio of each column of (T >= 2, P); -inf where a column does not vary."""
    mean, deviation = returns.mean(axis=0), returns.std(axis=0, ddof=1)
    flat = deviation_is_zero(deviation, mean)
    return np.asarray(np.divide(mean, deviation, out=np.full_like(mean, -np.inf), where=~flat))


def sharpe_from_sums(total: FloatArray, squares: FloatArray, centre: FloatArray, count: int) -> FloatArray:
    """Per-period Sharpe ratios from sums over `count` >= 2 returns, each less its column's `centre`.

    total, squares: (..., P) sums of (r - centre) and of its square. centre: (P,), a value amid the column's
    returns, so that the variance does not vanish in the difference of two large sums. -inf where the
    returns do not vary.
    """
    mean = total / count
    deviations = squares - total * mean
    flat = deviations <= NOISE * squares + (count - 1) * ZERO_STD**2
    mean += centre
    deviations /= count - 1
    with np.errstate(divide="ignore", invalid="ignore"):  # rounding below 0 is flat, overwritten
        mean /= np.sqrt(deviations, out=deviations)
    np.copyto(mean, -np.inf, where=flat)
    return mean


def first_best(sharpe: FloatArray) -> NDArray[np.intp]:
    """Index of the largest along the last axis, (..., P) -> (...); the lowest index of ties."""
    largest = sharpe.max(axis=-1)
    return np.asarray((sharpe >= (largest - tie_width(largest))[..., None]).argmax(axis=-1))


def tie_width(sharpe: FloatArray) -> FloatArray:
    """How far from each Sharpe ratio another one still equals it; 0 for -inf."""
    return np.where(np.isfinite(sharpe), TIE * np.maximum(1.0, np.abs(sharpe)), 0.0)
