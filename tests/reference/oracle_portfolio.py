"""Filters, selection and weights of the pandas reference implementation, each for one period."""

import math
from collections.abc import Mapping

import pandas as pd

from tests.reference.oracle_config import OracleInfeasibleMaxWeight, buys_low
from tests.reference.oracle_periods import PeriodTables

MIN_GROWTH_DAU = 100
MIN_GROWTH_FEES_USD = 500
MIN_VARIANCE_RETURNS = 8
MIN_VARIANCE = 1e-12


def passing_filters(
    factor: str,
    settings: Mapping[str, object],
    periods: PeriodTables,
    t: int,
    end: pd.Timestamp,
    first_price_on: pd.Series,
    is_allowed: pd.Series,
) -> pd.Index:
    """Assets that pass every filter but the weighting's own and the signal's, by what was known at t-1.

    `end` is the end of period t, which a target portfolio knows only by the calendar.
    """
    tables = periods.tables
    passes = tables["price"].iloc[t - 1].notna() & is_allowed
    if settings["market_cap_threshold"] is not None:
        passes &= tables["mc"].iloc[t - 1] > settings["market_cap_threshold"]
    if settings["liquidity_threshold"] is not None:
        threshold = settings["liquidity_threshold"] * periods.nominal_days[t - 1] / 7
        passes &= tables["24h_volume"].iloc[t - 1] > threshold
    if settings["min_lifetime_days"] is not None:
        lifetime = end - first_price_on
        passes &= lifetime >= pd.Timedelta(days=settings["min_lifetime_days"])
    if factor == "growth" and periods.has("dau"):
        passes &= tables["dau"].iloc[t - 1] > MIN_GROWTH_DAU
    if factor == "growth" and periods.has("fees"):
        passes &= tables["fees"].iloc[t - 1] > MIN_GROWTH_FEES_USD
    return passes.index[passes]


def usable_variances(period_returns: pd.DataFrame, t: int, candidates: pd.Index, lookback: int) -> pd.Series:
    """Variance of the last `lookback` period returns up to t-1, for assets with enough of them."""
    window = period_returns.iloc[max(0, t - lookback) : t][candidates]
    variances = window.var(ddof=1)
    return variances[(window.count() >= MIN_VARIANCE_RETURNS) & (variances > MIN_VARIANCE)]


def select_legs(factor: str, settings: Mapping[str, object], signal: pd.Series) -> dict[str, pd.Index] | None:
    """Assets of each leg, or None when the period is skipped. Equal signals are ordered by asset id."""
    by_asset = signal.sort_index()
    if factor == "market":
        if len(signal) < settings["top_n"]:
            return None
        largest_first = (-by_asset).sort_values(kind="stable").index
        return {"long": largest_first[: settings["top_n"]]}

    k = math.floor(len(signal) * settings["breakpoint"] + 1e-9)
    if len(signal) < settings["min_assets"] or k == 0:
        return None
    ascending = by_asset.sort_values(kind="stable").index
    low, high = ascending[:k], ascending[-k:]
    if buys_low(factor, settings):
        return {"long": low, "short": high}
    return {"long": high, "short": low}


def caps_of(periods: PeriodTables, t: int, assets: pd.Index) -> pd.Series:
    if not periods.has("mc"):
        return pd.Series(math.nan, index=assets)
    return periods.tables["mc"].iloc[t - 1][assets]


def leg_weights(
    assets: pd.Index,
    settings: Mapping[str, object],
    periods: PeriodTables,
    t: int,
    variances: pd.Series | None,
) -> pd.Series:
    if settings["weighting"] == "market_cap":
        raw = caps_of(periods, t, assets)
    elif settings["weighting"] == "inverse_variance":
        raw = 1 / variances[assets]
    else:
        raw = pd.Series(1.0, index=assets)
    weights = raw / raw.sum()
    return weights if settings["max_weight"] is None else cap_weights(weights, settings["max_weight"])


def cap_weights(weights: pd.Series, max_weight: float) -> pd.Series:
    """Hold what exceeds the cap at the cap, give the excess to the others pro rata, until none exceeds it."""
    if max_weight * len(weights) < 1 - 1e-9:
        raise OracleInfeasibleMaxWeight(f"{len(weights)} weights of at most {max_weight} cannot sum to 1")
    weights = weights.copy()
    capped = pd.Series(False, index=weights.index)
    while (weights > max_weight + 1e-15).any():
        capped |= weights > max_weight
        weights[capped] = max_weight
        free = ~capped
        if not free.any():
            break
        left_over = 1 - max_weight * capped.sum()
        weights[free] *= left_over / weights[free].sum()
    return weights
