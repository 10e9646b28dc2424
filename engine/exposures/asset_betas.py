"""Betas of many assets to one factor at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidConfig
from engine.exposures.exposures import MIN_OBSERVATIONS, option_faults
from engine.exposures.results import ReturnKind
from engine.exposures.returns import (
    WEEKS_PER_YEAR,
    AssetReturns,
    FactorSeries,
    aligned,
    in_excess,
    logarithms,
    within,
)
from engine.panel import FloatArray
from engine.statistics.distributions import student_probability, student_quantile
from engine.statistics.regression import newey_west_lag
from engine.statistics.undefined import deviation_is_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBetas:
    """Univariate regressions of N assets on one factor, each over its own complete weeks; all arrays (N,).

    alpha: the weekly intercept * 52. observations: complete weeks. All others are NaN where there are fewer
    than asked for, or the factor does not vary in them; t_value and p_value too where the fit is exact,
    r_squared where the asset does not vary.
    """

    assets: tuple[str, ...]
    alpha: FloatArray
    beta: FloatArray
    standard_error: FloatArray
    t_value: FloatArray
    p_value: FloatArray
    lower: FloatArray
    upper: FloatArray
    r_squared: FloatArray
    observations: NDArray[np.int64]


def asset_betas(
    assets: AssetReturns,
    factor: FactorSeries,
    *,
    risk_free: FloatArray | None = None,
    kind: ReturnKind = ReturnKind.SIMPLE,
    min_observations: int = MIN_OBSERVATIONS,
    confidence: float = 0.95,
    lag: int | None = None,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
) -> AssetBetas:
    """The numbers of `ordinary_least_squares` on the complete weeks of each asset in [start, end], all assets
    at once.

    risk_free: (P,) its return in each of the assets' weeks, NaN = unknown; given, assets and a long-only
    factor are in excess of it. Of LOG returns, an asset that lost 100 % or more in a week has no beta; the
    factor raises TotalLoss. Raises InvalidConfig.
    """
    faults = option_faults(min_observations, confidence, lag)
    if faults:
        raise InvalidConfig(tuple(faults))
    rate = np.zeros(len(assets.weeks)) if risk_free is None else risk_free
    if rate.shape != assets.weeks.shape:
        raise ValueError(f"{len(rate)} risk-free returns are not those of {len(assets.weeks)} weeks")
    inside = within(assets.weeks, start, end)
    weeks, rate = assets.weeks[inside], rate[inside]
    y = assets.returns[inside] - rate[:, None]
    x = in_excess(aligned(weeks, [factor]), [factor], rate)[:, 0]
    known = np.isfinite(y) & np.isfinite(x)[:, None]
    if kind is ReturnKind.LOG:
        x = logarithms(x, weeks, f"factor {factor.name!r}")
        with np.errstate(invalid="ignore", divide="ignore"):  # one asset's ruin is not the others'
            y = np.log1p(y)
    return _regress(assets.assets, y, x, known, min_observations, confidence, lag)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what has no value is masked at the end
def _regress(
    assets: tuple[str, ...],
    y: FloatArray,
    x: FloatArray,
    known: NDArray[np.bool_],
    min_observations: int,
    confidence: float,
    lag: int | None,
) -> AssetBetas:
    """Regress each column of y (P, N) on x (P,) over the weeks that are known (P, N)."""
    counts = known.sum(axis=0)
    # Each asset's complete weeks move to the top, in order: neighbours are then one row apart.
    order = np.argsort(~known, axis=0, kind="stable")
    present = np.arange(len(known))[:, None] < counts
    n, freedom = np.maximum(counts, 1).astype(np.float64), counts - 2.0
    y = np.where(present, np.take_along_axis(y, order, axis=0), 0.0)
    x = np.where(present, x[order], 0.0)
    y_means, y = _centred(y, present, n)
    x_means, x = _centred(x, present, n)
    squares = (x**2).sum(axis=0)
    beta = (x * y).sum(axis=0) / squares
    residuals = y - x * beta
    unexplained, total = (residuals**2).sum(axis=0), (y**2).sum(axis=0)

    lags = np.array([newey_west_lag(max(int(count), 1)) if lag is None else lag for count in counts])
    scores = x / squares * residuals
    long_run = (scores**2).sum(axis=0)
    for step in range(1, min(int(lags.max(initial=0)), len(scores) - 1) + 1):
        weight = np.maximum(1.0 - step / (lags + 1.0), 0.0)
        long_run += 2.0 * weight * (scores[step:] * scores[:-step]).sum(axis=0)
    error = np.sqrt(n / freedom * np.maximum(long_run, 0.0))

    largest = np.abs(np.where(present, y + y_means, 0.0)).max(axis=0, initial=0.0)
    exact = deviation_is_zero(np.sqrt(unexplained / freedom), largest)
    t_value = np.where(exact, np.nan, beta / error)
    reach = student_quantile(freedom, (1.0 + confidence) / 2.0) * error
    flat = deviation_is_zero(np.sqrt(total / (n - 1.0)), y_means)
    constant = deviation_is_zero(np.sqrt(squares / (n - 1.0)), x_means)
    usable = (counts >= min_observations) & ~constant & np.isfinite(beta)

    def where_usable(values: FloatArray) -> FloatArray:
        return np.where(usable, values, np.nan)

    return AssetBetas(
        assets=assets,
        alpha=where_usable((y_means - beta * x_means) * WEEKS_PER_YEAR),
        beta=where_usable(beta),
        standard_error=where_usable(error),
        t_value=where_usable(t_value),
        p_value=where_usable(2.0 * student_probability(freedom, -np.abs(t_value))),
        lower=where_usable(beta - reach),
        upper=where_usable(beta + reach),
        r_squared=where_usable(np.where(flat, np.nan, np.maximum(1.0 - unexplained / total, 0.0))),
        observations=counts.astype(np.int64),
    )


def _centred(values: FloatArray, present: NDArray[np.bool_], n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(means (N,), values less them where present, else 0). Taken twice: see least_squares."""
    means = values.sum(axis=0) / n
    centred = np.where(present, values - means, 0.0)
    rest = centred.sum(axis=0) / n
    return means + rest, np.where(present, centred - rest, 0.0)
