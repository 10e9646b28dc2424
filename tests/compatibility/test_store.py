"""The kept store of revision 0005, opened and migrated by this code, answers as it always did."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import JSON, Boolean, Column, Date, MetaData, insert, text

from db import migrate
from db.connect import WRITES, open_engine
from scripts.cli import main
from tests.compatibility.replaying import DATABASE, Pin, ask, condense, differences, follow, serving, unpack
from tests.db.stored import revisions_up_to
from tests.stores import postgresql_schema

_GRAPH, _EVENTS, _REST, _COMMANDS = "graph.json", "events.json", "rest.json", "commands.json"


async def check_graph(client: httpx.AsyncClient, folder: Path, *, step: int = 1) -> None:
    """Ask what the pin holds, of every run and list; only each `step`th question of it."""
    pin = Pin(_GRAPH)
    for entry in pin.content["asked"][::step]:
        answer = await ask(client, pin.content["documents"][entry["document"]], entry["variables"])
        masked = json.loads(json.dumps(answer).replace(str(folder), "FOLDER"))
        pin.check(entry, masked, f"{entry['document']}({json.dumps(entry['variables'])})")
    pin.close()


async def check_rest(client: httpx.AsyncClient) -> None:
    """Get what the pin holds."""
    pin = Pin(_REST)
    for entry in pin.content["asked"]:
        answer = await client.get(entry["path"])
        pin.check(entry, {"status": answer.status_code, "body": answer.json()}, entry["path"])
    pin.close()


async def check_events(client: httpx.AsyncClient) -> None:
    """Follow all runs after a cursor, and single ones to their end."""
    pin = Pin(_EVENTS)
    for entry in pin.content["asked"]:
        document = pin.content["documents"][entry["document"]]
        messages = await follow(client, document, entry["variables"], entry["count"])
        pin.check(entry, [message.get("payload") for message in messages], json.dumps(entry["variables"]))
    pin.close()


async def test_the_graph_and_rest_answer_as_before(tmp_path: Path) -> None:
    async with serving(unpack(tmp_path)) as client:
        await check_graph(client, tmp_path)
        await check_rest(client)
        await check_events(client)


async def test_the_graph_answers_as_before_from_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    folder = unpack(tmp_path)
    with postgresql_schema(postgresql_url) as url:
        with revisions_up_to("0005"):
            await migrate.upgrade(url)
        await copy_rows(folder / DATABASE, url)
        async with serving(folder, database_url=url) as client:
            await check_graph(client, folder, step=3)


async def copy_rows(file: Path, url: str) -> None:
    """Copy every row of an SQLite store into the empty tables of a PostgreSQL one of the same revision."""
    engine = open_engine(url, pooled=False)
    try:
        async with engine.execution_options(**{WRITES: True}).begin() as target:
            tables = MetaData()
            await target.run_sync(tables.reflect)
            with closing(sqlite3.connect(file)) as source:
                source.row_factory = sqlite3.Row
                for table in tables.sorted_tables:
                    if table.name == "alembic_version":
                        continue
                    for column in table.columns:
                        if isinstance(column.type, JSON):
                            column.type = JSON(none_as_null=True)
                    found = source.execute(f'SELECT * FROM "{table.name}"')
                    rows = [{name: _value(row[name], table.c[name]) for name in row.keys()} for row in found]  # noqa: SIM118
                    await target.execute(insert(table), rows)
                for name, last in source.execute("SELECT name, seq FROM sqlite_sequence"):
                    serial = "SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"
                    await target.execute(text(serial), {"name": name, "last": last})
    finally:
        await engine.dispose()


def _value(stored: Any, column: Column[Any]) -> Any:
    """Return what SQLite stores as PostgreSQL's driver takes it."""
    if stored is None:
        return None
    if isinstance(column.type, JSON):
        return json.loads(stored)
    if isinstance(column.type, Date):
        return date.fromisoformat(stored)
    return bool(stored) if isinstance(column.type, Boolean) else stored


def test_the_command_prints_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack(tmp_path)
    monkeypatch.setenv("FACTORQL_DATA_DIR", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    pin = Pin(_COMMANDS)
    for entry in pin.content["asked"]:
        done = CliRunner().invoke(main, entry["arguments"], prog_name="factorql")
        answer = {"exit": done.exit_code, "lines": done.output.splitlines()}
        pin.check(entry, answer, " ".join(entry["arguments"]))
    pin.close()


def test_the_last_digit_counts() -> None:
    values = [0.1] * 9
    kept = condense({"values": values, "rate": 0.1})
    found = condense({"values": [*values[:4], 0.1 + 1e-16, *values[5:]], "rate": 0.1 + 1e-16})
    assert len(differences(kept, found, "", exact=True)) == 3, "the rate, the sum, the hash"
    assert differences(kept, found, "", exact=False) == []
    assert differences(kept, condense({"values": values, "rate": 0.1001}), "", exact=False)
    assert differences({"one": 1}, {"one": 1.0}, "", exact=False)
