"""Sweeps beside factor runs: what lists, counts and finds one kind does not see the other."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from db.errors import InvalidCursor
from db.models import Performance, Run
from db.records import RunKind, RunStatus
from db.runs.queue import cancel_run, claim_run, launch_run
from db.runs.read import (
    Choice,
    RunFilter,
    RunOrder,
    RunSortField,
    SortDirection,
    count_runs,
    get_runs,
    latest_runs,
    live_runs,
    page_runs,
    page_runs_by_subject,
)
from db.runs.results import get_documents, get_performance
from db.store import Store
from tests.db.samples import (
    NOW,
    WORKER,
    add_sample_dataset,
    later,
    launch,
    new_run,
    running,
    succeeded,
    swept,
)
from tests.db.seed import FACTORS, seed_runs
from tests.db.test_run_queries import ORDERS, all_rows, name_of, sorted_ids, walk

FACTOR, SWEEP = RunKind.FACTOR, RunKind.SWEEP
NEWEST = [RunOrder(RunSortField.CREATED_AT)]


async def seed_both_kinds(store: Store, count: int) -> list[dict[str, Any]]:
    """Seeded runs of which every third is a sweep, as `all_rows` reads them. Sweeps have metrics here, so
    that the kind alone decides."""
    await seed_runs(store, count)
    async with store.write() as connection:
        oldest = await connection.scalar(select(func.min(Run.id)))
        every_third = (Run.id - oldest) % 3 == 0
        await connection.execute(update(Run.__table__).where(every_third).values(kind="SWEEP"))
    return await all_rows(store)


def ids_of(rows: list[dict[str, Any]], kind: RunKind | None, order: list[RunOrder]) -> list[int]:
    return sorted_ids([row for row in rows if kind is None or row["kind"] == kind], order)


@pytest.mark.parametrize("kind", [FACTOR, SWEEP, None])
async def test_all_pages_of_every_order_are_of_one_kind(store: Store, kind: RunKind | None) -> None:
    rows = await seed_both_kinds(store, 60)
    assert len(ids_of(rows, FACTOR, NEWEST)) == 2 * len(ids_of(rows, SWEEP, NEWEST)) == 40
    for order in ORDERS:
        assert await walk(store, None, order, 7, kind) == ids_of(rows, kind, order), name_of(order)
    assert await count_runs(store, kind=kind) == len(ids_of(rows, kind, NEWEST))


async def test_live_runs_are_those_of_all_kinds_that_have_not_ended_newest_first(store: Store) -> None:
    rows = await seed_both_kinds(store, 60)
    live = sorted((row["id"] for row in rows if row["status"] in ("QUEUED", "RUNNING")), reverse=True)
    kinds = {row["kind"] for row in rows if row["id"] in live}
    assert kinds == {FACTOR, SWEEP}
    assert [run.id for run in await live_runs(store, below=None, limit=100)] == live
    assert [run.id for run in await live_runs(store, below=live[1], limit=2)] == live[2:4]
    assert await live_runs(store, below=live[-1], limit=2) == []


async def test_lists_and_counts_of_factor_runs_hold_no_sweeps(store: Store) -> None:
    rows = await seed_both_kinds(store, 60)
    factor_runs = set(ids_of(rows, FACTOR, NEWEST))
    assert {one.id for one in (await page_runs(store, kind=RunKind.FACTOR, first=100)).items} == factor_runs
    assert await count_runs(store, kind=RunKind.FACTOR) == len(factor_runs)
    by_factor = await page_runs_by_subject(store, FACTORS, kind=RunKind.FACTOR, first=100)
    assert {one.id for page in by_factor.values() for one in page.items} == factor_runs
    assert {one.kind for page in by_factor.values() for one in page.items} == {FACTOR}


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (RunFilter(subject=Choice(eq="SMB")), lambda r: r["subject"] == "SMB"),
        (
            RunFilter(status=Choice(one_of=(RunStatus.FAILED, RunStatus.CANCELED))),
            lambda r: r["status"] in ("FAILED", "CANCELED"),
        ),
        (RunFilter(tag=Choice(eq="sweep-3")), lambda r: "sweep-3" in r["tags"]),
        (
            RunFilter(subject=Choice(one_of=("SMB", "VALUE")), status=Choice(eq=RunStatus.SUCCEEDED)),
            lambda r: r["subject"] in ("SMB", "VALUE") and r["status"] == "SUCCEEDED",
        ),
    ],
)
async def test_sweeps_are_filtered_and_the_newest_come_first(
    store: Store, where: RunFilter, fits: Any
) -> None:
    rows = [row for row in await seed_both_kinds(store, 120) if fits(row)]
    expected = ids_of(rows, SWEEP, NEWEST)
    assert 0 < len(expected) < len(rows)
    assert await walk(store, where, [], 3, SWEEP) == expected
    assert await count_runs(store, where, kind=SWEEP) == len(expected)
    of_dataset = replace(where, dataset_id=Choice(eq=rows[0]["dataset_id"]))
    assert await walk(store, of_dataset, [], 100, SWEEP) == expected
    elsewhere = replace(where, dataset_id=Choice(eq=rows[0]["dataset_id"] + 1))
    assert await walk(store, elsewhere, [], 100, SWEEP) == []


async def test_sweeps_of_all_factors_are_those_of_each(store: Store) -> None:
    rows = await seed_both_kinds(store, 120)
    pages = await page_runs_by_subject(store, FACTORS, kind=SWEEP, first=3)
    for factor in FACTORS:
        expected = ids_of([row for row in rows if row["subject"] == factor], SWEEP, NEWEST)
        assert [one.id for one in pages[factor].items] == expected[:3]
        after = pages[factor].cursors[-1]
        second = (await page_runs_by_subject(store, [factor], kind=SWEEP, first=100, after=after))[factor]
        assert [one.id for one in second.items] == expected[3:]


async def test_a_cursor_of_another_kinds_list_is_refused(store: Store) -> None:
    await seed_both_kinds(store, 120)
    kinds = (FACTOR, SWEEP, None)
    for own in kinds:
        cursor = (await page_runs(store, kind=own, first=1)).cursors[0]
        by_factor = (await page_runs_by_subject(store, ["SMB"], kind=own, first=1))["SMB"].cursors[0]
        for other in kinds:
            if other is own:
                assert (await page_runs(store, kind=other, first=1, after=cursor)).items
                continue
            with pytest.raises(InvalidCursor):
                await page_runs(store, kind=other, first=1, after=cursor)
            with pytest.raises(InvalidCursor):
                await page_runs_by_subject(store, ["SMB"], kind=other, first=1, after=by_factor)


async def test_the_latest_run_of_a_factor_is_no_sweep(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    run = await succeeded(store, dataset_id, identity_hash="1", at=later(10))
    sweep = await swept(store, dataset_id, identity_hash="2", at=later(20))
    await swept(store, dataset_id, identity_hash="3", subject="VALUE")
    latest = await latest_runs(store, kind=RunKind.FACTOR, now=later(600))
    assert {factor: one.id for factor, one in latest.items()} == {"SMB": run.id}
    assert (
        await latest_runs(
            store, kind=RunKind.FACTOR, now=later(600), subjects=["VALUE"], dataset_id=dataset_id
        )
        == {}
    )
    found = await get_runs(store, [run.id, sweep.id])
    assert {one.id: one.kind for one in found.values()} == {run.id: FACTOR, sweep.id: SWEEP}


async def test_a_run_keeps_its_kind_from_launch_to_result(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    launched = await launch(store, dataset_id, kind=SWEEP)
    assert launched.kind == SWEEP
    again, reused = await launch_run(store, new_run(dataset_id, kind=SWEEP), max_queued=9, now=NOW)
    assert (again, reused) == (launched, True)
    claimed = await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    assert claimed is not None
    assert (claimed.id, claimed.kind) == (launched.id, SWEEP)
    canceled = await cancel_run(store, claimed.id, later(2))
    assert canceled is not None
    assert (canceled[0].kind, canceled[1]) == (SWEEP, True)
    assert (await running(store, dataset_id, identity_hash="other")).kind == FACTOR


async def test_a_sweep_leaves_documents_and_no_performance(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    sweep = await swept(store, dataset_id)
    assert (await get_runs(store, [sweep.id]))[sweep.id].status is RunStatus.SUCCEEDED
    assert await get_performance(store, [sweep.id]) == {}
    assert set(await get_documents(store, [sweep.id], "SWEEP")) == {sweep.id}


# -- through indexes ---------------------------------------------------------------------------------------


@pytest.fixture
async def seeded_sqlite(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "factorql.db"
    shutil.copyfile(migrated_file, path)
    async with await Store.open(f"sqlite:///{path}", migrate=False) as opened:
        await seed_runs(opened, 300)
        yield opened


async def plans(store: Store, order: list[RunOrder], *, kind: RunKind | None = FACTOR) -> list[str]:
    """How SQLite finds a page, a statement each, without what it does about the few runs it found."""
    executed: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        executed.append((statement, parameters))

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    await page_runs(store, None, order, kind=kind, first=50)
    event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    found = []
    async with store.read() as connection:
        for statement, parameters in executed:
            rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
            inner = {row[0] for row in rows if "CO-ROUTINE" in row[3] or "MATERIALIZE" in row[3]}
            found.append("; ".join(row[3] for row in rows if row[1] in inner))
    return found


@pytest.mark.parametrize("direction", SortDirection)
async def test_pages_are_read_in_order_from_indexes(seeded_sqlite: Store, direction: SortDirection) -> None:
    metrics = {index.columns[0].name for index in Performance.__table__.indexes}
    assert {one.value.lower() for one in RunSortField} >= metrics
    for field in RunSortField:
        first, *_ = await plans(seeded_sqlite, [RunOrder(field, direction)])
        name = field.value.lower()
        if name in metrics:
            assert f"SEARCH performance USING COVERING INDEX ix_performance_{name}" in first, first
            assert "SCAN" not in first, first
        elif field is not RunSortField.ID:
            assert "run USING COVERING INDEX ix_run_" in first, first
        if field is not RunSortField.FACTOR:  # its runs are sorted by id among themselves
            assert "B-TREE FOR ORDER BY" not in first, first


@pytest.mark.parametrize("kind", [SWEEP, None])
async def test_the_newest_of_other_kinds_are_read_in_order_too(
    seeded_sqlite: Store, kind: RunKind | None
) -> None:
    (plan,) = await plans(seeded_sqlite, NEWEST, kind=kind)
    assert plan == "SCAN run USING COVERING INDEX ix_run_created"
