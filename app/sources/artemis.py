"""Artemis: prices and fundamentals of crypto assets, in batches of assets and windows of days."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

import numpy as np

from app.sources.artemis_answers import KEY_TROUBLE, Listing, Series, key_refused, parse_data, parse_listings
from app.sources.asking import NAME_IT, for_each, hand_in, until_yesterday, words_of
from app.sources.client import Get, Host, Requests
from app.sources.concurrently import run_all
from app.sources.errors import (
    SourceError,
    SourceMalformed,
    SourceNotConfigured,
    SourceRefused,
    SourceRejected,
    SourceUnavailable,
)
from app.sources.harvest import Harvest, LossCode, SourceRequest
from app.sources.losses import UnknownAssets, lose_for
from app.sources.names import SourceName
from app.sources.points import day_of_iso, join_fields, merge_points
from app.sources.stablecoins import is_known_stablecoin
from engine.panel import DAU, FEES, MARKET_CAP, PRICE, REVENUE, VOLUME, Calendar

FUNDAMENTALS: Final[Mapping[str, str]] = {
    "mc": MARKET_CAP,
    "fees": FEES,
    "revenue": REVENUE,
    "dau": DAU,
    "active_revenue": "active_revenue",
    "passive_revenue": "passive_revenue",
    "mc_fees_ratio": "mc_fees_ratio",
}
"""The vendor's metrics that no exchange has -> fields."""
METRICS: Final[Mapping[str, str]] = {"price": PRICE, "24h_volume": VOLUME, **FUNDAMENTALS}

_POINTS_A_SERIES: Final = 1_000
_BATCH: Final = 25
"""Assets a request. The vendor allows 250; of fewer, fewer have to be asked for again when it fails."""
_BATCHES_AT_ONCE: Final = 4
T = TypeVar("T")
_Received = dict[str, dict[str, Series]]
"""Asset -> metric -> series of the windows so far."""


class Artemis:
    """Source: https://www.artemis.ai/docs/api-reference

    today: the day, in UTC, that is not over yet and whose figures are therefore not asked for.
    """

    name = SourceName.ARTEMIS
    title = "Artemis"
    description = (
        "Prices, market caps, volumes and fundamentals (fees, revenue, daily active users) of crypto assets"
    )
    fields = tuple(METRICS.values())
    licence = "Artemis: under the terms of the account that the key belongs to"
    calendar: Calendar | None = Calendar.EVERY_DAY
    needs_assets = False

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._host = Host(name=self.title, base_url=base_url, requests_per_second=5.0, burst=5, concurrency=4)
        self._metrics = dict(METRICS)
        self._key = (api_key or "").strip()
        self._today = today

    def with_metrics(self, metrics: Mapping[str, str]) -> Artemis:
        """The same account, asked for these (the vendor's names -> fields). Without the price among them,
        assets that have none are kept."""
        other = copy(self)
        other._metrics = dict(metrics)
        other.fields = tuple(metrics.values())
        return other

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """Assets may be named by symbol, by the vendor's id or by CoinGecko's. Equities and, unless they are
        named, stablecoins are left out. An asset of which one request fails is lost as a whole, so is one
        without a price.

        Raises SourceNotConfigured without a key, SourceRefused for a wrong one, and SourceError where the
        list of assets fails.
        """
        if not self._key:
            raise SourceNotConfigured(
                "Artemis gives data to holders of a key only", hint="set ARTEMIS_API_KEY to your key"
            )
        listings = await self._get(requests, "/asset/symbols/", (), parse_listings)
        chosen = _choose(listings, request, harvest)
        request = until_yesterday(request, self._today(), harvest)
        missing: Counter[str] = Counter()

        async def fetch_batch(batch: Sequence[Listing]) -> None:
            received: _Received = {listing.asset: {} for listing in batch}
            for first, last in windows(request.start, request.end):
                if received:
                    await self._fetch_window(received, first, last, requests, harvest)
            for listing in batch:
                if listing.asset in received:
                    self._hand_in(listing, received[listing.asset], request, harvest, missing)
                    await asyncio.sleep(0)  # merging years of points takes a while, a batch of them a pause

        batches = [chosen[first : first + _BATCH] for first in range(0, len(chosen), _BATCH)]
        await for_each(batches, fetch_batch, at_once=_BATCHES_AT_ONCE)
        for name in self.fields:
            if missing[name]:
                harvest.note(f"no {name} for {missing[name]} of {len(harvest.series)} assets")

    async def _fetch_window(
        self, received: _Received, first: date, last: date, requests: Requests, harvest: Harvest
    ) -> None:
        """Add one window to `received`, and take out of it the assets that it cannot be had of."""

        async def ask_alone(asset: str) -> None:
            try:
                answer = await self._ask((asset,), first, last, requests)
            except SourceError as error:
                del received[asset]
                lose_for(harvest, asset, error)
            else:
                _append(received[asset], answer[asset], first, last)

        assets = tuple(received)
        if len(assets) > 1:
            try:
                answers = await self._ask(assets, first, last, requests)
            except (SourceUnavailable, SourceMalformed, SourceRejected):
                pass  # one of them may be to blame
            else:
                for asset, answer in answers.items():
                    _append(received[asset], answer, first, last)
                return
        await run_all([ask_alone(asset) for asset in assets])

    async def _ask(
        self, assets: tuple[str, ...], first: date, last: date, requests: Requests
    ) -> dict[str, dict[str, Series]]:
        """Asset -> metric -> series, all assets, but only the metrics that they have."""
        return await self._get(
            requests,
            f"/data/api/{','.join(quote(metric, safe='') for metric in self._metrics)}/",
            (
                ("symbols", ",".join(assets)),
                ("startDate", first.isoformat()),
                # Whether the last day is among those answered is not documented: the one after it is cut off.
                ("endDate", (last + timedelta(days=1)).isoformat()),
                ("granularity", "DAY"),
                ("limit", str(_POINTS_A_SERIES)),
            ),
            lambda document: parse_data(document, assets, tuple(self._metrics)),
        )

    async def _get(
        self,
        requests: Requests,
        path: str,
        params: tuple[tuple[str, str], ...],
        parse: Callable[[Any], T],
    ) -> T:
        get = Get(host=self._host, path=path, params=params, secrets=(("APIKey", self._key),))
        try:
            return await requests.get(get, parse)
        except SourceRefused:
            raise key_refused() from None
        except SourceRejected as error:
            if KEY_TROUBLE.search(error.message):
                raise key_refused() from None
            raise

    def _hand_in(
        self,
        listing: Listing,
        series: Mapping[str, Series],
        request: SourceRequest,
        harvest: Harvest,
        missing: Counter[str],
    ) -> None:
        fields = {
            name: merge_points(*series[metric], start=request.start, end=request.end)
            for metric, name in self._metrics.items()
            if metric in series
        }
        fields = {name: points for name, points in fields.items() if np.isfinite(points.values).any()}
        span = f"from {request.start} to {request.end}"
        if not fields:
            harvest.lose(listing.asset, LossCode.NO_DATA, f"no data {span}")
            return
        if PRICE in self.fields and PRICE not in fields:
            harvest.lose(listing.asset, LossCode.NO_DATA, f"no price {span}, only other figures")
            return
        hand_in(join_fields(listing.asset, fields, listing.attributes), request, harvest)
        if listing.asset in harvest.series:
            missing.update(name for name in self.fields if name not in fields)


