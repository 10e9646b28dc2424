"""Files that can not, or only in part, be taken in: told over HTTP and by command, and nothing is lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.e2e.graph import dataset_names, ingest
from tests.e2e.panels import HEADER, csv_of, rows
from tests.e2e.servers import Server, call_command

pytestmark = pytest.mark.slow

ROWS = rows(assets=6, days=30)
FILE = csv_of(ROWS)


def with_cell(row: int, column: str, value: str) -> bytes:
    """The file with one cell replaced; `row` counts lines, the header is 1."""
    cells = ROWS[row - 2].split(",")
    cells[HEADER.split(",").index(column)] = value
    return csv_of([*ROWS[: row - 2], ",".join(cells), *ROWS[row - 1 :]])


def with_header(old: str, new: str) -> bytes:
    return csv_of(ROWS, HEADER.replace(old, new))


CONTRADICTION = ROWS[0].replace("asset-00,", "asset-00,9", 1)

REFUSED = {
    "empty": ("p.csv", b"", "is empty"),
    "blank": ("p.csv", b"\n\n", "first line is empty"),
    "without rows": ("p.csv", f"{HEADER}\n".encode(), "no rows"),
    "bytes": ("p.csv", bytes(range(256)) * 9, "not UTF-8"),
    "Latin-1": ("p.csv", FILE.replace(b"asset-01", b"\xe9"), "line 3 is not UTF-8"),
    "spreadsheet": ("p.xlsx", b"PK\3\4" + bytes(99), "zip archive or spreadsheet"),
    "cut gzip": ("p.csv.gz", gzip.compress(FILE)[:-40], "truncated"),
    "damaged gzip": ("p.csv.gz", gzip.compress(FILE)[:-8] + bytes(8), "damaged"),
    "damaged Parquet": ("p.parquet", b"PAR1" + bytes(99) + b"PAR1", "Parquet"),
    "no column for dates": ("p.csv", with_header("date", "when_"), "no column for date"),
    "no column for assets": ("p.csv", with_header("asset", "thing"), "no column for asset"),
    "no column for prices": ("p.csv", with_header("price", "cost"), "no column for price"),
    "a column twice": ("p.csv", with_header("mc", "price"), "both mean price"),
    "a column under two names": ("p.csv", with_header("dau", "market_cap"), "both mean market_cap"),
    "contradicting rows": ("p.csv", csv_of([*ROWS, CONTRADICTION]), "lines 2 and 182 contradict each other"),
    "a date that is none": ("p.csv", with_cell(7, "date", "31/31/2023"), "line 7: '31/31/2023'"),
    "a day that never was": ("p.csv", with_cell(7, "date", "2023-02-30"), "line 7: '2023-02-30'"),
    "a row without date": ("p.csv", with_cell(7, "date", ""), "line 7: the date is empty"),
    "a date far off": ("p.csv", with_cell(7, "date", "9999-01-01"), "line 7: date 9999-01-01"),
    "no price is a number": (
        "p.csv",
        csv_of([row.replace(row.split(",")[2], "dear", 1) for row in ROWS]),
        "all 180 rows were refused, the first because price is not a number: 'dear' (line 2)",
    ),
    "no prices": ("p.csv", csv_of([f"2023-01-{day:02},a,,1,1,1,1,1" for day in range(1, 9)]), "has a price"),
}

KEPT_IN_PART = {
    "equal rows": (csv_of([*ROWS, *ROWS[:10]]), {"DUPLICATE": 10}, [], 180),
    "text in a number": (with_cell(9, "mc", "plenty"), {"NOT_A_NUMBER": 1}, [9], 179),
    "an infinite price": (with_cell(9, "price", "inf"), {"INFINITE": 1}, [9], 179),
    "an infinite volume": (with_cell(9, "24h_volume", "-Infinity"), {"INFINITE": 1}, [9], 179),
    "a negative cap": (with_cell(9, "mc", "-5e8"), {"NEGATIVE": 1}, [9], 179),
    "an overlong row": (csv_of([*ROWS, f"{ROWS[0]},1,2"]), {"WRONG_COLUMN_COUNT": 1}, [182], 180),
    "no asset": (with_cell(9, "asset", " "), {"INVALID_ASSET": 1}, [9], 179),
    "a price of nothing": (with_cell(9, "price", "0"), {"NON_POSITIVE_PRICE": 1, "GAP": 1}, [], 180),
}


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Result]:
    """Runs `factorql ingest` on a file in `tmp_path`."""

    def run(file: str, content: bytes) -> Result:
        path = tmp_path / file
        path.write_bytes(content)
        return call_command(tmp_path / "data", "ingest", str(path), "--name", "p", "--json")

    return run


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_whole(case: str, server: Server) -> None:
    file, content, reason = REFUSED[case]
    before = dataset_names(server), snapshots(server.folder)
    answer = ingest(server, "small", file, content)
    assert (answer["__typename"], answer["code"]) == ("InvalidFile", "INVALID_FILE"), answer
    assert reason in answer["message"]
    assert answer["message"].startswith(file)
    assert len(answer["message"].splitlines()) == 1
    assert (dataset_names(server), snapshots(server.folder)) == before
    assert not list(server.temporary.iterdir()), "the upload stayed behind"


@pytest.mark.parametrize("case", REFUSED)
def test_the_command_refuses_it_in_one_line(
    case: str, command: Callable[..., Result], tmp_path: Path
) -> None:
    file, content, reason = REFUSED[case]
    done = command(file, content)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {file}")
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr
    assert snapshots(tmp_path) == []


@pytest.mark.parametrize("case", KEPT_IN_PART)
def test_faults_of_single_rows_are_counted_and_listed(
    case: str, server: Server, command: Callable[..., Result]
) -> None:
    content, counts, lines, kept = KEPT_IN_PART[case]
    # Several of these are one dataset, once their faulty rows are left out: each has its own report.
    answer = ingest(server, "partly", "p.csv", content)
    assert answer["__typename"] == "IngestDatasetSuccess", answer
    quality = answer["quality"]
    assert counts.items() <= {entry["code"]: entry["count"] for entry in quality["counts"]}.items()
    assert [row["line"] for row in quality["refused"]] == lines
    assert quality["rowsKept"] == answer["dataset"]["observationCount"] == kept
    assert quality["rowsRead"] == kept + quality["rowsRefused"] + quality["rowsMerged"]

    done = command("p.csv", content)
    assert done.exit_code == 0, done.stderr
    shown = json.loads(done.stdout)["quality"]
    assert (shown["rows_read"], shown["rows_kept"]) == (quality["rowsRead"], kept)
    assert [row["line"] for row in shown["refused"]] == lines


def snapshots(folder: Path) -> list[str]:
    """Everything in the folder of datasets, temporary or not."""
    return sorted(path.name for path in (folder / "data" / "datasets").iterdir())
