"""Coinbase Advanced Trade, the public part: daily closes and traded volumes, without a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from app.sources.asking import NAME_IT, for_each, hand_in, until_yesterday, words_of
from app.sources.client import Get, Host, Requests
from app.sources.errors import SourceMalformed, SourceRejected, SourceUnavailable
from app.sources.harvest import AssetSeries, Harvest, LossCode, SourceRequest
from app.sources.losses import UnknownAssets, lose_for
from app.sources.names import SourceName
from app.sources.points import day_of_unix, join_fields, merge_points, number
from app.sources.stablecoins import is_known_stablecoin
from engine.panel import PRICE, VOLUME, Calendar

PRODUCTS_PATH: Final = "/api/v3/brokerage/market/products"

QUOTES: Final = ("USD", "USDC")
"""The quotes that are taken for dollars, the better one first."""
PRODUCTS_A_PAGE: Final = 1_000
MAX_PAGES: Final = 100
DAYS_A_REQUEST: Final = 300
"""The vendor refuses a window of more than 350 candles, and once refused more than 300."""
MAX_CANDLES: Final = 1_000
"""Of one answer: enough for some that come twice, or lie outside the window."""
ASSETS_AT_ONCE: Final = 16
_NAMED_IN_A_NOTE: Final = 20

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is traded. base: the vendor's id of the currency; symbol: what it shows for it, mostly the same.
    trading: whether it is traded at present; where it is not, what was traded before can still be had."""

    product_id: str
    base: str
    symbol: str
    name: str
    quote: str
    trading: bool


Candles = tuple[list[int], list[float], list[float]]
"""Days, closes and volumes in USD, in the order in which they came."""