def windows(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last days of consecutive windows that cover start..end, each with the day after it as long as
    one answer may be."""
    first = start
    while first <= end:
        last = min(end, first + timedelta(days=_POINTS_A_SERIES - 2))
        yield first, last
        first = last + timedelta(days=1)


def _append(series: dict[str, Series], answer: Mapping[str, Series], first: date, last: date) -> None:
    """The points of one window, without those of other days."""
    low, high = day_of_iso(first.isoformat()), day_of_iso(last.isoformat())
    for metric, (days, values) in answer.items():
        all_days, all_values = series.setdefault(metric, ([], []))
        inside = [place for place, day in enumerate(days) if low <= day <= high]
        all_days.extend(days[place] for place in inside)
        all_values.extend(values[place] for place in inside)


def _choose(listings: Sequence[Listing], request: SourceRequest, harvest: Harvest) -> list[Listing]:
    """What to ask for; the rest of what is wanted is lost, and the harvest told how many to expect."""
    by_asset: dict[str, list[Listing]] = {}
    for listing in listings:
        by_asset.setdefault(listing.asset, []).append(listing)
    chosen: dict[str, Listing] = {}
    lost: dict[str, tuple[LossCode, str]] = {}
    if request.assets is None:
        equities = {
            asset
            for asset, namesakes in by_asset.items()
            if all(namesake.is_equity for namesake in namesakes)
        }
        if equities:
            harvest.note(f"left out what Artemis lists as equities: {len(equities)}")
        wanted = {asset: asset for asset in by_asset if asset not in equities}
    else:
        names = _asset_of_name(listings)
        wanted = {word: names.get(word.lower(), word) for word in words_of(request.assets)}
    unknown = UnknownAssets("Artemis", by_asset)
    for word, asset in wanted.items():
        namesakes = {listing.artemis_id: listing for listing in by_asset.get(asset, ())}
        coins = {name: listing for name, listing in namesakes.items() if not listing.is_equity}
        if not namesakes:
            lost[word] = (LossCode.UNKNOWN_ASSET, unknown.reason(word))
        elif not coins:
            lost[word] = (LossCode.EQUITY, "an equity, which this source leaves out")
        elif len(coins) > 1:
            ids = ", ".join(sorted(coins))
            lost[word] = (LossCode.AMBIGUOUS_ASSET, f"Artemis lists several assets under this symbol: {ids}")
        elif request.assets is None and is_known_stablecoin(asset):
            lost[word] = (LossCode.STABLECOIN, f"a known stablecoin; {NAME_IT}")
        else:
            chosen[asset] = next(iter(coins.values()))
    harvest.expect(len(chosen) + len(lost))
    for word, (code, reason) in lost.items():
        harvest.lose(word, code, reason)
    return list(chosen.values())


def _asset_of_name(listings: Sequence[Listing]) -> dict[str, str]:
    """Assets by their symbols, by the vendor's ids and by CoinGecko's; a symbol comes before an id."""
    return {
        **{listing.coingecko_id.lower(): listing.asset for listing in listings if listing.coingecko_id},
        **{listing.artemis_id: listing.asset for listing in listings},
        **{listing.asset: listing.asset for listing in listings},
    }
