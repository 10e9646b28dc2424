"""A dataset whose assets are exact combinations of the returns of two stored factor runs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from app.context import Services
from app.datasets.snapshot import write_snapshot
from db.datasets import add_dataset
from db.records import AssetRecord, DatasetRecord, NewDataset, RunRecord, RunResults, SeriesRecord
from db.runs.read import get_runs
from engine.config import to_json
from engine.factors.registry import FactorName, parse_config
from engine.panel import Calendar, Panel
from tests.db.samples import NOW, new_results, succeeded

WEEKS = 120
SUNDAYS = np.datetime64("2021-01-10") + 7 * np.arange(WEEKS)
ALPHA = 0.0005
MARKET_BETA = {"bitcoin": 1.5, "ether": 0.2}
SMB_BETA = {"bitcoin": -0.7, "ether": 0.4}
BEGINS_LATE = 90
"""The week from which `late` has prices."""

_random = np.random.default_rng(11)
MARKET = _random.normal(0.004, 0.03, WEEKS)
SMB = _random.normal(0.001, 0.02, WEEKS)


def weekly_returns(asset: str) -> np.ndarray:
    """(WEEKS,) what the asset earned in each week."""
    return ALPHA + MARKET_BETA[asset] * MARKET + SMB_BETA[asset] * SMB


def daily_prices(returns: np.ndarray, first: float) -> np.ndarray:
    """The first Sunday's price, then a price that moves on Sundays alone."""
    sundays = first * np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    weeks = [np.append(np.full(6, before), after) for before, after in pairwise(sundays)]
    return np.concatenate([[sundays[0]], *weeks])


def panel() -> Panel:
    """From the Sunday before the first week on; `late` has prices from week 90, `priceless` has none."""
    bitcoin = daily_prices(weekly_returns("bitcoin"), 30_000.0)
    ether = daily_prices(weekly_returns("ether"), 2_000.0)
    late = np.where(np.arange(len(ether)) > 7 * BEGINS_LATE, 10.0 + np.sin(np.arange(len(ether))), np.nan)
    prices = np.column_stack([bitcoin, ether, late, np.full(len(ether), np.nan), ether])
    return Panel(
        dates=SUNDAYS[0] - 7 + np.arange(len(ether)),
        assets=("bitcoin", "ether", "late", "priceless", "wrapped-ether"),
        fields={"price": prices},
        calendar=Calendar.EVERY_DAY,
        attributes={"symbol": ("BTC", "ETH", "LT", None, "ETH")},
    )


async def add_content(services: Services, content: Panel, name: str = "coins") -> DatasetRecord:
    """The panel as a dataset, with its files."""
    new = NewDataset(
        name=name,
        fingerprint=write_snapshot(content, services.settings.datasets_dir),
        source="test",
        licence=None,
        note=None,
        synthetic=False,
        calendar=content.calendar.value,
        fields=tuple(content.fields),
        date_count=len(content.dates),
        first_date=content.dates[0].item(),
        last_date=content.dates[-1].item(),
        observation_count=1,
        quality={},
        assets=tuple(
            AssetRecord(ordinal=ordinal, asset=asset) for ordinal, asset in enumerate(content.assets)
        ),
    )
    return (await add_dataset(services.store, new, NOW))[0]


async def add_run(
    services: Services,
    dataset: DatasetRecord,
    factor: FactorName,
    returns: np.ndarray,
    *,
    dates: np.ndarray = SUNDAYS,
    **changes: Any,
) -> RunRecord:
    """A succeeded run with these returns."""
    stored = SeriesRecord(name="FACTOR", times=dates.astype("datetime64[D]"), values=np.asarray(returns))
    options = {"rebalance": changes.pop("rebalance", "WEEKLY"), **changes.pop("options", {})}
    results = RunResults(performance=new_results().performance, series=(stored,))
    run = await succeeded(
        services.store,
        dataset.id,
        results,
        subject=factor.value,
        config=to_json(parse_config(factor, options)),
        **{"identity_hash": f"{factor} {len(returns)} {float(returns[0])} {options}", **changes},
    )
    return (await get_runs(services.store, [run.id]))[run.id]


async def add_exposed(services: Services) -> list[RunRecord]:
    """The dataset, and its runs of MARKET and SMB in this order."""
    dataset = await add_content(services, panel())
    return [
        await add_run(services, dataset, FactorName.MARKET, MARKET),
        await add_run(services, dataset, FactorName.SMB, SMB),
    ]


def discount_rates(*, assets: tuple[str, ...] = ("^IRX",), first: str = "2020-12-01") -> Panel:
    """Bank discounts of 5 % a year on every third day."""
    days = np.datetime64(first) + np.arange(900)
    rates = np.full((len(days), len(assets)), np.nan)
    rates[::3] = 5.0
    return Panel(
        dates=days,
        assets=assets,
        fields={"price": np.ones_like(rates), "discount_rate": rates},
        calendar=Calendar.EVERY_DAY,
    )
