"""The whole risk model: rows aligned once, nothing from the future, options that reach their stage."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.errors import InvalidConfig, MissingField
from engine.panel import Calendar, Panel
from engine.risk import explained
from engine.risk.config import RiskModelConfig, needed_fields
from engine.risk.covariance import EigenfactorDates
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.model import build_risk_model
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.user import UserConfig
from engine.risk.scores.value import ValueConfig
from engine.risk.sectors import Sectors
from tests.engine.risk.model_panels import STYLE, built, config_of, known_panel, quick_covariance, with_fields
from tests.engine.risk.score_panels import market_panel

NAN = np.nan


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


@pytest.mark.parametrize("row", [100, 150])
def test_a_liquidity_threshold_bounds_who_estimates_from_volumes_known_by_then(row):
    known = known_panel()
    volume = np.full(known.panel.fields["price"].shape, 1e6)
    volume[:, ::2] = 1e4
    universe = EstimationUniverseConfig(min_history_rows=0, liquidity_threshold=1e5, liquidity_rows=10)
    before = built(with_fields(known.panel, volume=volume), universe=universe)
    assert (before.coverage.universe[3:] == 30).all()
    assert (before.coverage.priced == 60).all()
    later = volume.copy()
    later[row + 1 :] = NAN
    after = built(with_fields(known.panel, volume=later), universe=universe)
    rows = np.arange(1, 200)  # of the panel, whose first has no return
    counted = after.coverage.universe == 30
    assert np.array_equal(counted, (rows >= 4) & (rows <= row + 5))  # five known rows of ten
    for name in ("returns", "specific", "assets"):
        np.testing.assert_array_equal(
            getattr(after.factor_returns, name)[:row], getattr(before.factor_returns, name)[:row]
        )
    with pytest.raises(MissingField, match="'volume'"):
        built(known.panel, universe=universe)


def test_the_fields_that_a_model_reads_are_known_before_it_is_made():
    present = ("price", "market_cap", "volume", "sales", "close")
    assert needed_fields(RiskModelConfig(), present) == ("price", "market_cap", "volume", "sales")
    without = tuple(name for name in present if name != "volume")
    assert needed_fields(RiskModelConfig(), without) == ("price", "market_cap", "sales")
    strict = RiskModelConfig(universe=EstimationUniverseConfig(liquidity_threshold=1.0))
    for config, available, field in (
        (strict, without, "volume"),
        (RiskModelConfig(styles=(LiquidityConfig(),)), without, "volume"),
        (RiskModelConfig(styles=(ValueConfig(sales=None),)), present, "book_value or cash_flow"),
        (config_of(), present, "signal"),
        (RiskModelConfig(), ("price",), "market_cap"),
    ):
        with pytest.raises(MissingField) as caught:
            needed_fields(config, available)
        assert caught.value.field == field
