"""The monthly sheet of a stored run: its series up to a date, its portfolio, the volumes in its dataset."""

from __future__ import annotations

import datetime as dt
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from app.context import Services
from app.datasets.risk_free import RiskFreeRequest
from app.datasets.snapshot import remove_snapshot, write_snapshot
from app.errors import InvalidInput
from app.features.factors.monthly_metrics import interval_volumes, period_starts, run_monthly_metrics
from app.runs.events import EventHub
from app.settings import Settings
from db.records import AssetRecord, RunKind, RunOrigin, RunResults
from db.runs.read import Choice, RunFilter, page_runs
from engine.config import to_json
from engine.exposures.risk_free import constant_returns
from engine.factors.registry import FactorName
from engine.panel import Calendar, Panel
from engine.periods import Rebalance
from engine.statistics.metrics import annualized_return, sharpe_ratio
from tests.app.schema.computed import as_stored, computed, sample_panel
from tests.app.schema.graph import add_dataset, populate
from tests.db.samples import NOW, add_sample_dataset, launch, new_results, succeeded

HOLDINGS = {
    "concentration",
    "contribution_to_return",
    "top_contributor",
    "top_contribution",
    "average_daily_volume_usd",
    "average_market_cap_usd",
}


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path, _env_file=None), store, EventHub(store), None)
    yield services
    await services.events.close()


async def stored(services, factor=FactorName.MOMENTUM, *, panel=None, **options):
    """A run and the result that it was stored from; the dataset's files are in place."""
    panel = panel or sample_panel()
    result, research = computed(factor, panel=panel, **options)
    dataset_id = await add_sample_dataset(
        services.store,
        fingerprint=write_snapshot(panel, services.settings.datasets_dir),
        calendar=panel.calendar.value,
        fields=tuple(panel.fields),
        assets=tuple(
            AssetRecord(ordinal=ordinal, asset=asset, observation_count=1)
            for ordinal, asset in enumerate(panel.assets)
        ),
    )
    run = await succeeded(
        services.store,
        dataset_id,
        as_stored(result, research),
        subject=factor.value,
        config=to_json(result.config),
    )
    return run, result


def reasons(sheet) -> dict[str, str]:
    return {one.metric: one.reason for one in sheet.undefined}


async def test_the_sheet_is_that_of_the_last_period_unless_a_date_is_given(services):
    run, result = await stored(services)
    sheet = await run_monthly_metrics(services, run)
    dates, returns = result.dates, result.factor
    assert sheet.as_of == sheet.last_period_end == dates[-1].item()
    assert (sheet.num_periods, sheet.last_period_return) == (len(returns), returns[-1])
    assert sheet.annualized_return == result.performance.annualized_return
    assert sheet.sharpe_ratio == result.performance.sharpe_ratio
    earlier = await run_monthly_metrics(services, run, as_of=dates[20].item() + dt.timedelta(days=3))
    assert (earlier.num_periods, earlier.last_period_end) == (21, dates[20].item())
    assert earlier.last_period_return == returns[20]


@pytest.mark.parametrize("back", [1, 8])
async def test_holdings_are_those_of_the_last_period_with_the_volumes_of_the_week_before(services, back):
    run, result = await stored(services)
    end = result.dates[-back].item()
    sheet = await run_monthly_metrics(services, run, as_of=end)
    contributions, volumes, caps = {}, [], []
    panel = sample_panel()
    formed = int(np.flatnonzero(panel.dates == np.datetime64(end) - 7)[0])
    for leg, sign in ((result.long_leg, 1.0), (result.short_leg, -1.0)):
        held = slice(*leg.offsets[len(leg.offsets) - 1 - back :][:2])
        for asset, weight, earned in zip(
            leg.assets[held], leg.weights[held], leg.period_returns[held], strict=True
        ):
            contributions[panel.assets[asset]] = sign * weight * earned
            volumes.append(panel.fields["volume"][formed - 6 : formed + 1, asset].mean())
        caps += leg.market_caps[held].tolist()
    assert sheet.contribution_to_return == pytest.approx(np.nansum(list(contributions.values())))
    assert sheet.top_contributor == max(contributions, key=lambda asset: contributions[asset])
    assert sheet.top_contribution == pytest.approx(contributions[sheet.top_contributor])
    assert sheet.average_daily_volume_usd == pytest.approx(np.nanmean(volumes))
    assert sheet.average_market_cap_usd == pytest.approx(np.nanmean(caps))
    assert sheet.concentration == pytest.approx(1 / len(contributions))
    assert reasons(sheet) == {"excess_annualized_return": "NO_RISK_FREE"}


