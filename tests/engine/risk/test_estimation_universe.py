"""The estimation universe: each filter by hand, and nothing from after the date."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidConfig, MissingField
from engine.risk.estimation_universe import EstimationUniverseConfig, estimation_universe, sector_cap_shares

NAN = np.nan
CAPS = np.array([[5.0, 4.0, 3.0, 2.0, NAN]] * 4)


def universe(
    covered: np.ndarray | None = None,
    caps: np.ndarray = CAPS,
    volume: np.ndarray | None = None,
    **options: object,
) -> np.ndarray:
    covered = np.ones(caps.shape, dtype=bool) if covered is None else covered
    config = EstimationUniverseConfig(**{"min_history_rows": 0, **options})
    return estimation_universe(covered, caps, config, volume)


def traded(*columns: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """(caps, volume) of assets that have a cap throughout."""
    volume = np.array(columns).T
    return np.ones(volume.shape), volume


def test_an_asset_without_a_cap_or_a_price_is_never_in():
    covered = np.ones(CAPS.shape, dtype=bool)
    covered[2, 0] = False
    inside = universe(covered)
    assert inside[0].tolist() == [True, True, True, True, False]
    assert inside[2].tolist() == [False, True, True, True, False]


def test_caps_at_the_threshold_are_out():
    assert universe(market_cap_threshold=3.0)[0].tolist() == [True, True, False, False, False]


def test_history_counts_rows_with_a_price_so_far():
    covered = np.ones(CAPS.shape, dtype=bool)
    covered[0, 1], covered[1, 2] = False, False
    inside = universe(covered, min_history_rows=3)
    assert inside[:, 0].tolist() == [False, False, True, True]
    assert inside[:, 1].tolist() == inside[:, 2].tolist() == [False, False, False, True]


def test_history_runs_on_over_blocks_of_rows():
    caps = np.ones((3_000, 100))
    inside = universe(caps=caps, min_history_rows=2_900)
    assert not inside[:2_899].any()
    assert inside[2_899:].all()


def test_the_largest_are_taken_of_those_that_pass_the_rest():
    covered = np.ones(CAPS.shape, dtype=bool)
    covered[1, 0] = False
    inside = universe(covered, top_n=2)
    assert inside[0].tolist() == [True, True, False, False, False]
    assert inside[1].tolist() == [False, True, True, False, False]
    assert universe(top_n=100)[0].tolist() == [True, True, True, True, False]


def test_equal_caps_at_the_end_are_all_in():
    assert universe(caps=np.array([[3.0, 2.0, 2.0, 1.0]]), top_n=2).tolist() == [[True, True, True, False]]


def test_later_rows_change_nothing():
    random = np.random.default_rng(1)
    caps = np.exp(random.normal(size=(50, 20)))
    covered = random.random((50, 20)) < 0.8
    before = universe(covered, caps, top_n=5, min_history_rows=10)
    covered[30:], caps[30:] = ~covered[30:], caps[30:][:, ::-1]
    assert np.array_equal(universe(covered, caps, top_n=5, min_history_rows=10)[:30], before[:30])


def test_the_mean_volume_of_the_window_exceeds_the_threshold():
    caps, volume = traded([1.0, 3.0, 2.0, 2.0, 8.0], [9.0, 9.0, 0.0, 0.0, 0.0])
    inside = universe(caps=caps, volume=volume, liquidity_threshold=2.0, liquidity_rows=2)
    assert inside[:, 0].tolist() == [False, False, True, False, True]
    assert inside[:, 1].tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("unknown", [NAN, np.inf, -np.inf, -5.0])
def test_the_mean_is_of_the_rows_that_are_known_and_half_of_them_must_be(unknown):
    caps, volume = traded([6.0, unknown, 6.0, unknown, unknown, unknown, 6.0, 6.0])
    inside = universe(caps=caps, volume=volume, liquidity_threshold=5.0, liquidity_rows=4)
    assert inside[:, 0].tolist() == [False, False, True, True, False, False, False, True]


def test_mean_volumes_are_those_of_a_loop():
    random = np.random.default_rng(5)
    volume = np.exp(random.normal(10.0, 2.0, (200, 30)))
    volume[random.random(volume.shape) < 0.4] = NAN
    inside = universe(
        caps=np.ones(volume.shape), volume=volume, liquidity_threshold=140_000.0, liquidity_rows=63
    )
    for row in range(200):
        window = volume[max(0, row - 62) : row + 1]
        known = np.isfinite(window).sum(axis=0)
        mean = np.divide(np.nansum(window, axis=0), known, out=np.zeros(30), where=known > 0)
        assert inside[row].tolist() == ((known >= 31.5) & (mean > 140_000.0)).tolist()
    assert 0.2 < inside[40:].mean() < 0.8


def test_no_threshold_reads_no_volume_and_a_threshold_needs_it():
    caps, volume = traded([0.0, 0.0], [NAN, NAN])
    assert universe(caps=caps, volume=volume).all()
    assert not universe(caps=caps, volume=volume, liquidity_threshold=0.0, liquidity_rows=1).any()
    with pytest.raises(MissingField, match="'volume'"):
        universe(liquidity_threshold=0.0)


def test_volumes_beyond_double_precision_in_sum_are_large():
    caps, volume = traded([1e308] * 4)
    assert universe(caps=caps, volume=volume, liquidity_threshold=1e300, liquidity_rows=4)[-1].all()


@pytest.mark.parametrize("row", [3, 29, 44])
def test_later_volumes_change_nothing(row):
    random = np.random.default_rng(row)
    volume = np.exp(random.normal(size=(50, 20)))
    options = {"caps": np.ones(volume.shape), "liquidity_threshold": 1.4, "liquidity_rows": 7}
    before = universe(volume=volume, **options)
    volume = volume.copy()
    volume[row + 1 :] = volume[row + 1 :, ::-1] * 3.0
    volume[row + 1 :][random.random(volume[row + 1 :].shape) < 0.3] = NAN
    after = universe(volume=volume, **options)
    assert np.array_equal(after[: row + 1], before[: row + 1])
    assert not np.array_equal(after, before)


def test_the_largest_are_taken_of_those_that_are_traded():
    caps = np.array([[5.0, 4.0, 3.0]])
    volume = np.array([[1.0, 9.0, 9.0]])
    inside = universe(caps=caps, volume=volume, top_n=1, liquidity_threshold=5.0, liquidity_rows=1)
    assert inside.tolist() == [[False, True, False]]


def test_options_out_of_range_are_refused_together():
    with pytest.raises(InvalidConfig) as error:
        EstimationUniverseConfig(top_n=0, min_history_rows=-1, liquidity_threshold=-1.0, liquidity_rows=0)
    assert [fault.option for fault in error.value.faults] == [
        "min_history_rows",
        "liquidity_threshold",
        "liquidity_rows",
        "top_n",
    ]


def test_sector_shares_are_those_of_the_universe_alone():
    inside = np.array([True, True, True, False, True])
    caps = np.array([1e300, 3e300, NAN, 5.0, 7e300])
    shares = sector_cap_shares(inside, caps, np.array([0, 2, 0, 0, -1]), 4)
    assert shares.tolist() == pytest.approx([0.25, 0.0, 0.75, 0.0])
    assert sector_cap_shares(np.zeros(5, dtype=bool), caps, np.zeros(5, dtype=int), 2).tolist() == [0.0, 0.0]
