"""The command on a store in which a newer version has left runs of a kind that this one does not know."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from app.settings import Settings
from app.storage.artifacts.place import folder_path
from db.records import RunRecord
from db.store import Store
from tests.app.schema.graph import config_of
from tests.db.samples import add_sample_dataset, later, launch, running, succeeded
from tests.newer_store import UNKNOWN_KIND, make_unknown
from tests.scripts.test_command import assert_one_line_error, run, run_json


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A succeeded factor run, 1; and of an unknown kind a succeeded run, 2, a running and a waiting one."""
    path = tmp_path_factory.mktemp("newer")
    assert run(path, "migrate").exit_code == 0
    url = Settings(_env_file=None, data_dir=path).store_url
    asyncio.run(_fill(url))
    return path


async def _fill(url: str) -> list[RunRecord]:
    async with await Store.open(url) as store:
        dataset_id = await add_sample_dataset(store)
        await succeeded(store, dataset_id, config=config_of("SMB"))
        ended = await succeeded(
            store, dataset_id, identity_hash="2", tags=("x",), config={"cash": {"usd": 5}}
        )
        going_on = await running(store, dataset_id, identity_hash="3")
        waiting = await launch(store, dataset_id, identity_hash="4")
        return [await make_unknown(store, one) for one in (ended, going_on, waiting)]


def test_runs_lists_them_as_what_they_are(data_dir):
    lines = run(data_dir, "runs").output.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        ["4", "session", "(unknown)", "-", "queued"],
        ["3", "session", "(unknown)", "-", "running"],
        ["2", "session", "(unknown)", "-", "succeeded"],
        ["1", "factor", "smb", "succeeded", "computed"],
    ]
    assert [item["kind"] for item in run_json(data_dir, "runs")] == [UNKNOWN_KIND] * 3 + ["FACTOR"]
    assert [item["id"] for item in run_json(data_dir, "runs", "--kind", "factor")] == [1]


def test_show_says_what_is_known_of_one(data_dir):
    shown = run(data_dir, "show", "2")
    assert shown.exit_code == 0, shown.output
    first, second, *rest = shown.output.splitlines()
    assert first == "run 2: of the kind SESSION, which this version does not know"
    assert second == "succeeded, computed, dataset panel"
    assert rest[1:] == ["tags: x; note: -", "settings: cash.usd=5"], "what its results mean is not known"
    assert (rest[0].startswith("created 2026-03-01"), "finished 2026-03-01" in rest[0]) == (True, True)
    assert run_json(data_dir, "show", "2")["kind"] == UNKNOWN_KIND
    assert run(data_dir, "show", "3").output.splitlines()[1] == "running, computed, dataset panel"


@pytest.mark.parametrize("option", ["--monthly", "--plot=a.png", "--report=a.html"])
def test_what_it_may_not_have_is_refused_in_one_line(data_dir, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(run(data_dir, "show", "2", option), 2, "kind SESSION", "does not know")
    assert list(tmp_path.iterdir()) == []


def test_logs_hold_factor_runs_alone(data_dir, tmp_path):
    exported = run(data_dir, "export-logs", str(tmp_path))
    assert exported.exit_code == 0, exported.output
    assert len((tmp_path / "smb.csv").read_text().splitlines()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["smb.csv", "smb_20260301_120002_returns.csv"]


def test_gc_keeps_what_a_running_one_may_need(data_dir):
    folder = data_dir / folder_path("ab" * 16)
    folder.mkdir(parents=True)
    while_it_runs = later(600).timestamp()
    os.utime(folder, (while_it_runs, while_it_runs))
    assert run_json(data_dir, "gc")["artifacts"] == []
    assert folder.is_dir()
