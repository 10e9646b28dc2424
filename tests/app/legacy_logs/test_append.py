"""One run after another appended to a folder of logs: read back whole, whatever stood there before."""

from __future__ import annotations

import csv
import errno
import os
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from app.features.legacy.log_rows import next_run_id
from app.features.legacy.logs import append
from app.features.legacy.logs.append import LOCK_NAME, append_run
from app.features.legacy.logs.batch import read_batch
from app.features.legacy.logs.columns import KNOWN_ORDERS, ColumnOrder
from app.features.legacy.logs.records import LegacyRun, LegacySeries
from app.features.legacy.logs.write import write_returns_csv

FIRST_ID = "20240229_235959"
RUN = LegacyRun(
    factor="momentum",
    legacy_run_id=FIRST_ID,
    breakpoint=0.25,
    min_assets=12,
    weighting_method="market_cap",
    lookback_periods=4,
    cumulative_return=0.21,
    annualized_return=0.1,
    sharpe_ratio=1.5,
    sortino_ratio=None,
    years=2.0,
    long_only_return=0.3,
    short_only_return=-0.02,
    start_date=date(2020, 1, 5),
    end_date=date(2022, 1, 4),
)
SERIES = LegacySeries(
    factor="momentum",
    legacy_run_id=FIRST_ID,
    dates=(date(2020, 1, 5), date(2022, 1, 4)),
    returns=(0.1, 0.1),
)
HEADER = (
    "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return,years,"
    "long_only_returns,short_only_returns,trailing_momentum_lookback_periods,sharpe_ratio,sortino_ratio,"
    "start_date,end_date"
)

VALUES = {
    "run_id": FIRST_ID,
    "factor": "momentum",
    "breakpoint": "0.25",
    "min_assets": "12",
    "weighting_method": "market_cap",
    "cumulative_returns": "0.21",
    "annualized_return": "0.1",
    "years": "2.0",
    "long_only_returns": "0.3",
    "short_only_returns": "-0.02",
    "trailing_momentum_lookback_periods": "4",
    "sharpe_ratio": "1.5",
    "sortino_ratio": "",
    "start_date": "2020-01-05",
    "end_date": "2022-01-04",
}


def appended(folder: Path, run: LegacyRun = RUN, series: LegacySeries | None = SERIES) -> str:
    def row_of(run_id: str) -> tuple[LegacyRun, LegacySeries | None]:
        of_id = None if series is None else replace(series, legacy_run_id=run_id)
        return replace(run, legacy_run_id=run_id), of_id

    return append_run(folder, run.legacy_run_id, next_run_id, row_of)


def read(folder: Path):
    return read_batch({path.name: path.read_bytes() for path in folder.glob("*.csv")})


def test_a_new_log_begins_with_the_newest_header_and_reads_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "new"
    assert appended(folder) == FIRST_ID
    assert (folder / "momentum.csv").read_text().splitlines()[0] == HEADER
    batch = read(folder)
    assert batch.runs == (RUN,)
    assert batch.series == (SERIES,)
    assert batch.quarantined_count == batch.repaired_count == 0


def test_the_header_stands_once(tmp_path: Path) -> None:
    for minimum in (10, 11, 12):
        appended(tmp_path, replace(RUN, min_assets=minimum))
    lines = (tmp_path / "momentum.csv").read_text().splitlines()
    assert [line for line in lines if "run_id" in line] == [HEADER]
    assert [run.min_assets for run in read(tmp_path).runs] == [10, 11, 12]


def test_runs_of_one_second_get_ids_of_their_own(tmp_path: Path) -> None:
    ids = [appended(tmp_path, replace(RUN, min_assets=minimum)) for minimum in (10, 11)]
    assert ids == ["20240229_235959", "20240301_000000"]
    batch = read(tmp_path)
    assert [run.legacy_run_id for run in batch.runs] == ids
    assert batch.series_count == 2
    (tmp_path / "momentum_20240301_000001_returns.csv").write_bytes(write_returns_csv(SERIES))
    assert appended(tmp_path, replace(RUN, min_assets=14)) == "20240301_000002"


