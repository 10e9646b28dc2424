"""Settings of the pandas reference implementation: defaults, checks, and its errors."""

from collections.abc import Mapping, Sequence

import pandas as pd

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
    "cost_bps": 0.0,
    "short_carry_bps": 0.0,
    "execution_lag_days": 0,
    "publication_lag_days": 0,
    "max_abs_return": None,
    "extreme_returns": "FLAG",
    "quantiles": 5,
}
FACTOR_DEFAULTS: dict[str, dict[str, object]] = {
    "smb": {},
    "market": {"top_n": 10, "weighting": "market_cap"},
    "value": {"long_side": "HIGH", "fundamental": "FEES"},
    "momentum": {"lookback_periods": 3, "volatility_adjusted": False},
    "momentum_v2": {"lookback_days": 21, "breakpoint": 0.25},
    "growth": {"growth_window": 2, "growth_metrics": None},
}
REQUIRED_FIELDS = {
    "smb": ["mc"],
    "market": ["mc"],
    "value": ["mc"],
    "momentum": [],
    "momentum_v2": [],
    "growth": [],
}
GROWTH_METRICS = ["fees", "dau", "revenue"]


class OracleMissingField(Exception):
    """The factor, a filter or the weighting needs a field that the frame lacks."""


class OracleNoPeriods(Exception):
    """No portfolio could be formed; `max_eligible` is the largest number of eligible assets seen."""

    def __init__(self, max_eligible: int) -> None:
        super().__init__(f"no period could be formed; at most {max_eligible} assets were eligible")
        self.max_eligible = max_eligible


class OracleInfeasibleMaxWeight(Exception):
    """A leg has too few assets for its weights to respect `max_weight` and sum to 1."""


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
    if factor == "value":
        needed.append(settings["fundamental"].lower())
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


def buys_low(factor: str, settings: Mapping[str, object]) -> bool:
    """Whether the long leg is the LOW end of the signal."""
    return factor == "smb" or (factor == "value" and settings["long_side"] == "LOW")
