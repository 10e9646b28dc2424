"""Fetching from every vendor by the command and by the mutation, with kills, wrong keys and bad days."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.sources.stand_ins import artemis
from tests.app.sources.stand_ins.faults import Fault
from tests.e2e.graph import CANCEL, ended
from tests.e2e.servers import Command, Server, call_command, run_command, wait_for
from tests.e2e.sockets import subscription
from tests.e2e.vendors import Vendors, vendors

pytestmark = pytest.mark.slow

FETCH = """
mutation Fetch($input: FetchDatasetInput!, $waitSeconds: Float! = 30) {
  fetchDataset(input: $input, waitSeconds: $waitSeconds) {
    __typename
    ... on FetchDatasetSuccess {
      reused
      run {
        id status failure { code message } progress { fraction fetch { assetsDone assetsTotal requests } }
        dataset { name fields assetCount firstDate lastDate calendar quality { lostAssets { asset code } } }
        report { lostAssets { asset code reason } notes }
      }
    }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code } }
  }
}
"""
PROGRESS = """
subscription Follow($id: ID) {
  runEvents(runId: $id) {
    kind status
    progress { fraction stage fetch { assetsDone assetsTotal assetsLost bytes retries cachedResponses } }
    run { ... on FetchRun { source datasetName } }
  }
}
"""
SPAN = ("2025-03-10", "2025-12-31")
CRYPTO = {"price", "market_cap"}
EXPECTED: dict[str, tuple[list[str] | None, set[str], set[str]]] = {
    "coinmetrics": (None, CRYPTO | {"dau", "fees"}, {"usdc"}),
    "coinbase": (None, {"price", "volume"}, {"usdt"}),
    "artemis": (None, CRYPTO | {"volume", "fees", "dau", "revenue"}, {"usdt", "twin"}),
    "yahoo": (["AAPL", "MSFT", "NOPE"], CRYPTO | {"close", "volume", "shares"}, {"NOPE"}),
    "crypto": (None, CRYPTO | {"volume", "fees"}, {"usdt", "twin"}),
}
"""Source -> assets to name, fields that there are, some that are lost."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Vendors]:
    """Vendors without a fault; each test brings a data directory of its own, and so a cache of its own."""
    with vendors() as found:
        yield found


def fetch_arguments(source: str, name: str) -> list[str]:
    assets = EXPECTED[source][0]
    named = [] if assets is None else ["--assets", ",".join(assets)]
    return ["fetch", source, "--start", SPAN[0], "--end", SPAN[1], "--name", name, *named]


def datasets_in(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call_command(folder / "data", "datasets", "--json").stdout)
    return found


@pytest.mark.parametrize("source", EXPECTED)
def test_every_source_by_the_command(source: str, shared: Vendors, tmp_path: Path) -> None:
    _, fields, lost = EXPECTED[source]
    done = run_command(tmp_path, *fetch_arguments(source, "got"), "--json", **shared.settings)
    assert done.returncode == 0, done.stderr
    (dataset,) = datasets_in(tmp_path)
    assert dataset["name"] == "got"
    assert fields <= set(dataset["fields"])
    assert dataset["first_date"] == SPAN[0]
    assert dataset["last_date"] == SPAN[1]
    told = json.loads(done.stdout)
    assert lost <= {one["asset"] for one in told["report"]["lost"]}
    assert artemis.KEY not in done.stdout + done.stderr


def test_every_source_by_the_mutation(shared: Vendors, start: Any, tmp_path: Path) -> None:
    server = start(Server, **shared.settings).ready()
    for source, (assets, fields, lost) in EXPECTED.items():
        given = {
            "source": source.upper(),
            "startDate": SPAN[0],
            "endDate": SPAN[1],
            "assets": assets,
            "name": f"from-{source}",
        }
        answer = server.ask(FETCH, input=given)["fetchDataset"]
        assert answer["__typename"] == "FetchDatasetSuccess", answer
        run = answer["run"]
        assert (run["status"], run["failure"]) == ("SUCCEEDED", None)
        assert fields <= set(run["dataset"]["fields"])
        assert lost <= {one["asset"] for one in run["report"]["lostAssets"]}
        assert run["dataset"]["quality"]["lostAssets"] == [
            {"asset": one["asset"], "code": one["code"]} for one in run["report"]["lostAssets"]
        ]
        assert run["dataset"]["calendar"] == ("OBSERVED" if source == "yahoo" else "EVERY_DAY")
        assert run["progress"]["fetch"]["assetsDone"] == run["progress"]["fetch"]["assetsTotal"]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert artemis.KEY.encode() not in kept + server.output.encode()


