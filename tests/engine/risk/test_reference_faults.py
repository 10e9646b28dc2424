"""Faults of toraniko with missing and degenerate data, each shown on a small panel, and the whole risk model
of the same panel without it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
from toraniko.styles import factor_mom, factor_sze, factor_val

from engine.panel import Panel
from engine.risk.factor_returns import RegressionMode
from engine.risk.model import RiskModel, build_risk_model
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.value import ValueConfig, ValueMeasure
from engine.risk.sectors import Sectors
from tests.engine.risk.asset_panels import AssetPanel
from tests.engine.risk.model_panels import config_of, known_panel, with_fields
from tests.engine.risk.toraniko_oracle import toraniko

NAN = np.nan
KNOWN = known_panel()
PRICES, CAPS = KNOWN.panel.fields["price"], KNOWN.panel.fields["market_cap"]
RATIOS = ("book_price", "sales_price", "cf_price")
VALUE = dict(zip(("book", "sales", "cash_flow"), RATIOS, strict=True))
MODES = [RegressionMode.TORANIKO_RESIDUAL, RegressionMode.TORANIKO_RAW]


@dataclass(frozen=True, slots=True)
class Modelled:
    """A model, its scores (T, N, K) and where these are missing, and what toraniko is given for its dates but
    the first: returns, and caps, sectors and scores of the row before."""

    model: RiskModel
    scores: np.ndarray
    missing: np.ndarray
    given: AssetPanel


def modelled(panel: Panel, sectors: Sectors = KNOWN.sectors, **options: object) -> Modelled:
    options = {"mode": RegressionMode.TORANIKO_RESIDUAL, "winsor": 0.05, **options}
    config = config_of(**options)
    kept = {}
    model = build_risk_model(
        panel, config, sectors=sectors, keep_scores=lambda first, *rows: kept.__setitem__(first, rows)
    )
    scores, missing = (np.concatenate([kept[first][part] for first in sorted(kept)]) for part in (0, 1))
    prices, caps = panel.fields["price"], panel.fields["market_cap"]
    given = AssetPanel(
        returns=prices[2:] / prices[1:-1] - 1.0,
        caps=caps[1:-1],
        sectors=np.broadcast_to(sectors.codes, caps.shape)[1:-1],
        sector_names=sectors.names,
        styles=scores[:-1],
        style_names=model.factors[1 + len(sectors.names) :],
        universe=np.ones(caps[1:-1].shape, dtype=bool),
    )
    return Modelled(model, scores, missing, given)


def changed(name: str, cells: object, value: float) -> Panel:
    values = KNOWN.panel.fields[name].copy()
    values[cells] = value
    return with_fields(KNOWN.panel, **{name: values})


def long_form(**columns: np.ndarray) -> pl.DataFrame:
    """A row for each cell (T, N) that is not NaN."""
    rows, assets = np.nonzero(np.isfinite(next(iter(columns.values()))))
    return pl.DataFrame(
        {
            "date": KNOWN.panel.dates[rows],
            "symbol": np.array(KNOWN.panel.assets)[assets],
            **{name: values[rows, assets] for name, values in columns.items()},
        }
    )


def wide_form(scores: pl.LazyFrame, name: str) -> np.ndarray:
    long = scores.collect()
    out = np.full(PRICES.shape, NAN)
    rows = np.searchsorted(KNOWN.panel.dates, long["date"].to_numpy())
    out[rows, np.searchsorted(KNOWN.panel.assets, long["symbol"].to_numpy())] = long[name].to_numpy()
    return out


@pytest.mark.parametrize("mode", MODES)
def test_without_faults_both_agree(mode):
    ours = modelled(KNOWN.panel, mode=mode)
    factors, residuals = toraniko(ours.given, on_residuals=mode is RegressionMode.TORANIKO_RESIDUAL)
    np.testing.assert_allclose(ours.model.factor_returns.returns[1:], factors, rtol=0, atol=1e-13)
    np.testing.assert_allclose(ours.model.factor_returns.specific[1:], residuals, rtol=0, atol=1e-13)


def test_residuals_of_an_asset_listed_after_day_100_are_kept():
    ours = modelled(changed("price", (slice(0, 120), 4), NAN))
    factors, residuals = toraniko(ours.given)
    assert np.isnan(residuals[:, 4]).all()
    found = ours.model.factor_returns
    np.testing.assert_allclose(found.returns[1:], factors, rtol=0, atol=1e-13)
    assert np.isfinite(found.specific[:, 4]).tolist() == [row > 120 for row in range(1, 200)]
    others = np.arange(60) != 4
    np.testing.assert_allclose(found.specific[1:, others], residuals[:, others], rtol=0, atol=1e-13)
    specific = ours.model.outlook.specific
    assert np.isfinite(specific.own[-1, 4]), "79 returns make a risk of its own"
    assert np.isfinite(specific.volatilities[-1]).all()


def test_a_missing_return_loses_one_asset_and_not_the_date():
    ours = modelled(changed("price", (80, 3), NAN))
    with_nan, _ = toraniko(ours.given, rows=np.isfinite(ours.given.styles[:, :, 0]))
    assert np.flatnonzero(np.isnan(with_nan).any(axis=1)).tolist() == [78]  # the return of panel row 80
    assert np.isnan(with_nan[78]).all()
    without, _ = toraniko(ours.given)
    found = ours.model.factor_returns
    np.testing.assert_allclose(found.returns[1:], without, rtol=0, atol=1e-13)
    assert np.argwhere(np.isnan(found.specific)).tolist() == [[79, 3], [80, 3]]  # to the price and from it
    assert found.assets[78:82].tolist() == [60, 59, 59, 60]


@pytest.mark.parametrize("cap", [NAN, np.inf, -1e9])
def test_a_bad_cap_aborts_nothing_and_spoils_nobody(cap):
    ours = modelled(changed("market_cap", (90, 4), cap))
    with np.errstate(invalid="ignore"), pytest.raises(np.linalg.LinAlgError):
        toraniko(ours.given)
    rows = np.ones(ours.given.universe.shape, dtype=bool)
    rows[89, 4] = False  # the first of the given dates has the caps of row 1
    without, _ = toraniko(ours.given, rows=rows)
    found = ours.model.factor_returns
    np.testing.assert_allclose(found.returns[1:], without, rtol=0, atol=1e-13)
    assert np.flatnonzero(found.assets != 60).tolist() == [90]
    assert np.isfinite(found.specific).all(), "its own return is still explained"
    assert np.isfinite(ours.model.outlook.specific.volatilities).all()


def test_a_cap_of_zero_costs_its_own_size_score_alone():
    styles = (SizeConfig(winsor=0.0, tail_share=0.2),)
    caps = CAPS * np.linspace(1.0, 2.0, 200)[:, None]
    bad = caps.copy()
    bad[90, 4] = 0.0
    with np.errstate(invalid="ignore"):
        theirs = wide_form(factor_sze(long_form(market_cap=bad)), "sze_score")
    assert not (np.nan_to_num(theirs[90], posinf=0.0, neginf=0.0) != 0.0).any()
    assert (theirs[89] != 0.0).sum() > 20
    ours = modelled(with_fields(KNOWN.panel, market_cap=bad), styles=styles)
    expected = modelled(with_fields(KNOWN.panel, market_cap=caps), styles=styles)
    assert np.argwhere(ours.missing).tolist() == [[89, 4, 0]]
    assert (ours.scores[89] != 0.0).sum() > 20
    rest = np.arange(199) != 89
    np.testing.assert_array_equal(ours.scores[rest], expected.scores[rest])
    assert np.isfinite(ours.model.factor_returns.returns).all()
    assert np.flatnonzero(ours.model.factor_returns.assets != 60).tolist() == [90]


@pytest.mark.parametrize("mode", RegressionMode)
def test_a_sector_of_nobody_leaves_the_market_return_alone(mode):
    names = (*KNOWN.sectors.names, "S9")
    without = modelled(KNOWN.panel, mode=mode)
    ours = modelled(KNOWN.panel, replace(KNOWN.sectors, names=names), mode=mode)
    moved = toraniko(ours.given)[0][:, 0] - toraniko(without.given)[0][:, 0]
    assert (np.abs(moved) > 1e-6).all()
    assert ours.model.factors[4] == "S9"
    for name in ("returns", "t_statistics"):
        values = getattr(ours.model.factor_returns, name)
        assert np.isnan(values[:, 4]).all()
        expected = getattr(without.model.factor_returns, name)
        np.testing.assert_allclose(np.delete(values, 4, axis=1), expected, rtol=1e-12)
    np.testing.assert_array_equal(ours.model.factor_returns.specific, without.model.factor_returns.specific)
    kept = np.delete(np.delete(ours.model.outlook.covariance.matrices, 4, axis=1), 4, axis=2)
    np.testing.assert_allclose(kept, without.model.outlook.covariance.matrices, rtol=1e-9, atol=1e-15)


def test_a_constant_cross_section_scores_zero_and_is_flagged():
    ratios = np.exp(np.random.default_rng(3).normal(size=PRICES.shape))
    ratios[90] = 0.3
    theirs = wide_form(factor_val(long_form(**dict.fromkeys(RATIOS, ratios))), "val_score")
    assert np.flatnonzero(~np.isfinite(theirs).any(axis=1)).tolist() == [90]
    panel = with_fields(KNOWN.panel, **dict.fromkeys(RATIOS, ratios))
    ours = modelled(panel, styles=(ValueConfig(winsor=0.0, measure=ValueMeasure.RATIOS, **VALUE),))
    np.testing.assert_allclose(
        np.delete(ours.scores[:, :, 0], 89, 0), np.delete(theirs[1:], 89, 0), atol=1e-11
    )
    assert (ours.scores[89] == 0.0).all()
    assert np.flatnonzero(ours.model.coverage.flagged).tolist() == [89]
    found = ours.model.factor_returns
    assert np.argwhere(np.isnan(found.returns)).tolist() == [[90, 4]], "no return of the style on that date"
    assert np.isfinite(found.specific).all()
    assert np.isfinite(ours.model.outlook.covariance.matrices).all()


def test_an_asset_given_twice_counts_once_or_not_at_all():
    ours = modelled(KNOWN.panel)
    once, twice = toraniko(ours.given)[0], toraniko(ours.given, twice=5)[0]
    assert (np.abs(twice - once).max(axis=1) > 1e-7).all()
    np.testing.assert_allclose(ours.model.factor_returns.returns[1:], once, rtol=0, atol=1e-13)
    # Files with rows given twice are merged or refused before there is a panel, which has one cell for each.
    assets = (*KNOWN.panel.assets[:5], *KNOWN.panel.assets[4:-1])
    with pytest.raises(ValueError, match="unique"):
        replace(KNOWN.panel, assets=assets)
    days = KNOWN.panel.dates.copy()
    days[7] = days[6]
    with pytest.raises(ValueError, match="strictly increasing"):
        replace(KNOWN.panel, dates=days)


def test_a_gap_does_not_lengthen_the_window_of_momentum():
    gap, row = slice(130, 150), 180
    options = {"trailing_days": 60, "half_life": 20, "lag": 5}
    window = row - 5 - 59  # the first return that the date sees

    def scores(early: float) -> tuple[np.ndarray, np.ndarray]:
        """toraniko's and ours on the date, where all prices of one asset before the window are `early` times
        as high, so that one return before it differs."""
        prices = PRICES.copy()
        prices[: window - 1, 4] *= early
        prices[gap, 4] = NAN
        returns = np.full(prices.shape, NAN)
        returns[1:] = prices[1:] / prices[:-1] - 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of dates without a score
            reference = factor_mom(long_form(asset_returns=returns), **options, winsor_factor=0.0)
            theirs = wide_form(reference, "mom_score")
        panel = with_fields(KNOWN.panel, price=prices)
        style = MomentumConfig(**options, winsor=0.0, min_share=0.5)
        return theirs[row], modelled(panel, styles=(style,)).scores[row - 1, :, 0]

    theirs, ours = scores(1.0)
    theirs_moved, ours_moved = scores(1.5)
    assert abs(theirs_moved[4] - theirs[4]) > 1e-3
    np.testing.assert_allclose(ours_moved, ours, rtol=0, atol=1e-13)
    assert ours[4] != 0.0
    whole = np.arange(60) != 4
    assert np.corrcoef(theirs[whole], ours[whole])[0, 1] > 0.9999, "the same score where there is no gap"
