"""Fundamentals from Artemis beside prices and volumes from Coinbase, joined on day and asset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from app.sources.artemis import FUNDAMENTALS, Artemis
from app.sources.asking import hand_in
from app.sources.client import Requests
from app.sources.coinbase import Coinbase
from app.sources.harvest import AssetSeries, Harvest, LossCode, SourceRequest
from app.sources.names import SourceName
from engine.panel import PRICE, VOLUME, Calendar

_EXCHANGE_FIELDS: Final = (PRICE, VOLUME)


class Crypto:
    """An asset that one of the two vendors lacks is lost, with the reason."""

    name = SourceName.CRYPTO
    title = "Artemis and Coinbase"
    description = "Fundamentals of crypto assets from Artemis, joined with prices and volumes from Coinbase"
    fields = (*_EXCHANGE_FIELDS, *FUNDAMENTALS.values())
    licence = f"{Artemis.licence}; {Coinbase.licence}"
    calendar: Calendar | None = Calendar.EVERY_DAY
    needs_assets = False

    def __init__(self, artemis: Artemis, coinbase: Coinbase) -> None:
        self._fundamentals = artemis.with_metrics(FUNDAMENTALS)
        self._coinbase = coinbase

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """The days are those on which Coinbase has a price; a fundamental that is unknown then is missing.

        Assets are named as for Artemis, and found at Coinbase by their symbols. Raises what the two raise.
        """
        fundamentals = _Half(expect=harvest.expect, lose=harvest.lose)
        await self._fundamentals.fetch(request, requests, fundamentals)
        products = await self._coinbase.products(requests)
        for asset in sorted(fundamentals.series.keys() - products.keys()):
            harvest.lose(asset, LossCode.NO_COUNTERPART, "Coinbase has no market in dollars for it")
        shared = tuple(sorted(fundamentals.series.keys() & products.keys()))

        unpriced: dict[str, int] = {}

        def join(market: AssetSeries) -> None:
            facts = fundamentals.series[market.asset]
            joined = _joined(facts, market)
            if joined is None:
                reason = f"no day from {request.start} to {request.end} with both fundamentals and a price"
                harvest.lose(market.asset, LossCode.NO_DATA, reason)
                return
            hand_in(joined, request, harvest)
            if market.asset in harvest.series:
                unpriced[market.asset] = len(np.setdiff1d(facts.days, joined.days))

        prices = _Half(
            add=join, lose=lambda asset, code, reason: harvest.lose(asset, code, f"at Coinbase: {reason}")
        )
        if shared:
            await self._coinbase.fetch_listed(products, replace(request, assets=shared), requests, prices)
        for vendor, half in (("Artemis", fundamentals), ("Coinbase", prices)):
            for note in half.notes:
                harvest.note(f"{vendor}: {note}")
        if left_out := sum(unpriced.values()):
            concerned = sum(days > 0 for days in unpriced.values())
            harvest.note(
                f"left out {left_out:,} days of fundamentals on which Coinbase has no price, "
                f"of {concerned} assets"
            )


class _Half(Harvest):
    """What one vendor brings in; the harvest of both is told through the callables as it happens."""

    def __init__(
        self,
        *,
        expect: Callable[[int], None] = lambda assets: None,
        add: Callable[[AssetSeries], None] = lambda series: None,
        lose: Callable[[str, LossCode, str], None],
    ) -> None:
        super().__init__()
        self._tell_expect, self._tell_add, self._tell_lose = expect, add, lose

    def expect(self, assets: int) -> None:
        super().expect(assets)
        self._tell_expect(assets)

    def add(self, series: AssetSeries) -> None:
        super().add(series)
        self._tell_add(series)

    def lose(self, asset: str, code: LossCode, reason: str) -> None:
        self._tell_lose(asset, code, reason)
        super().lose(asset, code, reason)


def _joined(facts: AssetSeries, market: AssetSeries) -> AssetSeries | None:
    """None where they share no day."""
    priced = np.isfinite(market.values[PRICE])
    days = market.days[priced]
    values = {name: market.values[name][priced] for name in _EXCHANGE_FIELDS}
    _, here, there = np.intersect1d(days, facts.days, assume_unique=True, return_indices=True)
    if len(here) == 0:
        return None
    for name, column in facts.values.items():
        values[name] = np.full(len(days), np.nan)
        values[name][here] = column[there]
    return AssetSeries(
        asset=facts.asset,
        days=days,
        values=values,
        attributes={**market.attributes, **facts.attributes},
        merged=facts.merged + market.merged,
        contradicted=facts.contradicted + market.contradicted,
    )
