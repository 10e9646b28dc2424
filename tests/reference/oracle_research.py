"""All that is said about a factor run, in plain pandas: one document beside the run itself.

Everything is looped over periods and assets as the definitions read; it shares no code with the engine.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.reference import oracle_costs, oracle_inference, oracle_metrics
from tests.reference.oracle_breakdown import (
    extreme_positions,
    extremes_summary,
    market_regimes,
    subperiod_table,
    target_of,
)
from tests.reference.oracle_config import OracleMissingField, OracleNoPeriods
from tests.reference.oracle_metrics import Metric
from tests.reference.oracle_signal_quality import (
    decay_table,
    information_coefficients,
    persistence_summary,
    quantile_monotonicity,
    quantile_returns,
    quantile_table,
    signal_autocorrelation,
    spread_summary,
)
from tests.reference.pandas_oracle import OracleModel, base_metrics, execute, plain, prepare

PANEL_COLUMNS = {
    "price": "price",
    "market_cap": "mc",
    "volume": "24h_volume",
    "fees": "fees",
    "dau": "dau",
    "revenue": "revenue",
}
MARKET_SHARES = (
    "rebalance",
    "market_cap_threshold",
    "liquidity_threshold",
    "min_lifetime_days",
    "execution_lag_days",
    "missing_return",
)


@dataclass(frozen=True)
class OracleResearch:
    """One run and all that is said about it; undefined values are None in dicts and NaN in tables.

    returns, holdings: as in OracleResult. trading: as `oracle_costs.trading_table`.
    series: period end x FACTOR LONG SHORT [NET] TURNOVER BREADTH IC MARKET SIGNAL_AUTOCORRELATION QUANTILE_1
    ... QUANTILE_SPREAD.
    metrics, net_metrics: name -> value; net_metrics is None without costs.
    quantiles: bucket x (num_periods, mean_return, annualized_return, annualized_volatility, sharpe_ratio,
    cumulative_return). quantile_spread: mean_return, newey_west_t, sharpe_ratio, num_periods. monotonicity:
    rho, p_value.
    persistence: mean_autocorrelation, half_life_periods, num_periods.
    ic_decay: horizon x (mean, std, num_periods, t). ic_by_horizon: period end x horizon.
    regimes: period end -> UP, DOWN or None. subperiods: one row a (kind, label).
    extremes: date, asset, leg, weight, return, earned, contribution, the largest first. extremes_summary:
    total_contribution, share, cumulative_return_without.
    target: leg, asset, weight, previous_weight, trade, or None where the period would be skipped.
    target_summary: formation_date, period_end, num_eligible, reason (None, TOO_FEW_ASSETS or
    INFEASIBLE_MAX_WEIGHT).
    """

    returns: pd.DataFrame
    holdings: pd.DataFrame
    trading: pd.DataFrame
    series: pd.DataFrame
    metrics: dict[str, Metric]
    net_metrics: dict[str, Metric] | None
    quantiles: pd.DataFrame
    quantile_spread: dict[str, float | int | None]
    monotonicity: dict[str, float | None]
    persistence: dict[str, float | int | None]
    ic_decay: pd.DataFrame
    ic_by_horizon: pd.DataFrame
    regimes: dict[pd.Timestamp, str | None]
    subperiods: pd.DataFrame
    extremes: pd.DataFrame
    extremes_summary: dict[str, float | None]
    target: pd.DataFrame | None
    target_summary: dict[str, object]


def research(panel: object, config: object) -> OracleResearch:
    """Research on a panel (dates, assets, fields, calendar, attributes) by a config object of options."""
    rows = {
        "date": np.repeat(pd.DatetimeIndex(panel.dates), len(panel.assets)),
        "asset": np.tile(np.array(panel.assets, dtype=object), len(panel.dates)),
    }
    rows |= {
        PANEL_COLUMNS[name]: np.asarray(v).ravel()
        for name, v in panel.fields.items()
        if name in PANEL_COLUMNS
    }
    attributes = {
        name: {asset: value for asset, value in zip(panel.assets, values, strict=True) if value is not None}
        for name, values in panel.attributes.items()
    }
    settings = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    factor = str(config.factor).lower()
    settings["weighting"] = str(settings.pop("weighting_method").value).lower()
    if factor == "market":
        settings.pop("min_assets", None)
        settings.pop("breakpoint", None)
    settings = {name: getattr(value, "value", value) for name, value in settings.items()}
    return research_frame(
        pd.DataFrame(rows), factor, settings, calendar=str(panel.calendar.value), attributes=attributes
    )


def research_frame(
    frame: pd.DataFrame,
    factor: str,
    config: Mapping[str, object] | None = None,
    *,
    calendar: str = "EVERY_DAY",
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> OracleResearch:
    """As `run_factor`, with everything that OracleResearch holds; raises the same errors."""
    run = execute(prepare(frame, factor, config, calendar=calendar, attributes=attributes))
    market = market_returns(frame, run.model)
    trading = oracle_costs.trading_table(run)
    ic_by_horizon = information_coefficients(run)
    persistence = signal_autocorrelation(run)
    buckets = quantile_returns(run)
    net = trading["net"] if oracle_costs.has_costs(run) else None

    ppy = run.model.periods_per_year
    alpha_market = None if factor == "market" else market
    ic = oracle_inference.series_summary(ic_by_horizon[1])
    metrics = {
        **base_metrics(run),
        **oracle_costs.trading_metrics(run, trading),
        **oracle_inference.return_inference(run.returns["factor"], alpha_market, ppy),
        "ic_mean": ic["mean"],
        "ic_std": ic["std"],
        "ic_t": ic["t"],
        "ic_autocorrelation": oracle_inference.autocorrelation(ic_by_horizon[1]),
        "extreme_returns": int(run.holdings["extreme"].sum()),
    }
    net_metrics = None
    if net is not None:
        net_metrics = {
            **oracle_metrics.return_metrics(net, run.formed_on, ppy),
            **oracle_inference.return_inference(net, alpha_market, ppy),
        }
        net_metrics = {name: plain(value) for name, value in net_metrics.items()}

    dates = run.returns.index
    series = run.returns.rename(columns=str.upper)
    if net is not None:
        series["NET"] = net
    series["TURNOVER"] = trading["turnover"]
    series["BREADTH"] = run.holdings.groupby("period").size().reindex(dates).astype(float)
    series["IC"] = ic_by_horizon[1]
    series["MARKET"] = pd.Series(math.nan, index=dates) if market is None else market.reindex(dates)
    series["SIGNAL_AUTOCORRELATION"] = persistence
    for bucket in buckets:
        series[f"QUANTILE_{bucket}"] = buckets[bucket]
    spread = buckets[buckets.columns[-1]] - buckets[1]
    series["QUANTILE_SPREAD"] = -spread if run.buys_low else spread

    quantiles = quantile_table(buckets, run)
    regimes = market_regimes(run, market)
    extremes = extreme_positions(run)
    target, target_summary = target_of(run)
    return OracleResearch(
        returns=run.returns,
        holdings=run.holdings,
        trading=trading,
        series=series,
        metrics={name: plain(value) for name, value in metrics.items()},
        net_metrics=net_metrics,
        quantiles=quantiles,
        quantile_spread=spread_summary(series["QUANTILE_SPREAD"], ppy),
        monotonicity=quantile_monotonicity(quantiles),
        persistence=persistence_summary(persistence),
        ic_decay=decay_table(ic_by_horizon),
        ic_by_horizon=ic_by_horizon,
        regimes=regimes,
        subperiods=subperiod_table(run, net, regimes),
        extremes=extremes,
        extremes_summary=extremes_summary(run, extremes),
        target=target,
        target_summary=target_summary,
    )


def market_returns(frame: pd.DataFrame, model: OracleModel) -> pd.Series | None:
    """Returns of the market factor by its own defaults and the run's thresholds; None if none."""
    shared = {name: model.settings[name] for name in MARKET_SHARES}
    try:
        return execute(prepare(frame, "market", shared, calendar=model.calendar)).returns["factor"]
    except (OracleMissingField, OracleNoPeriods):
        return None
