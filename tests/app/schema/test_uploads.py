"""Files that clients send."""

from __future__ import annotations

import gzip
import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import UploadFile

from app.context import Services
from app.errors import InvalidInput, LimitExceeded, StorageFailure
from app.features.legacy.logs.records import LegacyRun
from app.features.legacy.logs.write import write_factor_csv
from app.schema import uploads
from app.schema.uploads import label_of, read_upload, require_file, spooled
from tests.app.schema.graph import Graph

INGEST = """mutation ($file: Upload!, $name: String!) { ingestDataset(file: $file, name: $name) {
  __typename
  ... on IngestDatasetSuccess { created dataset { name version source fields assetCount synthetic
    quality { rowsRead rowsRefused } } }
  ... on Error { message code }
  ... on InvalidInput { fieldErrors { path code } } } }"""

IMPORT = """mutation ($files: [Upload!]!, $dryRun: Boolean! = false) {
  importFactorLogs(files: $files, dryRun: $dryRun) {
    __typename
    ... on ImportFactorLogsSuccess { ignoredFiles
      batch { id source imported unchanged quarantined quarantine { file line code } } }
    ... on Error { message code }
    ... on InvalidInput { fieldErrors { path code } } } }"""

ROWS = b"date,asset,price,market_cap\n2024-01-01,btc,1,5\n2024-01-02,btc,2,-6\n2024-01-03,btc,3,7\n"

LOG = write_factor_csv(
    [
        LegacyRun(
            factor="smb",
            legacy_run_id="20240107_120000",
            breakpoint=0.3,
            cumulative_return=0.44,
            annualized_return=0.2,
            sharpe_ratio=1.1,
            years=2.0,
        )
    ]
)


def file(content: bytes, name: str | None) -> UploadFile:
    return UploadFile(io.BytesIO(content), filename=name)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def ingest(graph: Graph, upload: object, name: str = "mine") -> dict[str, Any]:
    return (await graph.ask(INGEST, file=upload, name=name))["ingestDataset"]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to see that none stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("panel.csv", "panel.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\panel.csv.gz", "panel.csv.gz"),
        ("a\x00b\nc.csv", "abc.csv"),
        ("..", "upload"),
        ("/", "upload"),
        ("", "upload"),
        (None, "upload"),
        ("x" * 500 + ".parquet", "x" * 112 + ".parquet"),
    ],
)
def test_a_label_is_the_last_part_of_the_name(given: str | None, label: str) -> None:
    assert label_of(file(b"", given)) == label


