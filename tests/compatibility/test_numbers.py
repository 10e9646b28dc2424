"""One run of each kind on the bundled sample, its numbers to the last digit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scripts.cli import main
from tests.compatibility.replaying import Pin, ask, serving

_VOLATILE = {"id", "createdAt", "startedAt", "finishedAt", "durationMs"}


def test_one_run_of_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORQL_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(main, ["demo", "--no-serve"], prog_name="factorql")
    assert done.exit_code == 0, done.output
    asyncio.run(_compare(tmp_path))


async def _compare(folder: Path) -> None:
    pin, documents = Pin("numbers.json"), Pin("graph.json").content["documents"]
    async with serving(folder, execute=True) as client:
        latest = (await ask(client, "{ latestFactorRuns { id factor { name } } }"))["data"]
        runs = {run["factor"]["name"]: run["id"] for run in latest["latestFactorRuns"]}
        for mutation in pin.content["launched"]:
            answer = await ask(client, mutation["document"])
            (launched,) = answer["data"].values()
            runs[mutation["name"]] = launched["run"]["id"]
        for entry in pin.content["asked"]:
            document = entry.get("query") or documents[entry["document"]]
            answer = await ask(client, document, {"id": runs[entry["run"]]})
            pin.check(entry, _steady(answer), entry["run"])
    pin.close()


def _steady(answer: Any) -> Any:
    """Return an answer without ids and times."""
    if isinstance(answer, dict):
        return {key: _steady(value) for key, value in answer.items() if key not in _VOLATILE}
    return [_steady(item) for item in answer] if isinstance(answer, list) else answer
