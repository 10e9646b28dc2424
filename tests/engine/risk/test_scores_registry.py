"""All styles together: coverage, point in time, parts of a panel, options."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from engine.errors import InvalidConfig, MissingField
from engine.panel import Panel
from engine.risk.scores.beta import BetaConfig
from engine.risk.scores.config import Centering, StyleConfig, StyleName
from engine.risk.scores.inputs import ScoreInputs, score_inputs
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.registry import STYLES, StyleScores, fields_of, history_rows, style_scores
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig
from engine.risk.scores.reversal import ReversalConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.user import UserConfig
from engine.risk.scores.value import ValueConfig
from tests.engine.risk.score_panels import inputs_of, market_panel, panel_of

CONFIGS: tuple[StyleConfig, ...] = (
    MomentumConfig(trailing_days=60, half_life=20.0, lag=5),
    SizeConfig(),
    ValueConfig(),
    BetaConfig(half_life=15.0, trailing_days=50, min_observations=20),
    ResidualVolatilityConfig(half_life=15.0, trailing_days=50, min_observations=20),
    LiquidityConfig(month_days=5, quarter_days=15, year_days=45),
    ReversalConfig(trailing_days=10, half_life=3.0),
    UserConfig(name="TURNOVER", field="volume", logarithm=True, negated=True),
)


def inputs_from(panel: Panel) -> ScoreInputs:
    return score_inputs(panel, fields_of(CONFIGS))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return market_panel(1, 220, 50)


@pytest.fixture(scope="module")
def result(panel) -> StyleScores:
    return style_scores(inputs_from(panel), CONFIGS)


def test_every_style_is_registered_with_its_own_config():
    assert list(STYLES) == list(StyleName)
    for name, definition in STYLES.items():
        assert definition.name is definition.config_type.style is name
    assert {config.style for config in CONFIGS} == set(StyleName)


def test_assets_with_a_price_have_all_scores_and_others_none(panel, result):
    priced = np.isfinite(panel.fields["price"])
    assert 0.5 < priced.mean() < 0.95
    np.testing.assert_array_equal(
        np.isfinite(result.scores), np.repeat(priced[:, :, None], len(CONFIGS), axis=2)
    )
    assert result.names == (*[config.style.value for config in CONFIGS[:-1]], "TURNOVER")


def test_a_missing_score_is_zero_marked_and_counted(panel, result):
    assert not result.scores[result.missing].any()
    np.testing.assert_array_equal(result.missing_counts, result.missing.sum(axis=1))
    assert not result.missing[~np.isfinite(panel.fields["price"])].any()
    momentum = result.missing_counts[:, 0]
    assert (momentum[:30] == np.isfinite(panel.fields["price"])[:30].sum(axis=1)).all()
    assert momentum[-1] < 10


def test_scores_are_standardised_over_the_assets_that_have_them(panel, result):
    caps = panel.fields["market_cap"]
    for row in (100, 219):
        for column, config in enumerate(CONFIGS):
            known = np.isfinite(result.scores[row, :, column]) & ~result.missing[row, :, column]
            scores = result.scores[row, known, column]
            assert np.average(scores, weights=caps[row, known]) == pytest.approx(0.0, abs=1e-9), config
            assert scores.std(ddof=1) == pytest.approx(1.0, abs=1e-9), config


def test_nothing_of_later_dates_shows(panel, result):
    later = {name: values.copy() for name, values in panel.fields.items()}
    for values in later.values():
        values[150:] = np.random.default_rng(2).uniform(1.0, 1e6, values[150:].shape)
    changed = style_scores(inputs_from(replace(panel, fields=later)), CONFIGS)
    np.testing.assert_array_equal(changed.scores[:150], result.scores[:150])
    assert (changed.scores[150] != result.scores[150]).mean() > 0.5
    shorter = Panel(
        dates=panel.dates[:150],
        assets=panel.assets,
        fields={name: values[:150] for name, values in panel.fields.items()},
        calendar=panel.calendar,
    )
    np.testing.assert_allclose(
        style_scores(inputs_from(shorter), CONFIGS).scores, result.scores[:150], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.label)
def test_a_panel_can_be_scored_in_parts_that_overlap_by_the_history(panel, config):
    """The history is as short as it can be: with a row less the scores differ."""
    inputs = inputs_from(panel)
    whole = style_scores(inputs, [config])
    start, history = 130, history_rows([config])
    part = style_scores(inputs.rows(slice(start - history, 160)), [config], first_row=history)
    np.testing.assert_allclose(part.scores, whole.scores[start:160], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(part.missing, whole.missing[start:160])
    np.testing.assert_array_equal(part.flagged, whole.flagged[start:160])
    if history:
        cut = style_scores(inputs.rows(slice(start - history + 1, 160)), [config], first_row=history - 1)
        assert np.nanmax(np.abs(cut.scores - whole.scores[start:160])) > 1e-9


@pytest.mark.parametrize("field", ["price", "market_cap", "volume", "book_value"])
@pytest.mark.parametrize("bad", [np.nan, 0.0, -3.0, np.inf])
def test_one_bad_cell_never_spoils_a_date(panel, result, field, bad):
    spoiled = {name: values.copy() for name, values in panel.fields.items()}
    spoiled[field][180, 4] = bad
    scores = style_scores(inputs_from(replace(panel, fields=spoiled)), CONFIGS)
    others = np.arange(50) != 4
    np.testing.assert_array_equal(
        np.isfinite(scores.scores[:, others]), np.isfinite(result.scores[:, others])
    )
    np.testing.assert_array_equal(scores.missing[:, others], result.missing[:, others])
    difference = np.abs(scores.scores - result.scores)[:, others]
    assert np.nanmax(difference) < 1.5, "the others move by what one asset is in the mean and the deviation"


def test_scores_do_not_depend_on_the_order_of_assets_or_the_currency(panel, result):
    order = np.random.default_rng(3).permutation(50)
    inputs = inputs_from(panel)
    shuffled = ScoreInputs(
        returns=inputs.returns[:, order],
        caps=inputs.caps[:, order] * 7.0,
        covered=inputs.covered[:, order],
        fields={name: values[:, order] * 7.0 for name, values in inputs.fields.items()},
    )
    actual = style_scores(shuffled, CONFIGS).scores
    np.testing.assert_allclose(actual, result.scores[:, order], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("centering", list(Centering))
def test_an_estimation_universe_sets_the_mean_and_the_deviation_of_all(panel, centering):
    universe = np.zeros(panel.fields["price"].shape, dtype=bool)
    universe[:, :20] = True
    inputs = inputs_from(panel)
    result = style_scores(inputs, [SizeConfig(winsor=0.0)], centering=centering, universe=universe)
    inside = result.scores[-1, :20, 0]
    inside = inside[np.isfinite(inside)]
    caps = inputs.caps[-1, :20][inputs.covered[-1, :20]]
    weights = caps if centering is Centering.CAP_WEIGHTED else None
    assert np.average(inside, weights=weights) == pytest.approx(0.0, abs=1e-12)
    assert inside.std(ddof=1) == pytest.approx(1.0)
    outside = result.scores[-1, 20:, 0][inputs.covered[-1, 20:]]
    assert outside.any()
    assert not result.missing[-1].any()


def test_a_field_of_ones_own_may_be_taken_as_it_is():
    values = np.array([[1.0, 4.0, np.nan, -2.0]])
    inputs = inputs_of(np.zeros(values.shape), quality=values)
    plain = style_scores(inputs, [UserConfig(name="Q", field="quality", winsor=0.0)])
    np.testing.assert_allclose(plain.scores[0, :, 0], (np.array([1, 4, 1, -2]) - 1) / 3.0)
    logs = style_scores(inputs, [UserConfig(name="Q", field="quality", logarithm=True)])
    np.testing.assert_array_equal(logs.missing[0, :, 0], [False, False, True, True])


def test_a_single_asset_scores_zero():
    panel = market_panel(4, 120, 1, gaps=0.0)
    result = style_scores(inputs_from(panel), CONFIGS)
    assert not np.nan_to_num(result.scores).any()
    assert result.flagged.all()


def test_a_price_that_is_not_above_zero_is_no_price():
    prices = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0], [3.0, 3.0, np.inf]])
    inputs = score_inputs(panel_of(price=prices, market_cap=np.abs(prices)))
    expected = [[np.nan] * 3, [1.0, np.nan, np.nan], [0.5, np.nan, np.nan]]
    np.testing.assert_array_equal(inputs.returns, expected)
    np.testing.assert_array_equal(inputs.covered, [[True] * 3, [True, False, False], [True, True, False]])


def test_what_a_style_lacks_is_refused_by_name(panel):
    for missing in ("price", "market_cap"):
        with pytest.raises(MissingField, match=missing):
            score_inputs(replace(panel, fields={n: v for n, v in panel.fields.items() if n != missing}))
    with pytest.raises(MissingField, match=r"volume.*LIQUIDITY"):
        style_scores(score_inputs(panel), [LiquidityConfig()])
    with pytest.raises(MissingField, match=r"quality.*style Q needs"):
        style_scores(score_inputs(panel), [UserConfig(name="Q", field="quality")])


def test_inputs_of_other_shapes_are_refused(panel):
    inputs = inputs_from(panel)
    with pytest.raises(ValueError, match="caps has shape"):
        replace(inputs, caps=inputs.caps[1:])
    with pytest.raises(ValueError, match="risk-free"):
        score_inputs(panel, risk_free=np.zeros(3))


def test_two_styles_of_one_name_are_refused(panel):
    with pytest.raises(InvalidConfig, match="'SIZE' is asked for twice"):
        style_scores(inputs_from(panel), [SizeConfig(), UserConfig(name="SIZE", field="volume")])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.label)
def test_options_out_of_range_are_refused(config):
    ranged = [item for item in fields(config) if item.metadata.get("low") is not None]
    assert ranged
    for item in ranged:
        for value in (item.metadata["low"] - 1, item.metadata["high"] + 1, float("nan")):
            with pytest.raises(InvalidConfig) as refused:
                replace(config, **{item.name: value})
            assert item.name in {fault.option for fault in refused.value.faults}


def test_a_style_of_ones_own_needs_a_name_and_a_field():
    with pytest.raises(InvalidConfig) as refused:
        UserConfig(name=" ", field="")
    assert {fault.option for fault in refused.value.faults} == {"name", "field"}


def test_a_dates_styles_lie_together_in_memory(result):
    assert result.scores.transpose(0, 2, 1).flags.c_contiguous