@pytest.mark.parametrize("value", ["/etc/passwd", b"bytes", 3, {"path": "x"}, None])
def test_a_value_is_no_file(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_file(value, ("files", "0"))
    assert caught.value.field_errors[0].path == ("files", "0")


async def test_a_spooled_file_is_gone_afterwards(scratch: Path) -> None:
    upload = file(b"content", "../evil.csv")
    await upload.read(3)
    async with spooled(upload, 100) as path:
        assert path.read_bytes() == b"content"
        assert path.is_relative_to(scratch)
        assert "evil" not in str(path)
    assert names_in(scratch) == []


async def test_too_large_files_are_refused_and_leave_nothing(scratch: Path) -> None:
    with pytest.raises(LimitExceeded, match=r"big\.csv is larger than the 3 bytes"):
        async with spooled(file(b"1234", "big.csv"), 3):
            pass
    with pytest.raises(LimitExceeded):
        await read_upload(file(b"1234", "big.csv"), 3)
    assert await read_upload(file(b"123", "fits.csv"), 3) == b"123"
    assert names_in(scratch) == []


async def test_a_full_disk_is_told(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "_copy", full)
    with pytest.raises(StorageFailure, match="No space left"):
        async with spooled(file(b"1", "a.csv"), 3):
            pass
    assert names_in(scratch) == []


# -- ingestDataset -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _folders(services: Services) -> None:
    services.settings.datasets_dir.mkdir(parents=True, exist_ok=True)
    services.settings.cache_dir.mkdir(parents=True, exist_ok=True)


async def test_an_uploaded_file_becomes_a_dataset(graph: Graph, scratch: Path) -> None:
    first = await ingest(graph, file(ROWS, "up/panel.csv"))
    assert first["created"] is True
    assert first["dataset"] == {
        "name": "mine",
        "version": 1,
        "source": "panel.csv",
        "fields": ["market_cap", "price"],
        "assetCount": 1,
        "synthetic": False,
        "quality": {"rowsRead": 3, "rowsRefused": 1},
    }
    again = await ingest(graph, file(gzip.compress(ROWS), "panel.csv.gz"))
    assert (again["created"], again["dataset"]["version"]) == (False, 1)
    assert names_in(scratch) == []


async def test_a_client_says_what_the_file_cannot(graph: Graph) -> None:
    query = """mutation ($file: Upload!, $licence: String, $note: String) {
      ingestDataset(file: $file, name: "mine", calendar: OBSERVED, licence: $licence, note: $note,
        synthetic: true) { ... on IngestDatasetSuccess { dataset { label calendar licence note } }
        ... on InvalidInput { fieldErrors { path code } } } }"""
    data = await graph.ask(query, file=file(ROWS, "panel.csv"), licence="CC0", note="made up")
    assert data["ingestDataset"]["dataset"] == {
        "label": "mine v1 (synthetic)",
        "calendar": "OBSERVED",
        "licence": "CC0",
        "note": "made up",
    }
    data = await graph.ask(query, file=file(ROWS, "panel.csv"), licence="x" * 201)
    assert data["ingestDataset"]["fieldErrors"] == [{"path": ["licence"], "code": "TOO_LONG"}]


async def test_files_that_cannot_be_read_are_typed(graph: Graph, scratch: Path) -> None:
    for content, name in (
        (b"a,b\n1,2\n", "panel.csv"),
        (b"", "panel.csv"),
        (b"no gzip", "panel.csv.gz"),
        (b"no parquet", "panel.parquet"),
        (b"MZ", "panel.exe"),
    ):
        result = await ingest(graph, file(content, name))
        assert result["__typename"] == "InvalidFile", (name, result)
    assert names_in(scratch) == []
    assert names_in(graph.services.settings.datasets_dir) == []


async def test_names_and_values_are_checked(graph: Graph) -> None:
    result = await ingest(graph, file(ROWS, "panel.csv"), name="../x")
    assert (result["__typename"], result["fieldErrors"]) == (
        "InvalidInput",
        [{"path": ["name"], "code": "INVALID_NAME"}],
    )
    result = await ingest(graph, "/etc/passwd")
    assert result["fieldErrors"] == [{"path": ["file"], "code": "NOT_A_FILE"}]
    data = await graph.ask(
        'mutation { ingestDataset(file: "/etc/passwd", name: "x") { ... on Error { code } } }'
    )
    assert data["ingestDataset"] == {"code": "INVALID_INPUT"}


# -- importFactorLogs --------------------------------------------------------------------------------------


async def import_logs(graph: Graph, *files: object, dry_run: bool = False) -> dict[str, Any]:
    return (await graph.ask(IMPORT, files=list(files), dryRun=dry_run))["importFactorLogs"]


async def test_logs_are_imported_and_a_dry_run_changes_nothing(graph: Graph) -> None:
    logs = (("smb.csv", LOG + b"broken\n"), ("README.md", b"words"))
    dry = await import_logs(graph, *(file(content, name) for name, content in logs), dry_run=True)
    assert dry["__typename"] == "ImportFactorLogsSuccess", dry
    assert dry["batch"]["id"] is None
    assert (dry["batch"]["imported"], dry["batch"]["quarantined"]) == (1, 1)
    assert (await graph.ask("{ factorRuns { totalCount } }"))["factorRuns"]["totalCount"] == 0
    done = await import_logs(graph, *(file(content, name) for name, content in logs))
    assert done["batch"] | {"id": None} == dry["batch"]
    assert done["batch"]["source"] == "upload"
    assert done["ignoredFiles"] == ["README.md"]
    again = await import_logs(graph, *(file(content, name) for name, content in logs))
    assert (again["batch"]["id"], again["batch"]["imported"]) == (None, 0)


async def test_files_of_one_name_and_values_are_refused(graph: Graph) -> None:
    result = await import_logs(graph, file(b"", "a.csv"), file(b"", "x/a.csv"))
    assert result["fieldErrors"] == [{"path": ["files", "1"], "code": "DUPLICATE_NAME"}]
    result = await import_logs(graph, file(b"", "a.csv"), "/etc/passwd")
    assert result["fieldErrors"] == [{"path": ["files", "1"], "code": "NOT_A_FILE"}]


async def test_all_files_together_are_limited(graph: Graph) -> None:
    settings = graph.services.settings.model_copy(update={"max_upload_bytes": 10})
    narrow = Graph(graph.schema, replace(graph.services, settings=settings))
    result = await import_logs(narrow, file(b"123456", "a.csv"), file(b"123456", "b.csv"))
    assert result["__typename"] == "LimitExceeded"
