"""Size and value: definitions by hand, and figures that have no logarithm."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidConfig, MissingField
from engine.risk.scores.config import Centering
from engine.risk.scores.inputs import score_inputs
from engine.risk.scores.registry import StyleScores, fields_of, style_scores
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.value import ValueConfig, ValueMeasure
from tests.engine.risk.score_panels import inputs_of, panel_of

CAPS = np.exp(np.random.default_rng(1).normal(20.0, 2.0, (3, 40)))


def scores_of(caps: np.ndarray, config, **fields: np.ndarray) -> StyleScores:
    return style_scores(inputs_of(np.zeros(caps.shape), caps, **fields), [config])


def z(values: np.ndarray, caps: np.ndarray) -> np.ndarray:
    """Cap-weighted scores of complete rows."""
    mean = np.average(values, weights=caps, axis=1)
    return (values - mean[:, None]) / values.std(axis=1, ddof=1)[:, None]


def test_small_assets_score_high():
    actual = scores_of(CAPS, SizeConfig(winsor=0.0)).scores[:, :, 0]
    np.testing.assert_allclose(actual, z(-np.log(CAPS), CAPS), atol=1e-12)


@pytest.mark.parametrize("bad", [0.0, -1e9, np.nan, np.inf])
def test_one_bad_cap_costs_only_its_own_score(bad):
    """In toraniko one cap of 0 sets every score of the date to 0 or worse, others make it NaN."""
    caps = CAPS.copy()
    caps[1, 7] = bad
    prices = np.ones(caps.shape)
    result = style_scores(score_inputs(panel_of(price=prices, market_cap=caps)), [SizeConfig(winsor=0.0)])
    others = np.arange(40) != 7
    expected = z(-np.log(CAPS[:, others]), CAPS[:, others])
    np.testing.assert_allclose(result.scores[1, others, 0], expected[1], atol=1e-12)
    assert result.scores[1, 7, 0] == 0.0
    assert result.missing[1, 7, 0]
    np.testing.assert_array_equal(result.missing_counts[:, 0], [0, 1, 0])


def test_the_tail_form_scores_only_the_smallest_and_the_largest():
    scores = scores_of(CAPS, SizeConfig(winsor=0.0, tail_share=0.2)).scores[:, :, 0]
    plain = scores_of(CAPS, SizeConfig(winsor=0.0)).scores[:, :, 0]
    order = np.argsort(CAPS, axis=1)
    middle = np.take_along_axis(scores, order[:, 9:-9], axis=1)
    assert not middle.any()
    for tail in (order[:, :9], order[:, -9:]):
        np.testing.assert_array_equal(
            np.take_along_axis(scores, tail, axis=1), np.take_along_axis(plain, tail, axis=1)
        )


def test_equal_caps_score_zero_and_are_flagged():
    """In toraniko a constant cross-section is infinite, or NaN."""
    caps = CAPS.copy()
    caps[2] = 5e9
    result = scores_of(caps, SizeConfig())
    assert not result.scores[2].any()
    np.testing.assert_array_equal(result.flagged[:, 0], [False, False, True])


def value_fields(random: np.random.Generator) -> dict[str, np.ndarray]:
    fields = {name: CAPS * np.exp(random.normal(-1.0, 0.6, CAPS.shape)) for name in ("book_value", "sales")}
    return fields | {"cash_flow": CAPS * random.normal(0.05, 0.1, CAPS.shape)}


def test_value_is_the_mean_score_of_its_ratios():
    fields = value_fields(np.random.default_rng(2))
    parts = [np.log(fields["book_value"] / CAPS), np.log(fields["sales"] / CAPS), fields["cash_flow"] / CAPS]
    expected = z(np.mean([z(part, CAPS) for part in parts], axis=0), CAPS)
    actual = scores_of(CAPS, ValueConfig(winsor=0.0), **fields).scores[:, :, 0]
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("present", [("book_value",), ("sales", "cash_flow"), ("cash_flow",)])
def test_value_of_any_subset(present):
    fields = {n: v for n, v in value_fields(np.random.default_rng(3)).items() if n in present}
    whole = scores_of(CAPS, ValueConfig(), **fields).scores
    alone = ValueConfig(
        book="book_value" if "book_value" in present else None,
        sales="sales" if "sales" in present else None,
        cash_flow="cash_flow" if "cash_flow" in present else None,
    )
    np.testing.assert_array_equal(scores_of(CAPS, alone, **fields).scores, whole)


def test_ratios_are_taken_as_they_are():
    totals = value_fields(np.random.default_rng(4))
    ratios = {name: values / CAPS for name, values in totals.items()}
    np.testing.assert_allclose(
        scores_of(CAPS, ValueConfig(measure=ValueMeasure.RATIOS), **ratios).scores,
        scores_of(CAPS, ValueConfig(), **totals).scores,
        atol=1e-12,
    )


@pytest.mark.parametrize("bad", [0.0, -5.0, np.nan, np.inf])
def test_an_asset_without_one_ratio_has_the_mean_of_the_others(bad):
    fields = value_fields(np.random.default_rng(5))
    fields["book_value"][0, 3] = bad
    result = scores_of(CAPS, ValueConfig(), **fields)
    assert np.isfinite(result.scores).all()
    assert not result.missing.any()
    others = {n: np.where(np.arange(40) == 3, np.nan, v) for n, v in fields.items() if n == "book_value"}
    np.testing.assert_allclose(
        scores_of(CAPS, ValueConfig(), **(fields | others)).scores[0], result.scores[0], atol=1e-12
    )


def test_a_missing_ratio_has_no_weight_in_the_mean():
    ratios = {
        "book_value": np.exp([[1.0, 2.0, 3.0, 4.0]]),
        "sales": np.exp([[4.0, 2.0, np.nan, 3.0]]),
    }
    config = ValueConfig(measure=ValueMeasure.RATIOS, winsor=0.0)
    book = (np.arange(1.0, 5.0) - 2.5) / np.std([1, 2, 3, 4], ddof=1)
    sales = np.array([1.0, -1.0, np.nan, 0.0])
    mean = np.nanmean([book, sales], axis=0)
    expected = (mean - mean.mean()) / mean.std(ddof=1)
    actual = scores_of(np.ones((1, 4)), config, **ratios).scores[0, :, 0]
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_asset_without_any_ratio_has_none():
    fields = value_fields(np.random.default_rng(6))
    for values in fields.values():
        values[0, 3] = np.nan
    result = scores_of(CAPS, ValueConfig(), **fields)
    np.testing.assert_array_equal(np.argwhere(result.missing), [[0, 3, 0]])


def test_value_without_any_field_is_refused():
    with pytest.raises(MissingField, match="book_value"):
        scores_of(CAPS, ValueConfig())
    with pytest.raises(InvalidConfig, match="book, sales or cash_flow"):
        ValueConfig(book=None, sales=None, cash_flow=None)


def test_published_figures_are_carried_until_they_are_too_old():
    dates = 450
    prices = np.ones((dates, 5))
    caps = np.exp(np.arange(5.0)) * prices
    book = np.full(prices.shape, np.nan)
    book[3] = [1.0, 2.0, 3.0, 9.0, 4.0]
    panel = panel_of(price=prices, market_cap=caps, book_value=book)
    result = style_scores(score_inputs(panel, fields_of([ValueConfig()])), [ValueConfig()])
    missing = result.missing[:, :, 0].all(axis=1)
    assert missing[:3].all()
    assert not missing[3:404].any()
    assert missing[404:].all()


def test_scores_of_equal_weighting_have_a_mean_of_zero():
    inputs = inputs_of(np.zeros(CAPS.shape), CAPS)
    scores = style_scores(inputs, [SizeConfig()], centering=Centering.EQUAL_WEIGHTED).scores
    np.testing.assert_allclose(scores.mean(axis=1), 0.0, atol=1e-13)