@pytest.mark.parametrize("order", KNOWN_ORDERS, ids=lambda order: f"{order.number}-{len(order.columns)}")
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_log_of_the_older_system_is_gone_on_with_in_its_own_order(
    tmp_path: Path, order: ColumnOrder, ending: str
) -> None:
    old = {
        "run_id": "20230101_000000",
        "factor": "momentum",
        "cumulative_returns": "0.1",
        "annualized_return": "0.1",
        "years": "1.0",
        "start_date": "2022-01-01",
        "end_date": "2023-01-01",
    }
    row = ",".join(old.get(column, "") for column in order.columns)
    before = f"\ufeff{','.join(order.columns)}\r\n{row}{ending}".encode()
    log = tmp_path / "momentum.csv"
    log.write_bytes(before)
    appended(tmp_path)
    assert log.read_bytes().startswith(before)
    first, ours = list(csv.DictReader(log.read_text("utf-8-sig").splitlines()))
    assert first["run_id"] == old["run_id"]
    assert ours == {column: VALUES[column] for column in order.columns}
    batch = read(tmp_path)
    assert [run.legacy_run_id for run in batch.runs] == [old["run_id"], FIRST_ID]
    assert batch.quarantined_count == batch.repaired_count == 0


def test_a_column_that_is_unknown_here_stays_empty(tmp_path: Path) -> None:
    log = tmp_path / "momentum.csv"
    log.write_text('run_id,"Factor",note, "years"\n20230101_000000,momentum,"a, b",1.0\n')
    appended(tmp_path)
    assert log.read_text().splitlines()[-1] == f"{FIRST_ID},momentum,,2.0"


@pytest.mark.parametrize("first", [b"no header at all\n", b"\xff\xfe\n", b'"' + b"x" * 200_000 + b"\n"])
def test_what_is_no_header_decides_nothing(tmp_path: Path, first: bytes) -> None:
    log = tmp_path / "momentum.csv"
    log.write_bytes(first)
    appended(tmp_path)
    (ours,) = csv.DictReader([HEADER, log.read_bytes().splitlines()[-1].decode()])
    assert ours == VALUES


def test_a_line_that_was_cut_off_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    appended(tmp_path)
    log = tmp_path / "momentum.csv"
    log.write_bytes(log.read_bytes() + b"20240301_000000,moment")
    appended(tmp_path, replace(RUN, min_assets=13))
    batch = read(tmp_path)
    assert [run.min_assets for run in batch.runs] == [12, 13]
    assert batch.quarantined_count == 1


def test_formulas_are_guarded(tmp_path: Path) -> None:
    appended(tmp_path, replace(RUN, weighting_method="=1+1"), None)
    assert ",'=1+1," in (tmp_path / "momentum.csv").read_text()


def test_nothing_half_is_left_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write = os.write

    def only_some(handle: int, content: bytes) -> int:
        return write(handle, content[:7])

    def none_at_all(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    for name, broken in (("write", only_some), ("fsync", none_at_all)):
        with monkeypatch.context() as patched:
            patched.setattr(append.os, name, broken)
            with pytest.raises(OSError, match=r"part|space"):
                appended(tmp_path, replace(RUN, min_assets=13))
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_it_waits_for_another_writer_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "LOCK_SECONDS", 0.05)
    with FileLock(tmp_path / LOCK_NAME), pytest.raises(Timeout):
        appended(tmp_path)
    assert not list(tmp_path.glob("*.csv"))


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    runs = [replace(RUN, min_assets=10 + number) for number in range(24)]
    threads = [
        threading.Thread(target=lambda part=part: [appended(tmp_path, run) for run in part])
        for part in (runs[::3], runs[1::3], runs[2::3])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch = read(tmp_path)
    assert sorted(run.min_assets or 0 for run in batch.runs) == [run.min_assets for run in runs]
    assert len({run.legacy_run_id for run in batch.runs}) == batch.series_count == 24
    assert batch.quarantined_count == 0
