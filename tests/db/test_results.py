"""What runs left behind: batches in one statement, null rules, whole or not at all, corruption."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.errors import CorruptBlob, NewerBlob
from db.models import NetPerformance, Performance
from db.records import DocumentRecord, PerformanceRecord, RunResults, UndefinedMetricRecord
from db.runs.queue import delete_run, finish_run
from db.runs.results import (
    check_results,
    composition_dates,
    get_compositions,
    get_documents,
    get_net_performance,
    get_performance,
    get_series,
)
from db.store import Store
from tests.db.samples import (
    WORKER,
    add_sample_dataset,
    later,
    new_composition,
    new_document,
    new_results,
    new_series,
    running,
    succeeded,
)
from tests.db.test_codec import assert_same_leg
from tests.stores import counting_statements


def full_performance() -> PerformanceRecord:
    """Every field set to a value of its own."""
    values: dict[str, object] = {}
    for position, field in enumerate(fields(PerformanceRecord)):
        if "date" in str(field.type):
            values[field.name] = date(2025, 1, 1) + timedelta(days=position)
        elif "float" in str(field.type):
            values[field.name] = position + 1 / 3
        elif "int" in str(field.type):
            values[field.name] = position
    undefined = (
        UndefinedMetricRecord(metric="a", reason="TOO_FEW", detail="é"),
        UndefinedMetricRecord(metric="b", reason="ZERO", detail=""),
    )
    return PerformanceRecord(**values, undefined_metrics=undefined)  # type: ignore[arg-type]


async def test_performance_comes_back_field_by_field(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    performance = full_performance()
    record = await succeeded(store, dataset_id, replace(new_results(), performance=performance))
    found = await get_performance(store, [record.id, 999_999])
    assert found == {record.id: performance}


async def test_numbers_that_are_not_finite_are_stored_as_null(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    results = new_results(
        sharpe_ratio=float("nan"),
        calmar_ratio=float("inf"),
        max_drawdown=np.float64("-inf"),
        hit_rate=np.float32(0.5),
        num_periods=np.int64(7),
        years=0.0,
    )
    record = await succeeded(store, dataset_id, results)
    found = (await get_performance(store, [record.id]))[record.id]
    assert (found.sharpe_ratio, found.calmar_ratio, found.max_drawdown) == (None, None, None)
    assert (found.hit_rate, found.num_periods, found.years) == (0.5, 7, 0.0)


async def test_performance_after_costs_is_kept_beside_that_before(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    net = full_performance()
    with_costs = await succeeded(
        store, dataset_id, replace(new_results(), net_performance=net), identity_hash="costs"
    )
    without = await succeeded(store, dataset_id, identity_hash="none")
    ids = [with_costs.id, without.id, with_costs.id]
    with counting_statements(store) as statements:
        assert await get_net_performance(store, ids) == {with_costs.id: net}
    assert len(statements) == 1
    gross = new_results().performance
    assert await get_performance(store, ids) == {with_costs.id: gross, without.id: gross}


def test_metrics_before_and_after_costs_and_their_record_have_the_same_columns() -> None:
    def described(table: object) -> list[tuple[str, str, bool]]:
        return [(one.name, str(one.type), bool(one.nullable)) for one in table.c]  # type: ignore[attr-defined]

    gross, net = described(Performance.__table__), described(NetPerformance.__table__)
    assert gross == net
    assert {name for name, *_ in gross} == {"run_id", *(field.name for field in fields(PerformanceRecord))}


async def test_series_of_many_runs_are_one_statement(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    records = [await succeeded(store, dataset_id, identity_hash=str(i)) for i in range(3)]
    ids = [record.id for record in records]
    with counting_statements(store) as statements:
        found = await get_series(store, [*ids, *ids, 999_999], ["FACTOR", "SHORT", "IC"])
    assert len(statements) == 1
    assert set(found) == {(run_id, name) for run_id in ids for name in ("FACTOR", "SHORT")}
    for (_, name), series in found.items():
        assert series.name == name
        np.testing.assert_array_equal(series.dates, new_series().dates)
        np.testing.assert_array_equal(series.values, new_series().values)
    assert await get_series(store, [], ["FACTOR"]) == {}
    assert await get_series(store, ids, []) == {}


async def test_a_series_row_says_what_is_packed(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    results = RunResults(performance=PerformanceRecord(), series=(new_series(), new_series("EMPTY", count=0)))
    await succeeded(store, dataset_id, results)
    async with store.read() as connection:
        rows = await connection.execute(
            text("SELECT name, point_count, first_date, last_date FROM series ORDER BY name")
        )
        described = [(name, count, str(first), str(last)) for name, count, first, last in rows]
    assert described == [("EMPTY", 0, "None", "None"), ("FACTOR", 5, "2025-01-05", "2025-02-02")]


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        (None, date(2025, 1, 26)),
        (date(2025, 1, 5), None),  # a period does not contain its start
        (date(2025, 1, 6), date(2025, 1, 12)),
        (date(2025, 1, 12), date(2025, 1, 12)),
        (date(2025, 1, 13), None),  # between the periods
        (date(2025, 1, 19), None),
        (date(2025, 1, 20), date(2025, 1, 26)),
        (date(2025, 1, 26), date(2025, 1, 26)),
        (date(2025, 1, 27), None),
        (date(1900, 1, 1), None),
        (date(9999, 12, 31), None),
    ],
)
async def test_a_composition_is_that_of_the_period_which_contains_the_date(
    store: Store, asked: date | None, end: date | None
) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(store, dataset_id)
    found = await get_compositions(store, [(record.id, asked)])
    if end is None:
        assert found == {}
    else:
        composition = found[record.id, asked]
        assert composition.period_end == end
        assert composition.period_start == end - timedelta(days=7)


async def test_compositions_of_many_runs_and_dates_are_one_statement(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    long_only = RunResults(
        performance=PerformanceRecord(),
        series=(),
        compositions=tuple(
            new_composition(date(2025, 3, 1) + timedelta(days=days), 1, short=False) for days in range(5)
        ),
    )
    both = await succeeded(store, dataset_id, identity_hash="both")
    single = await succeeded(store, dataset_id, long_only, identity_hash="single")
    none = await succeeded(store, dataset_id, replace(long_only, compositions=()), identity_hash="none")
    keys = [
        (single.id, None),
        (both.id, None),
        (single.id, date(2025, 3, 3)),
        (both.id, date(2025, 1, 10)),
        (both.id, date(2025, 1, 10)),
        (none.id, None),
        (999_999, None),
    ]
    with counting_statements(store) as statements:
        found = await get_compositions(store, keys)
    assert len(statements) == 1
    ends = {key: composition.period_end for key, composition in found.items()}
    assert ends == {
        (single.id, None): date(2025, 3, 6),
        (both.id, None): date(2025, 1, 26),
        (single.id, date(2025, 3, 3)): date(2025, 3, 3),
        (both.id, date(2025, 1, 10)): date(2025, 1, 12),
    }
    expected = new_composition(date(2025, 1, 5))
    assert_same_leg(found[both.id, date(2025, 1, 10)].long, expected.long)
    assert_same_leg(found[both.id, date(2025, 1, 10)].short, expected.short)
    assert found[single.id, None].short is None
    assert await get_compositions(store, []) == {}

    dates = await composition_dates(store, [both.id, none.id])
    np.testing.assert_array_equal(dates[both.id], np.array(["2025-01-12", "2025-01-26"], "datetime64[D]"))
    assert dates[none.id].shape == (0,)
    assert dates[none.id].dtype == np.dtype("datetime64[D]")


async def test_thousands_of_keys_are_a_handful_of_statements(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(store, dataset_id)
    days = [date(1990, 1, 1) + timedelta(days=day) for day in range(20_000)]
    with counting_statements(store) as statements:
        found = await get_compositions(store, [(record.id, day) for day in days])
    assert len(found) == 14
    assert len(statements) == 3
    with counting_statements(store) as statements:
        assert set(await get_performance(store, range(record.id - 20_000, record.id + 20_000))) == {record.id}
    assert len(statements) == 5


def assert_same_document(left: DocumentRecord, right: DocumentRecord) -> None:
    assert (left.name, left.facts) == (right.name, right.facts)
    assert list(left.arrays) == list(right.arrays)
    for name, array in left.arrays.items():
        np.testing.assert_array_equal(array, right.arrays[name], strict=True)


async def test_documents_of_many_runs_are_one_statement(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    records = []
    for position in range(3):
        documents = (new_document("RESEARCH", position + 1.0), new_document("SWEEP", -1.0))[: position + 1]
        results = replace(new_results(), documents=documents)
        records.append(await succeeded(store, dataset_id, results, identity_hash=str(position)))
    none = await succeeded(store, dataset_id, identity_hash="none")
    ids = [record.id for record in records]
    with counting_statements(store) as statements:
        found = await get_documents(store, [*ids, *ids, none.id, 999_999], "RESEARCH")
    assert len(statements) == 1
    assert list(found) == sorted(ids)
    for position, run_id in enumerate(ids):
        assert_same_document(found[run_id], new_document("RESEARCH", position + 1.0))
    swept = await get_documents(store, ids, "SWEEP")
    assert set(swept) == set(ids[1:])
    assert_same_document(swept[ids[1]], new_document("SWEEP", -1.0))
    assert await get_documents(store, ids, "OTHER") == {}
    assert await get_documents(store, [], "SWEEP") == {}


async def test_results_are_written_by_one_statement_a_table(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    claimed = await running(store, dataset_id)
    names = [f"SERIES_{number}" for number in range(20)]
    results = replace(
        new_results(),
        net_performance=PerformanceRecord(),
        series=tuple(new_series(name) for name in names),
        documents=(new_document("RESEARCH"), new_document("OTHER")),
    )
    with counting_statements(store) as statements:
        assert await finish_run(store, claimed.id, 1, WORKER, results, later(2))
    written = [words[2] for statement in statements if (words := statement.split())[0] == "INSERT"]
    tables = ["performance", "net_performance", "series", "composition", "run_document", "run_event"]
    assert sorted(written) == sorted(tables)
    assert {name for _, name in await get_series(store, [claimed.id], names)} == set(names)


async def test_results_are_written_whole_or_not_at_all(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    claimed = await running(store, dataset_id)
    twice = replace(new_results(), documents=(new_document("SWEEP"), new_document("SWEEP")))
    unpackable = replace(
        new_results(), documents=(DocumentRecord(name="SWEEP", facts={"sharpe": float("nan")}),)
    )
    for results, error in ((twice, IntegrityError), (unpackable, ValueError)):
        with pytest.raises(error):
            await finish_run(store, claimed.id, 1, WORKER, results, later(2))
        assert await rows_of_results(store) == dict.fromkeys(RESULT_TABLES, 0)
    assert await finish_run(store, claimed.id, 1, WORKER, new_results(), later(2))


RESULT_TABLES = ("performance", "net_performance", "series", "composition", "run_document")


async def rows_of_results(store: Store) -> dict[str, int]:
    async with store.read() as connection:
        return {
            table: (await connection.scalar(text(f"SELECT count(*) FROM {table}"))) or 0
            for table in RESULT_TABLES
        }


async def test_deleting_a_run_deletes_all_its_results_and_no_others(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    results = replace(new_results(), net_performance=PerformanceRecord(), documents=(new_document(),))
    deleted = await succeeded(store, dataset_id, results, identity_hash="deleted")
    kept = await succeeded(store, dataset_id, results, identity_hash="kept")
    both = await rows_of_results(store)
    await delete_run(store, deleted.id)
    assert min(both.values()) > 0
    assert await rows_of_results(store) == {table: count // 2 for table, count in both.items()}
    assert set(await get_documents(store, [deleted.id, kept.id], "SWEEP")) == {kept.id}
    assert set(await get_net_performance(store, [deleted.id, kept.id])) == {kept.id}


@pytest.mark.parametrize("table", ["series", "composition", "run_document"])
async def test_a_blob_that_changed_on_disk_is_detected(store: Store, table: str) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(store, dataset_id, replace(new_results(), documents=(new_document(),)))
    async with store.write() as connection:
        await connection.execute(text(f"UPDATE {table} SET checksum = checksum + 1"))
    reading = {
        "series": lambda: get_series(store, [record.id], ["FACTOR"]),
        "composition": lambda: get_compositions(store, [(record.id, None)]),
        "run_document": lambda: get_documents(store, [record.id], "SWEEP"),
    }
    with pytest.raises(CorruptBlob, match=f"^run {record.id}: .*checksum"):
        await reading[table]()


@pytest.mark.parametrize("table", ["series", "composition", "run_document"])
async def test_what_a_newer_version_packed_is_told_with_its_run(store: Store, table: str) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(store, dataset_id, replace(new_results(), documents=(new_document(),)))
    async with store.write() as connection:
        await connection.execute(text(f"UPDATE {table} SET codec_version = 99"))
    with pytest.raises(NewerBlob, match=f"^run {record.id}: .*newer version") as caught:
        await check_results(store, record.id)
    assert caught.value.hint == "update FactorQL"


@pytest.mark.parametrize(
    ("table", "what"),
    [("series", "series FACTOR"), ("composition", "the composition of"), ("run_document", "document SWEEP")],
)
async def test_a_check_of_all_results_finds_one_changed_bit(store: Store, table: str, what: str) -> None:
    dataset_id = await add_sample_dataset(store)
    results = replace(new_results(), documents=(new_document(),))
    other = await succeeded(store, dataset_id, results, identity_hash="other")
    record = await succeeded(store, dataset_id, results)
    await check_results(store, record.id)
    async with store.write() as connection:
        kept = await connection.execute(text(f"SELECT packed FROM {table} WHERE run_id = {record.id}"))
        for (packed,) in kept.all():
            await connection.execute(
                text(f"UPDATE {table} SET packed = :damaged WHERE run_id = {record.id} AND packed = :packed"),
                {"damaged": packed[:-1] + bytes([packed[-1] ^ 1]), "packed": packed},
            )
    with pytest.raises(
        CorruptBlob, match=f"^run {record.id}: {what}.* does not match its checksum"
    ) as caught:
        await check_results(store, record.id)
    assert caught.value.hint
    await check_results(store, other.id)
