"""Coin Metrics' community data: daily prices, market caps, active addresses and fees, without a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from app.sources.asking import NAME_IT, for_each, hand_in, words_of
from app.sources.client import Get, Host, Requests
from app.sources.concurrently import run_all
from app.sources.errors import SourceMalformed, SourceRejected, SourceUnavailable
from app.sources.harvest import AssetSeries, Harvest, LossCode, SourceRequest
from app.sources.losses import UnknownAssets, lose_for
from app.sources.names import SourceName
from app.sources.points import day_of_iso, join_fields, merge_points, number
from app.sources.stablecoins import is_known_stablecoin
from engine.panel import DAU, FEES, MARKET_CAP, PRICE, Calendar

CATALOG_PATH: Final = "/v4/catalog-v2/asset-metrics"
TIMESERIES_PATH: Final = "/v4/timeseries/asset-metrics"

FIELD_OF_METRIC: Final[Mapping[str, str]] = {
    "PriceUSD": PRICE,
    "CapMrktCurUSD": MARKET_CAP,
    "AdrActCnt": DAU,
    "FeeTotUSD": FEES,
}
_PRICE: Final = "PriceUSD"
_RECOMMENDED: Final = frozenset({"PriceUSD", "CapMrktCurUSD"})
"""An asset is among the default ones where the community has both."""

PAGE_SIZE: Final = 10_000
"""Rows, the most that the vendor gives at once."""
MAX_ASSETS_A_REQUEST: Final = 25
"""However short the span: a request that fails is asked again asset by asset."""
MAX_PAGES: Final = 1_000
"""Of one request; far more than a history of daily rows can fill."""
MAX_LISTED: Final = 100_000
"""Assets in the catalog, of which there are some thousand."""

T = TypeVar("T")
Metrics = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Assets that are asked for together, because the catalog lists the same metrics for them."""

    assets: tuple[str, ...]
    metrics: Metrics


@dataclass(slots=True)
class _Rows:
    """metric -> points in the order in which they came."""

    days: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, metric: str, day: int, value: float) -> None:
        self.days.setdefault(metric, []).append(day)
        self.values.setdefault(metric, []).append(value)

    def extend(self, other: _Rows) -> None:
        for metric, days in other.days.items():
            self.days.setdefault(metric, []).extend(days)
            self.values.setdefault(metric, []).extend(other.values[metric])


class CoinMetrics:
    """Source: https://docs.coinmetrics.io/api-reference (community root, no key)."""

    name = SourceName.COINMETRICS
    title = "Coin Metrics community data"
    description = (
        "Daily reference price and market cap of crypto assets in USD, active addresses and, where the "
        "community has them, fees. No key needed. No traded volume."
    )
    fields = (PRICE, MARKET_CAP, DAU, FEES)
    licence = "CC BY-NC 4.0: attribution to Coin Metrics, non-commercial use"
    calendar: Calendar | None = Calendar.EVERY_DAY
    needs_assets = False

    def __init__(self, base_url: str) -> None:
        # The vendor allows 10 requests in any 6 seconds and 10 at once. A little less than 10 / 6 leaves
        # room for requests that overtake each other on the way.
        self._host = Host(
            name="Coin Metrics", base_url=base_url, requests_per_second=1.6, burst=1, concurrency=8
        )

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """Values as the vendor has them: NaN where it says null. An asset has a price and, where the catalog
        lists them, the other fields.

        Assets that the caller names need a price only; the default ones a market cap too, and those that
        follow a currency are left out. Raises SourceRefused, and SourceError where the catalog fails.
        """
        catalog = await self._catalog(requests)
        chosen = _chosen(request, catalog, harvest)
        harvest.note("Coin Metrics has no traded volume: filters and weights by liquidity are not possible")
        days = (request.end - request.start).days + 1

        async def fetch_group(group: _Group) -> None:
            await self._fetch_group(group, request, requests, harvest)

        await for_each(list(_groups(chosen, catalog, days)), fetch_group, at_once=self._host.concurrency)

    async def _catalog(self, requests: Requests) -> dict[str, frozenset[str]]:
        """asset -> those of the wanted metrics that the community has of every day."""
        pages = await _all_pages(requests, self._host, CATALOG_PATH, (), _parse_catalog, max_rows=MAX_LISTED)
        return {asset: metrics for page in pages for asset, metrics in page.items()}

    async def _fetch_group(
        self, group: _Group, request: SourceRequest, requests: Requests, harvest: Harvest
    ) -> None:
        try:
            rows = await self._rows(group, request, requests)
        except (SourceUnavailable, SourceMalformed, SourceRejected) as error:
            if len(group.assets) == 1:
                lose_for(harvest, group.assets[0], error)
                return
        else:
            for asset in group.assets:
                hand_in(_series(asset, rows[asset], group.metrics, request), request, harvest)
            return
        # One of them may be to blame: each is asked for alone, so that the others are not lost.
        await run_all(
            self._fetch_group(_Group(assets=(asset,), metrics=group.metrics), request, requests, harvest)
            for asset in group.assets
        )

    async def _rows(self, group: _Group, request: SourceRequest, requests: Requests) -> dict[str, _Rows]:
        params = (
            ("assets", ",".join(group.assets)),
            ("metrics", ",".join(group.metrics)),
            ("frequency", "1d"),
            ("start_time", request.start.isoformat()),
            ("end_time", request.end.isoformat()),
            ("paging_from", "start"),
            # Should the catalog promise too much, the rest of the data comes all the same.
            ("ignore_forbidden_errors", "true"),
            ("ignore_unsupported_errors", "true"),
        )

        def parse(document: Any) -> dict[str, _Rows]:
            return _parse_rows(document, group)

        days = (request.end - request.start).days + 1
        # As many again and a page, for rows that come twice.
        max_rows = 2 * len(group.assets) * days + PAGE_SIZE
        rows = {asset: _Rows() for asset in group.assets}
        for page in await _all_pages(requests, self._host, TIMESERIES_PATH, params, parse, max_rows=max_rows):
            for asset, more in page.items():
                rows[asset].extend(more)
        return rows


