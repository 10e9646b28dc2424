"""A kind of run costs its own files and a line each in the lists; the core rooms stay as they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kinds.walk import FILES, LINES

ROOT = Path(__file__).parents[2]

GRAPH = '''
import asyncio, json, sys

from app.graph import build_schema
from app.schema.context import GraphContext
from app.wiring import open_services
from app.settings import Settings

FIELDS = "__typename id kind status note tags progress { stage } ... on WalkRun { moves }"
RUN = f"... on WalkSuccess {{ reused run {{ {FIELDS} }} }} ... on InvalidInput {{ message }}"
CANCEL = "mutation ($id: ID!) { cancelRun(id: $id) { ... on CancelRunSuccess { run { status } } } }"
ANNOTATE = """mutation ($id: ID!) { annotateRun(id: $id, tags: ["x"], note: "why") {
  ... on AnnotateRunSuccess { run { note tags } } } }"""
DELETE = "mutation ($id: ID!) { deleteRun(id: $id) { ... on DeleteRunSuccess { deletedId } } }"
LISTS = f"""{{ runs(where: {{kind: {{eq: "WALK"}}, status: {{eq: SUCCEEDED}}}}) {{
    totalCount nodes {{ {FIELDS} }} }}
  walks(first: 1) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage }} }} }}"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on WalkRun { moves } } }"
EVENTS = "subscription ($id: ID!) { runEvents(runId: $id) { kind run { __typename } } }"


async def main():
    schema = build_schema()
    async with open_services(Settings(), execute=True) as services:
        async def ask(query, **variables):
            result = await schema.execute(query, variables, context_value=GraphContext.of(services))
            assert result.errors is None, result.errors
            return result.data

        async def walk(arguments):
            return (await ask(f"mutation {{ walk({arguments}) {{ {RUN} }} }}"))["walk"]

        async def follow(run_id):
            events = []
            context = GraphContext.of(services)
            async for one in await schema.subscribe(EVENTS, {"id": run_id}, context_value=context):
                assert one.errors is None, one.errors
                events.append(one.data["runEvents"])
            return events

        found = {}
        found["done"] = await walk("steps: 3, seed: 7, waitSeconds: 30")
        found["again"] = await walk("steps: 3, seed: 7")
        found["wrong"] = await walk("steps: 0")
        slow = (await walk("steps: 2, seconds: 60"))["run"]["id"]
        following = asyncio.create_task(follow(slow))
        await asyncio.sleep(0.5)
        found["canceled"] = (await ask(CANCEL, id=slow))["cancelRun"]
        found["events"] = await asyncio.wait_for(following, 20)
        done = found["done"]["run"]["id"]
        found["annotated"] = (await ask(ANNOTATE, id=done))["annotateRun"]
        found["lists"] = await ask(LISTS)
        found["node"] = (await ask(NODE, id=done))["node"]
        found["deleted"] = (await ask(DELETE, id=slow))["deleteRun"]
        found["left"] = (await ask("{ walks { totalCount } }"))["walks"]["totalCount"]
        print(json.dumps(found))


asyncio.run(main())
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one kind more."""
    root = tmp_path_factory.mktemp("program")
    (root / "engine").symlink_to(ROOT / "engine")
    for room in ("app", "db", "scripts"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, lines in LINES.items():
        text = (root / name).read_text()
        for old, new in zip(lines[::2], lines[1::2], strict=True):
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        (root / name).write_text(text)
    return root


@pytest.fixture
def environment(tree: Path, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "FACTORQL_DATA_DIR": str(tmp_path), "PYTHONPATH": str(tree)}


@pytest.fixture
def run(tree: Path, environment: dict[str, str]) -> Callable[..., str]:
    """Run Python with these arguments on a store of its own; what it printed, if it ended with `code`."""

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_the_graph_launches_follows_lists_cancels_and_deletes_it(run: Callable[..., str]) -> None:
    found = json.loads(run("-c", GRAPH))
    walk = found["done"]["run"]
    assert (walk["__typename"], walk["kind"], walk["status"]) == ("WalkRun", "WALK", "SUCCEEDED")
    assert (len(walk["moves"]), found["done"]["reused"]) == (3, False)
    assert (found["again"]["run"]["id"], found["again"]["reused"]) == (walk["id"], True)
    assert found["wrong"] == {"message": "steps must be from 1 to 1,000, not 0"}
    assert found["canceled"] == {"run": {"status": "CANCELED"}}
    assert {one["run"]["__typename"] for one in found["events"]} == {"WalkRun"}
    assert [one["kind"] for one in found["events"]][-1] == "CANCELED"
    assert found["annotated"] == {"run": {"note": "why", "tags": ["x"]}}
    listed = found["lists"]["runs"]
    assert (listed["totalCount"], listed["nodes"][0]["moves"]) == (1, walk["moves"])
    assert found["lists"]["walks"]["totalCount"] == 2
    assert found["lists"]["walks"]["pageInfo"] == {"hasNextPage": True}
    assert (found["node"]["__typename"], found["node"]["moves"]) == ("WalkRun", walk["moves"])
    assert found["left"] == 1


def test_the_command_launches_lists_shows_and_collects_it(run: Callable[..., str]) -> None:
    assert "walk" in run("-m", "scripts", "--help")
    assert "25 steps\n" in run("-m", "scripts", "walk", "25")
    assert "25 steps (again)" in run("-m", "scripts", "walk", "25")
    listed = run("-m", "scripts", "runs", "--kind", "walk")
    assert "walk" in listed
    (newest, *_) = json.loads(run("-m", "scripts", "runs", "--kind", "walk", "--json"))
    assert newest["config"]["steps"] == 25
    shown = run("-m", "scripts", "show", str(newest["id"]))
    assert f"run {newest['id']}: a walk" in shown
    assert "no returns to draw" in run("-m", "scripts", "show", str(newest["id"]), "--plot", "x.png", code=2)
    assert "steps must be from 1 to 1,000" in run("-m", "scripts", "walk", "0", code=2)
    assert "removed" in run("-m", "scripts", "gc")


@pytest.mark.slow
def test_its_server_may_be_killed(tree: Path, environment: dict[str, str], run: Callable[..., str]) -> None:
    """The server that computes it dies; the next one takes it over."""
    command = [sys.executable, "-c", f"{SERVER}asyncio.run(first())"]
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "RUNNING\n"
        server.kill()
    assert run("-c", f"{SERVER}asyncio.run(second())").startswith("SUCCEEDED 1\n")


SERVER = """
import asyncio

from app.features.walks.service import launch_walk
from app.runs.lifecycle import get_run, wait_for_run
from app.wiring import open_services
from app.settings import Settings


async def first():
    async with open_services(Settings(), execute=True) as services:
        run = (await launch_walk(services, 5, seconds=3.0)).run
        while run.status != "RUNNING":
            await asyncio.sleep(0.05)
            run = await get_run(services, run.id)
        print(run.status, flush=True)
        await asyncio.sleep(60)


async def second():
    async with open_services(Settings(), execute=True) as services:
        run = await wait_for_run(services, 1, 30)
        print(run.status, run.losses)


"""
