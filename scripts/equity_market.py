"""An invented stock market whose risk is known: returns are made of a market, sectors, styles and a specific
part of each asset, so that a risk model of its panel can be compared with what it should have found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.panel import (
    BOOK_VALUE,
    CLOSE,
    MARKET_CAP,
    PRICE,
    SHARES,
    SINCE_EVER,
    VOLUME,
    Calendar,
    DateArray,
    DatedValue,
    FloatArray,
    Panel,
)

DAYS_PER_YEAR: Final = Calendar.OBSERVED.days_per_year
FIRST_DATE: Final = np.datetime64("2018-01-02")
SIGNIFICANT_DIGITS: Final = 7
MIN_ASSETS: Final = 55
MIN_DAYS: Final = 30

MARKET: Final = "MARKET"
SECTORS: Final = (
    *("banks", "consumer goods", "energy", "health care", "industrials", "materials", "real estate"),
    *("retail", "technology", "telecoms", "utilities"),
)
STYLES: Final = ("SIZE", "VALUE", "LIQUIDITY")
FACTORS: Final = (MARKET, *SECTORS, *STYLES)

MARKET_VOLATILITY: Final = 0.16
SECTOR_VOLATILITIES: Final = np.linspace(0.10, 0.20, len(SECTORS))
STYLE_VOLATILITIES: Final = np.array([0.07, 0.055, 0.05])
CORRELATIONS: Final = np.array(
    [[1.0, -0.3, 0.2, 0.3], [-0.3, 1.0, 0.1, -0.2], [0.2, 0.1, 1.0, 0.0], [0.3, -0.2, 0.0, 1.0]]
)
"""Of the market and the three styles. Sectors are independent but for the constraint on them."""
MARKET_PREMIUM: Final = 0.06
SPLIT_ABOVE: Final = 250.0
QUARTER_DAYS: Final = 63

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEquities:
    """A panel of T sessions by N assets and what made its returns; F = FACTORS.

    factor_returns: (T, F) fractions a day; row t made the returns of date t by the exposures at the end of
    row t - 1, row 0 is NaN. specific_volatilities: (N,) annualised. exposures: (N, F) at the end of the last
    row, NaN for assets without a price there: 1 to the market, 1 to the sector, scores whose cap-weighted
    mean is 0 and whose deviation is 1. factor_covariance: (F, F) annualised, of the row after the last, whose
    sector returns have a cap-weighted sum of 0.
    """

    panel: Panel
    factor_returns: FloatArray
    factor_covariance: FloatArray
    specific_volatilities: FloatArray
    exposures: FloatArray


def simulate_equities(assets: int = 300, days: int = 1260, seed: int = 7) -> KnownEquities:
    """The same for the same arguments. Some assets are listed late, delisted, halted for days, or change
    their sector; closes have dividends and splits, prices are adjusted for both. Raises ValueError for fewer
    than MIN_ASSETS or MIN_DAYS."""
    if assets < MIN_ASSETS or days < MIN_DAYS:
        raise ValueError(f"a market needs {MIN_ASSETS} assets and {MIN_DAYS} days")
    random = np.random.default_rng(seed)
    market = _Market(random, days, assets)
    factor_returns = np.full((days, len(FACTORS)), np.nan)
    market.record(0)
    for day in range(1, days):
        factor_returns[day] = market.step(day)
    return KnownEquities(
        panel=_panel(market),
        factor_returns=factor_returns,
        factor_covariance=DAYS_PER_YEAR * market.covariance(days - 1),
        specific_volatilities=market.specific * np.sqrt(DAYS_PER_YEAR),
        exposures=np.where(market.trading[-1][:, None], market.exposures(days - 1), np.nan),
    )


def sessions(days: int) -> DateArray:
    """(days,) weekdays from FIRST_DATE on, less the holidays of an invented exchange."""
    years = np.arange(2018, 2018 + days // 240 + 2).astype(str)
    fixed = [np.datetime64(f"{year}-{day}") for year in years for day in ("01-01", "05-01", "07-04", "12-25")]
    fridays = [
        np.busday_offset(f"{year}-{month}", 1, roll="forward", weekmask="Fri")
        for year in years
        for month in ("04", "11")
    ]
    offsets = np.arange(days)
    return np.asarray(np.busday_offset(FIRST_DATE, offsets, roll="forward", holidays=[*fixed, *fridays]))


def base_covariance() -> FloatArray:
    """(F, F) a day, of factors whose sectors are not constrained yet."""
    covariance = np.zeros((len(FACTORS), len(FACTORS)))
    sector = np.arange(1, 1 + len(SECTORS))
    covariance[sector, sector] = SECTOR_VOLATILITIES**2
    others = np.r_[0, 1 + len(SECTORS) : len(FACTORS)]
    volatilities = np.r_[MARKET_VOLATILITY, STYLE_VOLATILITIES]
    covariance[np.ix_(others, others)] = CORRELATIONS * np.outer(volatilities, volatilities)
    return covariance / DAYS_PER_YEAR


@dataclass(slots=True)
class _Market:
    """The state of all assets, listed or not, after the day that was stepped to last."""

    random: np.random.Generator
    days: int
    assets: int
    sectors: NDArray[np.int64] = field(init=False)
    listed: BoolArray = field(init=False)
    trading: BoolArray = field(init=False)
    specific: FloatArray = field(init=False)
    turnover: FloatArray = field(init=False)
    dividend: FloatArray = field(init=False)
    phase: NDArray[np.int64] = field(init=False)
    close: FloatArray = field(init=False)
    shares: FloatArray = field(init=False)
    book: FloatArray = field(init=False)
    total_return: FloatArray = field(init=False)
    base: FloatArray = field(init=False)
    history: dict[str, FloatArray] = field(init=False)

    def __post_init__(self) -> None:
        random, count = self.random, self.assets
        self.listed = _listed(random, self.days, count)
        self.sectors = _sectors(random, self.days, count, steady=np.asarray(self.listed.all(axis=0)))
        self.trading = self.listed & ~_halted(random, self.days, count)
        size = random.standard_normal(count)
        self.specific = 0.24 * np.exp(0.22 * random.standard_normal(count) - 0.1 * size)
        self.specific /= np.sqrt(DAYS_PER_YEAR)
        self.turnover = np.exp(random.normal(np.log(0.004), 0.7, count))
        self.dividend = np.where(random.random(count) < 0.6, random.uniform(0.003, 0.010, count), 0.0)
        self.phase = random.integers(0, QUARTER_DAYS, count)
        self.close = random.uniform(15.0, 120.0, count)
        caps = 2e9 * np.exp(1.2 * size)
        self.shares = np.round(caps / self.close)
        self.book = caps * np.exp(random.normal(-0.8, 0.6, count))
        self.total_return = np.ones(count)
        self.base = np.linalg.cholesky(base_covariance())
        names = (CLOSE, "total_return", MARKET_CAP, SHARES, BOOK_VALUE, VOLUME)
        self.history = {name: np.full((self.days, count), np.nan) for name in names}

    def exposures(self, day: int) -> FloatArray:
        """(N, F) at the end of the day that was stepped to last."""
        caps = self.close * self.shares
        weights = np.where(self.trading[day], caps, 0.0)
        raw = (-np.log(caps), np.log(self.book / caps), np.log(self.turnover))
        sectors = np.eye(len(SECTORS))[self.sectors[day]]
        styles = [_standardised(values, weights) for values in raw]
        return np.column_stack([np.ones(self.assets), sectors, *styles])

    def constraint(self, day: int) -> FloatArray:
        """(F, F) which takes the cap-weighted mean of the sectors' returns out of each."""
        weights = np.where(self.trading[day], self.close * self.shares, 0.0)
        shares = np.bincount(self.sectors[day], weights, minlength=len(SECTORS)) / weights.sum()
        matrix = np.eye(len(FACTORS))
        matrix[1 : 1 + len(SECTORS), 1 : 1 + len(SECTORS)] -= shares
        return matrix

    def covariance(self, day: int) -> FloatArray:
        """(F, F) of the factor returns of the next day."""
        constraint = self.constraint(day)
        return np.asarray(constraint @ base_covariance() @ constraint.T)

    def step(self, day: int) -> FloatArray:
        """Move to the next day; (F,) its factor returns."""
        random = self.random
        drawn = self.base @ random.standard_normal(len(FACTORS))
        factor_returns: FloatArray = self.constraint(day - 1) @ drawn
        factor_returns[0] += MARKET_PREMIUM / DAYS_PER_YEAR
        returns = self.exposures(day - 1) @ factor_returns
        returns += self.specific * random.standard_normal(self.assets)
        returns = np.maximum(returns, -0.9)
        self.total_return = self.total_return * (1.0 + returns)
        pays = (day + 20) % QUARTER_DAYS == self.phase
        self.close = self.close * (1.0 + returns) * (1.0 - self.dividend * pays)
        files = day % QUARTER_DAYS == self.phase
        issued = np.exp(0.004 * random.standard_normal(self.assets))
        earned = np.exp(random.normal(0.02, 0.05, self.assets))
        self.shares = np.round(np.where(files, self.shares * issued, self.shares))
        self.book = np.where(files, self.book * earned, self.book)
        splits = self.close > SPLIT_ABOVE
        self.close = np.where(splits, self.close / 2.0, self.close)
        self.shares = np.where(splits, self.shares * 2.0, self.shares)
        self.record(day, splits)
        return factor_returns

    def record(self, day: int, splits: BoolArray | None = None) -> None:
        newly = self.listed[day] & ~self.listed[day - 1] if day else self.listed[0]
        files = (day % QUARTER_DAYS == self.phase) | newly
        counted = files if splits is None else files | splits
        noise = np.exp(0.35 * self.random.standard_normal(self.assets))
        self.history[CLOSE][day] = self.close
        self.history["total_return"][day] = self.total_return
        self.history[SHARES][day] = np.where(counted, self.shares, np.nan)
        self.history[BOOK_VALUE][day] = np.where(files, self.book, np.nan)
        self.history[VOLUME][day] = self.close * self.shares * self.turnover * noise
        self.history[MARKET_CAP][day] = self.close * self.shares


