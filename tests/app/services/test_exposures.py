"""Exposures as callers ask for them: assets whose betas are known exactly, named in words people use."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import insert, select

from app.context import Services
from app.datasets.risk_free import RiskFreeRequest, risk_free_returns
from app.datasets.service import DatasetRef
from app.datasets.snapshot import remove_snapshot
from app.errors import (
    DatasetNotFound,
    DatasetUnavailable,
    InvalidInput,
    MissingField,
    RunNotFound,
    UnknownAssets,
)
from app.features.exposures.service import (
    Basis,
    ExposureRequest,
    TooFewObservations,
    UndefinedExposures,
    portfolio_exposures,
    prices_of,
)
from app.runs.events import EventHub
from app.settings import Settings
from db.legacy.imports import import_files
from db.legacy.records import NewImportedRun, NewImportFile
from db.models import Run
from db.records import PerformanceRecord, SeriesRecord
from db.runs.read import find_imported
from engine.exposures.results import Method
from engine.factors.registry import FactorName
from engine.panel import SINCE_EVER, Calendar, DatedValue, Panel
from tests.app.exposing import (
    ALPHA,
    MARKET,
    MARKET_BETA,
    SMB,
    SMB_BETA,
    SUNDAYS,
    WEEKS,
    add_content,
    add_run,
    discount_rates,
    panel,
)
from tests.db.samples import NOW, later, launch, swept

HALF = ExposureRequest(positions=(("bitcoin", 0.5), ("ether", -0.25)), basis=Basis.WEIGHTS)


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path, _env_file=None), store, EventHub(store), None)
    yield services
    await services.events.close()


@pytest.fixture
async def dataset(services):
    return await add_content(services, panel())


@pytest.fixture
async def runs(services, dataset):
    """(MARKET, SMB)."""
    return [
        await add_run(services, dataset, FactorName.MARKET, MARKET),
        await add_run(services, dataset, FactorName.SMB, SMB),
    ]


def betas(answer):
    return {one.name: one.beta for fit in answer.exposures.regressions for one in fit.factors}


async def imported_run(services, **changes):
    legacy_id = f"20240107_12000{len(changes)}"
    new = NewImportedRun(
        factor="SMB",
        legacy_run_id=legacy_id,
        content_hash=legacy_id,
        config={},
        unrecorded_fields=(),
        remarks=(),
        finished_at=NOW,
        performance=PerformanceRecord(),
        **{"series": (SeriesRecord(name="FACTOR", times=SUNDAYS, values=SMB),), **changes},
    )
    file = NewImportFile(file=legacy_id, content_hash=legacy_id, runs=(new,))
    await import_files(services.store, [file], source="logs", now=NOW)
    return await find_imported(services.store, "SMB", legacy_id)


async def refused(services, request, error=InvalidInput):
    with pytest.raises(error) as caught:
        await portfolio_exposures(services, request)
    return caught.value


async def fault(services, request):
    (found,) = (await refused(services, request)).field_errors
    return found.path, found.code


class TestFactors:
    async def test_known_betas_come_back(self, services, runs):
        answer = await portfolio_exposures(services, HALF)
        assert betas(answer) == pytest.approx(
            {
                "market": 0.5 * MARKET_BETA["bitcoin"] - 0.25 * MARKET_BETA["ether"],
                "smb": 0.5 * SMB_BETA["bitcoin"] - 0.25 * SMB_BETA["ether"],
            },
            rel=1e-9,
        )
        (fit,) = answer.exposures.regressions
        assert fit.alpha == pytest.approx(52 * 0.25 * ALPHA, rel=1e-9)
        assert fit.observations == WEEKS
        assert fit.r_squared == pytest.approx(1.0)

    async def test_without_runs_each_factor_has_its_latest_weekly_one(self, services, dataset, runs):
        market, smb = runs
        newer = await add_run(services, dataset, FactorName.SMB, 2 * SMB, at=later(50))
        await add_run(services, dataset, FactorName.SMB, SMB, rebalance="MONTHLY", at=later(60))
        elsewhere = await add_content(services, replace(panel(), attributes={}), "elsewhere")
        await add_run(services, elsewhere, FactorName.MARKET, 3 * MARKET, at=later(70))
        answer = await portfolio_exposures(services, replace(HALF, dataset=DatasetRef(name="coins")))
        assert {run.id for run in answer.runs} == {market.id, newer.id}
        assert smb.id not in {run.id for run in answer.runs}

    async def test_the_latest_weekly_run_is_found_behind_thousands_of_others(self, services, dataset, runs):
        monthly = await add_run(services, dataset, FactorName.SMB, SMB, rebalance="MONTHLY", at=later(60))
        async with services.store.write() as connection:
            found = await connection.execute(select(Run.__table__).where(Run.id == monthly.id))
            row = {name: value for name, value in found.one()._mapping.items() if name != "id"}
            more = [row | {"identity_hash": f"{number}"} for number in range(2_000)]
            await connection.execute(insert(Run.__table__), more)
        answer = await portfolio_exposures(services, HALF)
        assert {run.id for run in answer.runs} == {run.id for run in runs}

    async def test_a_run_dated_in_the_future_is_not_the_latest(self, services, dataset, runs):
        await add_run(services, dataset, FactorName.SMB, 2 * SMB, at=dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
        answer = await portfolio_exposures(services, HALF)
        assert {run.id for run in answer.runs} == {run.id for run in runs}

    async def test_labels_tell_two_runs_of_one_factor_apart(self, services, dataset, runs):
        other = await add_run(services, dataset, FactorName.SMB, MARKET[::-1].copy())
        answer = await portfolio_exposures(
            services, replace(HALF, run_ids=(runs[1].id, runs[0].id, other.id))
        )
        assert answer.labels == (f"smb#{runs[1].id}", "market", f"smb#{other.id}")
        assert tuple(run.id for run in answer.runs) == (runs[1].id, runs[0].id, other.id)
        assert [one.name for one in answer.exposures.regressions[0].factors] == list(answer.labels)

    async def test_one_regression_a_factor(self, services, runs):
        answer = await portfolio_exposures(services, replace(HALF, method=Method.UNIVARIATE))
        assert len(answer.exposures.regressions) == 2
        assert answer.exposures.attribution is None

    async def test_no_run_at_all(self, services, dataset):
        assert await fault(services, HALF) == (("run_ids",), "NO_RUNS")

    async def test_runs_that_cannot_serve(self, services, dataset, runs):
        monthly = await add_run(services, dataset, FactorName.VALUE, SMB, rebalance="MONTHLY")
        market = runs[0].id
        where = ("run_ids", "1")
        assert await fault(services, replace(HALF, run_ids=(market, monthly.id))) == (where, "NOT_WEEKLY")
        assert await fault(services, replace(HALF, run_ids=(market, market))) == (where, "DUPLICATE")
        assert await fault(services, replace(HALF, run_ids=())) == (("run_ids",), "OUT_OF_RANGE")
        assert await fault(services, replace(HALF, run_ids=(market,) * 21)) == (("run_ids",), "OUT_OF_RANGE")
        sweep = await swept(services.store, dataset.id, identity_hash="sweep")
        await refused(services, replace(HALF, run_ids=(sweep.id,)), RunNotFound)
        await refused(services, replace(HALF, run_ids=(10**9,)), RunNotFound)
        waiting = await launch(services.store, dataset.id, identity_hash="waiting")
        assert await fault(services, replace(HALF, run_ids=(market, waiting.id))) == (where, "NOT_SUCCEEDED")

    async def test_a_run_that_says_weekly_but_is_not(self, services, dataset):
        daily = await add_run(services, dataset, FactorName.SMB, SMB, dates=SUNDAYS[0] + np.arange(WEEKS))
        assert await fault(services, replace(HALF, run_ids=(daily.id,))) == (("run_ids", "0"), "NOT_WEEKLY")

    async def test_an_imported_run_is_weekly_if_most_of_its_weeks_have_a_period(self, services, dataset):
        monthly = SeriesRecord(name="FACTOR", times=SUNDAYS[0] + 28 * np.arange(WEEKS), values=SMB)
        run = await imported_run(services, series=(monthly,))
        request = replace(HALF, run_ids=(run.id,), min_observations=10)
        assert await fault(services, request) == (("run_ids", "0"), "NOT_WEEKLY")
        kept = np.arange(WEEKS) % 4 != 1
        gappy = SeriesRecord(name="FACTOR", times=SUNDAYS[kept], values=SMB[kept])
        run = await imported_run(services, series=(gappy,), line=2)
        answer = await portfolio_exposures(services, replace(HALF, run_ids=(run.id,)))
        assert answer.exposures.regressions[0].observations == kept.sum()

    async def test_factors_that_say_the_same(self, services, dataset, runs):
        double = await add_run(services, dataset, FactorName.VALUE, 2 * SMB + MARKET)
        request = replace(HALF, run_ids=(*(run.id for run in runs), double.id))
        error = await refused(services, request, UndefinedExposures)
        assert error.reason == "COLLINEAR_FACTORS"
        assert "'value'" in error.message


class TestDatasets:
    async def test_that_of_the_runs(self, services, dataset, runs):
        await add_content(services, replace(panel(), attributes={}), "another")
        answer = await portfolio_exposures(services, replace(HALF, run_ids=tuple(run.id for run in runs)))
        assert answer.dataset.id == dataset.id
        assert answer.notes == ()

    async def test_runs_of_two_datasets_leave_it_open(self, services, dataset, runs):
        other = await add_content(services, replace(panel(), attributes={}), "another")
        elsewhere = await add_run(services, other, FactorName.MARKET, MARKET[::-1].copy())
        request = replace(HALF, run_ids=(runs[1].id, elsewhere.id))
        assert await fault(services, request) == (("dataset",), "AMBIGUOUS")
        answer = await portfolio_exposures(services, replace(request, dataset=DatasetRef(name="coins")))
        assert answer.notes == (f"market is run {elsewhere.id}, which was computed from another dataset",)

    async def test_imported_runs_have_none(self, services, dataset):
        imported = await imported_run(services)
        answer = await portfolio_exposures(services, replace(HALF, run_ids=(imported.id,)))
        assert answer.dataset.id == dataset.id
        assert answer.notes == (f"smb is run {imported.id}, which was imported",)
        bare = await imported_run(services, series=())
        request = replace(HALF, run_ids=(imported.id, bare.id))
        assert await fault(services, request) == (("run_ids", "1"), "NO_SERIES")

    async def test_unknown_ones_and_those_without_files(self, services, dataset, runs):
        await refused(services, replace(HALF, dataset=DatasetRef(name="none")), DatasetNotFound)
        remove_snapshot(services.settings.datasets_dir, dataset.fingerprint)
        await refused(services, HALF, DatasetUnavailable)


class TestPortfolios:
    async def test_ids_in_any_case_and_symbols_name_assets(self, services, runs):
        request = replace(HALF, positions=(("BitCoin", 0.2), ("ether", -0.25), ("btc", 0.3)))
        answer = await portfolio_exposures(services, request)
        assert [(one.asset, one.weight) for one in answer.positions] == [("bitcoin", 0.5), ("ether", -0.25)]
        assert betas(answer) == betas(await portfolio_exposures(services, HALF))

    async def test_a_symbol_of_two_assets_is_not_guessed(self, services, runs):
        request = replace(HALF, positions=(("bitcoin", 1.0), ("eth", 1.0)))
        error = await refused(services, request)
        assert [(one.path, one.code) for one in error.field_errors] == [
            (("positions", "1", "asset"), "AMBIGUOUS")
        ]
        assert "ether or wrapped-ether" in error.message

    async def test_unknown_assets_come_with_what_is_near(self, services, runs):
        positions = (("bitcoinn", 1.0), ("ether", 1.0), ("zzz", 1.0), ("bitcoinn", 2.0))
        error = await refused(services, replace(HALF, positions=positions), UnknownAssets)
        assert error.unknown == (("bitcoinn", ("bitcoin",)), ("zzz", ()))
        assert error.message == "unknown assets: 'bitcoinn' (near: bitcoin), 'zzz'"

    async def test_values_become_weights(self, services, runs):
        request = replace(HALF, positions=(("bitcoin", 300.0), ("ether", -100.0)), basis=Basis.VALUES)
        answer = await portfolio_exposures(services, request)
        assert [one.weight for one in answer.positions] == [0.75, -0.25]
        assert [one.value for one in answer.positions] == [300.0, -100.0]
        assert answer.as_of is None

    async def test_amounts_are_worth_their_latest_prices(self, services, runs):
        prices = panel().fields["price"][-1]
        request = replace(HALF, positions=(("bitcoin", 0.5), ("ether", -2.0)), basis=Basis.AMOUNTS)
        answer = await portfolio_exposures(services, request)
        assert answer.as_of == SUNDAYS[-1].item()
        values = np.array([0.5 * prices[0], -2.0 * prices[1]])
        assert [one.value for one in answer.positions] == pytest.approx(values)
        assert [one.weight for one in answer.positions] == pytest.approx(values / np.abs(values).sum())
        assert [one.price for one in answer.positions] == pytest.approx(prices[:2])

    async def test_prices_are_of_the_last_date_that_all_have(self, services):
        content = panel()
        content.fields["price"][-30:, 1] = np.nan
        dataset = await add_content(services, content, "ended")
        run = await add_run(services, dataset, FactorName.SMB, SMB)
        request = replace(
            HALF, positions=(("bitcoin", 1.0), ("ether", 1.0)), basis=Basis.AMOUNTS, run_ids=(run.id,)
        )
        answer = await portfolio_exposures(services, request)
        # A price of up to 7 days before will do.
        assert answer.as_of == (content.dates[-31] + 7).item()
        assert answer.positions[0].price == content.fields["price"][-24, 0]
        assert answer.positions[1].price == content.fields["price"][-31, 1]

    async def test_prices_as_traded_are_preferred_to_adjusted_ones(self, services):
        content = panel()
        traded = replace(content, fields={**content.fields, "close": 2 * content.fields["price"]})
        dataset = await add_content(services, traded, "traded")
        await add_run(services, dataset, FactorName.SMB, SMB)
        request = replace(HALF, positions=(("bitcoin", 1.0),), basis=Basis.AMOUNTS)
        (position,) = (await portfolio_exposures(services, request)).positions
        assert position.price == 2 * content.fields["price"][-1, 0]

    async def test_amounts_without_prices(self, services, runs):
        request = replace(HALF, basis=Basis.AMOUNTS, positions=(("bitcoin", 1.0), ("priceless", 1.0)))
        assert await fault(services, request) == (("positions", "1", "asset"), "NO_PRICE")
        early = panel()
        early.fields["price"][200:, 0] = np.nan
        await add_content(services, early, "early")
        request = replace(
            HALF,
            basis=Basis.AMOUNTS,
            positions=(("late", 1.0), ("bitcoin", 1.0)),
            run_ids=(runs[0].id,),
            dataset=DatasetRef(name="early"),
        )
        assert await fault(services, request) == (("positions", "1", "asset"), "NO_COMMON_PRICES")

    async def test_what_is_not_held_needs_no_price(self, services, runs):
        request = replace(HALF, basis=Basis.AMOUNTS, positions=(("priceless", 0.0), ("bitcoin", 1.0)))
        answer = await portfolio_exposures(services, request)
        assert [(one.asset, one.price is None, one.weight) for one in answer.positions] == [
            ("priceless", True, 0.0),
            ("bitcoin", False, 1.0),
        ]
        assert answer.exposures.regressions[0].observations == WEEKS

    async def test_what_holds_nothing(self, services, runs):
        for positions in ((("bitcoin", 0.0),), (("bitcoin", 1.0), ("btc", -1.0))):
            for basis in Basis:
                request = replace(HALF, positions=positions, basis=basis)
                assert await fault(services, request) == (("positions",), "EMPTY_PORTFOLIO")
        assert await fault(services, replace(HALF, positions=())) == (("positions",), "OUT_OF_RANGE")
        many = (("bitcoin", 1.0),) * 1_001
        assert await fault(services, replace(HALF, positions=many)) == (("positions",), "OUT_OF_RANGE")
        odd = replace(HALF, positions=(("bitcoin", 1.0), ("ether", float("nan"))))
        assert await fault(services, odd) == (("positions", "1", "number"), "NOT_FINITE")

    @pytest.mark.parametrize("basis", Basis)
    async def test_what_adds_up_to_infinity(self, services, runs, basis):
        huge = (("bitcoin", 1e308), ("ether", -1e308))
        request = replace(HALF, positions=huge, basis=basis)
        assert await fault(services, request) == (("positions",), "NOT_FINITE")
        request = replace(HALF, positions=(("bitcoin", 1e305), ("ether", 1e305)), basis=Basis.AMOUNTS)
        assert await fault(services, request) == (("positions",), "EMPTY_PORTFOLIO")

    async def test_an_asset_that_is_too_young(self, services, runs):
        error = await refused(services, replace(HALF, positions=(("late", 1.0),)), TooFewObservations)
        assert (error.observations, error.needed) == (WEEKS - 91, 52)
        answer = await portfolio_exposures(
            services, replace(HALF, positions=(("late", 1.0),), min_observations=20)
        )
        assert answer.exposures.regressions[0].observations == WEEKS - 91


class TestRiskFree:
    async def test_a_constant_rate_is_subtracted(self, services, runs):
        rate = RiskFreeRequest(annual_rate=0.05)
        request = replace(HALF, positions=(("bitcoin", 1.0),), risk_free=rate)
        answer = await portfolio_exposures(services, request)
        weekly = 1.05 ** (7 / 365) - 1
        # The market is in excess too: what its beta subtracts comes back as alpha.
        expected = ALPHA - weekly + MARKET_BETA["bitcoin"] * weekly
        assert answer.exposures.regressions[0].alpha == pytest.approx(52 * expected, rel=1e-9)
        assert answer.risk_free == "5 % a year"

    async def test_a_dataset_of_yields(self, services, dataset, runs):
        await add_content(services, discount_rates(), "bills")
        rate = RiskFreeRequest(dataset=DatasetRef(name="bills"))
        starts, ends = SUNDAYS[:3] - 7, SUNDAYS[:3]
        found = await risk_free_returns(services, rate, starts, ends)
        assert found == pytest.approx((1 / (1 - 0.05 * 91 / 360)) ** (7 / 91) - 1, rel=1e-12)
        request = replace(HALF, risk_free=rate, dataset=DatasetRef(name="coins"))
        answer = await portfolio_exposures(services, request)
        assert answer.risk_free == "^IRX of bills v1"
        assert answer.exposures.in_excess

    async def test_rates_that_cannot_serve(self, services, dataset, runs):
        coins = replace(HALF, dataset=DatasetRef(name="coins"))
        two = RiskFreeRequest(dataset=DatasetRef(name="two"))
        await add_content(services, discount_rates(assets=("a", "b")), "two")
        path = ("risk_free", "dataset")
        assert await fault(services, replace(coins, risk_free=two)) == (path, "AMBIGUOUS")
        prices = RiskFreeRequest(dataset=DatasetRef(name="coins"))
        error = await refused(services, replace(coins, risk_free=prices), MissingField)
        assert error.field == "discount_rate"
        for rate in (1.01, -0.51, float("nan")):
            request = replace(coins, risk_free=RiskFreeRequest(annual_rate=rate))
            assert await fault(services, request) == (("risk_free", "annual_rate"), "OUT_OF_RANGE")
        both = RiskFreeRequest(annual_rate=0.1, dataset=DatasetRef(name="two"))
        for neither in (RiskFreeRequest(), both):
            request = replace(coins, risk_free=neither)
            assert await fault(services, request) == (("risk_free",), "EXACTLY_ONE")

    async def test_weeks_without_a_rate_do_not_count(self, services, dataset, runs):
        await add_content(services, discount_rates(first=str(SUNDAYS[19])), "bills")
        request = replace(
            HALF,
            dataset=DatasetRef(name="coins"),
            risk_free=RiskFreeRequest(dataset=DatasetRef(name="bills")),
        )
        answer = await portfolio_exposures(services, request)
        assert answer.exposures.weeks[0] == SUNDAYS[20]


class TestWeeks:
    async def test_a_range_of_weeks(self, services, runs):
        request = replace(HALF, start=SUNDAYS[10].item(), end=SUNDAYS[80].item())
        answer = await portfolio_exposures(services, request)
        assert answer.exposures.weeks.tolist() == SUNDAYS[10:81].tolist()
        backwards = replace(HALF, start=dt.date(2022, 1, 2), end=dt.date(2022, 1, 1))
        assert await fault(services, backwards) == (("end",), "OUT_OF_RANGE")

    async def test_weeks_that_are_left_out_are_told(self, services):
        content = panel()
        content.fields["price"][100:121, 0] = np.nan  # two whole weeks, so three returns
        dataset = await add_content(services, content)
        await add_run(services, dataset, FactorName.SMB, SMB)
        answer = await portfolio_exposures(services, HALF)
        left_out = WEEKS - answer.exposures.regressions[0].observations
        assert left_out == 3
        span = f"from {SUNDAYS[0]} to {SUNDAYS[-1]}"
        assert answer.notes == (f"3 of the 120 weeks {span} are left out: a return is missing in them",)

    async def test_windows_longer_than_all_weeks_are_told(self, services, runs):
        answer = await portfolio_exposures(services, replace(HALF, window=WEEKS))
        assert np.isfinite(answer.exposures.rolling.coefficients[0][-1]).all()
        assert answer.notes == ()
        answer = await portfolio_exposures(services, replace(HALF, window=WEEKS + 1))
        assert answer.notes == ("there are no rolling betas: 120 weeks are fewer than a window of 121",)

    async def test_weeks_that_lag_behind_the_portfolios_are_told(self, services, dataset):
        options = {"execution_lag_days": 1}
        run = await add_run(services, dataset, FactorName.SMB, SMB, options=options)
        (note,) = (await portfolio_exposures(services, replace(HALF, run_ids=(run.id,)))).notes
        assert note.startswith(f"smb is run {run.id}, whose positions are taken a day after weeks begin")

    async def test_options_out_of_range_have_the_names_of_the_request(self, services, runs):
        request = replace(HALF, min_observations=9, confidence=1.0, lag=-1, window=4)
        error = await refused(services, request)
        assert [one.path for one in error.field_errors] == [
            ("min_observations",),
            ("confidence",),
            ("lag",),
            ("window",),
        ]

    async def test_weeks_of_stock_exchanges_end_before_their_sundays(self, services):
        content = panel()
        sessions = np.is_busday(content.dates) | (content.dates == content.dates[0])
        # On a stock exchange Sunday's price is Friday's.
        friday = np.roll(content.fields["price"], -2, axis=0)
        stocks = Panel(
            dates=content.dates[sessions][1:],
            assets=content.assets,
            fields={"price": friday[sessions][1:]},
            calendar=Calendar.OBSERVED,
        )
        dataset = await add_content(services, stocks, "stocks")
        await add_run(services, dataset, FactorName.MARKET, MARKET)
        await add_run(services, dataset, FactorName.SMB, SMB)
        answer = await portfolio_exposures(services, HALF)
        assert betas(answer)["smb"] == pytest.approx(-0.45, rel=1e-9)
        assert answer.exposures.regressions[0].observations == WEEKS - 1


async def test_other_requests_are_served_meanwhile(services, runs):
    answers = await asyncio.gather(*(portfolio_exposures(services, HALF) for _ in range(8)))
    assert len({tuple(betas(answer).items()) for answer in answers}) == 1


def test_the_prices_of_some_assets_are_taken_out_of_a_panel_whose_attributes_change():
    content = panel()
    history = (DatedValue(SINCE_EVER, "x"), DatedValue(content.dates[1].item(), "y"))
    content = replace(
        content,
        attributes={"sector": ("y",) * len(content.assets)},
        attribute_changes={"sector": (history,) * len(content.assets)},
    )

    taken = prices_of(content, content.assets[1:2])

    assert taken.assets == content.assets[1:2]
    np.testing.assert_array_equal(taken.fields["price"], content.fields["price"][:, 1:2])
