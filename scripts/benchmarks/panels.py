"""A seeded panel of the size that the speed goals name, in long form and as a stored snapshot."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.panel import Calendar, Panel

ASSETS = 1_000
DAYS = 4_000
LONG_FORM = {
    "price": "price",
    "market_cap": "mc",
    "volume": "24h_volume",
    "fees": "fees",
    "dau": "dau",
    "revenue": "revenue",
}


def seeded_panel(assets: int, days: int) -> Panel:
    """Random walks with listings in mid-panel and 1 % of all rows missing."""
    rng = np.random.default_rng(20240101)
    price = 10 * np.exp(np.cumsum(rng.normal(0, 0.04, (days, assets)), axis=0))
    price[np.arange(days)[:, None] < rng.integers(0, days // 2, assets)] = np.nan
    price[rng.random((days, assets)) < 0.01] = np.nan
    cap = price * rng.lognormal(17, 1.5, assets)
    users = np.where(np.isnan(price), np.nan, rng.lognormal(7, 1, (days, assets)))
    fees = cap * rng.lognormal(-9, 0.5, (days, assets))
    fields = {
        "price": price,
        "market_cap": cap,
        "volume": cap * rng.lognormal(-4, 0.7, (days, assets)),
        "fees": fees,
        "dau": users,
        "revenue": 0.3 * fees,
    }
    return Panel(
        dates=np.datetime64("2010-01-01") + np.arange(days),
        assets=tuple(f"a{number:04d}" for number in range(assets)),
        fields=fields,
        calendar=Calendar.EVERY_DAY,
    )


def long_form(panel: Panel) -> pd.DataFrame:
    """One row per date and asset with a price, as files have it."""
    present = ~np.isnan(panel.fields["price"])
    row, column = np.nonzero(present)
    frame = pd.DataFrame({"date": panel.dates[row], "asset": np.array(panel.assets)[column]})
    for field, name in LONG_FORM.items():
        if field in panel.fields:
            frame[name] = panel.fields[field][present]
    return frame