def test_a_wrong_key_is_one_clear_line(shared: Vendors, tmp_path: Path) -> None:
    settings = shared.settings | {"ARTEMIS_API_KEY": "wrong-key-9876"}
    done = run_command(tmp_path, *fetch_arguments("artemis", "got"), **settings)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "ARTEMIS_API_KEY" in line
    assert "wrong-key-9876" not in done.stderr + done.stdout
    assert datasets_in(tmp_path) == []


def test_no_key_and_no_such_span_are_told_before_anything_is_asked(shared: Vendors, tmp_path: Path) -> None:
    settings = {name: url for name, url in shared.settings.items() if name != "ARTEMIS_API_KEY"}
    done = run_command(tmp_path, *fetch_arguments("artemis", "got"), **settings)
    assert done.returncode == 1
    assert "ARTEMIS_API_KEY" in done.stderr
    arguments = ["fetch", "coinbase", "--start", "2024-01-01", "--name", "x", "--end", "2999-01-01"]
    done = run_command(tmp_path, *arguments, **shared.settings)
    assert done.returncode == 2
    assert "the last day that is over" in done.stderr


def test_a_span_without_data_is_an_error_and_no_dataset(shared: Vendors, tmp_path: Path) -> None:
    arguments = ["fetch", "coinbase", "--start", "2010-01-01", "--end", "2010-03-01", "--name", "x"]
    done = run_command(tmp_path, *arguments, **shared.settings)
    assert done.returncode == 1
    assert "has no data from 2010-01-01 to 2010-03-01" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert datasets_in(tmp_path) == []


def test_a_vendor_that_fails_for_a_few_gives_a_dataset_that_says_so_and_for_most_none(tmp_path: Path) -> None:
    with vendors(coins=12) as found:
        faults = found.faults["coinbase"]
        faults.add(Fault(body=b"<html>sorry</html>"), when=lambda asked: "/C003-" in asked.path)
        arguments = ["fetch", "coinbase", "--start", "2024-01-01", "--end", "2024-06-30", "--name", "some"]
        done = run_command(tmp_path, *arguments, "--json", **found.settings)
        assert done.returncode == 0, done.stderr
        lost = json.loads(done.stdout)["report"]["lost"]
        assert [(one["asset"], one["code"]) for one in lost] == [("c003", "MALFORMED")]
        (dataset,) = datasets_in(tmp_path)
        assert dataset["asset_count"] == 11

        faults.add(Fault(body=b"<html>sorry</html>"), when=lambda asked: "/candles" in asked.path)
        arguments[-1] = "none"
        done = run_command(tmp_path, *arguments, "--refresh", **found.settings)
        assert done.returncode == 1
        assert "too many for a dataset" in done.stderr
        assert len(datasets_in(tmp_path)) == 1


def candles_asked(found: Vendors) -> list[tuple[str, str]]:
    """Which windows of which products were asked for."""
    return [
        (asked.path, asked.query["start"])
        for asked in found.faults["coinbase"].log
        if "/candles" in asked.path
    ]