class Coinbase:
    """Source: https://docs.cdp.coinbase.com/advanced-trade/reference (public products and candles).

    today: the day, in UTC, that is not over yet and whose candle is therefore not asked for.
    """

    name = SourceName.COINBASE
    title = "Coinbase"
    description = (
        "Daily closes in USD and traded volumes of what Coinbase lists. No key needed. No market cap."
    )
    fields = (PRICE, VOLUME)
    licence = "Coinbase market data: under Coinbase's market data terms of use"
    calendar: Calendar | None = Calendar.EVERY_DAY
    needs_assets = False

    def __init__(self, base_url: str, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._host = Host(
            name="Coinbase", base_url=base_url, requests_per_second=10.0, burst=1, concurrency=16
        )
        self._today = today

    async def products(self, requests: Requests) -> dict[str, Product]:
        """Asset id -> its one product. Raises SourceError.

        The id is the symbol in lower case, or the currency's id where the symbol means another too. Of
        several products of a currency the one that is traded comes first, then the one in USD.
        """
        listed = await self._listed(requests)
        by_base: dict[str, Product] = {}
        for product in sorted(listed, key=_preference):
            by_base.setdefault(product.base.lower(), product)
        shown = [product.symbol.lower() for product in by_base.values()]
        namesakes = Counter(shown)
        # No two ids are the same: one that is a symbol is nobody else's symbol or currency.
        return {
            (symbol if namesakes[symbol] == 1 and symbol not in by_base else base): product
            for (base, product), symbol in zip(by_base.items(), shown, strict=True)
        }

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """price: close of the day from midnight to midnight UTC. volume: coins traded times close, so USD
        by the last price of the day. A day without a trade has no candle, and is missing.

        Assets may be named by symbol, currency or product. What is not traded any more is among the default
        assets, since a history of survivors alone would flatter; known stablecoins are not. Raises
        SourceRefused, and SourceError where the list of products fails.
        """
        await self.fetch_listed(await self.products(requests), request, requests, harvest)

    async def fetch_listed(
        self, products: Mapping[str, Product], request: SourceRequest, requests: Requests, harvest: Harvest
    ) -> None:
        """`fetch`, of what `products` has returned."""
        chosen = _chosen(request, products, harvest)
        request = until_yesterday(request, self._today(), harvest)
        windows = tuple(_windows(request.start, request.end))

        async def fetch_asset(asset: str) -> None:
            product = products[asset]
            try:
                candles = await self._candles(product, windows, requests)
            except (SourceUnavailable, SourceMalformed, SourceRejected) as error:
                lose_for(harvest, asset, error)
            else:
                hand_in(_series(asset, product, candles, request), request, harvest)

        await for_each(chosen, fetch_asset, at_once=ASSETS_AT_ONCE)
        kept = {asset: products[asset] for asset in chosen if asset in harvest.series}
        _note_what_is_kept(kept, harvest)

    async def _listed(self, requests: Requests) -> tuple[Product, ...]:
        listed: dict[str, Product] = {}
        offset = 0
        for _ in range(MAX_PAGES):
            get = Get(
                host=self._host,
                path=PRODUCTS_PATH,
                params=(
                    ("product_type", "SPOT"),
                    ("limit", str(PRODUCTS_A_PAGE)),
                    ("offset", str(offset)),
                ),
            )
            page, received, more = await requests.get(get, _parse_products)
            listed.update((product.product_id, product) for product in page)
            if not more:
                return tuple(listed.values())
            offset += received or PRODUCTS_A_PAGE
        raise SourceMalformed(f"Coinbase, asked for {PRODUCTS_PATH}: its pages do not come to an end")

    async def _candles(
        self, product: Product, windows: Iterable[tuple[date, date]], requests: Requests
    ) -> Candles:
        days: list[int] = []
        closes: list[float] = []
        volumes: list[float] = []
        for first, last in windows:
            get = Get(
                host=self._host,
                path=f"{PRODUCTS_PATH}/{quote(product.product_id, safe='')}/candles",
                params=(
                    ("start", str(_unix(first))),
                    # The last second of the last day, so that its candle is inside however the end counts.
                    ("end", str(_unix(last + _DAY) - 1)),
                    ("granularity", "ONE_DAY"),
                ),
            )
            more_days, more_closes, more_volumes = await requests.get(get, _parse_candles)
            days += more_days
            closes += more_closes
            volumes += more_volumes
        return days, closes, volumes


def _chosen(request: SourceRequest, products: Mapping[str, Product], harvest: Harvest) -> tuple[str, ...]:
    """The assets to ask for, sorted; the others are lost at once."""
    if request.assets is None:
        harvest.expect(len(products))
        stable = {asset for asset, product in products.items() if is_known_stablecoin(product.symbol)}
        for asset in sorted(stable):
            harvest.lose(asset, LossCode.STABLECOIN, f"a known stablecoin; {NAME_IT}")
        return tuple(sorted(products.keys() - stable))
    called: dict[str, set[str]] = {}
    for asset, product in products.items():
        for name in {asset, product.symbol.lower(), product.base.lower(), product.product_id.lower()}:
            called.setdefault(name, set()).add(asset)
    unknown = UnknownAssets("Coinbase", products)
    chosen: set[str] = set()
    lost: list[tuple[str, LossCode, str]] = []
    for word in words_of(request.assets):
        match sorted(called.get(word.lower(), ())):
            case []:
                lost.append((word, LossCode.UNKNOWN_ASSET, unknown.reason(word)))
            case [asset]:
                chosen.add(asset)
            case several if word.lower() in products:
                chosen.add(word.lower())
            case several:
                reason = f"Coinbase shows the same symbol for {', '.join(several)}: name one of them"
                lost.append((word, LossCode.AMBIGUOUS_ASSET, reason))
    harvest.expect(len(chosen) + len(lost))
    for word, code, reason in lost:
        harvest.lose(word, code, reason)
    return tuple(sorted(chosen))


def _preference(product: Product) -> tuple[bool, int, str]:
    return not product.trading, QUOTES.index(product.quote), product.product_id


def _windows(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day, both included, of each request."""
    while start <= end:
        last = min(start + (DAYS_A_REQUEST - 1) * _DAY, end)
        yield start, last
        start = last + _DAY


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _series(asset: str, product: Product, candles: Candles, request: SourceRequest) -> AssetSeries:
    days, closes, volumes = candles
    fields = {
        PRICE: merge_points(days, closes, start=request.start, end=request.end),
        VOLUME: merge_points(days, volumes, start=request.start, end=request.end),
    }
    attributes = {"symbol": product.symbol, "product": product.product_id}
    if product.name:
        attributes["name"] = product.name
    return join_fields(asset, fields, attributes)


def _note_what_is_kept(products: Mapping[str, Product], harvest: Harvest) -> None:
    """products: of the assets that were fetched."""
    if stopped := [asset for asset, product in products.items() if not product.trading]:
        harvest.note(f"not traded on Coinbase at present, kept up to their last day: {_some(stopped)}")
    if quoted := [asset for asset, product in products.items() if product.quote != QUOTES[0]]:
        harvest.note(f"priced in {QUOTES[1]}, taken for USD: {_some(quoted)}")


def _some(assets: list[str]) -> str:
    shown = ", ".join(assets[:_NAMED_IN_A_NOTE])
    more = len(assets) - _NAMED_IN_A_NOTE
    return f"{shown} and {more} more" if more > 0 else shown


def _parse_products(document: Any) -> tuple[tuple[Product, ...], int, bool]:
    """Those quoted in dollars, how many there are of any kind, and whether more pages follow."""
    listed = document["products"]
    products = tuple(
        Product(
            product_id=_text(entry["product_id"]),
            base=_text(entry["base_currency_id"]),
            symbol=_text(entry.get("base_display_symbol") or entry["base_currency_id"]),
            name=name if isinstance(name := entry.get("base_name"), str) else "",
            quote=entry["quote_currency_id"],
            trading=entry.get("status", "online") == "online"
            and not entry.get("is_disabled")
            and not entry.get("trading_disabled"),
        )
        for entry in listed
        if entry.get("product_type", "SPOT") == "SPOT" and entry["quote_currency_id"] in QUOTES
    )
    says_more = (document.get("pagination") or {}).get("has_next") is True
    return products, len(listed), says_more or len(listed) >= PRODUCTS_A_PAGE


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a name")
    return value


def _parse_candles(document: Any) -> Candles:
    candles = document["candles"]
    if len(candles) > MAX_CANDLES:
        raise ValueError("more candles than a window has days")
    days, closes, volumes = [], [], []
    for candle in candles:
        close = number(candle["close"])
        days.append(day_of_unix(candle["start"]))
        closes.append(close)
        volumes.append(number(candle["volume"]) * close)
    return days, closes, volumes
