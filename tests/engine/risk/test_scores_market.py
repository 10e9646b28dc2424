"""Beta, residual volatility and liquidity against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidConfig
from engine.risk.scores.beta import BetaConfig
from engine.risk.scores.config import Centering
from engine.risk.scores.inputs import score_inputs
from engine.risk.scores.liquidity import LiquidityConfig, raw_liquidity
from engine.risk.scores.market_model import market_model, market_returns
from engine.risk.scores.registry import style_scores
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig, orthogonalized
from engine.risk.scores.size import SizeConfig
from tests.engine.risk.score_panels import inputs_of, market_panel

SHORT = {"half_life": 15.0, "trailing_days": 60, "min_observations": 20}


def test_the_market_is_weighted_by_the_caps_of_the_day_before():
    returns = np.array([[0.5, 0.5, 0.5], [0.1, -0.2, np.nan], [0.3, 0.1, 0.2], [0.1, 0.1, 0.1]])
    caps = np.array([[1.0, 3.0, 100.0], [1.0, np.nan, 1.0], [np.nan] * 3, [1.0] * 3])
    expected = [np.nan, (0.1 - 0.6) / 4.0, (0.3 + 0.2) / 2.0, np.nan]
    np.testing.assert_allclose(market_returns(returns, caps), expected, atol=1e-15)


def test_the_market_model_is_weighted_least_squares():
    random = np.random.default_rng(1)
    market = random.normal(0.001, 0.01, 150)
    returns = random.uniform(-1, 2, 8) * market[:, None] + random.normal(0, 0.02, (150, 8))
    returns[random.random(returns.shape) < 0.2] = np.nan
    returns[:120, 0] = np.nan
    market[40] = np.nan
    model = market_model(returns, market, half_life=15.0, window=60, min_observations=20)
    for row in (18, 19, 30, 59, 60, 61, 100, 149):
        rows = np.arange(max(row - 59, 0), row + 1)
        for asset in range(8):
            known = rows[np.isfinite(returns[rows, asset]) & np.isfinite(market[rows])]
            if len(known) < 20:
                assert np.isnan(model.beta[row, asset])
                assert np.isnan(model.residual_deviation[row, asset])
                continue
            root = 0.5 ** ((row - known) / 15.0 / 2.0)
            x = np.column_stack([np.ones(len(known)), market[known]])
            solution = np.linalg.lstsq(x * root[:, None], returns[known, asset] * root, rcond=None)[0]
            residuals = returns[known, asset] - x @ solution
            deviation = np.sqrt(np.average(residuals**2, weights=root**2))
            assert model.beta[row, asset] == pytest.approx(solution[1], abs=1e-9)
            assert model.residual_deviation[row, asset] == pytest.approx(deviation, rel=1e-9)
    assert np.isfinite(model.beta[-1]).sum() == 8


def test_a_market_that_does_not_move_gives_no_betas():
    returns = np.random.default_rng(2).normal(0, 0.01, (100, 3))
    for level in (0.0, 0.001):
        model = market_model(returns, np.full(100, level), half_life=15.0, window=60, min_observations=20)
        assert np.isnan(model.beta).all()


def test_beta_is_measured_in_excess_of_the_risk_free_return():
    panel = market_panel(3, 150, 30, gaps=0.2, others=False)  # what all have alike would cancel
    rate = np.random.default_rng(3).uniform(0.0, 0.05, 150)
    with_rate = style_scores(score_inputs(panel, risk_free=rate), [BetaConfig(winsor=0.0, **SHORT)])
    inputs = score_inputs(panel)
    excess = inputs_of(inputs.returns - rate[:, None], inputs.caps)
    market = market_returns(excess.returns, inputs.caps)
    model = market_model(excess.returns, market, half_life=15.0, window=60, min_observations=20)
    beta = np.where(inputs.covered, model.beta, np.nan)[-1]
    known = np.isfinite(beta)
    centred = beta - np.average(beta[known], weights=inputs.caps[-1, known])
    np.testing.assert_allclose(
        with_rate.scores[-1, known, 0], centred[known] / beta[known].std(ddof=1), atol=1e-9
    )


@pytest.mark.parametrize("centering", list(Centering))
def test_residual_volatility_is_orthogonal_to_beta_and_size(centering):
    inputs = score_inputs(market_panel(4, 160, 60, others=False))
    configs = [BetaConfig(**SHORT), SizeConfig(), ResidualVolatilityConfig(**SHORT)]
    result = style_scores(inputs, configs, centering=centering)
    beta, size, residual = np.moveaxis(result.scores, 2, 0)
    for row in range(80, 160):
        known = inputs.covered[row] & ~result.missing[row, :, 2]
        weights = inputs.caps[row] if centering is Centering.CAP_WEIGHTED else np.ones(60)
        weights = np.where(known, weights, 0.0) / weights[known].sum()
        for other in (beta, size, np.ones(beta.shape)):
            assert np.nansum(weights * residual[row] * other[row]) == pytest.approx(0.0, abs=1e-10)
        assert residual[row, known].std(ddof=1) == pytest.approx(1.0)


def test_residual_volatility_needs_no_other_style_to_be_asked_for():
    inputs = score_inputs(market_panel(5, 120, 40, others=False))
    configs = [BetaConfig(**SHORT), SizeConfig(), ResidualVolatilityConfig(**SHORT)]
    alone = style_scores(inputs, configs[2:]).scores[:, :, 0]
    np.testing.assert_array_equal(alone, style_scores(inputs, configs).scores[:, :, 2])


def test_what_beta_and_size_explain_wholly_is_flat_and_not_noise():
    inputs = score_inputs(market_panel(6, 120, 3, gaps=0.0, others=False))
    result = style_scores(inputs, [ResidualVolatilityConfig(**SHORT)])
    assert result.flagged.all(), "an intercept and two slopes fit three assets exactly"
    assert not np.nan_to_num(result.scores).any()


def test_orthogonalising_to_overlapping_scores_is_as_to_one():
    random = np.random.default_rng(7)
    values, other = random.normal(size=(2, 5, 30))
    weights = random.uniform(1, 2, (5, 30))
    np.testing.assert_allclose(
        orthogonalized(values, (other, 2 * other, np.zeros(other.shape)), weights),
        orthogonalized(values, (other,), weights),
        atol=1e-9,
    )


def test_liquidity_is_the_weighted_log_of_mean_turnovers():
    random = np.random.default_rng(8)
    caps = np.exp(random.normal(20, 1, (80, 6)))
    volume = caps * np.exp(random.normal(-6, 1, caps.shape))
    volume[random.random(caps.shape) < 0.3] = np.nan
    volume[30, 2], volume[31, 2], caps[32, 2] = 0.0, -1.0, np.nan
    volume[20:, 5] = 0.0
    config = LiquidityConfig(month_days=5, quarter_days=15, year_days=45)
    raw = raw_liquidity(volume, caps, config)
    for row in range(80):
        for asset in range(6):
            total = weight_sum = 0.0
            for window, weight in ((5, 0.35), (15, 0.35), (45, 0.30)):
                rows = np.arange(max(row - window + 1, 0), row + 1)
                rows = rows[(volume[rows, asset] >= 0) & (caps[rows, asset] > 0)]
                turnover = volume[rows, asset] / caps[rows, asset]
                if len(rows) >= window / 2 and turnover.sum() > 0:
                    total += weight * np.log(turnover.mean())
                    weight_sum += weight
            expected = total / weight_sum if weight_sum else np.nan
            assert raw[row, asset] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert np.isnan(raw[-1, 5]), "nothing was traded in the whole year"


def test_windows_that_contradict_each_other_are_refused():
    with pytest.raises(InvalidConfig, match="grow in this order"):
        LiquidityConfig(month_days=63)
    with pytest.raises(InvalidConfig, match="exceeds trailing_days"):
        BetaConfig(trailing_days=50)
