"""Base metrics (no costs, no inference) of the pandas reference implementation."""

import math

import numpy as np
import pandas as pd

from tests.reference.oracle_signals import is_zero_std

Metric = float | int | pd.Timestamp | None


def drawdown_metrics(wealth: pd.Series) -> dict[str, Metric]:
    """Deepest fall of a wealth path whose first entry is the starting wealth on the formation date."""
    drawdown = wealth / wealth.cummax() - 1
    depth = drawdown.min()
    if depth >= 0:
        return {
            "max_drawdown": 0.0,
            "max_drawdown_peak_date": None,
            "max_drawdown_trough_date": None,
            "max_drawdown_recovery_date": None,
        }
    trough = drawdown[drawdown == depth].index[0]
    before = wealth[wealth.index < trough]
    peak = before[before == before.max()].index[-1]
    after = wealth[wealth.index > trough]
    recovered = after[after >= wealth[peak]]
    return {
        "max_drawdown": depth,
        "max_drawdown_peak_date": peak,
        "max_drawdown_trough_date": trough,
        "max_drawdown_recovery_date": recovered.index[0] if len(recovered) else None,
    }


def return_metrics(returns: pd.Series, formed_on: pd.Timestamp, periods_per_year: int) -> dict[str, Metric]:
    """Metrics of a non-empty return series indexed by period end; None where a metric is undefined."""
    n = len(returns)
    mean = returns.mean()
    years = (returns.index[-1] - returns.index[0]) / pd.Timedelta(days=365)

    ruined = returns[returns <= -1]
    wiped_out_on = ruined.index[0] if len(ruined) else None
    wealth = pd.concat([pd.Series({formed_on: 1.0}), (1 + returns).cumprod()])
    if wiped_out_on is not None:
        wealth[wealth.index >= wiped_out_on] = 0.0
    cumulative = wealth.iloc[-1] - 1
    annualized = None
    if wiped_out_on is not None:
        annualized = -1.0
    elif years > 0:
        annualized = (1 + cumulative) ** (1 / years) - 1

    drawdown = drawdown_metrics(wealth)
    calmar = None
    if drawdown["max_drawdown"] < 0 and annualized is not None:
        calmar = annualized / abs(drawdown["max_drawdown"])

    std = returns.std(ddof=1) if n >= 2 else None
    varies = std is not None and not is_zero_std(std, mean)
    negative = returns[returns < 0]
    negative_std = negative.std(ddof=1) if len(negative) >= 2 else None
    sortino = None
    if negative_std is not None and not is_zero_std(negative_std, negative.mean()):
        sortino = mean / negative_std * math.sqrt(periods_per_year)
    sortino_target = None
    if len(negative):
        sortino_target = mean / math.sqrt((returns.clip(upper=0) ** 2).mean()) * math.sqrt(periods_per_year)

    quantile = np.quantile(returns, 0.05)
    return {
        "cumulative_return": cumulative,
        "annualized_return": annualized,
        "mean_annual_return": mean * periods_per_year,
        "annualized_volatility": std * math.sqrt(periods_per_year) if std is not None else None,
        "sharpe_ratio": mean / std * math.sqrt(periods_per_year) if varies else None,
        "sortino_ratio": sortino,
        "sortino_ratio_target": sortino_target,
        **drawdown,
        "calmar_ratio": calmar,
        "value_at_risk_95": -quantile,
        "expected_shortfall_95": -returns[returns <= quantile].mean(),
        "hit_rate": (returns > 0).mean(),
        "skewness": returns.skew() if varies and n >= 3 else None,
        "excess_kurtosis": returns.kurt() if varies and n >= 4 else None,
        "best_period_return": returns.max(),
        "worst_period_return": returns.min(),
        "years": years,
        "num_periods": n,
        "start_date": returns.index[0],
        "end_date": returns.index[-1],
        "wiped_out_on": wiped_out_on,
    }


def metrics_of(returns: pd.Series, periods_per_year: int) -> dict[str, Metric]:
    """Metrics of some of the periods, whose wealth starts at 1 on the day before the first of them ends."""
    return return_metrics(returns, returns.index[0] - pd.Timedelta(days=1), periods_per_year)


def leg_metrics(returns: pd.DataFrame, holdings: pd.DataFrame) -> dict[str, Metric]:
    """Compounded leg returns, average breadth and the concentration of the latest legs."""
    latest = holdings[holdings["period"] == returns.index[-1]]
    metrics: dict[str, Metric] = {}
    for leg in ("long", "short"):
        weights = latest.loc[latest["leg"] == leg, "weight"]
        exists = len(weights) > 0
        metrics[f"{leg}_only_return"] = (1 + returns[leg]).prod() - 1 if exists else None
        metrics[f"{leg}_hhi"] = (weights**2).sum() if exists else None
    metrics["breadth"] = len(holdings) / len(returns)
    metrics["missing_returns"] = int(holdings["period_return"].isna().sum())
    return metrics
