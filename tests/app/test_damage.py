"""What was written and has changed since is never computed with or shown: it is told, and can be mended."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.execution.worker import exchange as conversation
from app.execution.worker.protocol import Findings
from tests.app.datasets.files import damage
from tests.app.rest.asking import body
from tests.app.test_main import ask, serving, settings_of, upload_sample

COMPUTE = """mutation ($spec: FactorSpec!, $force: Boolean! = false) {
  computeFactor(input: {spec: $spec, force: $force}, waitSeconds: 30) {
    ... on ComputeFactorSuccess {
      run { id status failure { code message } performance { cumulativeReturn } } }
    ... on Error { message } } }"""
EXPOSURES = """query ($input: ExposureInput!) { exposures(input: $input) { __typename
  ... on Error { code message hint } } }"""
RESULT = """query ($id: ID!) { run(id: $id) { ... on FactorRun {
  performance { cumulativeReturn } series { dates } composition { date } monthlyReturns { month }
  confidenceIntervals { level } } } }"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with serving(settings_of(tmp_path)) as client:
        upload_sample(client)
        yield client


def compute(client: httpx.Client, force: bool = True, **spec: Any) -> dict[str, Any]:
    spec = spec or {"smb": {}}
    return ask(client, COMPUTE, spec=spec, force=force)["computeFactor"]["run"]


def only(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if not path.name.startswith("."))
    return found


def pack_newer(data_dir: Path, table: str) -> None:
    """Say that a version which is not known packed each blob."""
    with closing(sqlite3.connect(data_dir / "factorql.sqlite")) as store:
        assert store.execute(f"UPDATE {table} SET codec_version = 99").rowcount > 0
        store.commit()


def flip(data_dir: Path, table: str, condition: str = "1 = 1") -> None:
    """Change one bit of each blob."""
    with closing(sqlite3.connect(data_dir / "factorql.sqlite")) as store:
        kept = store.execute(f"SELECT rowid, packed FROM {table} WHERE {condition}").fetchall()
        for row, packed in kept:
            changed = packed[:-1] + bytes([packed[-1] ^ 1])
            store.execute(f"UPDATE {table} SET packed = ? WHERE rowid = ?", (changed, row))
        store.commit()
        assert kept


def test_a_damaged_dataset_is_refused_until_its_file_is_ingested_again(
    client: httpx.Client, tmp_path: Path
) -> None:
    sound = compute(client)
    assert sound["status"] == "SUCCEEDED"
    damage(only(tmp_path / "datasets"), "field:price")
    shutil.rmtree(tmp_path / "cache" / "periods")

    failed = compute(client)
    assert (failed["status"], failed["failure"]["code"]) == ("FAILED", "DATASET_DAMAGED")
    assert "field price" in failed["failure"]["message"]
    assert "ingest the file again" in failed["failure"]["message"]
    response = client.post("/compute/momentum", json=body("momentum", breakpoint=0.4))
    assert response.status_code == 500
    assert "field price" in response.json()["detail"]
    portfolio = {"portfolio": {"weights": [{"asset": "syn-acorn", "number": 1.0}]}, "runs": [sound["id"]]}
    told = ask(client, EXPOSURES, input=portfolio)["exposures"]
    assert (told["__typename"], told["code"]) == ("DatasetUnavailable", "DATASET_DAMAGED")
    assert told["hint"] == "ingest the file again"
    assert str(tmp_path) not in json.dumps([failed, response.json(), told])

    upload_sample(client)
    assert compute(client)["performance"] == sound["performance"]


def test_a_damaged_cache_is_built_again_and_logged(
    client: httpx.Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = compute(client)
    damage(only(tmp_path / "cache" / "periods"), "field:price")
    for _ in range(2):
        again = compute(client)
        assert again["status"] == "SUCCEEDED"
        assert again["performance"] == sound["performance"]
    (warning,) = (one for one in caplog.messages if "built again" in one)
    assert "field price" in warning


def test_a_file_is_read_whole_once_a_server(
    client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are separate processes; what one has read the next one is told."""
    found: list[Findings] = []
    decode = conversation.decode_findings
    monkeypatch.setattr(
        conversation, "decode_findings", lambda payload: found.append(decode(payload)) or found[-1]
    )
    for _ in range(4):
        compute(client)
    snapshot, periods = found
    assert {Path(one.identity.path).parent.name for one in snapshot.hashes} == {
        only(tmp_path / "datasets").name
    }
    assert {Path(one.identity.path).parent.name for one in periods.hashes} == {
        only(tmp_path / "cache" / "periods").name
    }


@pytest.mark.parametrize(
    ("table", "condition", "parts"),
    [
        ("series", "name = 'FACTOR'", {"series", "monthlyReturns"}),
        ("composition", "1 = 1", {"composition"}),
        ("run_document", "name = 'RESEARCH'", {"confidenceIntervals"}),
    ],
)
def test_damaged_results_leave_the_sound_ones(
    client: httpx.Client, tmp_path: Path, table: str, condition: str, parts: set[str]
) -> None:
    run = compute(client)
    flip(tmp_path, table, condition)
    answer = client.post("/graphql", json={"query": RESULT, "variables": {"id": run["id"]}}).json()
    assert {part for part, value in answer["data"]["run"].items() if value is None} == parts
    assert {error["path"][1] for error in answer["errors"]} == parts
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "RESULT_DAMAGED"
        assert error["extensions"]["hint"]
        assert "checksum" in error["message"]
        assert str(tmp_path) not in error["message"]


def test_a_damaged_series_is_a_line_of_rest(client: httpx.Client, tmp_path: Path) -> None:
    compute(client)
    flip(tmp_path, "series")
    response = client.get("/factors/time-series", params={"factors": "smb"})
    assert response.status_code == 500
    assert "series FACTOR is damaged" in response.json()["detail"]


@pytest.mark.parametrize("table", ["series", "composition", "run_document"])
def test_what_a_newer_version_packed_is_not_called_damaged(
    client: httpx.Client, tmp_path: Path, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = compute(client)
    pack_newer(tmp_path, table)
    answer = client.post("/graphql", json={"query": RESULT, "variables": {"id": run["id"]}}).json()
    assert answer["data"]["run"]["performance"]
    for error in answer["errors"]:
        assert error["extensions"] == {"code": "RESULT_UNREADABLE", "hint": "update FactorQL"}
        assert "newer version of FactorQL" in error["message"]
        assert error["message"] in caplog.text


def test_a_series_of_a_newer_version_is_a_line_of_rest(client: httpx.Client, tmp_path: Path) -> None:
    compute(client)
    pack_newer(tmp_path, "series")
    response = client.get("/factors/time-series", params={"factors": "smb"})
    assert response.status_code == 500
    assert response.json()["detail"].endswith("known is 2 (update FactorQL)")