@pytest.mark.parametrize(
    "options",
    [
        {"missing_return": -0.5},
        {"max_abs_return": 0.05, "extreme_returns": "EXCLUDE", "missing_return": -0.01},
    ],
)
async def test_contributions_add_up_to_what_the_run_took_its_holdings_to_have_earned(services, options):
    panel = deepcopy(sample_panel())  # which others use too
    panel.fields["price"][200:214, ::2] = np.nan  # of some a whole week without a price
    run, result = await stored(services, panel=panel, **options)
    for end, earned in zip(result.dates.tolist(), result.factor.tolist(), strict=True):
        sheet = await run_monthly_metrics(services, run, as_of=end)
        assert sheet.contribution_to_return == pytest.approx(earned, abs=1e-15)
        assert sheet.last_period_return == earned


async def test_a_long_only_factor_has_one_leg(services):
    run, result = await stored(services, FactorName.MARKET)
    sheet = await run_monthly_metrics(services, run)
    assert sheet.contribution_to_return == pytest.approx(result.factor[-1])


@pytest.mark.parametrize("rebalance", ["DAILY", "WEEKLY", "MONTHLY"])
async def test_of_sessions_the_volume_is_a_mean_a_session(services, rebalance):
    whole = sample_panel()
    sessions = np.is_busday(whole.dates)
    panel = Panel(
        dates=whole.dates[sessions],
        assets=whole.assets,
        fields={name: values[sessions] for name, values in whole.fields.items()},
        calendar=Calendar.OBSERVED,
    )
    run, result = await stored(services, panel=panel, rebalance=rebalance)
    sheet = await run_monthly_metrics(services, run, risk_free=RiskFreeRequest(annual_rate=0.0))
    formed = np.datetime64(result.formation_dates[-1])
    inside = panel.dates <= formed
    if rebalance == "DAILY":
        inside &= panel.dates == formed
    elif rebalance == "WEEKLY":
        inside &= panel.dates > formed - 7
    else:
        inside &= panel.dates.astype("datetime64[M]") == formed.astype("datetime64[M]")
    held = [leg.assets[leg.offsets[-2] :] for leg in (result.long_leg, result.short_leg)]
    expected = panel.fields["volume"][inside][:, np.concatenate(held)].mean()
    assert sheet.average_daily_volume_usd == pytest.approx(expected)
    assert sheet.sharpe_ratio == result.performance.sharpe_ratio, "with the periods a year of sessions"
    assert sheet.excess_annualized_return == sheet.annualized_return


async def test_without_the_datasets_files_only_the_volume_is_unknown(services):
    run, _ = await stored(services)
    whole = await run_monthly_metrics(services, run)
    for folder in services.settings.datasets_dir.iterdir():
        remove_snapshot(services.settings.datasets_dir, folder.name)
    sheet = await run_monthly_metrics(services, run)
    assert reasons(sheet)["average_daily_volume_usd"] == "DATASET_UNAVAILABLE"
    assert replace(
        sheet, average_daily_volume_usd=whole.average_daily_volume_usd, undefined=whole.undefined
    ) == (whole)


async def test_a_dataset_without_volumes_says_so(services):
    run, _ = await stored(services, panel=sample_panel(without="volume"))
    sheet = await run_monthly_metrics(services, run)
    assert sheet.average_daily_volume_usd is None
    assert reasons(sheet)["average_daily_volume_usd"] == "MISSING_FIELD"


async def test_an_imported_run_has_no_holdings(services):
    await populate(services.store)
    imported = RunFilter(origin=Choice(one_of=(RunOrigin.IMPORTED,)))
    (run,) = (await page_runs(services.store, imported, kind=RunKind.FACTOR, first=5, after=None)).items
    sheet = await run_monthly_metrics(services, run)
    assert (sheet.num_periods, sheet.concentration, sheet.top_contributor) == (60, None, None)
    assert {name for name, reason in reasons(sheet).items() if reason == "NO_COMPOSITION"} == HOLDINGS


async def test_a_period_without_a_recorded_portfolio_has_no_holdings(services):
    run = await succeeded(services.store, await add_dataset(services.store), new_results())
    sheet = await run_monthly_metrics(services, run)
    assert sheet.last_period_end == dt.date(2025, 2, 2)
    assert {name for name, reason in reasons(sheet).items() if reason == "NO_COMPOSITION"} == HOLDINGS
    assert any("2025-02-02" in one.detail for one in sheet.undefined)


