"""Walk-forward selection against plain loops, and that it never looks ahead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics.undefined import Undefined, UndefinedReason
from engine.sweeps.walk_forward import walk_forward


def noise(seed: int, periods: int, points: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.002, 0.03, (periods, points))


def plain_sharpe(returns: np.ndarray) -> float:
    if np.ptp(returns) < 1e-12:
        return -math.inf
    return round(float(returns.mean() / returns.std(ddof=1)), 10)


def plain(returns: np.ndarray, year: int) -> tuple[list[int], list[int], list[float]]:
    rows, choices, traded = [], [], []
    row = year
    while row < len(returns):
        sharpe = [plain_sharpe(column[:row]) for column in returns.T]
        best = sharpe.index(max(sharpe))
        rows.append(row)
        choices.append(best)
        traded.extend(returns[row : row + year // 4, best])
        row += year // 4
    return rows, choices, traded


def assert_same(returns: np.ndarray, year: int) -> None:
    found = walk_forward(returns, year)
    rows, choices, traded = plain(returns, year)
    assert found.choice_rows.tolist() == rows
    assert found.choices.tolist() == choices
    assert found.returns.tolist() == traded
    assert (found.num_choices, found.distinct_points) == (len(choices), len(set(choices)))
    assert found.start_row == year
    assert len(found.returns) == len(returns) - year


@pytest.mark.parametrize(
    ("periods", "points", "year"),
    [(15, 6, 12), (100, 20, 12), (200, 9, 52), (65, 3, 52), (79, 1, 52), (1200, 5, 365), (41, 4, 5)],
)
def test_against_plain_loops(periods, points, year):
    assert_same(noise(periods, periods, points), year)


def test_metrics_of_the_stitched_returns():
    returns = noise(1, 200, 9)
    found = walk_forward(returns, 52)
    traded = np.array(plain(returns, 52)[2])
    assert found.sharpe_ratio == pytest.approx(traded.mean() / traded.std(ddof=1) * math.sqrt(52), rel=1e-12)
    assert found.annualized_volatility == pytest.approx(traded.std(ddof=1) * math.sqrt(52), rel=1e-12)
    assert found.annualized_return == pytest.approx(math.prod(1 + traded) ** (52 / 148) - 1, rel=1e-12)
    value, peak, depth = 1.0, 1.0, 0.0
    for r in traded:
        value *= 1 + r
        peak = max(peak, value)
        depth = min(depth, value / peak - 1)
    assert found.max_drawdown == pytest.approx(depth, rel=1e-12)
    best = int((returns.mean(axis=0) / returns.std(axis=0)).argmax())
    assert found.in_sample_best == best
    held = returns[52:, best]
    expected = held.mean() / held.std(ddof=1) * math.sqrt(52)
    assert found.in_sample_best_sharpe_ratio == pytest.approx(expected, rel=1e-12)
    assert found.undefined == ()


@pytest.mark.parametrize("row", [12, 13, 15, 20, 33, 38])
def test_later_rows_change_no_earlier_choice(row):
    returns = noise(2, 40, 15)
    changed = returns.copy()
    changed[row:] = np.random.default_rng(row).normal(3e9, 1e9, changed[row:].shape)
    before, after = walk_forward(returns, 12), walk_forward(changed, 12)
    known = before.choice_rows <= row
    assert np.array_equal(before.choices[known], after.choices[known])
    assert np.array_equal(before.returns[: row - 12], after.returns[: row - 12])


def test_rows_before_a_choice_do_change_it():
    returns = noise(3, 40, 5)
    worst = int(walk_forward(returns, 12).choices[-1] + 1) % 5
    returns[35, worst], returns[:36, worst] = 0.03, 0.03 + 1e-4 * returns[:36, worst]
    assert walk_forward(returns, 12).choices[-1] == worst


def test_ties_choose_the_lowest_point():
    returns = noise(4, 60, 3)[:, [0, 0, 1, 1, 2, 2]]
    assert set(walk_forward(returns, 12).choices) <= {0, 2, 4}
    assert_same(returns, 12)


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_points_without_a_sharpe_ratio_are_not_chosen(level):
    returns = noise(5, 60, 4) - 0.02
    returns[:, 0] = level
    returns[:30, 2] = level
    assert_same(returns, 12)
    assert 0 not in walk_forward(returns, 12).choices


def test_nothing_varies():
    found = walk_forward(np.zeros((20, 3)), 12)
    assert found.choices.tolist() == [0, 0, 0]
    assert (found.sharpe_ratio, found.in_sample_best_sharpe_ratio) == (None, None)
    assert {(each.metric, each.reason) for each in found.undefined} == {
        ("sharpe_ratio", UndefinedReason.ZERO_VOLATILITY),
        ("in_sample_best_sharpe_ratio", UndefinedReason.ZERO_VOLATILITY),
    }
    assert (found.annualized_return, found.annualized_volatility, found.max_drawdown) == (0.0, 0.0, 0.0)


def test_a_wipe_out_loses_everything():
    returns = noise(6, 30, 1)
    returns[20] = -1.2
    found = walk_forward(returns, 12)
    assert (found.annualized_return, found.max_drawdown) == (-1.0, -1.0)


def test_what_leaves_double_precision_is_undefined():
    returns = noise(7, 400, 1)
    returns[12:] += 1e6
    found = walk_forward(returns, 12)
    assert found.annualized_return == pytest.approx(1e72, rel=1e-3)
    assert found.max_drawdown is None
    assert [(each.metric, each.reason) for each in found.undefined] == [
        ("max_drawdown", UndefinedReason.OVERFLOW)
    ]


def test_a_truly_good_point_is_found():
    returns = noise(8, 300, 40)
    returns[:, 17] += 0.03
    found = walk_forward(returns, 52)
    assert set(found.choices) == {17}
    assert found.in_sample_best == 17
    assert found.sharpe_ratio == found.in_sample_best_sharpe_ratio


def test_too_little_to_walk():
    for returns, reason in (
        (noise(9, 64, 3), UndefinedReason.TOO_FEW_PERIODS),
        (np.empty((80, 0)), UndefinedReason.TOO_FEW_POINTS),
    ):
        with pytest.raises(Undefined) as raised:
            walk_forward(returns, 52)
        assert raised.value.reason is reason
    assert walk_forward(noise(9, 65, 3), 52).num_choices == 1
    with pytest.raises(ValueError, match="quarter"):
        walk_forward(noise(9, 65, 3), 3)