def test_a_command_that_was_killed_asks_only_for_what_it_lacks(start: Any, tmp_path: Path) -> None:
    with vendors(coins=15) as found:
        found.faults["coinbase"].latency_seconds = 0.05
        arguments = ["fetch", "coinbase", "--start", "2024-01-01", "--end", "2025-12-31", "--name", "got"]
        first = start(Command, *arguments, **found.settings)
        wait_for(lambda: len(candles_asked(found)) > 12)
        first.end_by(signal.SIGKILL)
        before = candles_asked(found)
        wanted = 15 * 3
        assert len(before) < wanted
        done = run_command(tmp_path, *arguments, "--json", **found.settings)
        assert done.returncode == 0, done.stderr
        after = candles_asked(found)[len(before) :]
        # those that were on their way when it was killed are asked for again, no others
        assert len(set(before) & set(after)) <= 8
        assert len(set(before) | set(after)) == wanted
        assert len(after) == len(set(after))
        (dataset,) = datasets_in(tmp_path)
        assert (dataset["asset_count"], json.loads(done.stdout)["report"]["lost"]) == (15, [])


def test_a_server_that_was_killed_goes_on_with_its_fetch(start: Any, tmp_path: Path) -> None:
    with vendors(coins=15) as found:
        given = {"source": "COINBASE", "startDate": "2024-01-01", "endDate": "2025-12-31", "name": "got"}
        server = start(Server, **found.settings).ready()
        run_id = server.ask(FETCH, input=given, waitSeconds=0)["fetchDataset"]["run"]["id"]
        again = server.ask(FETCH, input=given, waitSeconds=0)["fetchDataset"]
        assert (again["reused"], again["run"]["id"]) == (True, run_id)
        wait_for(lambda: len(candles_asked(found)) > 12)
        server.signal(signal.SIGKILL)
        server.wait()
        before = candles_asked(found)
        server = start(Server, **found.settings).ready()
        assert ended(server, run_id) == "SUCCEEDED"
        after = candles_asked(found)[len(before) :]
        assert len(set(before) & set(after)) <= 8
        assert len(set(before) | set(after)) == 45


def test_progress_comes_over_the_subscription_and_a_fetch_can_be_canceled(start: Any) -> None:
    with vendors(coins=30) as found:
        found.faults["coinbase"].latency_seconds = 0.2
        found.faults["coinbase"].add(Fault(status=503), when=lambda asked: "/C001-" in asked.path, times=1)
        server = start(Server, **found.settings).ready()
        given = {"source": "COINBASE", "startDate": "2022-01-01", "endDate": "2025-12-31", "name": "got"}
        run_id = server.ask(FETCH, input=given, waitSeconds=0)["fetchDataset"]["run"]["id"]
        with subscription(server, PROGRESS, id=run_id) as stream:
            for event in stream:
                moment = event["runEvents"]
                counts = moment["progress"]["fetch"]
                if counts and counts["assetsDone"] >= 2 and counts["retries"]:
                    break
            assert counts["assetsTotal"] == 30
            assert counts["bytes"] > 1_000
            assert re.fullmatch(r"\d+ of 30 assets, \d+\.\d MB, 1 retr(y|ies)", moment["progress"]["stage"])
            assert moment["run"] == {"source": "COINBASE", "datasetName": "got"}
            assert server.ask(CANCEL, id=run_id)["cancelRun"]["run"]["status"] == "CANCELED"
            assert [event["runEvents"]["status"] for event in stream][-1] == "CANCELED"
        asked = len(found.faults["coinbase"].log)
        assert server.ask("{ datasets { nodes { id } } }")["datasets"]["nodes"] == []
        assert len(found.faults["coinbase"].log) <= asked + 1


def test_ctrl_c_cancels_the_fetch_of_a_command(start: Any, tmp_path: Path) -> None:
    with vendors(coins=30) as found:
        found.faults["coinbase"].latency_seconds = 0.2
        arguments = ["fetch", "coinbase", "--start", "2022-01-01", "--end", "2025-12-31", "--name", "got"]
        command = start(Command, *arguments, **found.settings)
        wait_for(lambda: len(candles_asked(found)) > 3)
        assert command.end_by(signal.SIGINT) == 130
        runs = json.loads(call_command(tmp_path / "data", "runs", "--json").stdout)
        assert [run["status"] for run in runs] == ["CANCELED"]
