"""Counts what is possible but suspicious in a panel, and how much of each field there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from app.datasets.quality import FieldCoverage, QualityCode, QualityCount
from engine.panel import FEES, MARKET_CAP, PRICE, VOLUME, FloatArray, Panel

EXTREME_LOG_RETURN: Final = 2.0
STALE_RUN_LENGTH: Final = 5
_ASSETS_A_BLOCK = 256  # bounds the temporaries of a wide panel


def suspicious_values(panel: Panel) -> tuple[QualityCount, ...]:
    """Every kind of suspicious value that occurs. Nothing is changed."""
    counts = [
        _count_where(panel, PRICE, QualityCode.NON_POSITIVE_PRICE, lambda values: values <= 0),
        _extreme_moves(panel),
        _stale_quotes(panel),
        _gaps(panel),
        _count_where(panel, VOLUME, QualityCode.ZERO_VOLUME, lambda values: values == 0),
        _count_where(panel, FEES, QualityCode.ZERO_FEES, lambda values: values == 0),
        _caps_that_end_early(panel),
    ]
    return tuple(count for count in counts if count is not None)


def field_coverage(panel: Panel, rows_kept: int) -> tuple[FieldCoverage, ...]:
    """One entry a field, in the panel's order."""
    coverage = []
    for field, values in panel.fields.items():
        present = ~np.isnan(values)
        observations = int(np.count_nonzero(present))
        dates = np.flatnonzero(present.any(axis=1))
        coverage.append(
            FieldCoverage(
                field=field,
                observations=observations,
                share=observations / rows_kept,
                assets=int(np.count_nonzero(present.any(axis=0))),
                first_date=str(panel.dates[dates[0]]),
                last_date=str(panel.dates[dates[-1]]),
            )
        )
    return tuple(coverage)


def _count_where(
    panel: Panel, field: str, code: QualityCode, condition: Callable[[FloatArray], NDArray[np.bool_]]
) -> QualityCount | None:
    if field not in panel.fields:
        return None
    where = condition(panel.fields[field])
    count = int(np.count_nonzero(where))
    if not count:
        return None
    date, asset = np.unravel_index(int(where.argmax()), where.shape)
    assets = int(np.count_nonzero(where.any(axis=0)))
    example = f"first: {_at(panel, asset, date)}; {_assets(assets)}"
    return QualityCount(code=code, count=count, example=example)


def _blocks(panel: Panel) -> Iterator[tuple[int, FloatArray]]:
    """(first asset, (T, n) prices with those <= 0 missing), a few assets at a time."""
    prices = panel.fields[PRICE]
    for first in range(0, prices.shape[1], _ASSETS_A_BLOCK):
        block = prices[:, first : first + _ASSETS_A_BLOCK].copy()
        block[~(block > 0)] = np.nan
        yield first, block


def _extreme_moves(panel: Panel) -> QualityCount | None:
    count = assets = 0
    worst, example = 0.0, ""
    for first, prices in _blocks(panel):
        moves = np.abs(np.diff(np.log(prices), axis=0))
        extreme = moves > EXTREME_LOG_RETURN
        if not extreme.any():
            continue
        count += int(np.count_nonzero(extreme))
        assets += int(np.count_nonzero(extreme.any(axis=0)))
        row, column = np.unravel_index(int(np.nanargmax(moves)), moves.shape)
        if moves[row, column] > worst:
            worst = float(moves[row, column])
            ratio = float(prices[row + 1, column]) / float(prices[row, column])
            example = f"largest: {_at(panel, first + column, row + 1)}, price times {ratio:.3g}"
    if not count:
        return None
    return QualityCount(code=QualityCode.EXTREME_MOVE, count=count, example=f"{example}; {_assets(assets)}")


def _stale_quotes(panel: Panel) -> QualityCount | None:
    count = assets = longest = 0
    example = ""
    for first, prices in _blocks(panel):
        # assets one after the other, each closed by a row that repeats nothing
        repeats = np.zeros((prices.shape[1], prices.shape[0] + 1), dtype=np.int8)
        repeats[:, 1:-1] = (prices[1:] == prices[:-1]).T
        edges = np.diff(repeats.ravel(), prepend=np.int8(0))
        starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths = stops - starts + 1
        stale = lengths >= STALE_RUN_LENGTH
        if not stale.any():
            continue
        count += int(np.count_nonzero(stale))
        assets += len(np.unique(starts[stale] // repeats.shape[1]))
        if lengths.max() > longest:
            longest = int(lengths.max())
            asset, row = divmod(int(starts[lengths.argmax()]), repeats.shape[1])
            example = f"longest: {longest} dates from {_at(panel, first + asset, row - 1)}"
    if not count:
        return None
    return QualityCount(code=QualityCode.STALE_QUOTE, count=count, example=f"{example}; {_assets(assets)}")


def _gaps(panel: Panel) -> QualityCount | None:
    missing = np.concatenate([_missing_inside(np.isnan(prices)) for _, prices in _blocks(panel)])
    count = int(missing.sum())
    if not count:
        return None
    worst = int(missing.argmax())
    assets = _assets(int(np.count_nonzero(missing)))
    example = f"most: {panel.assets[worst]}, {missing[worst]:,} dates; {assets}"
    return QualityCount(code=QualityCode.GAP, count=count, example=example)


def _missing_inside(missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(T, n) -> (n,) missing values between the first and the last present one."""
    first, last = _first_and_last(~missing)
    present = np.count_nonzero(~missing, axis=0)
    return np.where(present > 0, last - first + 1 - present, 0)


def _first_and_last(present: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) rows of the first and the last True of each column; 0 and T - 1 where there is none."""
    return present.argmax(axis=0), len(present) - 1 - present[::-1].argmax(axis=0)


def _caps_that_end_early(panel: Panel) -> QualityCount | None:
    if MARKET_CAP not in panel.fields:
        return None
    capped = ~np.isnan(panel.fields[MARKET_CAP])
    priced = panel.fields[PRICE] > 0
    last_cap, last_price = _first_and_last(capped)[1], _first_and_last(priced)[1]
    early = capped.any(axis=0) & priced.any(axis=0) & (last_cap < last_price)
    count = int(np.count_nonzero(early))
    if not count:
        return None
    asset = int(np.where(early, last_price - last_cap, -1).argmax())
    example = (
        f"longest: {panel.assets[asset]}, cap until {panel.dates[last_cap[asset]]}, "
        f"price until {panel.dates[last_price[asset]]}"
    )
    return QualityCount(code=QualityCode.CAP_ENDS_EARLY, count=count, example=example)


def _at(panel: Panel, asset: SupportsIndex, date: SupportsIndex) -> str:
    return f"{panel.assets[asset]} on {panel.dates[date]}"


def _assets(count: int) -> str:
    return f"{count:,} asset{'s' if count != 1 else ''}"
