"""Reference implementation of the six factor models in plain pandas: a numerical oracle and a speed baseline.

One loop over the rebalancing dates, one Series a step. It shares no code with the engine it checks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tests.reference import oracle_metrics, oracle_periods, oracle_signals
from tests.reference.oracle_metrics import Metric
from tests.reference.oracle_periods import PeriodTables

COMMON_DEFAULTS: dict[str, object] = {
    "start_date": None,
    "end_date": None,
    "breakpoint": 0.5,
    "min_assets": 30,
    "weighting": "equal",
    "variance_lookback": 26,
    "max_weight": None,
    "market_cap_threshold": 100_000_000.0,
    "liquidity_threshold": 35_000_000.0,
    "min_lifetime_days": 30,
    "rebalance": "WEEKLY",
    "missing_return": 0.0,
    "exclude": None,
    "universe": None,
}
FACTOR_DEFAULTS: dict[str, dict[str, object]] = {
    "smb": {},
    "market": {"top_n": 10, "weighting": "market_cap"},
    "value": {"long_side": "HIGH"},
    "momentum": {"lookback_periods": 3, "volatility_adjusted": False},
    "momentum_v2": {"lookback_days": 21, "breakpoint": 0.25},
    "growth": {"growth_window": 2, "growth_metrics": None},
}
REQUIRED_FIELDS = {
    "smb": ["mc"],
    "market": ["mc"],
    "value": ["mc", "fees"],
    "momentum": [],
    "momentum_v2": [],
    "growth": [],
}
GROWTH_METRICS = ["fees", "dau", "revenue"]
MIN_GROWTH_DAU = 100
MIN_GROWTH_FEES_USD = 500
MIN_VARIANCE_RETURNS = 8
MIN_VARIANCE = 1e-12


class OracleMissingField(Exception):
    """The factor, a filter or the weighting needs a field that the frame lacks."""


class OracleNoPeriods(Exception):
    """No portfolio could be formed; `max_eligible` is the largest number of eligible assets seen."""

    def __init__(self, max_eligible: int) -> None:
        super().__init__(f"no period could be formed; at most {max_eligible} assets were eligible")
        self.max_eligible = max_eligible


class OracleInfeasibleMaxWeight(Exception):
    """A leg has too few assets for its weights to respect `max_weight` and sum to 1."""


@dataclass(frozen=True)
class OracleResult:
    """`returns`: period end x (factor, long, short); `holdings`: a row a period, leg and asset; `metrics`."""

    returns: pd.DataFrame
    holdings: pd.DataFrame
    metrics: dict[str, Metric]


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
    settings = complete_config(factor, config or {})
    daily = oracle_periods.clean(frame)
    allowed = allowed_assets(frame, settings, attributes or {})
    periods = oracle_periods.aggregate(daily, settings["rebalance"], calendar)
    settings["growth_metrics"] = available_growth_metrics(factor, settings, periods)
    check_fields(factor, settings, periods)
    daily_prices = oracle_periods.daily_prices(daily, calendar) if factor == "momentum_v2" else None
    prices = periods.tables["price"]
    first_price_on = daily[daily["price"].notna()].groupby("asset")["date"].min().reindex(prices.columns)
    is_allowed = pd.Series(prices.columns.isin(list(allowed)), index=prices.columns)
    period_returns = prices / prices.shift(1) - 1

    rows: dict[pd.Timestamp, dict[str, float]] = {}
    holdings: list[pd.DataFrame] = []
    skipped_periods = 0
    max_eligible = 0
    formed_on = None
    for t in range(1, len(periods.ends)):
        end = periods.ends[t]
        if not is_reported(end, settings):
            continue

        candidates = passing_filters(factor, settings, periods, t, first_price_on, is_allowed)
        variances = None
        if settings["weighting"] == "market_cap":
            caps = periods.tables["mc"].iloc[t - 1][candidates]
            candidates = caps.index[caps > 0]
        elif settings["weighting"] == "inverse_variance":
            variances = usable_variances(period_returns, t, candidates, settings["variance_lookback"])
            candidates = variances.index
        signal = oracle_signals.signal_at(factor, settings, periods, daily_prices, t, candidates)
        max_eligible = max(max_eligible, len(signal))

        legs = select_legs(factor, settings, signal)
        if legs is None:
            skipped_periods += 1
            continue
        if formed_on is None:
            formed_on = periods.ends[t - 1]

        row = {"long": math.nan, "short": math.nan}
        for leg, assets in legs.items():
            holding = pd.DataFrame(
                {
                    "period": end,
                    "leg": leg,
                    "asset": assets,
                    "weight": leg_weights(assets, settings, periods, t, variances).to_numpy(),
                    "period_return": period_returns.iloc[t][assets].to_numpy(),
                    "signal": signal[assets].to_numpy(),
                    "market_cap": caps_of(periods, t, assets).to_numpy(),
                }
            )
            earned = holding["period_return"].fillna(settings["missing_return"])
            row[leg] = (holding["weight"] * earned).sum()
            holdings.append(holding)
        row["factor"] = row["long"] - row["short"] if "short" in legs else row["long"]
        rows[end] = row

    if not rows:
        raise OracleNoPeriods(max_eligible)
    returns = pd.DataFrame.from_dict(rows, orient="index")[["factor", "long", "short"]]
    all_holdings = pd.concat(holdings, ignore_index=True)
    grid_periods_spanned = ((periods.ends >= returns.index[0]) & (periods.ends <= returns.index[-1])).sum()
    metrics = {
        **oracle_metrics.return_metrics(
            returns["factor"], formed_on, periods_per_year(settings["rebalance"], calendar)
        ),
        **oracle_metrics.leg_metrics(returns, all_holdings),
        "skipped_periods": skipped_periods,
        "coverage": len(returns) / grid_periods_spanned,
    }
    return OracleResult(returns, all_holdings, {name: plain(value) for name, value in metrics.items()})


def plain(value: Metric) -> Metric:
    """Numpy scalars as plain Python numbers."""
    return value.item() if hasattr(value, "item") else value


def periods_per_year(rebalance: str, calendar: str) -> int:
    days_per_year = 365 if calendar == "EVERY_DAY" else 252
    return {"DAILY": days_per_year, "WEEKLY": 52, "MONTHLY": 12}[rebalance]


def complete_config(factor: str, config: Mapping[str, object]) -> dict[str, object]:
    settings = {**COMMON_DEFAULTS, **FACTOR_DEFAULTS[factor]}
    unknown = set(config) - set(settings)
    if unknown:
        raise ValueError(f"{factor} has no setting named {', '.join(sorted(unknown))}")
    return {**settings, **config}


def available_growth_metrics(factor: str, settings: Mapping[str, object], periods: PeriodTables) -> list[str]:
    """What was asked for, else those of the default metrics that the dataset has."""
    if factor != "growth":
        return []
    if settings["growth_metrics"] is not None:
        return list(settings["growth_metrics"])
    available = [metric for metric in GROWTH_METRICS if periods.has(metric)]
    if not available:
        raise OracleMissingField("growth needs one of " + ", ".join(GROWTH_METRICS))
    return available


def check_fields(factor: str, settings: Mapping[str, object], periods: PeriodTables) -> None:
    needed = ["price", *REQUIRED_FIELDS[factor], *settings["growth_metrics"]]
    if settings["market_cap_threshold"] is not None or settings["weighting"] == "market_cap":
        needed.append("mc")
    if settings["liquidity_threshold"] is not None:
        needed.append("24h_volume")
    for field in needed:
        if not periods.has(field):
            raise OracleMissingField(f"{factor} with these settings needs the field {field}")


def resolve_selectors(
    selectors: Sequence[str], assets: set[str], attributes: Mapping[str, Mapping[str, str]]
) -> set[str]:
    """Asset ids, or `attribute=value` for all assets that carry it."""
    selected = set()
    for selector in selectors:
        attribute, separator, value = selector.partition("=")
        if selector in assets:
            selected.add(selector)
        elif separator and attribute in attributes:
            selected.update(asset for asset, held in attributes[attribute].items() if held == value)
        else:
            raise ValueError(f"no asset or attribute is called {selector}")
    return selected


def allowed_assets(
    frame: pd.DataFrame, settings: Mapping[str, object], attributes: Mapping[str, Mapping[str, str]]
) -> set[str]:
    assets = set(frame["asset"].unique())
    allowed = set(assets)
    if settings["universe"]:
        allowed &= resolve_selectors(settings["universe"], assets, attributes)
    if settings["exclude"]:
        allowed -= resolve_selectors(settings["exclude"], assets, attributes)
    return allowed


def is_reported(end: pd.Timestamp, settings: Mapping[str, object]) -> bool:
    if settings["start_date"] is not None and end < pd.Timestamp(settings["start_date"]):
        return False
    return settings["end_date"] is None or end <= pd.Timestamp(settings["end_date"])


def passing_filters(
    factor: str,
    settings: Mapping[str, object],
    periods: PeriodTables,
    t: int,
    first_price_on: pd.Series,
    is_allowed: pd.Series,
) -> pd.Index:
    """Assets that pass every filter but the weighting's own and the signal's, by what was known at t-1."""
    tables = periods.tables
    passes = tables["price"].iloc[t - 1].notna() & is_allowed
    if settings["market_cap_threshold"] is not None:
        passes &= tables["mc"].iloc[t - 1] > settings["market_cap_threshold"]
    if settings["liquidity_threshold"] is not None:
        threshold = settings["liquidity_threshold"] * periods.nominal_days[t - 1] / 7
        passes &= tables["24h_volume"].iloc[t - 1] > threshold
    if settings["min_lifetime_days"] is not None:
        lifetime = periods.ends[t] - first_price_on
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
    if factor == "smb" or (factor == "value" and settings["long_side"] == "LOW"):
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
