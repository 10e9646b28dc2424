"""Betas of many assets at once are those of one regression after another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InvalidConfig, TotalLoss
from engine.exposures.asset_betas import asset_betas
from engine.exposures.results import ReturnKind
from engine.exposures.returns import AssetReturns
from engine.statistics.least_squares import ordinary_least_squares
from tests.engine.exposures.weekly import factor, weeks

WEEKS = 150
FIGURES = ("alpha", "beta", "standard_error", "t_value", "p_value", "lower", "upper", "r_squared")


def assets(seed: int, count: int = 25) -> AssetReturns:
    """Listed late, delisted early, with gaps; the last has too few weeks, the one before it is flat."""
    random = np.random.default_rng(seed)
    returns = random.normal(0.003, 0.06, (WEEKS, count))
    for column in range(count):
        returns[: random.integers(0, 40), column] = np.nan
        returns[WEEKS - random.integers(0, 30) :, column] = np.nan
    returns[random.random(returns.shape) < 0.03] = np.nan
    returns[40:120, -2] = np.where(np.isnan(returns[40:120, -2]), np.nan, 0.01)
    returns[:40, -2] = returns[120:, -2] = returns[51:, -1] = np.nan
    return AssetReturns(assets=tuple(f"a{k:02d}" for k in range(count)), weeks=weeks(WEEKS), returns=returns)


MARKET = factor("MARKET", 7, 140, long_only=True, shift=4)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ReturnKind)
@pytest.mark.parametrize(("lag", "financed"), [(None, True), (0, False), (9, True), (200, False)])
def test_each_asset_has_the_numbers_of_its_own_regression(seed, kind, lag, financed):
    held = assets(seed)
    rate = np.full(WEEKS, 0.0007) if financed else np.zeros(WEEKS)
    rate[60] = np.nan if financed else 0.0
    ours = asset_betas(held, MARKET, risk_free=rate if financed else None, kind=kind, lag=lag, confidence=0.9)
    log = np.log1p if kind is ReturnKind.LOG else np.asarray
    x = np.full(WEEKS, np.nan)
    x[4:144] = MARKET.returns
    x = log(x - rate)
    for column in range(len(held.assets)):
        y = log(held.returns[:, column] - rate)
        known = np.isfinite(y) & np.isfinite(x)
        assert ours.observations[column] == known.sum()
        if known.sum() < 52:
            assert all(np.isnan(getattr(ours, name)[column]) for name in FIGURES)
            continue
        alone = ordinary_least_squares(y[known], x[known][:, None], lag=lag, confidence=0.9)
        expected = {
            "alpha": alone.coefficients[0] * 52,
            "beta": alone.coefficients[1],
            "standard_error": alone.standard_errors[1],
            "t_value": alone.t_values[1],
            "p_value": alone.p_values[1],
            "lower": alone.lower[1],
            "upper": alone.upper[1],
            "r_squared": alone.r_squared,
        }
        for name, value in expected.items():
            found = getattr(ours, name)[column]
            assert found == pytest.approx(value, rel=1e-9, abs=1e-13, nan_ok=True), name
    assert np.isnan(ours.beta[-1])
    assert np.isnan(ours.t_value[-2])
    assert np.isnan(ours.r_squared[-2])
    assert ours.beta[-2] == pytest.approx(0.0, abs=1e-10)


def test_each_asset_has_the_lag_of_its_own_length():
    market = factor("MARKET", 7, 600)
    returns = np.random.default_rng(2).normal(0.0, 0.05, (600, 2))
    returns[60:, 1] = np.nan
    held = AssetReturns(assets=("long", "short"), weeks=weeks(600), returns=returns)
    errors = asset_betas(held, market).standard_error
    for column, (count, lag) in enumerate([(600, 5), (60, 3)]):
        alone = ordinary_least_squares(
            returns[:count, column], market.returns[:count, None], lag=lag
        ).standard_errors[1]
        assert errors[column] == pytest.approx(alone, rel=1e-10)


def test_an_asset_that_is_the_factor_has_beta_1():
    held = AssetReturns(
        assets=("half", "same"),
        weeks=MARKET.weeks,
        returns=np.column_stack([0.5 * MARKET.returns + 0.001, MARKET.returns]),
    )
    betas = asset_betas(held, MARKET)
    assert betas.beta == pytest.approx([0.5, 1.0], abs=1e-13)
    assert betas.alpha == pytest.approx([0.052, 0.0], abs=1e-12)
    assert betas.r_squared.tolist() == [1.0, 1.0]
    assert np.isnan(betas.t_value).all()


def test_a_factor_that_does_not_vary_has_no_betas():
    rounding = np.random.default_rng(1).normal(0.0, 1e-15, 140)
    betas = asset_betas(assets(1), replace(MARKET, returns=0.01 + rounding))
    assert np.isnan(betas.beta).all()
    assert (betas.observations[:-1] >= 52).all()


def test_start_and_end_bound_the_weeks():
    held = assets(2)
    inside = asset_betas(held, MARKET, start=weeks(WEEKS)[20], end=weeks(WEEKS)[99], min_observations=30)
    part = AssetReturns(assets=held.assets, weeks=held.weeks[20:100], returns=held.returns[20:100])
    alone = asset_betas(part, MARKET, min_observations=30)
    assert inside.beta.tolist() == pytest.approx(alone.beta.tolist(), nan_ok=True)
    assert inside.observations.max() <= 80


def test_one_assets_ruin_is_not_the_others():
    held = assets(1)
    held.returns[70, 3] = -1.0
    betas = asset_betas(held, MARKET, kind=ReturnKind.LOG)
    other = asset_betas(assets(1), MARKET, kind=ReturnKind.LOG)
    assert np.isnan(betas.beta[3])
    assert np.isfinite(betas.beta[:3]).all()
    assert betas.beta[:3].tolist() == other.beta[:3].tolist()
    with pytest.raises(TotalLoss, match="MARKET"):
        asset_betas(held, replace(MARKET, returns=MARKET.returns - 1.5), kind=ReturnKind.LOG)


def test_options_out_of_range_are_refused():
    with pytest.raises(InvalidConfig) as raised:
        asset_betas(assets(1), MARKET, min_observations=3, confidence=0.2)
    assert [fault.option for fault in raised.value.faults] == ["min_observations", "confidence"]


def test_no_week_in_common_is_no_beta():
    betas = asset_betas(assets(1), MARKET, start=np.datetime64("2050-01-01"))
    assert betas.observations.tolist() == [0] * 25
    assert np.isnan(betas.beta).all()
