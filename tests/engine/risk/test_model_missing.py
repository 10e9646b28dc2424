"""What the whole risk model does without: prices, caps, scores, sectors, and history that do not exist."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.errors import NoPeriods, TooFewReturns
from engine.panel import Calendar, Panel
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.model import FactorKind
from engine.risk.outcomes import TooFewPeriods
from engine.risk.sectors import Sectors
from tests.engine.risk.model_panels import built, known_panel, with_fields

NAN = np.nan


@pytest.mark.parametrize(
    "sectors",
    [
        Sectors(codes=np.full(60, -1), names=()),
        Sectors(codes=np.zeros(60, dtype=int) - (np.arange(60) == 7), names=("ONLY",)),
    ],
)
def test_fewer_than_two_sectors_leave_market_and_styles(sectors):
    known = known_panel(sectors=1, noise=0.0)
    model = built(known.panel, sectors)
    assert model.factors == model.factor_returns.names == ("MARKET", "SIGNAL")
    assert model.kinds == (FactorKind.MARKET, FactorKind.STYLE)
    assert (model.factor_returns.assets == 60).all()
    np.testing.assert_allclose(model.factor_returns.returns, known.factors[1:, [0, 2]], atol=1e-12)
    assert model.factor_returns.t_statistics.shape == (199, 2)
    exposures = model.outlook.exposures(0)
    assert exposures.shape == (60, 2)
    assert (exposures[:, 0] == 1.0).all()


def test_an_asset_of_unknown_sector_has_risk_and_estimates_nothing():
    known = known_panel()
    codes = np.where(np.arange(60) == 7, -1, known.sectors.codes)
    model = built(known.panel, Sectors(codes=codes, names=known.sectors.names))
    assert (model.factor_returns.assets == 59).all()
    assert np.isfinite(model.outlook.specific.volatilities).all()
    exposures = model.outlook.exposures(-1)
    assert exposures[7, :4].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert exposures[8, :4].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert exposures[7, 4] == model.outlook.styles[-1, 7, 0] != 0.0


def test_assets_outside_the_estimation_universe_are_covered():
    known = known_panel()
    model = built(known.panel, universe=EstimationUniverseConfig(min_history_rows=0, top_n=30))
    assert (model.factor_returns.assets == 30).all()
    assert (model.coverage.universe == 30).all()
    assert (model.coverage.priced == 60).all()
    assert np.isfinite(model.factor_returns.specific).all()
    assert np.isfinite(model.outlook.specific.volatilities).all()


def test_an_asset_listed_late_keeps_its_residuals_and_gets_risk():
    known = known_panel()
    prices = known.panel.fields["price"].copy()
    prices[:120, 4], prices[:190, 5], prices[150:, 6] = NAN, NAN, NAN
    model = built(with_fields(known.panel, price=prices))
    specific = model.factor_returns.specific
    assert np.isfinite(specific[120:, 4]).all()
    assert not np.isfinite(specific[:120, 4]).any()
    assert np.isfinite(model.outlook.specific.volatilities[-1, [4, 5]]).all()
    assert model.outlook.specific.peer_shares[-1, 5] == 1.0  # nine returns say nothing
    assert np.isnan(model.outlook.exposures(-1)[6]).all()
    assert model.outlook.forecast(-1).known().tolist() == [column != 6 for column in range(60)]


def test_missing_and_bad_values_cost_an_asset_its_own_row_alone():
    known = known_panel(noise=0.0)
    prices, caps = known.panel.fields["price"].copy(), known.panel.fields["market_cap"].copy()
    prices[80, 3], caps[90, 4], caps[91, 5], caps[92, 6] = NAN, 0.0, -1.0, np.inf
    signal = known.panel.fields["signal"].copy()
    model = built(with_fields(known.panel, price=prices, market_cap=caps, signal=signal))
    assert np.isfinite(model.factor_returns.returns).all()
    used = model.factor_returns.assets
    assert {row: int(used[row]) for row in np.flatnonzero(used != 60).tolist()} == dict.fromkeys(
        (79, 80, 90, 91, 92), 59
    )
    assert np.isnan(model.factor_returns.specific).sum() == 2  # to and from the missing price


def test_a_date_of_few_estimating_assets_has_no_returns():
    known = known_panel()
    caps = known.panel.fields["market_cap"].copy()
    caps[50, 39:], caps[60, 40:] = NAN, NAN
    found = built(with_fields(known.panel, market_cap=caps), min_assets=40).factor_returns
    assert (found.assets[50], found.assets[60]) == (39, 40)
    for values in (
        found.returns,
        found.specific,
        found.r_squared,
        found.t_statistics,
        found.condition_number,
    ):
        rows = np.isfinite(values).reshape(199, -1)
        assert np.flatnonzero(~rows.any(axis=1)).tolist() == [50]
        assert rows[60].any()


def test_rows_before_the_universe_exists_say_nothing_of_specific_risk():
    known = known_panel()
    found = built(known.panel, universe=EstimationUniverseConfig(min_history_rows=63)).factor_returns
    assert np.isnan(found.specific[:62]).all()
    assert np.isfinite(found.specific[62:]).all()


def test_a_price_of_many_powers_of_ten_too_much_spoils_nobodys_risk():
    known = known_panel()
    prices = known.panel.fields["price"].copy()
    prices[150, 3] *= 1e30
    wrong = with_fields(known.panel, price=prices)
    prices = prices.copy()
    prices[150, 3] = NAN
    model, expected = built(wrong), built(with_fields(known.panel, price=prices))
    assert model.extreme_returns[148:152].tolist() == [0, 1, 1, 0]  # there and back
    # With a price the asset still has a say in the mean score of that one date.
    for name in ("returns", "specific"):
        np.testing.assert_allclose(
            getattr(model.factor_returns, name), getattr(expected.factor_returns, name), atol=1e-3
        )
    risk, expected_risk = (each.outlook.specific.volatilities[-1] for each in (model, expected))
    np.testing.assert_allclose(risk, expected_risk, rtol=0.01)
    assert built(wrong, max_abs_return=None).outlook.specific.volatilities[-1].min() > 10.0
    assert built(wrong, max_abs_return=None).extreme_returns.sum() == 0


def test_missing_scores_are_counted_and_neutral():
    known = known_panel()
    signal = known.panel.fields["signal"].copy()
    signal[100, :7], signal[-1, 2], signal[120] = NAN, NAN, 1.0
    model = built(with_fields(known.panel, signal=signal))
    assert model.coverage.missing[99].tolist() == [7]
    assert np.flatnonzero(model.coverage.flagged).tolist() == [119]
    assert model.outlook.styles[-1, 2, 0] == 0.0
    assert np.isnan(model.factor_returns.returns[120, -1])  # a style that is 0 for all


def test_too_little_history_is_said():
    known = known_panel()
    with pytest.raises(NoPeriods):
        built(known.panel, start_date=date(2019, 1, 1))
    with pytest.raises(TooFewReturns, match="10 dates have factor returns"):
        built(known.panel, end_date=date(2015, 1, 11))
    nobody = Panel(
        dates=known.panel.dates,
        assets=(),
        fields={name: values[:, :0] for name, values in known.panel.fields.items()},
        calendar=Calendar.OBSERVED,
    )
    unknown = with_fields(known.panel, market_cap=np.full((200, 60), NAN))
    for panel in (nobody, unknown):
        with pytest.raises(TooFewReturns, match="0 dates have factor returns"):
            built(panel)
    short = built(known.panel).validation
    assert isinstance(short, TooFewPeriods)
    assert short.periods < short.needed == 12
