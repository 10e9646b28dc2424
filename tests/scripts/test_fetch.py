"""`factorql fetch` and `sources` as their users meet them, against local servers in the vendors' place."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.datasets.quality import LostAsset
from app.features.fetches.report import FetchReport
from scripts.cli import main
from scripts.fetch_view import print_report
from tests.app.sources.stand_ins import artemis, coinbase
from tests.app.sources.stand_ins.faults import Fault, Faults, serve_in_thread
from tests.e2e.servers import Command, commands, run_command, wait_for

SPAN = ("--start", "2024-01-01", "--end", "2024-06-30")
WANTED = ("--assets", "btc, eth,,NOPE", "--name", "coins")


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vendor(faults: Faults) -> Iterator[dict[str, str]]:
    """Settings that lead to a stand-in for Coinbase."""
    with serve_in_thread(coinbase.application(faults)) as address:
        yield {"FACTORQL_COINBASE_BASE_URL": address}


def run(data_dir: Path, *arguments: str, **environment: str) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": "", "ARTEMIS_API_KEY": ""}
    return CliRunner(env=variables | environment).invoke(main, list(arguments))


def run_json(data_dir: Path, *arguments: str, **environment: str) -> Any:
    result = run(data_dir, *arguments, "--json", **environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def assert_one_line_error(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_a_fetch_says_what_it_made_and_what_it_lost(
    tmp_path: Path, vendor: dict[str, str], faults: Faults
) -> None:
    done = run(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, "--note", "mine", **vendor)
    assert done.exit_code == 0, done.output
    for words in (
        "run 1: fetch from coinbase\n",
        "dataset coins version 1: 2 assets, 182 dates from 2024-01-01 to 2024-06-30, calendar every_day",
        "fields: price, volume",
        "lost: 1 of 3 assets",
        "UNKNOWN_ASSET: NOPE: ",
        "(retries: 0), answers from disk: 0, received: ",
    ):
        assert words in done.output
    asked = len(faults.log)

    again = run_json(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, **vendor)
    assert len(faults.log) == asked, "everything was kept"
    assert (again["id"], again["reused"], again["factor"], again["kind"]) == (2, False, None, "FETCH")
    assert again["dataset"]["version"] == 1, "the same content is the same dataset"
    assert again["report"]["counts"]["requests"] == 0
    assert again["report"]["counts"]["cached_responses"] > 0
    assert [(one["asset"], one["code"]) for one in again["report"]["lost"]] == [("NOPE", "UNKNOWN_ASSET")]

    run_json(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, "--refresh", **vendor)
    assert len(faults.log) == 2 * asked

    listed = run(tmp_path, "runs", "--kind", "fetch").output
    assert [line.split()[1:4] for line in listed.splitlines()[1:]] == [["fetch", "coinbase", "succeeded"]] * 3
    assert "coinbase" in run(tmp_path, "runs").output
    assert run_json(tmp_path, "runs", "--kind", "factor") == []


def test_show_prints_the_report_of_a_fetch_and_draws_nothing(tmp_path: Path, vendor: dict[str, str]) -> None:
    assert run(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, "--note", "mine", **vendor).exit_code == 0
    shown = run(tmp_path, "show", "1").output
    for words in (
        "run 1: fetch from coinbase\n",
        "note: mine",
        "asked for: 2024-01-01 to 2024-06-30, btc, eth, NOPE; to be dataset coins\n",
        "UNKNOWN_ASSET: NOPE: ",
    ):
        assert words in shown
    assert run_json(tmp_path, "show", "1")["report"]["lost"][0]["asset"] == "NOPE"
    for option in (["--plot", "x.png"], ["--report", "x.html"], ["--monthly"]):
        assert_one_line_error(run(tmp_path, "show", "1", *option), 2, "run 1 is a fetch")


def test_a_failed_fetch_is_one_line_and_no_dataset(
    tmp_path: Path, vendor: dict[str, str], faults: Faults
) -> None:
    faults.add(Fault(status=403))
    done = run(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, **vendor)
    assert_one_line_error(done, 1, "SOURCE_REFUSED", "Coinbase")
    told = run(tmp_path, "fetch", "coinbase", *SPAN, *WANTED, "--json", **vendor)
    assert told.exit_code == 1
    assert json.loads(told.stdout)["report"] is None
    assert run_json(tmp_path, "datasets") == []
    assert "SOURCE_REFUSED" in run(tmp_path, "show", "1").output


def test_a_wrong_key_is_told_without_it(tmp_path: Path) -> None:
    with serve_in_thread(artemis.application(Faults())) as address:
        settings = {"FACTORQL_ARTEMIS_BASE_URL": address, "ARTEMIS_API_KEY": "wrong-key-98765"}
        # a process of its own, where what is logged reaches the terminal
        done = run_command(tmp_path, "fetch", "artemis", *SPAN, "--name", "x", **settings)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert "ARTEMIS_API_KEY" in line
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"wrong-key-98765" not in kept + line.encode()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("coinbase", *SPAN, "--name", "../x"), 2, ("'../x'",)),
        (("coinbase", "--start", "2024-02-01", "--end", "2024-01-01", "--name", "x"), 2, ("start",)),
        (("coinbase", "--start", "2024-02-01", "--end", "2999-01-01", "--name", "x"), 2, ("is over",)),
        (("coinbase", *SPAN, "--assets", ",", "--name", "x"), 2, ("at least one asset",)),
        (("yahoo", *SPAN, "--name", "x"), 2, ("Yahoo",)),
        (("artemis", *SPAN, "--name", "x"), 1, ("ARTEMIS_API_KEY",)),
    ],
)
def test_what_cannot_be_fetched_is_refused_at_once(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    assert_one_line_error(run(tmp_path, "fetch", *arguments), code, *words)
    assert not any(tmp_path.iterdir()), "nothing was opened"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere", *SPAN, "--name", "x"),
        ("coinbase", "--start", "yesterday", "--name", "x"),
        ("coinbase", "--name", "x"),
        ("coinbase", *SPAN),
    ],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(tmp_path, "fetch", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_ctrl_c_cancels_the_fetch(tmp_path: Path, vendor: dict[str, str], faults: Faults) -> None:
    faults.latency_seconds = 1.0
    with commands(tmp_path) as start:
        command = start(Command, "fetch", "coinbase", *SPAN, "--name", "coins", **vendor)
        wait_for(lambda: faults.asked("candles"))
        assert command.end_by(signal.SIGINT) == 130
        assert "run 1 canceled" in command.output
    (canceled,) = run_json(tmp_path / "data", "runs")
    assert canceled["status"] == "CANCELED"
    assert run_json(tmp_path / "data", "datasets") == []


def test_sources_are_a_table_and_json_without_keys(tmp_path: Path) -> None:
    table = run(tmp_path, "sources").output
    for name in ("coinmetrics", "coinbase", "artemis", "yahoo", "crypto"):
        assert name in table
    assert table.count("ARTEMIS_API_KEY (not set)") == 2
    found = run(tmp_path, "sources", "--json", ARTEMIS_API_KEY="s3cret").stdout
    assert "s3cret" not in found
    by_name = {one["name"]: one for one in json.loads(found)}
    assert (by_name["artemis"]["key"], by_name["artemis"]["configured"]) == ("ARTEMIS_API_KEY", True)
    assert "price" in by_name["coinbase"]["fields"]


def test_gc_removes_answers_that_are_out_of_date(tmp_path: Path, vendor: dict[str, str]) -> None:
    arguments = ("fetch", "coinbase", *SPAN, *WANTED)
    assert run(tmp_path, *arguments, **vendor).exit_code == 0
    assert run_json(tmp_path, "gc")["responses"] == []
    kept = len(list((tmp_path / "cache" / "responses").iterdir()))
    hurried = {"FACTORQL_SOURCE_CACHE_HOURS": "0"}
    dry = run_json(tmp_path, "gc", "--dry-run", **hurried)
    assert (len(dry["responses"]), dry["bytes_freed"] > 0) == (kept, True)
    removed = run(tmp_path, "gc", **hurried)
    assert f"{kept} answers of vendors" in removed.output
    assert list((tmp_path / "cache" / "responses").iterdir()) == []


def test_lost_assets_are_grouped_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    pegged = [LostAsset(asset=f"usd{n}", code="STABLECOIN", reason="pegged") for n in range(12)]
    failed = [LostAsset(asset=f"c{n}", code="MALFORMED", reason=f"reason {n}") for n in range(11)]
    counts = {
        "assets_total": 1_500,
        "requests": 2_000,
        "retries": 3,
        "cached_responses": 4,
        "bytes": 5_000_000,
    }
    print_report(FetchReport(counts=counts, lost=(*pegged, *failed), notes=("a remark",)))
    assert capsys.readouterr().out.splitlines() == [
        "lost: 23 of 1,500 assets",
        *(f"  MALFORMED: c{n}: reason {n}" for n in range(10)),
        "  MALFORMED: and 1 more",
        "  STABLECOIN: usd0, usd1, usd2, usd3, usd4, usd5, usd6, usd7, usd8, usd9 and 2 more: pegged",
        "note: a remark",
        "requests sent: 2,000 (retries: 3), answers from disk: 4, received: 5.0 MB",
    ]
