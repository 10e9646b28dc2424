"""The whole risk model: rows aligned once, nothing from the future, known factors found again."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.errors import InvalidConfig, MissingField, NoPeriods, TooFewReturns
from engine.panel import Calendar, Panel
from engine.risk import explained
from engine.risk.config import RiskModelConfig
from engine.risk.covariance import EigenfactorDates, factor_covariances
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.factor_returns import RegressionMode
from engine.risk.model import FactorKind, RiskModel, build_risk_model, month_ends
from engine.risk.outcomes import TooFewPeriods, Validation
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.user import UserConfig
from engine.risk.sectors import Sectors, sectors_of
from engine.risk.specific_risk import SpecificRiskConfig
from engine.risk.validation import EXPECTED_Q, bias_interval
from tests.engine.risk.model_panels import STYLE, known_panel, quick_covariance, with_fields
from tests.engine.risk.score_panels import market_panel

NAN = np.nan


def config_of(**options: object) -> RiskModelConfig:
    defaults = {
        "styles": (STYLE,),
        "winsor": 0.0,
        "min_assets": 3,
        "universe": EstimationUniverseConfig(min_history_rows=0),
        "covariance": quick_covariance(),
        "specific": SpecificRiskConfig(min_observations=20),
        "random_portfolios": 20,
        "random_size": 20,
    }
    return RiskModelConfig(**{**defaults, **options})


def built(panel: Panel, sectors: Sectors | None = None, **options: object) -> RiskModel:
    return build_risk_model(panel, config_of(**options), sectors=sectors)


def test_returns_are_explained_by_the_row_before():
    known = known_panel(noise=0.0)
    model = built(known.panel)
    assert model.factors == ("MARKET", "S0", "S1", "S2", "SIGNAL")
    assert [kind.value for kind in model.kinds] == ["MARKET", "SECTOR", "SECTOR", "SECTOR", "STYLE"]
    assert np.array_equal(model.dates, known.panel.dates[1:])
    np.testing.assert_allclose(model.factor_returns.returns, known.factors[1:], atol=1e-12)
    np.testing.assert_allclose(model.factor_returns.specific, 0.0, atol=1e-12)


def test_caps_sectors_and_the_universe_are_those_of_the_row_before_too():
    known = known_panel(noise=0.0)
    codes = np.broadcast_to(known.sectors.codes, known.panel.fields["price"].shape).copy()
    codes[100, :20] = (codes[100, :20] + 1) % 3
    caps = known.panel.fields["market_cap"].copy()
    caps[50, 10:] = NAN
    model = built(with_fields(known.panel, market_cap=caps), Sectors(codes=codes, names=known.sectors.names))
    used = model.factor_returns.assets
    assert np.flatnonzero(used != 60).tolist() == [50]  # the return of panel row 51
    assert used[50] == 10
    wrong = np.flatnonzero(np.abs(model.factor_returns.specific).max(axis=1) > 1e-6)
    assert wrong.tolist() == [100]


def test_parts_give_what_the_whole_gives(monkeypatch):
    panel = market_panel(3, 700, 40)
    whole = build_risk_model(panel)
    monkeypatch.setattr(explained, "_CHUNK_BYTES", 0)
    monkeypatch.setattr(explained, "_FEWEST_ROWS", 60)
    told: list[tuple[int, int]] = []
    parts = build_risk_model(panel, progress=lambda done, total: told.append((done, total)))
    assert len(told) >= 11
    assert told[-1] == (700, 700)
    assert told == sorted(told)
    for name in ("returns", "specific", "r_squared", "assets"):
        np.testing.assert_allclose(
            getattr(parts.factor_returns, name), getattr(whole.factor_returns, name), rtol=1e-7, atol=1e-9
        )
    np.testing.assert_array_equal(parts.coverage.missing, whole.coverage.missing)
    np.testing.assert_array_equal(parts.coverage.flagged, whole.coverage.flagged)
    np.testing.assert_allclose(parts.outlook.styles, whole.outlook.styles, atol=1e-8)


@pytest.mark.parametrize("row", [320, 349, 380])
def test_nothing_dated_t_changes_with_what_comes_after(row):
    panel = market_panel(4, 420, 40)
    sectors = Sectors(codes=np.arange(40) % 3 - (np.arange(40) == 5), names=("A", "B", "C"))
    options = {"styles": None, "covariance": quick_covariance(eigenfactor=EigenfactorDates.ALL)}
    before = built(panel, sectors, **options)
    random = np.random.default_rng(row)
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[row + 1 :] *= np.exp(random.normal(0.0, 1.0, values[row + 1 :].shape))
        values[row + 1 :][random.random(values[row + 1 :].shape) < 0.2] = NAN
    after = built(with_fields(panel, **fields), sectors, **options)
    known = slice(0, row)  # dates start at panel row 1
    for name in ("returns", "specific", "r_squared", "assets", "condition_number", "t_statistics"):
        values = getattr(after.factor_returns, name)
        np.testing.assert_array_equal(values[known], getattr(before.factor_returns, name)[known])
        changed = np.nan_to_num(values[row:]) != np.nan_to_num(getattr(before.factor_returns, name)[row:])
        assert changed.any()
    for name in ("priced", "universe", "missing", "flagged"):
        np.testing.assert_array_equal(
            getattr(after.coverage, name)[known], getattr(before.coverage, name)[known]
        )
    count = int(np.searchsorted(before.outlook.rows, row))
    assert count > 5
    assert np.array_equal(after.outlook.rows[:count], before.outlook.rows[:count])
    for at in range(count):
        np.testing.assert_array_equal(after.outlook.exposures(at), before.outlook.exposures(at))
    for name in ("styles", "sectors", "caps", "universe"):
        np.testing.assert_array_equal(
            getattr(after.outlook, name)[:count], getattr(before.outlook, name)[:count]
        )
    for part, name in (("covariance", "matrices"), ("specific", "volatilities")):
        np.testing.assert_array_equal(
            getattr(getattr(after.outlook, part), name)[:count],
            getattr(getattr(before.outlook, part), name)[:count],
        )


def test_known_risk_is_found_again_and_its_forecasts_were_right():
    known = known_panel(7, dates=1_500, assets=300, sectors=4, steady=True)
    model = built(
        known.panel,
        covariance=quick_covariance(
            volatility_half_life=500.0, volatility_lags=0, correlation_lags=0, regime_half_life=None
        ),
        specific=SpecificRiskConfig(half_life=500.0, lags=0, regime_half_life=None, shrinkage=0.0),
        random_portfolios=50,
        random_size=50,
    )
    outlook = model.outlook
    annual = np.sqrt(252.0)
    np.testing.assert_allclose(
        outlook.covariance.volatilities[-1], known.factor_deviations * annual, rtol=0.08
    )
    ratio = outlook.specific.volatilities[-1] / (known.specific_deviations * annual)
    assert np.abs(ratio - 1.0).max() < 0.16  # 5 standard errors of about 1 / sqrt(2 * 1,000)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    truth = np.cov(known.factors.T) * 252
    np.testing.assert_allclose(outlook.covariance.matrices[-1], truth, atol=0.12 * truth.diagonal().max())
    validation = model.validation
    assert isinstance(validation, Validation)
    assert validation.styles is not None
    assert validation.sectors is not None
    assert len(validation.starts) == len(outlook.rows) - 1
    low, high = bias_interval(len(validation.starts))
    for outcomes in (validation.random, validation.sectors, validation.styles):
        assert low < outcomes.statistics.mean_bias < high
        assert outcomes.statistics.mean_q == pytest.approx(EXPECTED_Q, abs=0.5)


def test_outcomes_are_those_of_the_months_after_the_forecasts():
    known = known_panel(8, dates=500)
    model = built(known.panel)
    validation, outlook = model.validation, model.outlook
    assert isinstance(validation, Validation)
    assert validation.sectors is not None
    at, prices, caps = 3, known.panel.fields["price"], known.panel.fields["market_cap"]
    start, end = int(validation.starts[at]) + 1, int(validation.ends[at]) + 1  # panel rows
    inside = known.sectors.codes == 1
    weights = np.where(inside, caps[start], 0.0) / caps[start][inside].sum()
    earned = weights @ (prices[end] / prices[start] - 1.0)
    assert validation.sectors.returns[1, at] == pytest.approx(earned)
    risk = outlook.forecast(at)
    exposure = weights @ risk.exposures
    variance = exposure @ risk.covariance @ exposure + weights**2 @ risk.specific**2
    assert validation.sectors.forecasts[1, at] == pytest.approx(np.sqrt(variance * (end - start) / 252))


def test_forecasts_are_of_month_ends_and_the_latest_date():
    model = built(known_panel(dates=200).panel)
    days = [day.isoformat() for day in model.outlook.dates.astype(object)]
    assert days == [
        "2015-01-31",
        "2015-02-28",
        "2015-03-31",
        "2015-04-30",
        "2015-05-31",
        "2015-06-30",
        "2015-07-19",
    ]
    assert month_ends(model.dates).tolist()[-1] == len(model.dates) - 1
    assert np.array_equal(model.outlook.dates, model.outlook.covariance.dates)
    assert np.array_equal(model.outlook.rows, model.outlook.specific.rows)


def test_covariances_meet_the_sector_constraint_of_their_date():
    known = known_panel()
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None] ** known.sectors.codes
    outlook = built(with_fields(known.panel, market_cap=caps)).outlook
    for at, row in enumerate(outlook.rows.tolist()):
        shares = np.bincount(known.sectors.codes, caps[row + 1]) / caps[row + 1].sum()
        constraint = np.concatenate([[0.0], shares, [0.0]])
        left = outlook.covariance.matrices[at] @ constraint
        assert np.abs(left).max() < 1e-12


def test_the_sector_constraint_changes_the_risk_of_no_portfolio():
    known = known_panel()
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None] ** known.sectors.codes
    model = built(with_fields(known.panel, market_cap=caps))
    outlook = model.outlook
    free = factor_covariances(
        model.factor_returns.returns, model.dates, model.factors, outlook.rows, 252, config=quick_covariance()
    )
    weights = np.random.default_rng(1).normal(size=60)
    for at in range(len(outlook.rows)):
        exposure = weights @ outlook.exposures(at)
        variance = exposure @ outlook.covariance.matrices[at] @ exposure
        assert variance == pytest.approx(exposure @ free.matrices[at] @ exposure)


def test_the_parts_of_a_forecast_are_of_one_date():
    known = known_panel()
    codes = (known.sectors.codes + np.arange(200)[:, None]) % 3
    sectors = Sectors(codes=codes, names=known.sectors.names)
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None]
    panel = with_fields(known.panel, market_cap=caps)
    early = built(panel, sectors).outlook
    late = built(panel, sectors, specific=SpecificRiskConfig(min_observations=100)).outlook
    skipped = len(early.rows) - len(late.rows)
    assert skipped == 3
    assert np.array_equal(late.rows, early.rows[skipped:])
    np.testing.assert_array_equal(late.covariance.matrices, early.covariance.matrices[skipped:])
    np.testing.assert_array_equal(late.covariance.volatilities, early.covariance.volatilities[skipped:])
    np.testing.assert_array_equal(late.styles, early.styles[skipped:])
    np.testing.assert_array_equal(late.sectors, codes[late.rows + 1])
    np.testing.assert_array_equal(late.caps, caps[late.rows + 1])
    signal = known.panel.fields["signal"][late.rows + 1]
    ranks = late.styles[:, :, 0].argsort(axis=1)
    np.testing.assert_array_equal(ranks, signal.argsort(axis=1))


def test_the_portfolios_are_of_the_estimation_universe():
    known = known_panel(dates=500)
    universe = EstimationUniverseConfig(min_history_rows=0, top_n=10)
    validation = built(known.panel, universe=universe).validation
    assert isinstance(validation, Validation)
    caps, prices = known.panel.fields["market_cap"][0], known.panel.fields["price"]
    weights = np.where(caps >= np.sort(caps)[-10], caps, 0.0)
    start, end = validation.starts + 1, validation.ends + 1
    earned = (prices[end] / prices[start] - 1.0) @ (weights / weights.sum())
    np.testing.assert_allclose(validation.random.returns, np.broadcast_to(earned, (20, len(earned))))


def test_the_modes_of_toraniko_weigh_scores_and_sectors_equally():
    known = known_panel()
    model = built(known.panel, mode=RegressionMode.TORANIKO_RESIDUAL)
    np.testing.assert_allclose(model.outlook.styles.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(model.factor_returns.returns[:, 1:4].sum(axis=1), 0.0, atol=1e-12)
    left = model.outlook.covariance.matrices @ np.array([0.0, 1.0, 1.0, 1.0, 0.0])
    assert np.abs(left).max() < 1e-12
    assert np.abs(built(known.panel).outlook.styles.mean(axis=1)).max() > 1e-3


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


def test_default_styles_are_those_that_the_panel_has_fields_for():
    config = RiskModelConfig(min_assets=10)
    model = build_risk_model(market_panel(5, 400, 30, others=False), config)
    assert model.factors == ("MARKET", "MOMENTUM", "SIZE", "BETA", "RESIDUAL_VOLATILITY", "REVERSAL")
    assert [style.name for style in model.skipped_styles] == ["VALUE", "LIQUIDITY"]
    assert model.skipped_styles[0].fields == ("book_value", "sales", "cash_flow")
    assert build_risk_model(market_panel(5, 400, 30), config).skipped_styles == ()
    with pytest.raises(MissingField):
        built(known_panel().panel, styles=(LiquidityConfig(),))


@pytest.mark.parametrize(
    ("names", "styles"),
    [
        (("S0", "MARKET", "S2"), (STYLE,)),
        (("S0", "SIZE", "S2"), (SizeConfig(),)),
        (("S0", "S1", "S2"), (STYLE, UserConfig(name="SIGNAL", field="signal", negated=True))),
    ],
)
def test_factors_of_one_name_are_refused(names, styles):
    known = known_panel()
    with pytest.raises(InvalidConfig, match="two factors are named"):
        built(known.panel, Sectors(codes=known.sectors.codes, names=names), styles=styles)


def test_dates_bound_what_is_explained_and_not_what_scores_look_at():
    known = known_panel()
    whole = built(known.panel)
    part = built(known.panel, start_date=date(2015, 3, 1), end_date=date(2015, 6, 10))
    assert part.dates[0] == np.datetime64("2015-03-01")
    assert part.dates[-1] == np.datetime64("2015-06-10") == part.outlook.dates[-1]
    first = int(np.searchsorted(whole.dates, part.dates[0]))
    rows = slice(first, first + len(part.dates))
    np.testing.assert_allclose(part.factor_returns.returns, whole.factor_returns.returns[rows], atol=1e-14)
    np.testing.assert_array_equal(part.coverage.priced, whole.coverage.priced[rows])
    with pytest.raises(InvalidConfig):
        config_of(start_date=date(2015, 3, 1), end_date=date(2015, 2, 1))


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


def test_risk_is_annualised_by_the_calendar():
    sessions = built(known_panel(calendar=Calendar.OBSERVED).panel)
    days = built(known_panel(calendar=Calendar.EVERY_DAY).panel)
    assert (sessions.days_per_year, days.days_per_year) == (252, 365)
    scale = np.sqrt(365 / 252)
    np.testing.assert_allclose(
        days.outlook.covariance.volatilities, sessions.outlook.covariance.volatilities * scale
    )
    np.testing.assert_allclose(
        days.outlook.specific.volatilities, sessions.outlook.specific.volatilities * scale
    )


def test_sectors_are_read_from_an_attribute():
    panel = known_panel(assets=4, sectors=2).panel
    labels = Panel(
        dates=panel.dates,
        assets=panel.assets,
        fields=panel.fields,
        calendar=panel.calendar,
        attributes={"industry": ("tech", None, "banks", "tech")},
    )
    sectors = sectors_of(labels, "industry")
    assert sectors.names == ("banks", "tech")
    assert sectors.codes.tolist() == [1, -1, 0, 1]
    assert sectors_of(labels).codes.tolist() == [-1] * 4
    with pytest.raises(ValueError, match="run from -1 to 1"):
        Sectors(codes=np.array([2]), names=("A", "B"))
    with pytest.raises(ValueError, match="do not fit"):
        built(panel, Sectors(codes=np.zeros(3, dtype=int), names=("A", "B")))


def test_a_fault_in_one_part_is_the_models_fault():
    known = known_panel()
    with pytest.raises(MissingField, match="'price'"):
        built(
            Panel(dates=known.panel.dates, assets=known.panel.assets, fields={}, calendar=Calendar.OBSERVED)
        )

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_risk_model(known.panel, config_of(), progress=stop)
