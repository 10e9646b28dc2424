"""Makes the bundled synthetic sample: `python -m scripts.make_sample`.

Every number is invented. A seeded simulation of daily market caps has a market that rises, falls and
recovers, assets with their own betas and noise, trends that persist for weeks (momentum), large assets that
lag a little (size), and activity whose growth runs ahead of prices (growth). The data has the defects of real
data: listings in mid-panel, delistings, gaps, assets without fees, a stale price, zero volumes, a cap that
ends early.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.datasets.sample import sample_attributes_path, sample_panel_path

SEED = 20210101
FIRST_DATE = np.datetime64("2021-01-01")
DAY_COUNT = 1095  # to 2023-12-31, a Sunday
SIGNIFICANT_DIGITS = 6
COLUMNS = {
    "price": "price",
    "mc": "market_cap",
    "24h_volume": "volume",
    "fees": "fees",
    "dau": "users",
    "revenue": "revenue",
}

SECTORS = {
    "layer-1": "aurora borealis cobalt dune ember fjord granite harbor indigo juniper krypton lumen meridian",
    "layer-2": "nimbus obsidian prairie quartz rapids sierra tundra umber",
    "defi": "amber basalt cedar delta estuary fern glacier horizon vesper willow xylem yarrow zephyr",
    "infrastructure": "iris jasper keystone lagoon magnet nectar onyx pebble",
    "gaming": "quiver raven saffron tide urchin valley",
    "meme": "acorn biscuit cactus doodle walnut yeti zinnia",
    "stablecoin": "anchor-dollar ballast-dollar plumb-dollar",
}
WITHOUT_FEES = ("meme", "stablecoin")
WITHOUT_REVENUE = ("meme", "stablecoin", "layer-2")
WRAPPED = {"wrapped-aurora": "aurora", "wrapped-dune": "dune"}

REGIMES = ((310, 0.0024, 0.031), (690, -0.0042, 0.029), (DAY_COUNT, 0.0013, 0.022))
"""(until day, mean, volatility) of the market's daily log return."""

LISTED_ON_DAY = {
    **{"fern": 75, "tide": 120, "glacier": 160, "cactus": 200, "horizon": 245, "urchin": 290},
    **{"pebble": 350, "valley": 430, "doodle": 510, "umber": 600, "onyx": 710, "zinnia": 820},
}
DELISTED_ON_DAY = {"saffron": 505, "acorn": 790}
COLLAPSE = {"saffron": (496, 6.5)}
"""(day, log loss): the price falls by e^2.2 at once and goes on falling until the asset is delisted."""
GAPS = {"xylem": (222, 3), "raven": (404, 11), "biscuit": (640, 2), "lagoon": (871, 6), "yeti": (930, 1)}
STALE_PRICES = {"walnut": (333, 7)}
ZERO_VOLUMES = {"doodle": (700, 2), "acorn": (760, 4)}
ZERO_FEES = {"cedar": (150, 2), "iris": (480, 3)}
CAP_ENDS_ON_DAY = {"magnet": 1040}

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """(T, N) daily values of N assets: USD, USD a day, users a day; NaN = missing."""

    assets: tuple[str, ...]
    price: Series
    market_cap: Series
    volume: Series
    fees: Series
    users: Series
    revenue: Series

    def column(self, asset: str) -> int:
        return self.assets.index(asset)


def simulate() -> Market:
    """The whole market, defects included; the same on every call."""
    market = _with_wrapped(_clean_market(np.random.default_rng(SEED)))
    _apply_defects(market)
    return market


def write_sample(panel_path: Path, attributes_path: Path) -> None:
    """Write both files. The gzip header holds neither a time nor a name, so that the bytes do not vary."""
    market = simulate()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date", "asset", *COLUMNS])
    writer.writerows(_rows(market))
    panel_path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=6, mtime=0))

    with attributes_path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["asset", "sector", "stable", "wrapped", "synthetic"])
        for asset in sorted(market.assets):
            sector = _sectors().get(asset) or _sectors()[WRAPPED[asset]]
            flags = (sector == "stablecoin", asset in WRAPPED, True)
            writer.writerow([f"syn-{asset}", sector, *(str(flag).lower() for flag in flags)])


def _sectors() -> dict[str, str]:
    return {asset: sector for sector, assets in SECTORS.items() for asset in assets.split()}


def _clean_market(random: np.random.Generator) -> Market:
    """Independent assets around one market, all of them from the first to the last day."""
    sectors = _sectors()
    count, shape = len(sectors), (DAY_COUNT, len(sectors))
    stable = _flags(sectors, ("stablecoin",))
    log_caps, activity = _simulate_caps_and_activity(random, count)

    supply = np.exp(random.uniform(np.log(1e7), np.log(5e10), count))
    daily_inflation = random.uniform(0.0, 0.06, count) / 365
    supply = supply * np.exp(daily_inflation * np.arange(DAY_COUNT)[:, None])
    peg = 1 + 0.0008 * random.standard_normal(shape)
    price = np.where(stable, peg, np.exp(log_caps) / supply)
    stable_supply = np.exp(np.cumsum(0.004 * random.standard_normal(shape), axis=0))
    stable_supply *= random.uniform(4e9, 6e10, count)
    market_cap = price * np.where(stable, stable_supply, supply)

    dates = np.arange(FIRST_DATE, FIRST_DATE + DAY_COUNT)
    weekend = np.where(np.is_busday(dates), 1.0, 0.78)[:, None]
    moves = np.abs(np.diff(np.log(price), axis=0, prepend=np.log(price[:1])))
    turnover = random.uniform(0.04, 0.11, count) * np.where(stable, 5, 1)
    busy = np.exp(6 * moves + 0.25 * random.standard_normal(shape))
    fees_per_cap = np.exp(random.normal(np.log(1.2e-4), 0.9, count))
    fees = (
        fees_per_cap * market_cap * np.exp(activity) * weekend * np.exp(0.2 * random.standard_normal(shape))
    )
    users_per_cap = random.uniform(0.1, 0.6, count)
    users = users_per_cap * np.sqrt(market_cap) * np.exp(activity) * weekend
    revenue = fees * random.uniform(0.08, 0.6, count) * np.exp(0.1 * random.standard_normal(shape))
    return Market(
        assets=tuple(sectors),
        price=price,
        market_cap=market_cap,
        volume=market_cap * turnover * weekend * busy,
        fees=np.where(_flags(sectors, WITHOUT_FEES), np.nan, fees),
        users=np.round(users * np.exp(0.08 * random.standard_normal(shape))),
        revenue=np.where(_flags(sectors, WITHOUT_REVENUE), np.nan, revenue),
    )


