"""Which fetches may be launched, which of them are the same, and what is known of the sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from app.context import Services
from app.datasets.quality import LostAsset
from app.errors import InvalidInput, QueueFull
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FetchReport
from app.features.fetches.service import (
    MAX_ASSETS,
    checked_fetch,
    get_fetch_reports,
    launch_fetch,
    list_sources,
    require_key,
)
from app.runs.events import EventHub
from app.runs.launch import Launch
from app.runs.lifecycle import cancel_run
from app.settings import Settings
from app.sources.errors import SourceNotConfigured
from app.sources.names import SourceName
from db.records import RunKind, RunResults, RunStatus
from db.runs.queue import claim_run, fail_run, finish_run
from db.store import Store
from tests.db.samples import WORKER, later, new_dataset

START, END = date(2024, 1, 1), date(2024, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def services(store: Store, store_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=store_url, max_queued_runs=4)
    services = Services(settings, store, EventHub(store), None)
    yield services
    await services.events.close()


def settings_with(key: str | None = None) -> Settings:
    return Settings(_env_file=None, ARTEMIS_API_KEY=key)


def checked(**changes: Any) -> FetchConfig:
    wanted = {"start": START, "end": END, "dataset_name": "coins", "now": NOON} | changes
    return checked_fetch(settings_with(), wanted.pop("source", SourceName.COINMETRICS), **wanted)


async def launched(services: Services, **changes: Any) -> Launch:
    wanted = {"start": START, "end": END, "dataset_name": "coins"} | changes
    return await launch_fetch(services, wanted.pop("source", SourceName.COINMETRICS), **wanted)


# -- what may be asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (NOON, date(2026, 2, 28)),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5))), date(2026, 3, 1)),
        (datetime(2026, 3, 1, 3, 0, tzinfo=timezone(timedelta(hours=9))), date(2026, 2, 27)),
    ],
)
def test_without_an_end_it_is_the_last_day_that_is_over_by_utc(now: datetime, last: date) -> None:
    assert checked(end=None, now=now).request.end == last
    assert checked(end=last, now=now).request.end == last
    with pytest.raises(InvalidInput, match="the last day that is over"):
        checked(end=last + timedelta(days=1), now=now)


def test_a_single_day_and_the_first_day_of_all_may_be_asked_for() -> None:
    assert checked(start=END).request.start == END
    assert checked(start=date(1970, 1, 1)).request.start == date(1970, 1, 1)


def test_assets_are_stripped_and_asked_for_once_in_their_order() -> None:
    assert checked(assets=[" eth", "btc", "eth ", "ETH"]).request.assets == ("eth", "btc", "ETH")
    assert checked(assets=None).request.assets is None
    assert (
        len(checked(assets=[str(number) for number in range(MAX_ASSETS)]).request.assets or ()) == MAX_ASSETS
    )


@pytest.mark.parametrize(
    ("changes", "argument", "code"),
    [
        ({"dataset_name": ""}, "dataset_name", "INVALID_NAME"),
        ({"start": date(1969, 12, 31)}, "start", "OUT_OF_RANGE"),
        ({"start": END + timedelta(days=1)}, "start", "OUT_OF_RANGE"),
        ({"start": date(2026, 3, 1), "end": None}, "start", "OUT_OF_RANGE"),
        ({"assets": []}, "assets", "EMPTY"),
        ({"assets": ["btc", ""]}, "assets", "OUT_OF_RANGE"),
        ({"assets": ["x" * 101]}, "assets", "OUT_OF_RANGE"),
        ({"assets": ["b\0"]}, "assets", "OUT_OF_RANGE"),
        ({"assets": [str(number) for number in range(MAX_ASSETS + 1)]}, "assets", "TOO_MANY"),
        ({"source": SourceName.YAHOO}, "assets", "REQUIRED"),
    ],
)
def test_faults_stand_at_their_argument(changes: dict[str, Any], argument: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(**changes)
    assert [(fault.path, fault.code) for fault in caught.value.field_errors] == [((argument,), code)]


# -- sources -----------------------------------------------------------------------------------------------


def test_every_source_is_listed_with_the_key_that_it_needs() -> None:
    found = {one.name: one for one in list_sources(settings_with())}
    assert list(found) == list(SourceName)
    assert {name for name, one in found.items() if one.key} == {SourceName.ARTEMIS, SourceName.CRYPTO}
    assert {name for name, one in found.items() if one.configured} == {
        SourceName.COINMETRICS,
        SourceName.COINBASE,
        SourceName.YAHOO,
    }
    with_key = list_sources(settings_with("s3cret"))
    assert all(one.configured for one in with_key)
    assert "s3cret" not in repr(with_key)


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_is_named(key: str | None) -> None:
    with pytest.raises(SourceNotConfigured) as caught:
        require_key(SourceName.CRYPTO, settings_with(key))
    assert "ARTEMIS_API_KEY" in (caught.value.hint or "")
    require_key(SourceName.CRYPTO, settings_with("s3cret"))
    require_key(SourceName.COINBASE, settings_with(key))


# -- launching ---------------------------------------------------------------------------------------------


async def test_a_launched_fetch_is_a_run_without_factor_engine_and_dataset(services: Services) -> None:
    run = (await launched(services, assets=["btc"], tags=["b", "a"], note="why")).run
    assert (run.kind, run.status) == (RunKind.FETCH, RunStatus.QUEUED)
    assert (run.subject, run.engine_version, run.dataset_id) == (None, None, None)
    assert (run.tags, run.note, run.forced) == (("a", "b"), "why", False)
    config = FetchConfig.from_json(run.config)
    assert (config.source, config.dataset_name) == (SourceName.COINMETRICS, "coins")
    assert (config.request.start, config.request.end, config.request.assets) == (START, END, ("btc",))


@pytest.mark.parametrize(
    "changes",
    [
        {"source": SourceName.COINBASE},
        {"start": START + timedelta(days=1)},
        {"end": END + timedelta(days=1)},
        {"assets": ["btc"]},
        {"dataset_name": "other"},
        {"refresh": True},
    ],
)
async def test_another_fetch_is_not_reused(services: Services, changes: dict[str, Any]) -> None:
    first = await launched(services)
    other = await launched(services, **changes)
    assert (first.reused, other.reused) == (False, False)
    assert first.run.id != other.run.id


async def _fail(services: Services, run_id: int) -> None:
    await claim_run(services.store, WORKER, later(1), kinds=[RunKind.FETCH])
    await fail_run(services.store, run_id, 1, WORKER, "SOURCE_EMPTY", "nothing", later(2))


async def _cancel(services: Services, run_id: int) -> None:
    await cancel_run(services, run_id)


async def _succeed(services: Services, run_id: int) -> None:
    await claim_run(services.store, WORKER, later(1), kinds=[RunKind.FETCH])
    assert await finish_run(services.store, run_id, 1, WORKER, RunResults(dataset=new_dataset()), later(2))


@pytest.mark.parametrize("end", [_fail, _cancel, _succeed])
async def test_the_same_fetch_is_reused_until_it_has_ended(
    services: Services, end: Callable[[Services, int], Any]
) -> None:
    first = await launched(services)
    again = await launched(services, tags=["late"])
    assert (again.reused, again.run.id, again.run.tags) == (True, first.run.id, ())
    await end(services, first.run.id)
    anew = await launched(services)
    assert (anew.reused, anew.run.id) == (False, first.run.id + 1)


async def test_no_more_fetches_wait_than_are_allowed(services: Services) -> None:
    for name in "abcd":
        await launched(services, dataset_name=name)
    with pytest.raises(QueueFull):
        await launched(services, dataset_name="e")


async def test_nothing_is_launched_without_the_key(services: Services) -> None:
    with pytest.raises(SourceNotConfigured):
        await launched(services, source=SourceName.ARTEMIS)
    assert (await launched(services)).run.id == 1


# -- reports -----------------------------------------------------------------------------------------------


async def test_a_report_is_read_as_it_was_written(services: Services) -> None:
    report = FetchReport(
        counts={"assets_done": 2, "bytes": 5_000_000_000},
        lost=(LostAsset(asset="usdt", code="STABLECOIN", reason="pegged"),),
        notes=("a remark",),
    )
    run = (await launched(services)).run
    waiting = (await launched(services, dataset_name="other")).run
    await claim_run(services.store, WORKER, later(1), kinds=[RunKind.FETCH])
    results = RunResults(dataset=new_dataset(), documents=(report.to_document(),))
    assert await finish_run(services.store, run.id, 1, WORKER, results, later(2), counts=report.counts)
    assert await get_fetch_reports(services.store, [run.id, waiting.id, 99]) == {run.id: report}