def _chosen(
    request: SourceRequest, catalog: Mapping[str, frozenset[str]], harvest: Harvest
) -> tuple[str, ...]:
    """The assets to ask for, sorted; the others are lost at once."""
    if request.assets is None:
        recommended = sorted(asset for asset, metrics in catalog.items() if metrics >= _RECOMMENDED)
        harvest.expect(len(recommended))
        stable = {asset for asset in recommended if is_known_stablecoin(asset)}
        for asset in sorted(stable):
            harvest.lose(asset, LossCode.STABLECOIN, f"a known stablecoin; {NAME_IT}")
        return tuple(asset for asset in recommended if asset not in stable)
    words = words_of(request.assets)
    harvest.expect(len(words))
    unknown = UnknownAssets("Coin Metrics", catalog)
    chosen = []
    for word in words:
        asset = word.lower()
        if asset not in catalog:
            harvest.lose(word, LossCode.UNKNOWN_ASSET, unknown.reason(word))
        elif _PRICE not in catalog[asset]:
            harvest.lose(asset, LossCode.NO_DATA, "the community data have no daily price of it")
        else:
            chosen.append(asset)
    return tuple(sorted(chosen))


def _groups(assets: Iterable[str], catalog: Mapping[str, frozenset[str]], days: int) -> Iterator[_Group]:
    """Groups whose rows fit one page, as far as possible."""
    size = min(max(PAGE_SIZE // days, 1), MAX_ASSETS_A_REQUEST)
    alike: dict[Metrics, list[str]] = {}
    for asset in assets:
        metrics = tuple(metric for metric in FIELD_OF_METRIC if metric in catalog[asset])
        alike.setdefault(metrics, []).append(asset)
    for metrics, members in alike.items():
        for first in range(0, len(members), size):
            yield _Group(assets=tuple(members[first : first + size]), metrics=metrics)


def _series(asset: str, rows: _Rows, metrics: Metrics, request: SourceRequest) -> AssetSeries:
    fields = {
        FIELD_OF_METRIC[metric]: merge_points(
            rows.days.get(metric, ()), rows.values.get(metric, ()), start=request.start, end=request.end
        )
        for metric in metrics
    }
    # What follows an underscore names the chain that a coin is counted on, as in usdt_eth.
    return join_fields(asset, fields, {"symbol": asset.partition("_")[0].upper()})


async def _all_pages(
    requests: Requests,
    host: Host,
    path: str,
    params: tuple[tuple[str, str], ...],
    parse: Callable[[Any], T],
    *,
    max_rows: int,
) -> list[T]:
    """Every page is a request of ours with the token of the page before: the address that an answer names is
    never followed. An empty page may have others after it. More rows than `max_rows` are not taken in."""
    first = (*params, ("page_size", str(PAGE_SIZE)))

    def parse_page(document: Any) -> tuple[T, str | None, int]:
        token = document.get("next_page_token")
        if token is not None and not (isinstance(token, str) and token):
            raise TypeError("a page token that is no text")
        return parse(document), token, len(document["data"])

    pages: list[T] = []
    seen: set[str] = set()
    token: str | None = None
    rows = 0
    while True:
        query = first if token is None else (*first, ("next_page_token", token))
        page, token, more = await requests.get(Get(host=host, path=path, params=query), parse_page)
        pages.append(page)
        rows += more
        if rows > max_rows:
            raise SourceMalformed(f"{host.name}, asked for {path}: it gives more rows than there can be")
        if token is None:
            return pages
        if token in seen or len(pages) >= MAX_PAGES:
            raise SourceMalformed(f"{host.name}, asked for {path}: its pages do not come to an end")
        seen.add(token)


def _parse_catalog(document: Any) -> dict[str, frozenset[str]]:
    return {
        entry["asset"].lower(): frozenset(
            listed["metric"]
            for listed in entry["metrics"]
            if listed["metric"] in FIELD_OF_METRIC and any(map(_is_open_daily, listed["frequencies"]))
        )
        for entry in document["data"]
    }


def _is_open_daily(frequency: Mapping[str, Any]) -> bool:
    """Daily, and open to the community: said of each frequency in the catalog that keys may see more of."""
    return frequency["frequency"] == "1d" and frequency.get("community", True) is not False


def _parse_rows(document: Any, group: _Group) -> dict[str, _Rows]:
    """A metric that a row lacks is not supported for the asset, null is a day without data: neither is a
    point."""
    rows: dict[str, _Rows] = {asset: _Rows() for asset in group.assets}
    for row in document["data"]:
        of_asset = rows[row["asset"]]
        day = day_of_iso(row["time"])
        for metric in group.metrics:
            if (value := row.get(metric)) is not None:
                of_asset.add(metric, day, number(value))
    return rows
