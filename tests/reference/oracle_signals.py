"""The six factor signals of the pandas reference implementation, each for one period and known at t-1."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tests.reference.oracle_periods import PeriodTables


def is_zero_std(std: float, mean: float) -> bool:
    """Rounding noise is not volatility."""
    return std <= 1e-12 * max(1.0, abs(mean))


def return_over_risk(compound_return: pd.Series, returns: pd.DataFrame) -> pd.Series:
    """Compound return times abs(mean)/std of its own returns, 0 where those do not vary (rows = dates)."""
    mean = returns.mean()
    std = returns.std(ddof=1)
    varies = std > 1e-12 * mean.abs().clip(lower=1.0)
    return (compound_return * mean.abs() / std).where(varies, 0.0)


def momentum(prices: pd.DataFrame, t: int, lookback_periods: int, volatility_adjusted: bool) -> pd.Series:
    first = t - 1 - lookback_periods
    if first < 0:
        return pd.Series(dtype=float)
    window = prices.iloc[first:t]
    if not volatility_adjusted:
        return window.iloc[-1] / window.iloc[0] - 1
    window = window.dropna(axis="columns")
    returns = (window / window.shift(1) - 1).iloc[1:]
    return return_over_risk(window.iloc[-1] / window.iloc[0] - 1, returns)


def momentum_v2(daily_prices: pd.DataFrame, end: pd.Timestamp, lookback_days: int) -> pd.Series:
    """Every one of the lookback_days + 1 calendar rows that end on `end` must hold a price."""
    if end not in daily_prices.index:
        return pd.Series(dtype=float)
    last = daily_prices.index.get_loc(end)
    first = last - lookback_days
    if first < 0:
        return pd.Series(dtype=float)
    window = daily_prices.iloc[first : last + 1].dropna(axis="columns")
    returns = (window / window.shift(1) - 1).iloc[1:]
    return return_over_risk((1 + returns).prod() - 1, returns)


def growth(
    tables: Mapping[str, pd.DataFrame], t: int, candidates: pd.Index, metrics: list[str], window: int
) -> pd.Series:
    """Mean of the available z-scores of clipped growth; percentiles and moments are the candidates' own."""
    if t - 1 - window < 0:
        return pd.Series(dtype=float)
    z_scores = {}
    for metric in metrics:
        now = tables[metric].iloc[t - 1][candidates]
        before = tables[metric].iloc[t - 1 - window][candidates]
        values = (now / before.where(before > 0) - 1).dropna()
        if len(values) < 2:
            continue
        low, high = np.percentile(values, [5, 95])
        values = values.clip(low, high)
        if is_zero_std(values.std(ddof=1), values.mean()):
            continue
        z_scores[metric] = (values - values.mean()) / values.std(ddof=1)
    return pd.DataFrame(z_scores, index=candidates, dtype=float).mean(axis="columns")


def signal_at(
    factor: str,
    config: Mapping[str, object],
    periods: PeriodTables,
    daily: pd.DataFrame | None,
    t: int,
    candidates: pd.Index,
) -> pd.Series:
    """Signal[t-1] of the candidates that have one. `daily` is needed by momentum_v2 only."""
    tables = periods.tables
    if factor in ("smb", "market"):
        signal = tables["mc"].iloc[t - 1]
    elif factor == "value":
        fundamental = tables[config["fundamental"].lower()].iloc[t - 1]
        signal = tables["mc"].iloc[t - 1] / fundamental.where(fundamental > 0)
    elif factor == "momentum":
        signal = momentum(tables["price"], t, config["lookback_periods"], config["volatility_adjusted"])
    elif factor == "momentum_v2":
        signal = momentum_v2(daily, periods.ends[t - 1], config["lookback_days"])
    else:
        signal = growth(tables, t, candidates, config["growth_metrics"], config["growth_window"])
    signal = signal.reindex(candidates)
    return signal[np.isfinite(signal)]
