"""Requests that ask for too much, for what does not exist, or for what makes no sense: told, at once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from tests.e2e.graph import CANCEL, ingest, launch, launched, small_spec, states
from tests.e2e.panels import csv_of, panel_csv, rows
from tests.e2e.servers import OWN_REQUEST, Server, call_command

pytestmark = pytest.mark.slow

QUICK_SECONDS = 3.0
"""On a busy machine; what is meant is: before the work that was asked for could have been done."""


def global_id(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def refused(server: Server, query: str, **variables: object) -> dict[str, Any]:
    """The first error of an answer that came at once."""
    begun = time.monotonic()
    response = server.post(query, **variables)
    assert time.monotonic() - begun < QUICK_SECONDS
    assert response.status_code < 500, response.text
    error = response.json()["errors"][0]
    assert len(error["message"].splitlines()) == 1
    return error


# -- configs -----------------------------------------------------------------------------------------------

BAD_CONFIGS = {
    "breakpoint": ({"smb": {"breakpoint": 0.6}}, "OUT_OF_RANGE", "0.1 to 0.5, not 0.6"),
    "minAssets": ({"smb": {"minAssets": 2}}, "OUT_OF_RANGE", "not 2"),
    "endDate": (
        {"smb": {"startDate": "2023-05-01", "endDate": "2023-01-01"}},
        "END_BEFORE_START",
        "before startDate",
    ),
    "topN": ({"market": {"topN": 0}}, "OUT_OF_RANGE", "1 to 1000"),
    "lookbackPeriods": ({"momentum": {"lookbackPeriods": 13}}, "OUT_OF_RANGE", "1 to 12"),
    "missingReturn": ({"value": {"missingReturn": 0.5}}, "OUT_OF_RANGE", "-1"),
    "marketCapThreshold": ({"smb": {"marketCapThreshold": -1}}, "OUT_OF_RANGE", "-1"),
    "rebalance": ({"smb": {"rebalance": None}}, "NOT_NULLABLE", "null"),
    "exclude": ({"smb": {"exclude": ["nobody"]}}, "UNKNOWN_ASSET", "'nobody'"),
    "universe": ({"smb": {"universe": ["sector=Tea"]}}, "UNKNOWN_ASSET", "sector"),
}


@pytest.mark.parametrize("option", BAD_CONFIGS)
def test_a_config_out_of_range_is_invalid_input_at_the_option(server: Server, option: str) -> None:
    spec, code, words = BAD_CONFIGS[option]
    before = states(server)
    answer = launch(server, spec=spec)
    assert (answer["__typename"], answer["code"]) == ("InvalidInput", "INVALID_INPUT")
    (fault,) = answer["fieldErrors"]
    (factor,) = spec
    assert (fault["path"], fault["code"]) == (["input", "spec", factor, option], code)
    assert words in fault["message"]
    assert states(server) == before


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"smb": {"weightingMethod": "BY_FEEL"}}, "BY_FEEL"),
        ({"smb": {"colour": "red"}}, "colour"),
        ({"smb": {"breakpoint": "half"}}, "half"),
        ({"smb": {"startDate": "yesterday"}}, "yesterday"),
        ({"smb": {"minAssets": 2**40}}, "32-bit"),
        ({"smb": {}, "value": {}}, "exactly one"),
        ({}, "exactly one"),
        ({"reversal": {}}, "reversal"),
    ],
)
def test_what_the_schema_does_not_know_is_refused(server: Server, spec: dict, words: str) -> None:
    query = "mutation ($input: ComputeFactorInput!) { computeFactor(input: $input) { __typename } }"
    error = refused(server, query, input={"spec": spec})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert words in error["message"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("breakpoint=0.6", "0.1 to 0.5, not 0.6"),
        ("min_assets=2", "not 2"),
        ("weighting=by_feel", "by_feel"),
        ("startDate=yesterday", "yesterday"),
    ],
)
def test_the_command_says_so_too(command: Callable[..., Result], setting: str, words: str) -> None:
    done = command("compute", "smb", "--set", setting)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- datasets that do not suffice --------------------------------------------------------------------------


def without_fees() -> bytes:
    lines = [",".join([*row.split(",")[:5], *row.split(",")[6:]]) for row in rows(days=40)]
    return csv_of(lines, "date,asset,price,mc,24h_volume,dau,revenue")


def test_a_field_that_the_dataset_lacks_is_named(server: Server, command: Callable[..., Result]) -> None:
    assert ingest(server, "without-fees", "p.csv", without_fees())["created"]
    before = states(server)
    dataset = {"name": "without-fees"}
    answer = launch(server, spec=small_spec("value"), dataset=dataset)
    assert (answer["__typename"], answer["code"]) == ("MissingField", "MISSING_FIELD")
    assert answer["field"] == "fees"
    assert "without-fees" in answer["message"]
    asked_for = launch(server, spec=small_spec("growth", growthMetrics=["FEES"]), dataset=dataset)
    assert asked_for["field"] == "fees"
    assert states(server) == before
    taken_as_it_is = launch(server, spec=small_spec("growth"), dataset=dataset, wait=20)
    assert taken_as_it_is["run"]["status"] == "SUCCEEDED", "a metric that is absent is left out by default"

    assert command("ingest", "p.csv", "--name", "without-fees", content=without_fees()).exit_code == 0
    done = command("compute", "value", "--dataset", "without-fees")
    assert done.exit_code == 1
    assert "fees" in done.stderr


@pytest.mark.parametrize(
    ("content", "spec", "words"),
    [
        (panel_csv(), {"smb": {}}, "none of 30 periods could be formed: at most 12 assets were eligible"),
        (panel_csv(assets=1), small_spec(), "at most 1 asset"),
        (panel_csv(days=1), small_spec(), "no complete period"),
        (panel_csv(), small_spec(startDate="2050-01-01"), "no complete period within the requested dates"),
    ],
    ids=["too few assets", "one asset", "one date", "dates without data"],
)
def test_a_run_without_any_period_fails_and_says_why(
    server: Server, command: Callable[..., Result], content: bytes, spec: dict, words: str
) -> None:
    name = "for-" + words[:8].replace(" ", "-")
    assert ingest(server, name, "p.csv", content)["created"]
    run = launch(server, spec=spec, dataset={"name": name}, wait=20)["run"]
    assert (run["status"], run["failure"]["code"]) == ("FAILED", "NO_PERIODS")
    assert words in run["failure"]["message"]
    nothing = (
        "query ($id: ID!) { run(id: $id) { ... on FactorRun { performance { years } compositionDates } } }"
    )
    assert server.ask(nothing, id=run["id"])["run"] == {"performance": None, "compositionDates": []}

    assert command("ingest", "p.csv", "--name", name, content=content).exit_code == 0
    options = [f"{key}={value}" for key, value in spec["smb"].items()]
    done = command(
        "compute", "smb", "--dataset", name, *(word for option in options for word in ("--set", option))
    )
    assert done.exit_code == 1
    assert "NO_PERIODS" in done.stderr
    assert words in done.stderr


# -- ids and cursors ---------------------------------------------------------------------------------------

RUN, NODE, DATASET = (
    "query ($id: ID!) { run(id: $id) { id } }",
    "query ($id: ID!) { node(id: $id) { id } }",
    "query ($id: ID!) { dataset(ref: {id: $id}) { id } }",
)


@pytest.mark.parametrize(
    ("query", "id_", "code"),
    [
        (RUN, global_id("FactorRun:999999"), "NOT_FOUND"),
        (NODE, global_id("Dataset:999999"), "NOT_FOUND"),
        (DATASET, global_id("Dataset:999999"), "NOT_FOUND"),
        (RUN, global_id("Dataset:1"), "BAD_USER_INPUT"),
        (DATASET, global_id("FactorRun:1"), "BAD_USER_INPUT"),
        *((query, id_, "BAD_USER_INPUT") for query in (RUN, NODE, DATASET) for id_ in ("", "1", "x" * 9_000)),
        (NODE, global_id("Secret:1"), "BAD_USER_INPUT"),
        (RUN, global_id("FactorRun:-1"), "BAD_USER_INPUT"),
        (RUN, global_id("FactorRun:1 OR 1=1"), "BAD_USER_INPUT"),
        (RUN, global_id("FactorRun:" + "9" * 30), "BAD_USER_INPUT"),
    ],
)
def test_ids_of_nothing_and_of_other_types_are_told_apart(
    server: Server, query: str, id_: str, code: str
) -> None:
    assert refused(server, query, id=id_)["extensions"]["code"] == code


@pytest.mark.parametrize("mutation", ["cancelRun", "deleteRun", "annotateRun"])
def test_mutations_of_runs_that_are_none_are_typed(server: Server, mutation: str) -> None:
    query = f"mutation ($id: ID!) {{ {mutation}(id: $id) {{ __typename }} }}"
    for id_, expected in (
        (global_id("FactorRun:999999"), "RunNotFound"),
        (global_id("Dataset:1"), "InvalidInput"),
        ("nonsense", "InvalidInput"),
    ):
        assert server.ask(query, id=id_) == {mutation: {"__typename": expected}}


def test_a_run_that_has_ended_is_not_canceled(server: Server) -> None:
    run_id = launch(server, wait=20)["run"]["id"]
    assert server.ask(CANCEL, id=run_id)["cancelRun"]["__typename"] == "RunNotCancelable"


def test_a_cursor_that_was_tampered_with_or_is_of_another_list_is_refused(server: Server) -> None:
    for number in range(3):
        launched(server, spec=small_spec(marketCapThreshold=float(number)))
    page = "query ($after: String) { factorRuns(first: 2, after: $after) { pageInfo { endCursor } } }"
    cursor = server.ask(page)["factorRuns"]["pageInfo"]["endCursor"]
    server.ask(page, after=cursor)
    ordered = page.replace("first: 2", "first: 2, orderBy: [{field: SHARPE_RATIO}]")
    filtered = page.replace("first: 2", "first: 2, where: {factor: {eq: VALUE}}")
    elsewhere = "query ($after: String) { datasets(after: $after) { pageInfo { endCursor } } }"
    for query in (ordered, filtered, elsewhere):
        assert refused(server, query, after=cursor)["extensions"]["code"] == "BAD_CURSOR"
    changed = [cursor[:place] + "A" + cursor[place + 1 :] for place in range(len(cursor))]
    for wrong in [*changed, "", "x", cursor + "x", cursor[:-1], cursor * 50]:
        if wrong != cursor:
            assert refused(server, page, after=wrong)["extensions"]["code"] == "BAD_CURSOR", wrong


# -- too much ----------------------------------------------------------------------------------------------

TOO_MUCH = {
    "50 levels": "{ factor(name: SMB) " + "{ latestRun { factor " * 25 + "{ name }" + "} }" * 25 + " }",
    "10,000 aliases": "{ " + " ".join(f"a{number}: __typename" for number in range(10_000)) + " }",
    "1,000 aliases": "{ " + " ".join(f"a{number}: health {{ version }}" for number in range(1_000)) + " }",
    "25 chained fragments": "{ ...f0 } fragment f25 on Query { factors { name } } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(25)),
    "a fragment in itself": "{ ...f } fragment f on Query { ...f }",
    "a page of a million": "{ factorRuns(first: 1000000) { nodes { id } } }",
    "pages of pages": "{ factorRuns(first: 100) { nodes { factor { runs(first: 100) { nodes { id } } } } } }",
    "points without end": "{ factors { latestRun { series(maxPoints: 1000000000) { values } } } }",
    "brackets": "{ factors " + "{ a " * 3_000 + "}" * 3_001,
    "no end": "{" * 9_000,
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_a_query_that_asks_for_too_much_is_refused_before_it_runs(server: Server, case: str) -> None:
    error = refused(server, TOO_MUCH[case])
    expected = "BAD_USER_INPUT" if case in ("a fragment in itself", "no end") else "LIMIT_EXCEEDED"
    assert error["extensions"]["code"] == expected, error
    assert server.ask("{ health { status } }") == {"health": {"status": "OK"}}


def hundred_megabytes(sent: list[int]) -> Iterator[bytes]:
    """A multipart body whose file does not end before 100 MB; counts what was asked for."""
    operations = {
        "query": 'mutation ($file: Upload!) { ingestDataset(file: $file, name: "big") { __typename } }'
    }
    fields = {
        "operations": json.dumps(operations | {"variables": {"file": None}}),
        "map": '{"0": ["variables.file"]}',
    }
    head = "".join(
        f'--border\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    yield head.encode()
    yield b'--border\r\nContent-Disposition: form-data; name="0"; filename="big.csv"\r\n\r\n'
    for _ in range(100):
        sent[0] += 1_000_000
        yield bytes(1_000_000)
    yield b"\r\n--border--\r\n"


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_an_upload_of_100_megabytes_is_refused_without_reading_it(server: Server, declared: bool) -> None:
    headers = OWN_REQUEST | {"content-type": "multipart/form-data; boundary=border"}
    if declared:
        headers["content-length"] = str(sum(map(len, hundred_megabytes([0]))))
    sent = [0]
    begun = time.monotonic()
    try:
        response = server.client.post(
            f"{server.url}/graphql", content=hundred_megabytes(sent), headers=headers
        )
    except httpx.WriteError:
        response = None  # the server had hung up before the client listened
    assert time.monotonic() - begun < 2 * QUICK_SECONDS
    assert sent[0] < 60_000_000
    if response is not None:
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert not list(server.temporary.iterdir())


# -- by command --------------------------------------------------------------------------------------------


@pytest.fixture
def command(small: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command on a data directory of its own; `content` is put into the file p.csv first."""

    def run(*arguments: str, content: bytes | None = None) -> Result:
        if content is not None:
            (tmp_path / "p.csv").write_bytes(content)
            arguments = tuple(str(tmp_path / word) if word == "p.csv" else word for word in arguments)
        return call_command(small, *arguments)

    return run
