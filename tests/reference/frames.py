"""Tiny long-form frames for hand-worked cases."""

import math

import pandas as pd

SUNDAY = "2021-01-03"
NO_FILTERS = {
    "market_cap_threshold": None,
    "liquidity_threshold": None,
    "min_lifetime_days": None,
    "min_assets": 4,
}


def weekly_frame(**fields: dict[str, list[float | None]]) -> pd.DataFrame:
    """Long frame with one row a Sunday and asset; each field maps an asset to its value on every Sunday."""
    rows = {}
    for field, values_of in fields.items():
        for asset, values in values_of.items():
            dates = pd.date_range(SUNDAY, periods=len(values), freq="7D")
            for date, value in zip(dates, values, strict=True):
                rows.setdefault((date, asset), {})[field] = math.nan if value is None else float(value)
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index = pd.MultiIndex.from_tuples(frame.index, names=["date", "asset"])
    return frame.rename(columns={"volume": "24h_volume"}).reset_index()


def four_assets() -> pd.DataFrame:
    """Caps order a < b < c < d; returns of week 2 are 0.1, 0.3, -0.1, 0.5, of week 3 are 1, 0, 0, -0.5."""
    return weekly_frame(
        price={"a": [10, 11, 22], "b": [10, 13, 13], "c": [10, 9, 9], "d": [10, 15, 7.5]},
        mc={"a": [1, 1, 1], "b": [2, 2, 2], "c": [3, 3, 3], "d": [4, 4, 4]},
    )
