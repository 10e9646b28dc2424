"""Runs that the engine computed, stored as an executor stores them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from app.execution.worker.results import decode_result
from app.features.factors.job import encode_result
from db.records import AssetRecord, RunRecord, RunResults
from db.store import Store
from engine.config import to_json
from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.factors.research.analyse import Research, analyse
from engine.panel import Calendar, Panel
from tests.db.samples import add_sample_dataset, succeeded

ASSETS = ("ada", "bnb", "btc", "doge", "dot", "eth", "link", "ltc", "sol", "uni", "xlm", "xrp")
FIELDS = ("price", "market_cap", "volume", "fees", "dau", "revenue")
SMALL = {
    "min_assets": 5,
    "breakpoint": 0.3,
    "market_cap_threshold": None,
    "liquidity_threshold": None,
    "min_lifetime_days": None,
}
"""Options with which the sample panel has portfolios."""


@lru_cache
def sample_panel(assets: tuple[str, ...] = ASSETS, without: str = "") -> Panel:
    """500 days of random walks, one price missing now and then; without one of the fields."""
    random = np.random.default_rng(len(assets))
    shape = (500, len(assets))
    price = 10 * np.exp(np.cumsum(random.normal(0.001, 0.04, shape), axis=0))
    cap = price * random.lognormal(18, 1, len(assets))
    price[random.random(shape) < 0.01] = np.nan
    fees = cap * random.lognormal(-9, 0.3, shape)
    fields = {
        "price": price,
        "market_cap": cap,
        "volume": cap / 10,
        "fees": fees,
        "dau": random.lognormal(9, 1, shape),
        "revenue": fees / 3,
    }
    return Panel(
        dates=np.datetime64("2023-11-01", "D") + np.arange(shape[0]),
        assets=assets,
        fields={name: values for name, values in fields.items() if name != without},
        calendar=Calendar.EVERY_DAY,
    )


def computed(
    factor: FactorName = FactorName.MOMENTUM, *, panel: Panel | None = None, **options: Any
) -> tuple[FactorResult, Research]:
    options = SMALL | options
    if factor is FactorName.MARKET:
        options = {"top_n": 5} | {
            name: value for name, value in options.items() if name not in ("min_assets", "breakpoint")
        }
    result = compute_factor(panel or sample_panel(), parse_config(factor, options))
    return result, analyse(result)


def as_stored(result: FactorResult, research: Research) -> RunResults:
    """What reaches the store: the frames that a child writes, read by the server."""
    return decode_result(memoryview(b"".join(bytes(part) for part in encode_result(result, research))))


async def store_computed(store: Store, result: FactorResult, research: Research, **changes: Any) -> RunRecord:
    """A succeeded run of a dataset that has the panel's assets."""
    panel = result.periods.panel
    dataset_id = await add_sample_dataset(
        store,
        assets=tuple(
            AssetRecord(ordinal=ordinal, asset=asset, observation_count=1)
            for ordinal, asset in enumerate(panel.assets)
        ),
        fields=tuple(panel.fields),
    )
    return await succeeded(
        store,
        dataset_id,
        as_stored(result, research),
        subject=result.config.factor,
        config=to_json(result.config),
        engine_version="2",
        **changes,
    )
