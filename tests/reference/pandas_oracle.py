"""Reference implementation of the six factor models in plain pandas: a numerical oracle and a speed baseline.

One loop over the rebalancing dates, one Series a step. It shares no code with the engine it checks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tests.reference import oracle_metrics, oracle_periods, oracle_signals
from tests.reference.oracle_config import (
    OracleInfeasibleMaxWeight,
    OracleMissingField,
    OracleNoPeriods,
    allowed_assets,
    available_growth_metrics,
    buys_low,
    check_fields,
    complete_config,
    is_reported,
    periods_per_year,
)
from tests.reference.oracle_metrics import Metric
from tests.reference.oracle_periods import PeriodTables
from tests.reference.oracle_portfolio import (
    cap_weights,
    caps_of,
    leg_weights,
    passing_filters,
    select_legs,
    usable_variances,
)

__all__ = [
    "OracleInfeasibleMaxWeight",
    "OracleMissingField",
    "OracleNoPeriods",
    "OracleResult",
    "OracleRun",
    "cap_weights",
    "execute",
    "run_factor",
]


@dataclass(frozen=True)
class OracleResult:
    """`returns`: period end x (factor, long, short); `holdings`: a row a period, leg and asset; `metrics`.

    A holding's `period_return` is what its price did, NaN where missing; `earned` is what counts.
    `extreme_returns` counts the holdings beyond `max_abs_return`.
    """

    returns: pd.DataFrame
    holdings: pd.DataFrame
    metrics: dict[str, Metric]
    extreme_returns: int


@dataclass(frozen=True)
class OracleModel:
    """A factor with its settings on one data set, ready to form a portfolio for any period."""

    factor: str
    settings: dict[str, object]
    calendar: str
    periods: PeriodTables
    daily_prices: pd.DataFrame | None
    first_price_on: pd.Series
    is_allowed: pd.Series
    price_returns: pd.DataFrame
    realised: pd.DataFrame

    @property
    def periods_per_year(self) -> int:
        return periods_per_year(self.settings["rebalance"], self.calendar)


@dataclass(frozen=True)
class OracleRun:
    """What a model did: `signals` has every reported period's eligible assets by grid position, `held` those
    positions that were not skipped."""

    model: OracleModel
    returns: pd.DataFrame
    holdings: pd.DataFrame
    signals: dict[int, pd.Series]
    held: list[int]

    @property
    def formed_on(self) -> pd.Timestamp:
        return self.model.periods.ends[self.held[0] - 1]

    @property
    def buys_low(self) -> bool:
        return buys_low(self.model.factor, self.model.settings)


def run_factor(
    frame: pd.DataFrame,
    factor: str,
    config: Mapping[str, object] | None = None,
    *,
    calendar: str = "EVERY_DAY",
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> OracleResult:
    """Compute one factor on a long-form daily frame (date, asset, price, mc, 24h_volume, fees, dau, revenue).

    An absent or all-NaN column is a field the dataset lacks. Config keys that are absent take their
    default, None switches a bound or filter off. Weights in `holdings` are positive and sum to 1 a leg.

    Raises OracleMissingField, OracleNoPeriods, OracleInfeasibleMaxWeight; ValueError for an unknown
    config key, asset or attribute.
    """
    run = execute(prepare(frame, factor, config, calendar=calendar, attributes=attributes))
    return OracleResult(run.returns, run.holdings, base_metrics(run), int(run.holdings["extreme"].sum()))


def prepare(
    frame: pd.DataFrame,
    factor: str,
    config: Mapping[str, object] | None = None,
    *,
    calendar: str = "EVERY_DAY",
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> OracleModel:
    """Period tables and returns; raises what `run_factor` raises, but for OracleNoPeriods."""
    settings = complete_config(factor, config or {})
    daily = oracle_periods.clean(frame)
    allowed = allowed_assets(frame, settings, attributes or {})
    periods = oracle_periods.aggregate(
        daily,
        settings["rebalance"],
        calendar,
        settings["publication_lag_days"],
        settings["execution_lag_days"],
    )
    settings["growth_metrics"] = available_growth_metrics(factor, settings, periods)
    check_fields(factor, settings, periods)
    prices = periods.tables["price"]
    executed = periods.execution_prices
    first_price_on = daily[daily["price"].notna()].groupby("asset")["date"].min().reindex(prices.columns)
    return OracleModel(
        factor=factor,
        settings=settings,
        calendar=calendar,
        periods=periods,
        daily_prices=oracle_periods.daily_prices(daily, calendar) if factor == "momentum_v2" else None,
        first_price_on=first_price_on,
        is_allowed=pd.Series(prices.columns.isin(list(allowed)), index=prices.columns),
        price_returns=prices / prices.shift(1) - 1,
        realised=executed / executed.shift(1) - 1,
    )


def form(model: OracleModel, t: int, end: pd.Timestamp) -> tuple[pd.Series, pd.DataFrame | None]:
    """Signal of the eligible assets, and the holdings of the period that ends on `end`, None if skipped.

    t may be one past the grid: nothing of period t itself is looked at.
    """
    factor, settings, periods = model.factor, model.settings, model.periods
    candidates = passing_filters(factor, settings, periods, t, end, model.first_price_on, model.is_allowed)
    variances = None
    if settings["weighting"] == "market_cap":
        caps = periods.tables["mc"].iloc[t - 1][candidates]
        candidates = caps.index[caps > 0]
    elif settings["weighting"] == "inverse_variance":
        variances = usable_variances(model.price_returns, t, candidates, settings["variance_lookback"])
        candidates = variances.index
    signal = oracle_signals.signal_at(factor, settings, periods, model.daily_prices, t, candidates)

    legs = select_legs(factor, settings, signal)
    if legs is None:
        return signal, None
    parts = []
    for leg, assets in legs.items():
        parts.append(
            pd.DataFrame(
                {
                    "period": end,
                    "leg": leg,
                    "asset": assets,
                    "weight": leg_weights(assets, settings, periods, t, variances).to_numpy(),
                    "signal": signal[assets].to_numpy(),
                    "market_cap": caps_of(periods, t, assets).to_numpy(),
                }
            )
        )
    return signal, pd.concat(parts, ignore_index=True)


def is_extreme(realised: pd.Series, settings: Mapping[str, object]) -> pd.Series:
    """Beyond `max_abs_return`; a missing return is not."""
    if settings["max_abs_return"] is None:
        return pd.Series(False, index=realised.index)
    return realised.abs() > settings["max_abs_return"]


def earned_returns(realised: pd.Series, settings: Mapping[str, object]) -> pd.Series:
    """What a holder gets: missing and excluded extreme returns are the `missing_return`."""
    lost = realised.isna()
    if settings["extreme_returns"] == "EXCLUDE":
        lost |= is_extreme(realised, settings)
    return realised.mask(lost, settings["missing_return"])


def execute(model: OracleModel) -> OracleRun:
    """All reported periods, one after the other."""
    settings, periods = model.settings, model.periods
    rows: dict[pd.Timestamp, dict[str, float]] = {}
    holdings: list[pd.DataFrame] = []
    signals: dict[int, pd.Series] = {}
    held: list[int] = []
    for t in range(1, len(periods.ends)):
        end = periods.ends[t]
        if not is_reported(end, settings):
            continue
        signals[t], holding = form(model, t, end)
        if holding is None:
            continue

        realised = model.realised.iloc[t][holding["asset"]].reset_index(drop=True)
        holding["period_return"] = realised
        holding["extreme"] = is_extreme(realised, settings)
        holding["earned"] = earned_returns(realised, settings)
        sums = (holding["weight"] * holding["earned"]).groupby(holding["leg"]).sum()
        row = {"long": sums["long"], "short": sums.get("short", math.nan)}
        row["factor"] = row["long"] - row["short"] if "short" in sums else row["long"]
        rows[end] = row
        holdings.append(holding)
        held.append(t)

    if not rows:
        raise OracleNoPeriods(max((len(signal) for signal in signals.values()), default=0))
    returns = pd.DataFrame.from_dict(rows, orient="index")[["factor", "long", "short"]]
    return OracleRun(model, returns, pd.concat(holdings, ignore_index=True), signals, held)


def base_metrics(run: OracleRun) -> dict[str, Metric]:
    """Metrics of the gross returns and of the holdings, without costs and inference."""
    grid_periods_spanned = run.held[-1] - run.held[0] + 1
    metrics = {
        **oracle_metrics.return_metrics(run.returns["factor"], run.formed_on, run.model.periods_per_year),
        **oracle_metrics.leg_metrics(run.returns, run.holdings),
        "skipped_periods": len(run.signals) - len(run.held),
        "coverage": len(run.returns) / grid_periods_spanned,
    }
    return {name: plain(value) for name, value in metrics.items()}


def plain(value: Metric) -> Metric:
    """Numpy scalars as plain Python numbers."""
    return value.item() if hasattr(value, "item") else value
