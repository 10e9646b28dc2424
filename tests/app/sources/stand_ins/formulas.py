"""The figures that stand-ins serve: formulas of (asset, day), so that tests know each value exactly.

Prices move as a market does, with a part that all assets share, but nothing is drawn at random: the same
asset has the same figures everywhere. Every number is one that its text of ten digits gives back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]
"""(n,) days since 1970-01-01."""
Series = Callable[[str, Days], NDArray[np.float64]]

PEGGED = frozenset({"usdc", "usdt", "dai", "pegd"})
"""Held near one dollar. `pegd` is on nobody's list of stablecoins."""

EPOCH = date(1970, 1, 1).toordinal()
_MARKET = ((0.35, 431.0), (0.12, 97.3), (0.03, 23.1), (0.012, 6.7))
"""Waves of the log price: amplitude and period in days."""
_OWN = ((0.5, 613.0), (0.1, 61.7), (0.03, 17.9), (0.015, 4.3), (0.01, 2.9))


def day_of(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH


def text(value: float) -> str:
    """As a vendor writes a number."""
    return f"{value:.10g}"


def prices(asset: str, days: Days) -> NDArray[np.float64]:
    """USD."""
    first, all_prices = _all_prices(asset)
    return all_prices[days - first]


def units(asset: str, days: Days) -> NDArray[np.float64]:
    """Coins in circulation."""
    return 1e6 * (1 + _seed(asset) % 97) * (1 + 0.0001 * (days - 16_000))


def market_caps(asset: str, days: Days) -> NDArray[np.float64]:
    return _as_written(prices(asset, days) * units(asset, days))


def address_counts(asset: str, days: Days) -> NDArray[np.float64]:
    return np.round(50_000 + 40_000 * np.sin(days / 45 + _seed(asset) % 11))


def fee_totals(asset: str, days: Days) -> NDArray[np.float64]:
    """USD a day."""
    return _as_written(address_counts(asset, days) * (0.3 + 0.1 * np.cos(days / 12)))


def base_volumes(asset: str, days: Days) -> NDArray[np.float64]:
    """Traded on an exchange, in coins."""
    return _as_written(units(asset, days) * (0.02 + 0.01 * np.sin(days / 3.3 + _seed(asset) % 7)))


def price(asset: str, day: int) -> float:
    """As `prices`, of one day; so are those below."""
    return _one(prices, asset, day)


def market_cap(asset: str, day: int) -> float:
    return _one(market_caps, asset, day)


def active_addresses(asset: str, day: int) -> float:
    return _one(address_counts, asset, day)


def fees(asset: str, day: int) -> float:
    return _one(fee_totals, asset, day)


def base_volume(asset: str, day: int) -> float:
    return _one(base_volumes, asset, day)


def _one(series: Series, asset: str, day: int) -> float:
    return float(series(asset, np.array([day]))[0])


@lru_cache(maxsize=2_000)
def _all_prices(asset: str) -> tuple[int, NDArray[np.float64]]:
    days = np.arange(day_of(date(2009, 1, 1)), day_of(date(2031, 1, 1)), dtype=np.float64)
    seed = _seed(asset)
    if asset.casefold() in PEGGED:
        values = 1.0 + 0.002 * np.sin(days / 5 + seed % 13)
    else:
        beta = 0.6 + (seed % 89) / 100
        log_price = np.log(0.5 + seed % 701) + beta * sum(a * np.sin(days / p) for a, p in _MARKET)
        for wave, (amplitude, period) in enumerate(_OWN):
            phase = (seed >> (3 * wave)) % 63 / 10
            log_price = log_price + amplitude * np.sin(days / (period * (1 + seed % 31 / 100)) + phase)
        values = np.exp(log_price)
    return int(days[0]), _as_written(values)


def _as_written(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(text(value)) for value in values.tolist()])


def _seed(asset: str) -> int:
    return crc32(asset.encode())
