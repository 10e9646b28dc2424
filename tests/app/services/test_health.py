"""What the server says of itself, for each of the ways in which it can be unable to work."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.context import Services
from app.execution.worker.identity import worker_id
from app.health import HealthReport, report_health
from app.runs.events import EventHub
from db.errors import StoreUnavailable
from db.models import Worker
from db.runs.queue import heartbeat
from db.store import Store, WriteFailure, store_access
from tests.app.execution.queueing import BRISK, executing, now, queue, settings_for

NERVOUS = replace(BRISK, silence=0.4)


@pytest.fixture
async def services(store, store_url, tmp_path):
    return Services(settings_for(store_url, tmp_path), store, EventHub(store), None)


async def reported(services: Services, condition: Callable[[HealthReport], object]) -> HealthReport:
    async with asyncio.timeout(30):
        while not condition(report := await report_health(services)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return report


async def test_an_idle_server_writes_all_the_time_and_says_when(services, store):
    async with executing(store, services.settings) as executor:
        working = replace(services, executor=executor)
        first = await reported(working, lambda report: report.last_write_at)
        again = await reported(working, lambda report: report.last_write_at > first.last_write_at)
    assert (again.serves, again.problems) == (True, ())
    assert 0 <= again.last_write_age_seconds < BRISK.silence


async def test_a_store_that_cannot_be_written_is_said_and_that_it_can_again(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr("db.connect.LOCK_WAIT_SECONDS", 0.1)

    async def locked(*_arguments: object) -> None:
        raise StoreUnavailable("the SQLite database /srv/x: database is locked", "another process writes")

    async with await Store.open(store_url, migrate=False) as store:
        services = Services(settings_for(store_url, tmp_path), store, EventHub(store), None)
        async with executing(store, services.settings, timing=NERVOUS) as executor:
            working = replace(services, executor=executor)
            with monkeypatch.context() as patched:
                patched.setattr("app.execution.heartbeat.heartbeat", locked)
                report = await reported(working, lambda report: report.problems)
                assert report.serves is False
                assert report.problems[0].startswith("nothing could be written to the store for ")
            assert (await reported(working, lambda report: report.serves)).problems == ()


@store_access
async def hold_write_lock(store: Store, held: asyncio.Event, release: asyncio.Event) -> None:
    async with store.write(exclusive=True):
        held.set()
        await release.wait()


async def test_a_lock_that_another_process_holds_silences_the_heartbeat(tmp_path, migrated_file, monkeypatch):
    monkeypatch.setattr("db.connect.LOCK_WAIT_SECONDS", 0.1)
    url = f"sqlite:///{shutil.copyfile(migrated_file, tmp_path / 'factorql.db')}"
    settings, held, release = settings_for(url, tmp_path), asyncio.Event(), asyncio.Event()
    async with await Store.open(url, migrate=False) as store, await Store.open(url, migrate=False) as other:
        services = Services(settings, store, EventHub(store), None)
        async with executing(store, settings, timing=NERVOUS) as executor:
            working = replace(services, executor=executor)
            holding = asyncio.create_task(hold_write_lock(other, held, release))
            await held.wait()
            assert (await reported(working, lambda report: report.problems)).serves is False
            release.set()
            await holding
            assert (await reported(working, lambda report: report.serves)).problems == ()


async def test_a_failed_write_counts_until_one_succeeds_or_it_is_old(services, store):
    now = time.monotonic()
    full = StoreUnavailable("the SQLite database /srv/x: disk is full", "free some space on the disk")
    store.write_failure = WriteFailure(full, now - 20, now - 5)
    report = await report_health(services)
    assert report.problems == ("the last write to the store failed (free some space on the disk)",)
    assert report.serves is False
    store.write_failure = WriteFailure(full, now - 200, now - 61)
    assert (await report_health(services)).problems == ()
    store.write_failure = WriteFailure(full, now - 20, now - 5)
    await queue(store, "succeed")
    assert (await report_health(services)).problems == ()


async def test_a_failed_write_is_over_once_the_heartbeat_writes_again(services, store):
    async with executing(store, services.settings) as executor:
        working = replace(services, executor=executor)
        await reported(working, lambda report: report.last_write_at)
        now = time.monotonic()
        store.write_failure = WriteFailure(StoreUnavailable("locked", "wait"), now - 5, now + 0.2)
        assert (await report_health(working)).problems == ("the last write to the store failed (wait)",)
        assert (await reported(working, lambda report: report.serves)).problems == ()


def full(_folder: object) -> SimpleNamespace:
    return SimpleNamespace(free=1000)


def gone(_folder: object) -> SimpleNamespace:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(
    ("usage", "problem"),
    [
        (full, "the disk of the {} is full"),
        (gone, "the {} cannot be used: No such file or directory"),
    ],
)
async def test_a_disk_without_room_is_said_before_anything_fails(services, monkeypatch, usage, problem):
    monkeypatch.setattr("app.health.shutil.disk_usage", usage)
    report = await report_health(services)
    folders = ("data folder", "store") if services.store.dialect == "sqlite" else ("data folder",)
    assert (report.serves, report.problems) == (False, tuple(map(problem.format, folders)))


async def test_the_heartbeat_leaves_a_row_while_the_server_runs(services, store):
    async with executing(store, services.settings) as executor:
        working = replace(services, executor=executor)
        await reported(working, lambda report: report.last_write_at)
        assert await workers_of(store) == [worker_id()]
    assert await workers_of(store) == []


async def test_workers_that_were_killed_are_forgotten_in_the_end(services, store):
    for name, days in (("old:1:1", 2), ("young:1:1", 0.5)):
        await heartbeat(store, [], name, now() - timedelta(days=days))
    async with executing(store, services.settings) as executor:
        await reported(replace(services, executor=executor), lambda report: report.last_write_at)
    assert await workers_of(store) == ["young:1:1"]


async def workers_of(store: Store) -> list[str]:
    async with store.read() as connection:
        return list(await connection.scalars(select(Worker.__table__.c.name)))


async def test_a_store_that_does_not_answer_is_said_without_its_address(services, monkeypatch):
    async def unreachable(_store: Store) -> None:
        raise StoreUnavailable("the PostgreSQL database x on 10.0.0.1:5432: refused", "check the address")

    monkeypatch.setattr("app.health.schema_revision", unreachable)
    report = await report_health(services)
    assert report.problems == ("the store does not answer (check the address)",)
    assert (report.serves, report.schema_revision, report.queued_runs) == (False, None, None)


async def test_runs_are_counted_whatever_their_kind_and_engine(services, store, monkeypatch):
    for _ in range(3):
        await queue(store, "succeed")
    monkeypatch.setattr("tests.app.execution.queueing.ENGINE_VERSION", "1")
    old = await queue(store, "succeed")
    report = await report_health(services)
    assert (report.queued_runs, report.running_runs, report.runs_of_other_engines) == (4, 0, 1)
    async with executing(store, services.settings) as executor:
        working = replace(services, executor=executor)
        report = await reported(working, lambda report: report.queued_runs == 1 and not report.running_runs)
        assert (report.runs_of_other_engines, report.problems) == (1, ())
    assert old.status.value == "QUEUED"
