"""Reading runs: pages that make up the full sort, cursors that fit nothing else, filters, latest runs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from db.errors import InvalidCursor
from db.legacy.imports import import_files
from db.legacy.records import NewImportedRun, NewImportFile
from db.models import Performance, Run, RunTag
from db.pages import MAX_PAGE_SIZE, encode_cursor
from db.records import PerformanceRecord, RunKind, RunOrigin, RunRecord, RunStatus
from db.runs.filters import NEWEST_FIRST, scope_of
from db.runs.queue import delete_run
from db.runs.read import (
    CLOCK_TOLERANCE,
    Choice,
    Range,
    RunFilter,
    RunOrder,
    RunSortField,
    SortDirection,
    count_runs,
    find_imported,
    get_runs,
    last_runs,
    latest_runs,
    page_runs,
    page_runs_by_subject,
)
from db.store import Store
from tests.db.samples import (
    NOW,
    add_sample_dataset,
    later,
    launch,
    new_results,
    running,
    succeeded,
    swept,
)
from tests.db.seed import FACTORS, seed_runs
from tests.stores import counting_statements

ASC, DESC = SortDirection.ASC, SortDirection.DESC
Row = dict[str, Any]


async def all_rows(store: Store) -> list[Row]:
    """All runs as plain values, metrics and tags included, read without the code under test."""
    statement = select(*Run.__table__.c, *Performance.__table__.c).outerjoin_from(
        Run.__table__, Performance.__table__
    )
    names = [*Run.__table__.c.keys(), *Performance.__table__.c.keys()]
    async with store.read() as connection:
        rows = [dict(zip(names, row, strict=True)) for row in await connection.execute(statement)]
        tags = (await connection.execute(select(RunTag.run_id, RunTag.tag))).all()
    for row in rows:
        row["tags"] = {tag for run_id, tag in tags if run_id == row["id"]}
    return rows


def column_of(field: RunSortField) -> str:
    return "subject" if field is RunSortField.FACTOR else field.value.lower()


def sorted_ids(rows: Sequence[Row], order: Sequence[RunOrder]) -> list[int]:
    """The ids in order, undefined last, by one stable sort a key (also in reverse), least important first."""
    directions = [(column_of(one.field), one.direction) for one in order]
    ordered = list(rows)
    for name, direction in [("id", directions[-1][1]), *directions[::-1]]:
        defined = [row for row in ordered if row[name] is not None]
        undefined = [row for row in ordered if row[name] is None]
        ordered = sorted(defined, key=lambda row: row[name], reverse=direction is DESC) + undefined
    return [row["id"] for row in ordered]


async def walk(
    store: Store,
    where: RunFilter | None,
    order: Sequence[RunOrder],
    first: int,
    kind: RunKind | None = RunKind.FACTOR,
) -> list[int]:
    ids: list[int] = []
    after: str | None = None
    while True:
        page = await page_runs(store, where, order, kind=kind, first=first, after=after)
        ids += [record.id for record in page.items]
        assert len(page.items) == len(page.cursors) <= first
        if not page.has_next_page:
            return ids
        assert len(page.items) == first
        assert len(ids) < 1_000, "the pages never end"
        after = page.cursors[-1]


ORDERS = [
    *([RunOrder(field, direction)] for field in RunSortField for direction in SortDirection),
    [RunOrder(RunSortField.FACTOR, ASC), RunOrder(RunSortField.SHARPE_RATIO, DESC)],
    [RunOrder(RunSortField.SHARPE_RATIO, DESC), RunOrder(RunSortField.FINISHED_AT, ASC)],
    [
        RunOrder(RunSortField.FINISHED_AT, DESC),
        RunOrder(RunSortField.CALMAR_RATIO, ASC),
        RunOrder(RunSortField.STATUS, DESC),
    ],
    [RunOrder(RunSortField.STATUS, ASC), RunOrder(RunSortField.ID, DESC), RunOrder(RunSortField.FACTOR)],
]


def name_of(order: Sequence[RunOrder]) -> str:
    return "-".join(f"{one.field}.{one.direction}" for one in order)


async def test_all_pages_of_every_order_are_the_full_sort(store: Store) -> None:
    await seed_runs(store, 83)
    rows = await all_rows(store)
    for order in ORDERS:
        # Seven a page, so that pages end inside ties, at the border to the undefined and within them.
        assert await walk(store, None, order, 7) == sorted_ids(rows, order), name_of(order)


@pytest.mark.parametrize("first", [1, 82, 83, 100])
async def test_pages_of_any_size_meet(store: Store, first: int) -> None:
    await seed_runs(store, 83)
    order = [RunOrder(RunSortField.SORTINO_RATIO, DESC)]
    assert await walk(store, None, order, first) == sorted_ids(await all_rows(store), order)


async def test_every_cursor_of_a_page_continues_after_its_own_item(store: Store) -> None:
    await seed_runs(store, 40)
    order = [RunOrder(RunSortField.SHARPE_RATIO, ASC)]
    page = await page_runs(store, None, order, kind=RunKind.FACTOR, first=40)
    ids = [record.id for record in page.items]
    for position in (0, 17, 30, 36, 38):
        rest = await page_runs(
            store, None, order, kind=RunKind.FACTOR, first=40, after=page.cursors[position]
        )
        assert [record.id for record in rest.items] == ids[position + 1 :]


async def test_the_newest_come_first_without_an_order(store: Store) -> None:
    await seed_runs(store, 30)
    assert await walk(store, None, [], 8) == await walk(
        store, None, [RunOrder(RunSortField.CREATED_AT, DESC)], 100
    )


async def test_runs_added_and_deleted_between_pages_do_not_shift_the_others(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    records = [await succeeded(store, dataset_id, identity_hash=str(i)) for i in range(6)]
    first = await page_runs(store, kind=RunKind.FACTOR, first=3)
    assert [record.id for record in first.items] == [record.id for record in records[:2:-1]]
    await launch(store, dataset_id, identity_hash="new")
    await delete_run(store, first.items[-1].id)
    second = await page_runs(store, kind=RunKind.FACTOR, first=3, after=first.cursors[-1])
    assert [record.id for record in second.items] == [record.id for record in records[2::-1]]


async def test_an_empty_list_and_an_empty_page(store: Store) -> None:
    page = await page_runs(store, kind=RunKind.FACTOR, first=10)
    assert (page.items, page.cursors, page.has_next_page) == ((), (), False)
    await seed_runs(store, 3)
    page = await page_runs(store, kind=RunKind.FACTOR, first=0)
    assert (page.items, page.has_next_page) == ((), True)


@pytest.mark.parametrize("first", [-1, MAX_PAGE_SIZE + 1, 10**9])
async def test_pages_are_capped(store: Store, first: int) -> None:
    with pytest.raises(ValueError, match="at most 100"):
        await page_runs(store, kind=RunKind.FACTOR, first=first)
    with pytest.raises(ValueError, match="at most 100"):
        await page_runs_by_subject(store, ["SMB"], kind=RunKind.FACTOR, first=first)


async def test_a_cursor_of_another_filter_order_or_list_is_refused(store: Store) -> None:
    await seed_runs(store, 30)
    order = [RunOrder(RunSortField.SHARPE_RATIO, DESC)]
    where = RunFilter(subject=Choice(eq="SMB"))
    cursor = (await page_runs(store, where, order, kind=RunKind.FACTOR, first=1)).cursors[0]
    assert await page_runs(store, where, order, kind=RunKind.FACTOR, first=1, after=cursor)
    for other_where, other_order in (
        (None, order),
        (RunFilter(subject=Choice(eq="VALUE")), order),
        (RunFilter(subject=Choice(one_of=("SMB",))), order),
        (where, [RunOrder(RunSortField.SHARPE_RATIO, ASC)]),
        (where, [RunOrder(RunSortField.SORTINO_RATIO, DESC)]),
        (where, []),
    ):
        with pytest.raises(InvalidCursor):
            await page_runs(store, other_where, other_order, kind=RunKind.FACTOR, first=1, after=cursor)
    with pytest.raises(InvalidCursor):
        await page_runs_by_subject(store, ["SMB"], where, order, kind=RunKind.FACTOR, first=1, after=cursor)


def flip(position: int) -> Callable[[str], str]:
    def flipped(cursor: str) -> str:
        return cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]

    return flipped


@pytest.mark.parametrize(
    "tamper",
    [
        lambda cursor: "",
        lambda cursor: "x",
        lambda cursor: "é" + cursor,
        lambda cursor: cursor + "\x00",
        lambda cursor: cursor[:-2],
        lambda cursor: cursor + "AAAA",
        lambda cursor: cursor * 50,
        lambda cursor: base64.urlsafe_b64encode(b"[1]").decode(),
        flip(0),
        flip(5),
        flip(14),
        flip(20),
    ],
)
async def test_a_tampered_cursor_is_refused(store: Store, tamper: Callable[[str], str]) -> None:
    await seed_runs(store, 10)
    cursor = (await page_runs(store, kind=RunKind.FACTOR, first=1)).cursors[0]
    with pytest.raises(InvalidCursor):
        await page_runs(store, kind=RunKind.FACTOR, first=1, after=tamper(cursor))


@pytest.mark.parametrize(
    "values", [[], [1], [1, 2, 3], ["x", 1], [1, "x"], [None, 1], [1, 2**63], [1, None], [1, [2]], [{}, 1]]
)
async def test_a_forged_cursor_with_values_that_cannot_be_is_refused(store: Store, values: list[Any]) -> None:
    await seed_runs(store, 3)
    scope = scope_of("runs", RunFilter(), NEWEST_FIRST)
    assert (
        await page_runs(store, kind=RunKind.FACTOR, first=1, after=encode_cursor(scope, [2**62, 1]))
    ).items
    with pytest.raises(InvalidCursor):
        await page_runs(store, kind=RunKind.FACTOR, first=1, after=encode_cursor(scope, values))


# -- by factor ---------------------------------------------------------------------------------------------


async def test_pages_of_all_factors_are_those_of_each_in_one_statement(store: Store) -> None:
    await seed_runs(store, 150)
    order = [RunOrder(RunSortField.MAX_DRAWDOWN, ASC)]
    where = RunFilter(tag=Choice(eq="nightly"))
    with counting_statements(store) as statements:
        pages = await page_runs_by_subject(
            store, [*FACTORS, "CARRY"], where, order, kind=RunKind.FACTOR, first=5
        )
    assert len(statements) == 1
    assert set(pages) == {*FACTORS, "CARRY"}
    assert pages["CARRY"].items == ()
    for factor in FACTORS:
        alone = await page_runs(
            store, replace(where, subject=Choice(eq=factor)), order, kind=RunKind.FACTOR, first=5
        )
        assert pages[factor].items == alone.items
        assert len(alone.items) == 5
        assert pages[factor].has_next_page is alone.has_next_page is True


async def test_a_factors_pages_continue_by_their_own_cursors_only(store: Store) -> None:
    await seed_runs(store, 60)
    pages = await page_runs_by_subject(store, FACTORS, kind=RunKind.FACTOR, first=4)
    after = pages["SMB"].cursors[-1]
    second = (await page_runs_by_subject(store, ["SMB"], kind=RunKind.FACTOR, first=4, after=after))["SMB"]
    both = (*pages["SMB"].items, *second.items)
    expected = await page_runs(store, RunFilter(subject=Choice(eq="SMB")), kind=RunKind.FACTOR, first=8)
    assert both == expected.items
    for factors in (["VALUE"], ["SMB", "VALUE"]):
        with pytest.raises(InvalidCursor):
            await page_runs_by_subject(store, factors, kind=RunKind.FACTOR, first=4, after=after)
    assert await page_runs_by_subject(store, [], kind=RunKind.FACTOR, first=4) == {}


# -- filters -----------------------------------------------------------------------------------------------

SOME_TIME = datetime(2026, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (RunFilter(subject=Choice(eq="SMB")), lambda r: r["subject"] == "SMB"),
        (
            RunFilter(subject=Choice(one_of=("SMB", "VALUE", "CARRY"))),
            lambda r: r["subject"] in ("SMB", "VALUE"),
        ),
        (RunFilter(subject=Choice(one_of=())), lambda r: False),
        (RunFilter(subject=Choice(eq="SMB", one_of=("VALUE",))), lambda r: False),
        (RunFilter(status=Choice(eq=RunStatus.FAILED)), lambda r: r["status"] == "FAILED"),
        (
            RunFilter(status=Choice(one_of=(RunStatus.QUEUED, RunStatus.CANCELED))),
            lambda r: r["status"] in ("QUEUED", "CANCELED"),
        ),
        (RunFilter(origin=Choice(eq=RunOrigin.IMPORTED)), lambda r: False),
        (RunFilter(tag=Choice(eq="sweep-3")), lambda r: "sweep-3" in r["tags"]),
        (
            RunFilter(tag=Choice(one_of=("sweep-3", "manual"))),
            lambda r: r["tags"] & {"sweep-3", "manual"},
        ),
        (RunFilter(created_at=Range(gte=SOME_TIME)), lambda r: r["created_at"] >= SOME_TIME),
        (
            RunFilter(finished_at=Range(lte=SOME_TIME)),
            lambda r: r["finished_at"] is not None and r["finished_at"] <= SOME_TIME,
        ),
        (
            RunFilter(sharpe_ratio=Range(gte=0.0, lte=0.5)),
            lambda r: r["sharpe_ratio"] is not None and 0 <= r["sharpe_ratio"] <= 0.5,
        ),
        (RunFilter(num_periods=Range(lte=150)), lambda r: (r["num_periods"] or 999) <= 150),
        (RunFilter(start_date=Range(eq=date(2020, 1, 5))), lambda r: r["start_date"] is not None),
        (RunFilter(end_date=Range(gte=date(2026, 1, 1))), lambda r: False),
        (
            RunFilter(subject=Choice(eq="SMB"), tag=Choice(eq="nightly"), annualized_return=Range(lte=0.0)),
            lambda r: (
                r["subject"] == "SMB"
                and "nightly" in r["tags"]
                and r["annualized_return"] is not None
                and r["annualized_return"] <= 0
            ),
        ),
    ],
)
async def test_filters_keep_what_fits(store: Store, where: RunFilter, fits: Callable[[Row], Any]) -> None:
    await seed_runs(store, 120)
    rows = [row for row in await all_rows(store) if fits(row)]
    order = [RunOrder(RunSortField.ANNUALIZED_RETURN, DESC)]
    assert await walk(store, where, order, 50) == sorted_ids(rows, order)
    assert await count_runs(store, where, kind=RunKind.FACTOR) == len(rows)


async def test_every_filter_works_on_both_databases(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(
        store,
        dataset_id,
        new_results(**{field.name: 1.0 for field in fields(PerformanceRecord) if field.name in FLOATS}),
        tags=("t",),
    )
    for name in FLOATS:
        for condition in (Range(eq=1.0), Range(gte=1.0), Range(lte=1.0)):
            assert await count_runs(store, RunFilter(**{name: condition}), kind=RunKind.FACTOR) == 1
        for condition in (Range(eq=2.0), Range(gte=1.01), Range(lte=0.99)):
            assert await count_runs(store, RunFilter(**{name: condition}), kind=RunKind.FACTOR) == 0
    assert await count_runs(store, RunFilter(dataset_id=Choice(eq=dataset_id)), kind=RunKind.FACTOR) == 1
    assert (
        await count_runs(store, RunFilter(dataset_id=Choice(one_of=(dataset_id + 1,))), kind=RunKind.FACTOR)
        == 0
    )
    assert (
        await count_runs(store, RunFilter(started_at=Range(eq=record.started_at)), kind=RunKind.FACTOR) == 1
    )
    assert await count_runs(store, RunFilter(imported_at=Range(lte=later(99))), kind=RunKind.FACTOR) == 0
    assert await count_runs(store, RunFilter(legacy_run_id=Choice(eq="x")), kind=RunKind.FACTOR) == 0


FLOATS = (
    "annualized_return",
    "cumulative_return",
    "annualized_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "calmar_ratio",
    "years",
    "mean_turnover",
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_t",
    "alpha",
)


# -- the latest --------------------------------------------------------------------------------------------


async def test_the_latest_run_of_a_factor_succeeded_last(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    other_id = await add_sample_dataset(store, name="other", fingerprint="f2")
    early = await succeeded(store, dataset_id, identity_hash="1", at=later(50))
    late = await succeeded(store, dataset_id, identity_hash="2", at=later(90))
    tie = await succeeded(store, dataset_id, identity_hash="3", at=later(90))
    older = await succeeded(store, other_id, identity_hash="4", at=later(60), tags=("x",))
    value = await succeeded(store, dataset_id, identity_hash="5", at=later(10), subject="VALUE")
    await running(store, dataset_id, identity_hash="6")

    def ids(found: dict[str, RunRecord]) -> dict[str, int]:
        return {factor: record.id for factor, record in found.items()}

    with counting_statements(store) as statements:
        assert ids(await latest_runs(store, kind=RunKind.FACTOR, now=later(600))) == {
            "SMB": tie.id,
            "VALUE": value.id,
        }
    assert len(statements) == 1
    assert ids(
        await latest_runs(store, kind=RunKind.FACTOR, now=later(600), subjects=["VALUE", "GROWTH", "VALUE"])
    ) == {"VALUE": value.id}
    assert ids(await latest_runs(store, kind=RunKind.FACTOR, now=later(600), subjects=[])) == {}
    assert ids(await latest_runs(store, kind=RunKind.FACTOR, now=later(600), dataset_id=other_id)) == {
        "SMB": older.id
    }
    assert ids(
        await latest_runs(store, kind=RunKind.FACTOR, now=later(600), where=RunFilter(tag=Choice(eq="x")))
    ) == {"SMB": older.id}
    assert ids(
        await latest_runs(
            store, kind=RunKind.FACTOR, now=later(600), where=RunFilter(finished_at=Range(lte=later(55)))
        )
    ) == {
        "SMB": early.id,
        "VALUE": value.id,
    }
    assert (
        ids(
            await latest_runs(
                store, kind=RunKind.FACTOR, now=later(600), where=RunFilter(sharpe_ratio=Range(gte=9.0))
            )
        )
        == {}
    )
    assert ids(await latest_runs(store, kind=RunKind.FACTOR, now=later(600), origin=RunOrigin.IMPORTED)) == {}
    assert late.id < tie.id


async def test_a_run_dated_in_the_future_is_the_latest_only_where_no_other_is(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)

    async def add(name: str, seconds: float) -> int:
        return (await succeeded(store, dataset_id, identity_hash=name, at=later(seconds))).id

    async def in_order(seconds: float) -> list[int]:
        where, now = RunFilter(subject=Choice(eq="SMB")), later(seconds)
        found = await last_runs(store, where, kind=RunKind.FACTOR, first=9, now=now)
        assert (await latest_runs(store, kind=RunKind.FACTOR, now=now))["SMB"] == found[0]
        assert await last_runs(store, where, kind=RunKind.FACTOR, first=2, now=now) == found[:2]
        return [record.id for record in found]

    wrong = await add("the clock is a year ahead", 365 * 86_400)
    assert await in_order(60) == [wrong]
    early, late = await add("early", 10), await add("late", 50)
    assert await in_order(60) == [late, early, wrong]
    ahead = await add("the clock is a little ahead", 60 + CLOCK_TOLERANCE.total_seconds())
    assert await in_order(60) == [ahead, late, early, wrong]
    assert await in_order(59.9) == [late, early, wrong, ahead]
    assert await in_order(-3_600) == [wrong, ahead, late, early], "the clock of who asks is behind"
    assert await in_order(366 * 86_400) == [wrong, ahead, late, early]
    since = RunFilter(finished_at=Range(gte=later(60)))
    assert (await latest_runs(store, kind=RunKind.FACTOR, now=later(60), where=since))["SMB"].id == ahead


async def test_the_last_runs_of_a_kind_are_in_the_order_of_the_latest(store: Store) -> None:
    await swept(store, await add_sample_dataset(store), at=later(10))
    await seed_runs(store, 120)
    rows = [row for row in await all_rows(store) if row["status"] == "SUCCEEDED"]
    ends = sorted(row["finished_at"] for row in rows)
    for now in (ends[0], ends[len(ends) // 2], ends[-1]):

        def latest_first(row: dict[str, Any], now: datetime = now) -> tuple[bool, datetime, int]:
            return (row["finished_at"] <= now + CLOCK_TOLERANCE, row["finished_at"], row["id"])

        for kind in (RunKind.FACTOR, RunKind.SWEEP, None):
            of_kind = [row for row in rows if kind is None or row["kind"] == kind]
            expected = [row["id"] for row in sorted(of_kind, key=latest_first, reverse=True)][:100]
            found = await last_runs(store, kind=kind, first=100, now=now)
            assert [record.id for record in found] == expected
        latest = await latest_runs(store, kind=RunKind.FACTOR, now=now)
        for factor in FACTORS:
            where = RunFilter(subject=Choice(eq=factor))
            (one,) = await last_runs(store, where, kind=RunKind.FACTOR, first=1, now=now)
            assert latest[factor] == one
    measured = RunFilter(sharpe_ratio=Range(gte=0.5))
    assert len(await last_runs(store, measured, kind=None, first=100, now=ends[-1])) == sum(
        (row["sharpe_ratio"] or 0) >= 0.5 for row in rows
    )


async def test_runs_that_do_not_say_how_often_they_rebalance_are_weekly(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    said = (
        {},
        {"rebalance": None},
        {"rebalance": "WEEKLY"},
        {"rebalance": "DAILY"},
        {"rebalance": "MONTHLY"},
    )
    ids = [
        (await launch(store, dataset_id, identity_hash=str(position), config=config)).id
        for position, config in enumerate(said)
    ]

    async def found(**condition: Any) -> list[int]:
        where = RunFilter(rebalance=Choice(**condition))
        return sorted(one.id for one in (await page_runs(store, where, kind=RunKind.FACTOR, first=9)).items)

    assert await found(eq="WEEKLY") == ids[:3]
    assert await found(one_of=("DAILY", "MONTHLY")) == ids[3:]


async def test_an_imported_run_is_as_late_as_its_legacy_id(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    computed = await succeeded(store, dataset_id, at=NOW)
    await swept(store, dataset_id, identity_hash="sweep", at=later(200))
    one = NewImportedRun(
        factor="SMB",
        legacy_run_id="20250101_000000",
        content_hash="h",
        config={},
        unrecorded_fields=(),
        remarks=(),
        finished_at=datetime(2025, 1, 1, tzinfo=UTC),
        performance=PerformanceRecord(),
    )
    await import_files(
        store, [NewImportFile(file="a", content_hash="a", runs=(one,))], source="x", now=later(99)
    )
    assert (await latest_runs(store, kind=RunKind.FACTOR, now=later(600)))["SMB"].id == computed.id
    imported = (await latest_runs(store, kind=RunKind.FACTOR, now=later(600), origin=RunOrigin.IMPORTED))[
        "SMB"
    ]
    assert imported == await find_imported(store, "SMB", "20250101_000000")
    assert imported.kind == RunKind.FACTOR
    assert await find_imported(store, "VALUE", "20250101_000000") is None
    assert (
        await count_runs(store, RunFilter(legacy_run_id=Choice(eq="20250101_000000")), kind=RunKind.FACTOR)
        == 1
    )


# -- by id -------------------------------------------------------------------------------------------------


async def test_runs_by_id_are_one_statement_and_unknown_ones_left_out(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    tags = ('quo"te', "uni ✓", "comma,")
    records = [await launch(store, dataset_id, identity_hash=str(i), tags=tags) for i in range(3)]
    with counting_statements(store) as statements:
        found = await get_runs(store, [*(record.id for record in records), 0, -1, 10**9, 2**80])
    assert len(statements) == 1
    assert found == {record.id: record for record in records}
    assert records[0].tags == tuple(sorted(tags))


async def test_a_page_costs_one_statement_or_two_at_its_end(store: Store) -> None:
    await seed_runs(store, 60)
    order = [RunOrder(RunSortField.SHARPE_RATIO, DESC)]
    with counting_statements(store) as statements:
        await page_runs(store, None, order, kind=RunKind.FACTOR, first=10)
    assert len(statements) == 1
    with counting_statements(store) as statements:
        await page_runs(store, None, order, kind=RunKind.FACTOR, first=100)
    assert len(statements) == 2
    with counting_statements(store) as statements:
        await page_runs(store, kind=RunKind.FACTOR, first=100)
    assert len(statements) == 1
