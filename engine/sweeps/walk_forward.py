"""Choosing among a sweep's points as one could have at the time: walk-forward with an expanding window."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.metrics import sharpe_ratio
from engine.statistics.return_series import drawdown
from engine.statistics.undefined import Undefined, UndefinedMetric, UndefinedReason, deviation, need
from engine.sweeps.overfitting import column_sharpe, first_best, require_matrix, sharpe_from_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """choices: (K,) point chosen at each of choice_rows (K,), on the rows before it, and traded from it
    until the next choice. returns: (n,) out of sample, row `start_row` and all after it.

    in_sample_best: the point of the highest Sharpe ratio on all rows, which nobody could have known;
    in_sample_best_sharpe_ratio: its Sharpe ratio on the rows of `returns`. Rates are annualised fractions,
    max_drawdown <= 0. A metric without a value is None, with a reason in `undefined`.
    """

    num_choices: int
    distinct_points: int
    choices: NDArray[np.intp]
    choice_rows: NDArray[np.intp]
    start_row: int
    returns: FloatArray
    sharpe_ratio: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    max_drawdown: float | None
    in_sample_best: int
    in_sample_best_sharpe_ratio: float | None
    undefined: tuple[UndefinedMetric, ...] = field(default=())


def walk_forward(returns: FloatArray, periods_per_year: int) -> WalkForward:
    """Chooses, after each year's first row and then every quarter, the point of the highest Sharpe ratio on
    all rows so far, and trades it for that quarter (the last may be shorter).

    returns: (T, P >= 1) simple returns a period, without NaN. The first choice is made at row
    `periods_per_year`, the next ones each periods_per_year // 4 rows later. Points without a Sharpe ratio
    so far (no variation) are chosen only where none has one; ties choose the lowest index. Switching
    between points costs nothing here. Sharpe 1994 (doi:10.3905/jpm.1994.409501).
    Raises Undefined for fewer than a year and a quarter of rows or no point, ValueError for fewer than 4
    periods a year, which have no quarter.
    """
    quarter = periods_per_year // 4
    if quarter < 1:
        raise ValueError(f"{periods_per_year} periods a year have no quarter")
    require_matrix(returns)
    periods, points = returns.shape
    need(periods, periods_per_year + quarter)
    if points < 1:
        raise Undefined(UndefinedReason.TOO_FEW_POINTS, "no point, 1 is needed")
    rows = np.arange(periods_per_year, periods, quarter)
    choices = _choices(returns, rows)
    traded_rows = np.arange(periods_per_year, periods)
    traded = returns[traded_rows, np.repeat(choices, np.diff(rows, append=periods))]
    best = int(first_best(column_sharpe(returns)))
    undefined: list[UndefinedMetric] = []

    def metric(name: str, compute: Callable[[], float]) -> float | None:
        try:
            return _finite(compute())
        except Undefined as reason:
            undefined.append(UndefinedMetric(name, reason.reason, reason.detail))
            return None

    with np.errstate(over="ignore", invalid="ignore"):  # what leaves double precision is reported as OVERFLOW
        return WalkForward(
            num_choices=len(choices),
            distinct_points=len(np.unique(choices)),
            choices=choices,
            choice_rows=rows,
            start_row=periods_per_year,
            returns=traded,
            sharpe_ratio=metric("sharpe_ratio", lambda: sharpe_ratio(traded, periods_per_year)),
            annualized_return=metric("annualized_return", lambda: _annualized(traded, periods_per_year)),
            annualized_volatility=metric(
                "annualized_volatility", lambda: deviation(traded) * math.sqrt(periods_per_year)
            ),
            max_drawdown=metric("max_drawdown", lambda: float(drawdown(traded).min())),
            in_sample_best=best,
            in_sample_best_sharpe_ratio=metric(
                "in_sample_best_sharpe_ratio",
                lambda: sharpe_ratio(returns[periods_per_year:, best], periods_per_year),
            ),
            undefined=tuple(undefined),
        )


def _choices(returns: FloatArray, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """(K,) best point on the rows before each of `rows` (K,), by sums that run on from choice to choice."""
    centre = np.median(returns[: rows[0]], axis=0)  # of no later row: not even rounding looks ahead
    totals, squares = np.zeros((2, returns.shape[1]))
    choices = np.empty(len(rows), dtype=np.intp)
    for k, row in enumerate(rows):
        centred = returns[rows[k - 1] if k else 0 : row] - centre
        totals += centred.sum(axis=0)
        squares += np.einsum("tp,tp->p", centred, centred)
        choices[k] = first_best(sharpe_from_sums(totals, squares, centre, int(row)))
    return choices


def _annualized(returns: FloatArray, periods_per_year: int) -> float:
    """prod(1 + r) ^ (periods a year / n) - 1; -1 after a return <= -100 %."""
    if (returns <= -1.0).any():
        return -1.0
    return float(np.expm1(np.log1p(returns).sum() * periods_per_year / len(returns)))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Undefined(UndefinedReason.OVERFLOW, "the value exceeds double precision")
    return value
