"""Logs in the shapes that exist in the field, with invented numbers: one true run, spelt in every order."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from app.features.legacy.logs.columns import BASE_COLUMNS, KNOWN_ORDERS

# a slow machine is no fault of what is tested
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)

# 2020-01-05 to 2022-01-02 is 728 days: 1.9945 years; 1.44^(1/1.9945) - 1 = 0.2006
CELLS = {
    "run_id": "20220105_101112",
    "factor": "smb",
    "breakpoint": "0.5",
    "min_assets": "30",
    "weighting_method": "equal",
    "cumulative_returns": "0.44",
    "annualized_return": "0.2006",
    "sharpe_ratio": "1.31",
    "sortino_ratio": "2.72",
    "years": "1.9945",
    "long_only_returns": "3.1",
    "short_only_returns": "0.7",
    "trailing_momentum_lookback_periods": "3",
    "start_date": "2020-01-05",
    "end_date": "2022-01-02",
}

COLUMNS = {
    "6 without sortino" if order.number == 6 and "sortino_ratio" not in order.columns else order.number: (
        order.columns
    )
    for order in KNOWN_ORDERS
}
SHORT_COLUMNS = (*BASE_COLUMNS, "cumulative_returns", "annualized_return")


def header(order) -> str:
    return ",".join(COLUMNS[order])


def row(order, **cells: str) -> str:
    """The run in that order, some cells replaced."""
    return line(COLUMNS[order], **cells)


def line(columns, **cells: str) -> str:
    return ",".join((CELLS | cells)[column] for column in columns)


def log(*lines: str, end: str = "\n") -> bytes:
    return "".join(one + end for one in lines).encode()