async def test_a_holding_without_a_return_cannot_be_the_top_contributor_of_none(services):
    results = new_results()
    leg = results.compositions[0].long
    unknown = replace(leg, period_returns=np.full(len(leg.weights), np.nan))
    compositions = (replace(results.compositions[0], long=unknown, short=None),)
    run = await succeeded(
        services.store, await add_dataset(services.store), replace(results, compositions=compositions)
    )
    sheet = await run_monthly_metrics(services, run, as_of=dt.date(2025, 1, 12))
    assert (sheet.top_contributor, sheet.top_contribution, sheet.contribution_to_return) == (None,) * 3
    assert reasons(sheet).keys() >= {"top_contributor", "top_contribution", "contribution_to_return"}


async def test_no_sheet_before_the_first_period_or_without_a_series(services):
    run, result = await stored(services)
    before = result.dates[0].item() - dt.timedelta(days=1)
    with pytest.raises(InvalidInput, match=f"no period ended by {before}") as refused:
        await run_monthly_metrics(services, run, as_of=before)
    assert [fault.path for fault in refused.value.field_errors] == [("as_of",)]
    waiting = await launch(services.store, run.dataset_id, identity_hash="waits")
    assert await run_monthly_metrics(services, waiting) is None
    silent = RunResults(performance=new_results().performance)
    bare = await succeeded(services.store, run.dataset_id, silent, identity_hash="bare", at=NOW)
    assert await run_monthly_metrics(services, bare) is None


async def test_a_constant_rate_is_taken_off_each_period(services):
    run, result = await stored(services)
    sheet = await run_monthly_metrics(services, run, risk_free=RiskFreeRequest(annual_rate=0.05))
    plain = await run_monthly_metrics(services, run)
    weekly = constant_returns(0.05, result.dates - 7, result.dates)
    excess = result.factor - weekly
    years = int((result.dates[-1] - result.dates[0]).astype(int)) / 365
    assert sheet.sharpe_ratio == pytest.approx(sharpe_ratio(excess, 52))
    assert sheet.excess_annualized_return == pytest.approx(
        annualized_return(float(np.prod(1 + excess)) - 1, years)
    )
    assert sheet.annualized_return == plain.annualized_return
    assert reasons(sheet) == {}


DAILY = ["2024-05-23", "2024-05-24", "2024-05-28", "2024-05-29", "2024-06-20"]  # Memorial Day, then a gap
DAILY_STARTS = ["2024-05-22", "2024-05-23", "2024-05-24", "2024-05-28", "2024-06-19"]


@pytest.mark.parametrize(
    ("rebalance", "calendar", "ends", "starts"),
    [
        ("DAILY", "EVERY_DAY", ["2024-05-23", "2024-05-26"], ["2024-05-22", "2024-05-25"]),
        ("WEEKLY", "EVERY_DAY", ["2024-05-26", "2024-06-09"], ["2024-05-19", "2024-06-02"]),
        ("MONTHLY", "EVERY_DAY", ["2024-02-29", "2024-03-31"], ["2024-01-31", "2024-02-29"]),
        ("DAILY", "OBSERVED", DAILY, DAILY_STARTS),
        ("WEEKLY", "OBSERVED", ["2024-03-28", "2024-04-05", "2024-05-03"], None),
        ("MONTHLY", "OBSERVED", ["2024-03-28", "2024-04-30"], ["2024-02-29", "2024-03-28"]),
    ],
)
def test_a_period_begins_where_the_one_before_ended_or_by_the_calendar(rebalance, calendar, ends, starts):
    starts = starts or ["2024-03-21", "2024-03-28", "2024-04-26"]  # Good Friday, then skipped weeks
    found = period_starts(np.array(ends, "datetime64[D]"), Rebalance(rebalance), Calendar(calendar))
    assert found.astype(str).tolist() == starts


def test_volumes_are_means_over_the_known_days_of_the_interval():
    days = np.datetime64("2024-01-01") + np.arange(14)
    volume = np.full((14, 3), np.nan)
    volume[:7, 0] = np.arange(7)
    volume[[1, 3], 1] = 10.0, 20.0
    volume[7:, 1] = 1e9
    fields = {"price": np.ones((14, 3)), "volume": volume}
    panel = Panel(dates=days, assets=("a", "b", "c"), fields=fields, calendar=Calendar.EVERY_DAY)
    found = interval_volumes(panel, Rebalance.WEEKLY, dt.date(2024, 1, 7))
    assert found.tolist() == pytest.approx([3.0, 15.0, np.nan], nan_ok=True)
    assert np.isnan(interval_volumes(panel, Rebalance.WEEKLY, dt.date(2024, 1, 8))).all()
