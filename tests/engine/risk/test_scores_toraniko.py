"""Scores against toraniko's on a ragged panel without gaps, where it loses nothing.

Duplicate rows, which toraniko counts twice, cannot be told apart here: a panel has one cell a date and asset
(ingestion merges equal rows and refuses others).
"""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from toraniko import styles

from engine.risk.scores.config import Centering
from engine.risk.scores.inputs import ScoreInputs
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.registry import TORANIKO_STYLES, style_scores
from engine.risk.scores.value import ValueConfig, ValueMeasure

DATES, ASSETS = 1_200, 300
RATIOS = ("book_price", "sales_price", "cf_price")


@pytest.fixture(scope="module")
def inputs() -> ScoreInputs:
    """Assets that are listed late and delisted early, with returns beyond any polynomial's reach."""
    random = np.random.default_rng(11)
    first = np.where(random.random(ASSETS) < 0.5, 0, random.integers(0, 900, ASSETS))
    last = np.where(random.random(ASSETS) < 0.7, DATES, first + random.integers(1, 900, ASSETS))
    row = np.arange(DATES)[:, None]
    covered = (row >= first) & (row < last)
    returns = np.maximum(random.standard_t(3, (DATES, ASSETS)) * 0.03, -0.95)
    caps = np.exp(random.normal(20.0, 2.0, ASSETS) + np.cumsum(random.normal(0, 0.02, returns.shape), axis=0))
    ratios = {name: np.exp(random.normal(-1.0, 0.7, returns.shape)) for name in RATIOS[:2]}
    ratios["cf_price"] = random.normal(0.05, 0.1, returns.shape)
    return ScoreInputs(
        returns=np.where(covered, returns, np.nan),
        caps=np.where(covered, caps, np.nan),
        covered=covered,
        fields={name: np.where(covered, values, np.nan) for name, values in ratios.items()},
    )


def frame(inputs: ScoreInputs, **columns: np.ndarray):
    """The covered cells in long form, as toraniko takes them."""
    rows, assets = np.nonzero(inputs.covered)
    dates = np.datetime64("2020-01-01") + np.arange(len(inputs.covered))
    return pl.DataFrame(
        {"date": dates[rows], "symbol": assets, **{n: v[rows, assets] for n, v in columns.items()}}
    )


def wide(inputs: ScoreInputs, scores, name: str) -> np.ndarray:
    """toraniko's long answer as (T, N), its nulls as NaN."""
    long = scores.collect()
    out = np.full(inputs.covered.shape, np.nan)
    rows = (long["date"].to_numpy() - np.datetime64("2020-01-01")).astype("timedelta64[D]").astype(int)
    out[rows, long["symbol"].to_numpy()] = long[name].to_numpy()
    return out


def ours(inputs: ScoreInputs, config) -> np.ndarray:
    result = style_scores(inputs, [config], centering=Centering.EQUAL_WEIGHTED)
    return np.where(result.missing, np.nan, result.scores)[:, :, 0]


def momentum_reference(inputs: ScoreInputs, **options) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of toraniko's dates without a score
        scores = styles.factor_mom(frame(inputs, asset_returns=inputs.returns), **options)
        return wide(inputs, scores, "mom_score")


def test_momentum_is_toranikos(inputs):
    """toraniko takes half a minute for all dates, so it gets the rows that a few of them look at."""
    actual = ours(inputs, TORANIKO_STYLES[0])
    history, dates = TORANIKO_STYLES[0].history_rows, 12
    for start in (0, 331, DATES - history - dates):
        rows = slice(start, start + history + dates)
        expected = momentum_reference(inputs.rows(rows))[history:]
        assert np.isfinite(expected).sum() > 100 * dates
        np.testing.assert_allclose(actual[rows][history:], expected, rtol=1e-11, atol=1e-11)


def test_momentum_is_toranikos_with_other_options(inputs):
    few = inputs.rows(slice(60, 120))
    expected = momentum_reference(few, trailing_days=30, half_life=7, lag=0, winsor_factor=0.05)
    assert np.isfinite(expected).sum() > 3_000
    config = MomentumConfig(trailing_days=30, half_life=7, lag=0, winsor=0.05, min_share=1.0)
    np.testing.assert_allclose(ours(few, config), expected, rtol=1e-11, atol=1e-11)


def test_size_is_toranikos_tails(inputs):
    expected = wide(inputs, styles.factor_sze(frame(inputs, market_cap=inputs.caps)), "sze_score")
    assert (expected == 0).mean(where=inputs.covered) == pytest.approx(0.6, abs=0.02)
    np.testing.assert_allclose(ours(inputs, TORANIKO_STYLES[1]), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("winsor", [None, 0.05])
def test_value_is_toranikos(inputs, winsor):
    reference = styles.factor_val(frame(inputs, **inputs.fields), winsorize_features=winsor)
    config = ValueConfig(
        measure=ValueMeasure.RATIOS,
        book="book_price",
        sales="sales_price",
        cash_flow="cf_price",
        winsor=winsor or 0.0,
    )
    assert winsor or config == TORANIKO_STYLES[2]
    expected = wide(inputs, reference, "val_score")
    np.testing.assert_allclose(ours(inputs, config), expected, rtol=1e-11, atol=1e-11)