def _flags(sectors: Mapping[str, str], chosen: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([sector in chosen for sector in sectors.values()])


def _simulate_caps_and_activity(random: np.random.Generator, count: int) -> tuple[Series, Series]:
    """(T, N) log market caps and log activity; what makes the factors earn something is in `drift`."""
    market = _market_returns(random)
    log_cap = np.log(random.permutation(np.geomspace(2e8, 2e11, count)))
    beta = random.uniform(0.7, 1.35, count)
    own_volatility = random.uniform(0.024, 0.044, count)
    trend, growth = np.zeros(count), np.zeros(count)
    activity = 0.3 * random.standard_normal(count)
    log_caps, activities = np.empty((DAY_COUNT, count)), np.empty((DAY_COUNT, count))
    for day in range(DAY_COUNT):
        trend = 0.965 * trend + 0.0005 * random.standard_normal(count)
        growth = 0.96 * growth + 0.0030 * random.standard_normal(count)
        activity = 0.996 * activity + growth
        drift = trend + 0.03 * growth - 0.0002 * (log_cap - log_cap.mean())
        log_cap = log_cap + beta * market[day] + drift + own_volatility * random.standard_normal(count)
        log_caps[day], activities[day] = log_cap, activity
    return log_caps, activities


def _market_returns(random: np.random.Generator) -> Series:
    """(T,) daily log returns; one day in twenty is three times as wild."""
    wildness = np.where(random.random(DAY_COUNT) < 0.05, 3.0, 1.0)
    noise = wildness * random.standard_normal(DAY_COUNT)
    returns, first = np.empty(DAY_COUNT), 0
    for until, mean, volatility in REGIMES:
        returns[first:until] = mean + volatility * noise[first:until]
        first = until
    return returns


def _with_wrapped(market: Market) -> Market:
    """Add the wrapped assets: the price of their underlying, a twentieth of its size, nothing of its own."""
    columns = [market.column(underlying) for underlying in WRAPPED.values()]
    nothing = np.full((DAY_COUNT, len(columns)), np.nan)
    added = {
        "price": market.price[:, columns] * 0.9995,
        "market_cap": market.market_cap[:, columns] / 20,
        "volume": market.volume[:, columns] / 25,
    }
    return replace(
        market,
        assets=(*market.assets, *WRAPPED),
        **{name: np.hstack([getattr(market, name), added.get(name, nothing)]) for name in COLUMNS.values()},
    )


def _apply_defects(market: Market) -> None:
    fields = [getattr(market, name) for name in COLUMNS.values()]
    for asset, (day, log_loss) in COLLAPSE.items():
        column, length = market.column(asset), DELISTED_ON_DAY[asset] - day
        loss = np.exp(-np.linspace(2.2, log_loss, length))
        for values in (market.price, market.market_cap):
            values[day : day + length, column] *= loss
    for asset, day in LISTED_ON_DAY.items():
        for values in fields:
            values[:day, market.column(asset)] = np.nan
    for asset, day in DELISTED_ON_DAY.items():
        for values in fields:
            values[day:, market.column(asset)] = np.nan
    for asset, (day, length) in GAPS.items():
        for values in fields:
            values[day : day + length, market.column(asset)] = np.nan
    for asset, (day, length) in STALE_PRICES.items():
        market.price[day : day + length, market.column(asset)] = market.price[day, market.column(asset)]
    for asset, (day, length) in ZERO_VOLUMES.items():
        market.volume[day : day + length, market.column(asset)] = 0
    for asset, (day, length) in ZERO_FEES.items():
        market.fees[day : day + length, market.column(asset)] = 0
    for asset, day in CAP_ENDS_ON_DAY.items():
        market.market_cap[day:, market.column(asset)] = np.nan


def _rows(market: Market) -> Iterator[list[str]]:
    """By date, then asset; none where there is no price."""
    order = sorted(range(len(market.assets)), key=lambda column: market.assets[column])
    names = [f"syn-{market.assets[column]}" for column in order]
    fields = [getattr(market, name)[:, order].tolist() for name in COLUMNS.values()]
    for day in range(DAY_COUNT):
        date = str(FIRST_DATE + day)
        for name, price, *others in zip(names, *(field[day] for field in fields), strict=True):
            if not math.isnan(price):
                yield [date, name, _text(price), *map(_text, others)]


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.{SIGNIFICANT_DIGITS}g}"


if __name__ == "__main__":
    write_sample(sample_panel_path(), sample_attributes_path())
