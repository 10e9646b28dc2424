"""From every earlier revision, with data in it, to the newest: nothing that was stored is lost or changed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.models import metadata
from db.records import Reuse, RunKind
from db.runs.artifacts import get_artifacts
from db.runs.events import read_events
from db.runs.queue import cancel_run, claim_run, delete_run, finish_run, launch_run
from db.runs.read import find_imported, get_runs, page_runs
from db.runs.results import get_compositions, get_net_performance, get_performance, get_series
from db.store import Store
from tests.db.samples import WORKER, later, new_results, new_run
from tests.db.stored import REVISIONS, Rows, fill, read_all

RENAMED = {"run": {"factor": "subject"}}
OTHER_UNITS = {
    "TURNOVER": "one-way fraction of a leg's capital per period",
    "BREADTH": "assets",
    "IC": "rank correlation",
    "SIGNAL_AUTOCORRELATION": "rank correlation",
}
"""Of the series that are not returns."""


def as_now(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A stored row with its columns under their names of today."""
    names = RENAMED.get(table, {})
    return {names.get(name, name): value for name, value in row.items()}


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def before(empty_url: str, revision: str) -> Rows:
    """What the store at `empty_url` holds before it is migrated."""
    await fill(empty_url, revision)
    stored = await read_all(empty_url)
    del stored["alembic_version"]
    assert stored["run"]
    return stored


def test_every_revision_but_the_newest_is_stored() -> None:
    assert set(REVISIONS) == set(migrate._revisions()) - {migrate.head_revision()}


async def test_every_row_keeps_everything(empty_url: str, revision: str, before: Rows) -> None:
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == migrate.head_revision()
    after = await read_all(empty_url, set(before))
    for table, rows in before.items():
        assert [as_now(table, row) for row in rows] == [
            {name: new[name] for name in as_now(table, old)}
            for old, new in zip(rows, after[table], strict=True)
        ]
    new = {name for row in after["run"] for name in row} - {
        name for row in before["run"] for name in as_now("run", row)
    }
    added = {"0001": {"kind", "progress_counts"}, "0002": {"progress_counts"}}.get(revision, set())
    assert new == (set() if revision == "0006" else added | {"reuse", "losses"})
    assert all(row["kind"] == "PANEL" for row in after["dataset"])
    for row in after["series"]:
        other = OTHER_UNITS.get(row["name"])
        assert (row["unit"], row["is_return"]) == (other or "fraction per period", other is None)


async def test_what_runs_may_be_reused_for_and_what_they_lost_is_told_by_their_past(
    empty_url: str, revision: str, before: Rows
) -> None:
    losses = {row["run_id"]: 0 for row in before["run_event"]}
    for row in before["run_event"]:
        losses[row["run_id"]] += row["kind"] == "RETRIED" and "was lost (" in row["message"]
    assert (2 in losses.values()) == (revision == "0005"), "one of them was lost twice and put back once"
    async with await Store.open(empty_url) as store:
        runs = await get_runs(store, [row["id"] for row in before["run"]])
    for row in before["run"]:
        run = runs[row["id"]]
        expected = Reuse.LIVE if run.kind == RunKind.FETCH else Reuse.SUCCEEDED
        expected = Reuse.NEVER if run.origin == "IMPORTED" else expected
        assert run.reuse == row.get("reuse", expected)
        assert run.losses == losses.get(run.id, 0)


async def test_results_of_every_revision_are_read(empty_url: str, before: Rows) -> None:
    async with await Store.open(empty_url) as store:
        measured = [row["run_id"] for row in before["performance"]]
        performance = await get_performance(store, measured)
        assert [performance[row["run_id"]].sharpe_ratio for row in before["performance"]] == [
            row["sharpe_ratio"] for row in before["performance"]
        ]
        assert await get_net_performance(store, measured) == {}
        kept = {(row["run_id"], row["name"]): row["point_count"] for row in before["series"]}
        series = await get_series(store, *map(list, zip(*kept, strict=True)))
        assert {key: len(one.dates) for key, one in series.items()} == kept
        assert all(np.isfinite(one.values).all() for one in series.values())
        for row in before["composition"]:
            assert await get_compositions(store, [(row["run_id"], None)])
        for row in before.get("artifact", ()):
            (artifact,) = (await get_artifacts(store, row["run_id"])).values()
            assert (artifact.name, artifact.sha256) == (row["name"], row["sha256"])
        events = await read_events(store, after_id=0, run_id=None, limit=1000)
        assert [(one.id, one.kind, one.message) for one in events] == [
            (row["id"], row["kind"], row["message"]) for row in before["run_event"]
        ]
        imported = [row for row in before["run"] if row["origin"] == "IMPORTED"]
        for row in imported:
            found = await find_imported(store, as_now("run", row)["subject"], row["legacy_run_id"])
            assert found is not None
            assert (found.id, found.note) == (row["id"], row["note"])


async def test_a_migrated_store_is_written_like_a_new_one(empty_url: str, before: Rows) -> None:
    (dataset,) = before["dataset"]
    newest = max(row["id"] for row in before["run"])
    async with await Store.open(empty_url) as store:
        listed = await page_runs(store, kind=None, first=100)
        assert {one.id for one in listed.items} == {row["id"] for row in before["run"]}
        queued, reused = await launch_run(store, new_run(dataset["id"]), max_queued=1000, now=later(1))
        assert (queued.id > newest, reused) == (True, False), "no id is given again"
        again, reused = await launch_run(store, new_run(dataset["id"]), max_queued=1000, now=later(1))
        assert (again.id, reused) == (queued.id, True)
        other, _ = await launch_run(
            store,
            new_run(None, kind="SESSION", subject=None, identity_hash="s"),
            max_queued=1000,
            now=later(1),
        )
        while (claimed := await claim_run(store, WORKER, later(10), kinds=tuple(RunKind))) is not None:
            assert await finish_run(store, claimed.id, claimed.attempt, WORKER, new_results(), later(11))
        assert (await get_performance(store, [queued.id]))[queued.id] == new_results().performance
        await cancel_run(store, other.id, later(12))
        for wrong in ("status = 'FAILED'", "progress_fraction = 2", "reuse = 'SOMETIMES'", "losses = NULL"):
            with pytest.raises(IntegrityError):
                async with store.write() as connection:
                    await connection.execute(
                        text(f"UPDATE run SET {wrong} WHERE id = :id"), {"id": queued.id}
                    )
        assert await delete_run(store, queued.id)
        assert not await read_events(store, after_id=0, run_id=queued.id, limit=9), "deleting cascades"


async def test_no_trace_of_a_rebuild_is_left(empty_url: str, before: Rows) -> None:
    async with await Store.open(empty_url) as store, store.read() as connection:
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        assert tables == set(metadata.tables) | {"alembic_version"}
        for name in ("run", "run_event"):
            found = await connection.run_sync(lambda sync, name=name: inspect(sync).get_indexes(name))
            declared = {str(index.name) for index in metadata.tables[name].indexes}
            assert {one["name"] for one in found} >= declared
            checks = await connection.run_sync(
                lambda sync, name=name: inspect(sync).get_check_constraints(name)
            )
            assert not [one for one in checks if "FETCH" in json.dumps(one["sqltext"])]
