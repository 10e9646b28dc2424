"""From what a caller says that a portfolio holds to weights of a dataset's assets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from app.datasets.asset_words import resolve_assets
from app.errors import FieldError, InvalidInput
from engine.exposures.portfolio import weights_of_values
from engine.panel import CLOSE, PRICE, Panel

MAX_POSITIONS = 1_000
STALE_AFTER_DAYS = 7

Holdings = Sequence[tuple[str, float]]
"""(word for an asset, how much of it; below 0 is short), as a caller gives them."""


class Basis(StrEnum):
    """What the numbers of positions are: AMOUNTS in units, VALUES in USD, WEIGHTS as fractions of capital."""

    AMOUNTS = "AMOUNTS"
    VALUES = "VALUES"
    WEIGHTS = "WEIGHTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One asset of a portfolio. value: USD, None where weights were given. amount, price: None unless amounts
    were given; price None too where the amount is 0."""

    asset: str
    amount: float | None
    price: float | None
    value: float | None
    weight: float


def check_holdings(holdings: Holdings) -> None:
    """What can be told without a dataset. Raises InvalidInput."""
    if not 1 <= len(holdings) <= MAX_POSITIONS:
        message = f"a portfolio has 1 to {MAX_POSITIONS:,} positions, not {len(holdings):,}"
        raise _invalid((), "OUT_OF_RANGE", message)
    for at, (_, number) in enumerate(holdings):
        if not math.isfinite(number):
            raise _invalid((str(at), "number"), "NOT_FINITE", "a position must be a finite number")


def resolve_positions(
    panel: Panel, holdings: Holdings, basis: Basis
) -> tuple[tuple[Position, ...], date | None]:
    """One position an asset, in the order given, what is given twice added up; and the date of the prices
    that turned amounts into values, None for values and weights.

    Raises UnknownAssets, and InvalidInput: a word that could mean several assets, an amount without a price,
    a portfolio of no value.
    """
    assets = resolve_assets(panel, [word for word, _ in holdings], _at_asset)
    numbers = dict.fromkeys(assets, 0.0)
    for asset, (_, number) in zip(assets, holdings, strict=True):
        numbers[asset] += number
    held = [asset for asset, number in numbers.items() if number != 0.0]
    if not held:
        raise _invalid((), "EMPTY_PORTFOLIO", "the portfolio holds nothing of any value")
    if not math.isfinite(sum(map(abs, numbers.values()))):  # which fsum refuses to add up
        raise _invalid((), "NOT_FINITE", "the portfolio's positions add up to infinity")
    if basis is Basis.WEIGHTS:
        return tuple(
            Position(asset=asset, amount=None, price=None, value=None, weight=weight)
            for asset, weight in numbers.items()
        ), None
    if basis is Basis.VALUES:
        return _of_values(numbers), None
    prices, as_of = _common_prices(panel, held, {asset: at for at, asset in reversed([*enumerate(assets)])})
    values = {asset: amount * prices.get(asset, 0.0) for asset, amount in numbers.items()}
    return _of_values(values, numbers, prices), as_of


def _of_values(
    values: Mapping[str, float],
    amounts: Mapping[str, float] | None = None,
    prices: Mapping[str, float] | None = None,
) -> tuple[Position, ...]:
    if not 0.0 < sum(map(abs, values.values())) < math.inf:
        raise _invalid((), "EMPTY_PORTFOLIO", "the portfolio has no value that can be told")
    weights = weights_of_values(values)
    return tuple(
        Position(
            asset=asset,
            amount=None if amounts is None else amounts[asset],
            price=None if prices is None else prices.get(asset),
            value=value,
            weight=weights[asset],
        )
        for asset, value in values.items()
    )


def _common_prices(
    panel: Panel, assets: Sequence[str], position_of: Mapping[str, int]
) -> tuple[dict[str, float], date]:
    """What each asset was traded at, and the last date on which all have a price of the 7 days up to it."""
    columns = np.searchsorted(np.array(panel.assets), assets)
    prices = np.asarray(panel.fields[PRICE][:, columns])
    if CLOSE in panel.fields:
        # Adjusted prices are for returns: what is held is worth its price as it was traded.
        traded = np.asarray(panel.fields[CLOSE][:, columns])
        prices = np.where(np.isfinite(traded).any(axis=0), traded, prices)
    known = np.isfinite(prices) & (prices > 0.0)
    faults = tuple(
        FieldError(_at_asset(position_of[asset]), "NO_PRICE", f"{asset} has no price")
        for asset, priced in zip(assets, known.any(axis=0), strict=True)
        if not priced
    )
    if faults:
        raise InvalidInput("; ".join(fault.message for fault in faults[:5]), faults)
    rows = np.arange(len(panel.dates))[:, None]
    last = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    age = panel.dates[:, None] - panel.dates[last]
    common = np.flatnonzero(((last >= 0) & (age <= np.timedelta64(STALE_AFTER_DAYS, "D"))).all(axis=1))
    if not len(common):
        ended, began = last[-1].argmin(), known.argmax(axis=0).argmax()
        message = (
            f"there is no date on which all positions have a price: {assets[ended]} has its last on "
            f"{panel.dates[last[-1, ended]]}, {assets[began]} its first on "
            f"{panel.dates[known[:, began].argmax()]}"
        )
        fault = FieldError(_at_asset(position_of[assets[ended]]), "NO_COMMON_PRICES", message)
        raise InvalidInput(message, (fault,))
    row = common[-1]
    as_of = panel.dates[row].item()
    found = prices[last[row], np.arange(len(columns))].tolist()
    return dict(zip(assets, found, strict=True)), as_of


def _at_asset(position: int) -> tuple[str, ...]:
    return ("positions", str(position), "asset")


def _invalid(path: tuple[str, ...], code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError(("positions", *path), code, message),))
