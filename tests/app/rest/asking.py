"""What the tests of REST send, and the members that the documented answers have."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.features.legacy.logs.records import LegacyRun

FACTORS = ["smb", "market", "value", "momentum", "momentum_v2", "growth"]
SPAN = {"start_date": "2021-06-01", "end_date": "2023-06-30"}

ROOT = {"name", "version", "available_factors", "endpoints"}
HEALTH = {"status", "timestamp", "api_key_configured"}
FACTOR = {"name", "description", "signal"}
LOG = {
    "run_id",
    "factor",
    "breakpoint",
    "min_assets",
    "weighting_method",
    "cumulative_returns",
    "annualized_return",
    "years",
    "sharpe_ratio",
    "sortino_ratio",
    "long_only_returns",
    "short_only_returns",
    "start_date",
    "end_date",
}
COMPARED = {
    "factor",
    "annualized_return",
    "cumulative_returns",
    "sharpe_ratio",
    "sortino_ratio",
    "years",
}
SERIES = {"factor", "dates", "returns", "cumulative_returns"}
COMPUTED = {"factor", "config", "performance", "returns"}
CONFIG = {
    "breakpoint",
    "min_assets",
    "weighting_method",
    "start_date",
    "end_date",
    "market_cap_threshold",
    "liquidity_threshold",
    "min_lifetime_days",
}
PERFORMANCE = {
    "cumulative_returns",
    "annualized_return",
    "sharpe_ratio",
    "sortino_ratio",
    "years",
    "num_periods",
    "long_only_returns",
    "short_only_returns",
}

IMPORTED = LegacyRun(
    factor="value",
    legacy_run_id="20220102_030405",
    breakpoint=0.9,
    min_assets=30,
    weighting_method="rank_weighted",
    cumulative_return=0.0,
    annualized_return=0.0,
    years=1.0,
    start_date=date(2020, 1, 5),
    end_date=date(2021, 1, 4),
)
"""Of a time when more was allowed; what it lacks is unknown."""


def body(factor: str = "smb", **changes: Any) -> dict[str, Any]:
    """What is required to compute a factor, and the changes."""
    return {"factor": factor, **SPAN, **changes}
