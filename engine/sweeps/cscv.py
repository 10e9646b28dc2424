"""The probability that choosing a sweep's best point overfits: combinatorially symmetric cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.undefined import ZERO_STD, Undefined, UndefinedReason, need
from engine.sweeps.overfitting import first_best, require_matrix, sharpe_from_sums, tie_width

MAX_PARTITIONS = 20
"""184,756 combinations; each two more partitions quadruple them."""
BLOCK = 1 << 16
"""Sharpe ratios at a time: the few arrays of this size stay in a core's cache."""
MEDIAN_COLUMNS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class OverfittingProbability:
    """Each combination chooses the point of the highest Sharpe ratio in its half of the blocks (in sample);
    the other half is out of sample. Sharpe ratios are per period (ddof 1).

    probability: share of combinations whose chosen point does no better than the median out of sample
    (logit <= 0). logits: (combinations,) of the chosen point's relative rank out of sample, combinations
    of blocks in lexicographic order. probability_of_loss: share with a negative mean return out of sample.
    rows_used: the last rows of the matrix, a multiple of `partitions`.
    mean_out_of_sample_sharpe, slope, intercept (least squares of the out-of-sample on the in-sample Sharpe
    ratio): over the combinations where the chosen point's returns vary in both halves. None where there
    is no such combination; slope and intercept also where the in-sample Sharpe ratios are all equal.
    """

    probability: float
    partitions: int
    combinations: int
    rows_used: int
    mean_out_of_sample_sharpe: float | None
    probability_of_loss: float
    slope: float | None
    intercept: float | None
    logits: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Sums of the returns less `centre` (P,), and of their squares, over S blocks of equal length: (S, P)."""

    totals: FloatArray
    squares: FloatArray
    centre: FloatArray
    rows_of_half: int

    def sharpe(self, halves: FloatArray) -> FloatArray:
        """(C, P) of halves (C, S), 1 for a block that belongs."""
        return sharpe_from_sums(halves @ self.totals, halves @ self.squares, self.centre, self.rows_of_half)

    def mean(self, halves: FloatArray, points: NDArray[np.intp]) -> FloatArray:
        """(C,) mean return of one point in each half."""
        totals = np.einsum("cs,cs->c", halves, self.totals[:, points].T)
        return np.asarray(self.centre[points] + totals / self.rows_of_half)


def probability_of_overfitting(returns: FloatArray, partitions: int = 16) -> OverfittingProbability:
    """PBO of a sweep (Bailey, Borwein, Lopez de Prado and Zhu 2017, doi:10.21314/JCF.2016.322).

    returns: (T, P) simple returns a period, without NaN. partitions: S, even; the first T mod S rows are
    left out so that S contiguous blocks of equal length remain, and each of the C(S, S/2) choices of half
    of them is once in sample. A point whose returns do not vary in a half has no Sharpe ratio there: it
    ranks lowest, and is chosen (the lowest index) only where that holds for all. Ties choose the lowest
    index and rank by their average.
    Raises Undefined for T < 2 S or P < 2, ValueError for an odd number of partitions or one that is not
    in 2..20.
    """
    if partitions % 2 or not 2 <= partitions <= MAX_PARTITIONS:
        raise ValueError(f"partitions must be even and from 2 to {MAX_PARTITIONS}, not {partitions}")
    require_matrix(returns)
    periods, points = returns.shape
    need(periods, 2 * partitions)
    if points < 2:
        raise Undefined(UndefinedReason.TOO_FEW_POINTS, f"{points} points, 2 are needed")
    blocks = _blocks(returns[periods % partitions :], partitions)
    halves = _halves_with_first_block(partitions)
    count = len(halves)
    rank, in_sample, out_of_sample, mean = np.empty((4, 2 * count))
    step = max(1, BLOCK // points)
    for start in range(0, count, step):
        half = halves[start : start + step]
        # complements run through the lexicographic order backwards
        here = np.arange(start, start + len(half))
        there = 2 * count - 1 - here
        one, other = blocks.sharpe(half), blocks.sharpe(1.0 - half)
        for rows, inside, outside, outside_half in (
            (here, one, other, 1.0 - half),
            (there, other, one, half),
        ):
            chosen = first_best(inside)
            each = np.arange(len(half))
            in_sample[rows], out_of_sample[rows] = inside[each, chosen], outside[each, chosen]
            rank[rows] = _average_rank(outside, outside[each, chosen])
            mean[rows] = blocks.mean(outside_half, chosen)
    relative = rank / (points + 1)
    logits = np.log(relative / (1.0 - relative))
    average, slope, intercept = _degradation(in_sample, out_of_sample)
    return OverfittingProbability(
        probability=float((logits <= 0.0).mean()),
        partitions=partitions,
        combinations=2 * count,
        rows_used=periods - periods % partitions,
        mean_out_of_sample_sharpe=average,
        probability_of_loss=float((mean < -ZERO_STD).mean()),
        slope=slope,
        intercept=intercept,
        logits=logits,
    )


def _halves_with_first_block(partitions: int) -> FloatArray:
    """(C(S, S/2) / 2, S) indicator of the blocks in each half that has block 0, in lexicographic order; the
    other halves are their complements."""
    others = list(combinations(range(1, partitions), partitions // 2 - 1))
    halves = np.zeros((len(others), partitions))
    halves[:, 0] = 1.0
    members = np.asarray(others, dtype=np.intp).reshape(len(others), -1)
    np.put_along_axis(halves, members, 1.0, axis=1)
    return halves


def _blocks(returns: FloatArray, partitions: int) -> _Blocks:
    """Sums of each block. The centre is the median, which a single extreme return does not carry away."""
    periods, points = returns.shape
    starts = range(0, points, MEDIAN_COLUMNS)  # in stripes, as the median copies what it sorts
    centre = np.concatenate([np.median(returns[:, p : p + MEDIAN_COLUMNS], axis=0) for p in starts])
    rows = periods // partitions
    totals, squares = np.empty((2, partitions, points))
    for block in range(partitions):
        centred = returns[block * rows : (block + 1) * rows] - centre
        totals[block] = centred.sum(axis=0)
        squares[block] = np.einsum("tp,tp->p", centred, centred)
    return _Blocks(totals=totals, squares=squares, centre=centre, rows_of_half=rows * (partitions // 2))


def _average_rank(sharpe: FloatArray, chosen: FloatArray) -> FloatArray:
    """(C,) rank of `chosen` (C,) in each row of (C, P), 1 for the lowest, the average of equal ones."""
    width = tie_width(chosen)
    below = np.count_nonzero(sharpe < (chosen - width)[:, None], axis=1)
    not_above = np.count_nonzero(sharpe <= (chosen + width)[:, None], axis=1)
    return np.asarray((below + not_above + 1) / 2.0)


def _degradation(
    in_sample: FloatArray, out_of_sample: FloatArray
) -> tuple[float | None, float | None, float | None]:
    """(mean out of sample, slope, intercept) over the combinations with both Sharpe ratios."""
    both = np.isfinite(in_sample) & np.isfinite(out_of_sample)
    if not both.any():
        return None, None, None
    inside, outside = in_sample[both], out_of_sample[both]
    average = float(outside.mean())
    centred = inside - inside.mean()
    if np.abs(centred).max() <= tie_width(inside).max():
        return average, None, None
    slope = float(centred @ outside) / float(centred @ centred)
    return average, slope, average - slope * float(inside.mean())
