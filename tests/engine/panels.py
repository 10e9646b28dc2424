"""Panels for the engine's tests: from long form, from seeds, from the real files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.factors.compute import FactorResult
from engine.factors.portfolio import LegHoldings
from engine.factors.registry import FactorName, parse_config
from engine.panel import Calendar, Panel

COLUMN_FIELDS = {
    "price": "price",
    "mc": "market_cap",
    "24h_volume": "volume",
    "fees": "fees",
    "dau": "dau",
    "revenue": "revenue",
    "shares": "shares",
    "book_value": "book_value",
}
REAL_DATA = Path(__file__).parents[2].parent / "shared" / "data"


def panel_of(frame: pd.DataFrame, calendar: str = "EVERY_DAY") -> Panel:
    """A long-form frame (date, asset, price, mc, ...) as a panel, without any cleaning."""
    frame = frame.assign(date=pd.to_datetime(frame["date"]))
    days = sorted(frame["date"].unique())
    index = pd.date_range(days[0], days[-1]) if calendar == "EVERY_DAY" else pd.DatetimeIndex(days)
    assets = sorted(frame["asset"].unique())
    fields = {}
    for column, name in COLUMN_FIELDS.items():
        if column in frame and frame[column].notna().any():
            wide = frame.pivot(index="date", columns="asset", values=column)
            fields[name] = wide.reindex(index=index, columns=assets).to_numpy(dtype=np.float64).copy()
    return Panel(
        dates=index.to_numpy().astype("datetime64[D]"),
        assets=tuple(assets),
        fields=fields,
        calendar=Calendar(calendar),
    )


def synthetic_frame(
    seed: int, *, assets: int = 40, days: int = 300, start: str = "2020-01-01", weekdays_only: bool = False
) -> pd.DataFrame:
    """A long-form panel with listings, delistings, gaps, zero prices, ties and missing fields."""
    rng = np.random.default_rng(seed)
    index = pd.bdate_range(start, periods=days) if weekdays_only else pd.date_range(start, periods=days)
    prices = 10 * np.exp(np.cumsum(rng.normal(0, 0.05, (days, assets)), axis=0))
    prices[:, rng.random(assets) < 0.1] = 1.0  # stale quotes
    caps = np.round(prices * rng.lognormal(16.5, 1.2, assets), -6)  # rounding makes ties
    volumes = caps * rng.lognormal(-3, 0.8, (days, assets))
    fees = np.where(rng.random((days, assets)) < 0.05, 0.0, caps * rng.lognormal(-9, 0.6, (days, assets)))
    users = np.round(rng.lognormal(6, 1.5, (days, assets)))
    columns = {"price": prices, "mc": caps, "24h_volume": volumes, "fees": fees, "dau": users}
    columns["revenue"] = fees * rng.normal(0.3, 0.3, (days, assets))
    day = np.arange(days)[:, None]
    alive = (day >= rng.integers(-days, days // 2, assets)) & (
        day < rng.integers(days // 2, 3 * days, assets)
    )
    prices[rng.random((days, assets)) < 0.01] = 0.0
    for values in columns.values():
        values[~alive | (rng.random((days, assets)) < 0.03)] = np.nan
    columns["fees"][:, rng.random(assets) < 0.3] = np.nan
    names = [f"a{i:03d}" for i in rng.permutation(assets)]
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    frame.insert(0, "asset", np.tile(names, days))
    frame.insert(0, "date", np.repeat(index, assets))
    return frame.dropna(subset=list(columns), how="all").reset_index(drop=True)


def with_book_values(frame: pd.DataFrame, *, every_days: int = 40) -> pd.DataFrame:
    """Book values on a few days an asset, some below 0, and one asset whose only one is its first."""
    rng = np.random.default_rng(len(frame))
    published = rng.random(len(frame)) < 1 / every_days
    oldest = frame["asset"] == frame["asset"].iloc[0]
    published[oldest] = False
    published[np.flatnonzero(oldest)[0]] = True
    values = frame["mc"].fillna(1e7) * rng.lognormal(-1, 0.7, len(frame))
    values = values.where(rng.random(len(frame)) > 0.05, -values)
    return frame.assign(book_value=values.where(published))


def real_frame(name: str) -> pd.DataFrame:
    """One of the real panels, or a skip where the shared data is absent."""
    path = REAL_DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"real market data is absent: ../shared/data/{path.name}")
    return pd.read_parquet(path)


def engine_config(factor: str, config: Mapping[str, object]):
    """A config in the references' spelling (`weighting`) as the engine's."""
    options = {("weighting_method" if key == "weighting" else key): value for key, value in config.items()}
    for name in ("exclude", "universe"):
        if name in options and options[name] is None and name == "exclude":
            options[name] = []
    return parse_config(FactorName(factor.upper()), options)


def holdings_frame(result: FactorResult, panel: Panel) -> pd.DataFrame:
    """All holdings in long form: period, leg, asset, weight, period_return, signal, market_cap."""
    legs = {"long": result.long_leg, "short": result.short_leg}
    frames = [_leg_frame(name, leg, result, panel) for name, leg in legs.items() if leg is not None]
    return pd.concat(frames, ignore_index=True)


def _leg_frame(name: str, leg: LegHoldings, result: FactorResult, panel: Panel) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "period": np.repeat(result.dates, np.diff(leg.offsets)).astype("datetime64[ns]"),
            "leg": name,
            "asset": np.array(panel.assets)[leg.assets],
            "weight": leg.weights,
            "period_return": leg.period_returns,
            "signal": leg.signals,
            "market_cap": leg.market_caps,
        }
    )