def _listed(random: np.random.Generator, days: int, assets: int) -> BoolArray:
    """(T, N): 15% of the assets are listed in the first 60% of the days, 8% delisted in the last 40%."""
    order = random.permutation(assets)
    late, gone = order[: assets * 15 // 100], order[-(assets * 8 // 100) :]
    first, stop = np.zeros(assets, dtype=np.int64), np.full(assets, days)
    first[late] = random.integers(1, days * 6 // 10, len(late))
    stop[gone] = random.integers(days * 6 // 10, days, len(gone))
    day = np.arange(days)[:, None]
    return np.asarray((day >= first) & (day < stop))


def _halted(random: np.random.Generator, days: int, assets: int) -> BoolArray:
    """(T, N): one halt of up to 8 days in three years and asset, none on the first or the last day."""
    halted = np.zeros((days, assets), dtype=np.bool_)
    for _ in range(max(1, assets * days // (3 * DAYS_PER_YEAR))):
        first = int(random.integers(1, days - 1))
        length, asset = int(random.integers(1, 9)), int(random.integers(0, assets))
        halted[first : min(first + length, days - 1), asset] = True
    return halted


def _sectors(random: np.random.Generator, days: int, assets: int, *, steady: BoolArray) -> NDArray[np.int64]:
    """(T, N) codes: one asset in fifty, three at least, changes its sector once."""
    codes = np.tile(random.permutation(np.arange(assets) % len(SECTORS)), (days, 1))
    for asset in random.choice(np.flatnonzero(steady), max(3, assets // 50), replace=False):
        first = int(random.integers(days * 3 // 10, days * 8 // 10))
        shift = int(random.integers(1, len(SECTORS)))
        codes[first:, asset] = (codes[0, asset] + shift) % len(SECTORS)
    return codes


def _standardised(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(N,) of a weighted mean of 0 and an equally weighted deviation of 1 over the assets with a weight."""
    centred = values - np.average(values, weights=weights)
    return np.asarray(centred / values[weights > 0].std(ddof=1))


def _panel(market: _Market) -> Panel:
    dates, history = sessions(market.days), dict(market.history)
    total_return = history.pop("total_return")
    last = market.days - 1 - market.trading[::-1].argmax(axis=0)
    column = np.arange(market.assets)
    history[PRICE] = total_return * (history[CLOSE] / total_return)[last, column]
    fields = {
        name: _rounded(np.where(_known(market, name), values, np.nan))
        for name, values in sorted(history.items())
    }
    histories = tuple(_history(market.sectors[:, asset], dates) for asset in range(market.assets))
    return Panel(
        dates=dates,
        assets=tuple(f"SYN-{number:04d}" for number in range(1, market.assets + 1)),
        fields=fields,
        calendar=Calendar.OBSERVED,
        attributes={
            "sector": tuple(own[-1].value for own in histories),
            "synthetic": ("true",) * market.assets,
        },
        attribute_changes={"sector": histories},
    )


def _known(market: _Market, name: str) -> BoolArray:
    """(T, N): companies file while their shares are halted too."""
    return market.listed if name in (SHARES, BOOK_VALUE) else market.trading


def _rounded(values: FloatArray) -> FloatArray:
    """To SIGNIFICANT_DIGITS, as files have them; the powers of ten that are used are exact."""
    with np.errstate(invalid="ignore"):
        places = SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(values))
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.asarray(np.round(values * up / down) / up * down)


def _history(codes: NDArray[np.int64], dates: DateArray) -> tuple[DatedValue, ...]:
    rows = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]).tolist()
    days: list[date] = [SINCE_EVER, *(dates[row].item() for row in rows[1:])]
    return tuple(DatedValue(day, SECTORS[codes[row]]) for day, row in zip(days, rows, strict=True))
