"""What every kind of run has for being one, whatever it does."""

from __future__ import annotations

from typing import Any

import pytest

from app.datasets.service import collect_garbage
from app.errors import FactorQLError
from app.execution.checkpoints import FORMAT, sweeps_dir
from app.kinds import KINDS, Kind, Lane, by_name
from app.runs import lifecycle
from app.schema.node_ids import decode_id, encode_id
from db.pages import MAX_PAGE_SIZE
from db.records import NewDataset, Reuse, RunKind, RunResults, RunStatus
from db.runs.queue import claim_run, fail_run, finish_run, list_claims, put_back, retry_or_lose
from db.runs.read import get_runs
from tests.app.schema.graph import Graph, refusal
from tests.db.samples import WORKER, later, new_dataset
from tests.kinds.samples import LAUNCHES, launch, prepare

OTHERS = {kind.name: KINDS[number - 1].name for number, kind in enumerate(KINDS)}
RUN = "__typename id kind status origin tags note attempt failure { code message } progress { stage }"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def kind(request: pytest.FixtureRequest, graph: Graph) -> Kind:
    await prepare(graph)
    return request.param


def key(run: dict[str, Any]) -> int:
    """Return the run's number."""
    return int(decode_id(run["id"])[1])


async def claimed(graph: Graph, kind: Kind) -> Any:
    run = await claim_run(graph.services.store, WORKER, later(1), kinds=[kind.name])
    assert run is not None
    return run


async def succeed(graph: Graph, kind: Kind) -> Any:
    """Carry out the run that waits, with no more results than it must have."""
    run = await claimed(graph, kind)
    made: NewDataset | None = new_dataset(name="made") if kind.lane is Lane.NETWORK else None
    assert await finish_run(
        graph.services.store, run.id, run.attempt, WORKER, RunResults(dataset=made), later(2)
    )
    return (await get_runs(graph.services.store, [run.id]))[run.id]


# -- the list of kinds -------------------------------------------------------------------------------------


def test_the_list_is_complete() -> None:
    assert {kind.name for kind in KINDS} == set(RunKind) == set(LAUNCHES)
    assert len({kind.node for kind in KINDS}) == len({kind.noun for kind in KINDS}) == len(KINDS)
    assert {Reuse(kind.reuse) for kind in KINDS} <= set(Reuse)
    assert list(by_name(KINDS)) == [kind.name for kind in KINDS]


# -- launch ------------------------------------------------------------------------------------------------


async def test_a_launch_queues_a_run_of_its_kind(graph: Graph, kind: Kind) -> None:
    launched = await launch(graph, kind.name, tags=("b", "a"))
    run = launched["run"]
    assert (launched["reused"], run["__typename"], run["kind"]) == (False, kind.node, kind.name)
    assert (run["status"], run["tags"], run["forced"]) == ("QUEUED", ["a", "b"], False)


async def test_the_same_launch_is_the_same_run_while_it_lives(graph: Graph, kind: Kind) -> None:
    first = await launch(graph, kind.name)
    again = await launch(graph, kind.name, tags=("late",))
    same = kind.reuse != Reuse.NEVER
    assert (again["reused"], again["run"]["id"] == first["run"]["id"]) == (same, same)
    assert again["run"]["tags"] == ([] if same else ["late"]), "a run that is reused keeps its own"


async def test_what_has_succeeded_is_returned_where_the_kind_says_so(graph: Graph, kind: Kind) -> None:
    first = await launch(graph, kind.name)
    await succeed(graph, kind)
    again = await launch(graph, kind.name)
    same = kind.reuse == Reuse.SUCCEEDED
    assert (again["reused"], again["run"]["id"] == first["run"]["id"]) == (same, same)


async def test_a_forced_launch_is_a_run_of_its_own(graph: Graph, kind: Kind) -> None:
    first = await launch(graph, kind.name)
    forced = await launch(graph, kind.name, force=True)
    assert (forced["reused"], forced["run"]["forced"]) == (False, True)
    assert forced["run"]["id"] != first["run"]["id"]


async def test_what_failed_or_was_canceled_is_done_anew(graph: Graph, kind: Kind) -> None:
    store = graph.services.store
    first = await launch(graph, kind.name)
    run = await claimed(graph, kind)
    assert await fail_run(store, run.id, run.attempt, WORKER, "NO_PERIODS", "none", later(2))
    second = await launch(graph, kind.name)
    await lifecycle.cancel_run(graph.services, key(second["run"]))
    third = await launch(graph, kind.name)
    ids = {one["run"]["id"] for one in (first, second, third)}
    assert (len(ids), second["reused"], third["reused"]) == (3, False, False)


# -- read --------------------------------------------------------------------------------------------------


async def test_it_is_found_by_its_id_as_its_own_type(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    query = f"query ($id: ID!) {{ run(id: $id) {{ {RUN} }} node(id: $id) {{ __typename id }} }}"
    found = await graph.ask(query, id=run["id"])
    assert found["run"]["__typename"] == found["node"]["__typename"] == kind.node
    assert (found["run"]["id"], found["run"]["kind"]) == (run["id"], kind.name)


async def test_an_id_of_another_kind_does_not_lead_to_it(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    other = by_name(KINDS)[OTHERS[kind.name]]
    wrong = encode_id(other.node, key(run))
    error = await refusal(graph, "query ($id: ID!) { run(id: $id) { id } }", id=wrong)
    assert error.message == f"there is no {other.noun} {key(run)}"


async def test_lists_of_all_kinds_hold_it_and_filter_by_it(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name, tags=("x",)))["run"]
    other = (await launch(graph, OTHERS[kind.name]))["run"]
    query = "query ($where: RunWhere) { runs(where: $where) { totalCount nodes { id __typename } } }"
    everything = (await graph.ask(query))["runs"]
    assert [one["id"] for one in everything["nodes"]] == [other["id"], run["id"]]
    for where in (
        {"kind": {"eq": kind.name}},
        {"kind": {"oneOf": [kind.name, "SOMETHING_ELSE"]}, "status": {"eq": "QUEUED"}},
        {"tag": {"eq": "x"}, "origin": {"eq": "COMPUTED"}},
    ):
        page = (await graph.ask(query, where=where))["runs"]
        assert page == {"totalCount": 1, "nodes": [{"id": run["id"], "__typename": kind.node}]}
    none = (await graph.ask(query, where={"kind": {"eq": kind.name}, "status": {"eq": "FAILED"}}))["runs"]
    assert none == {"totalCount": 0, "nodes": []}


async def test_pages_of_it_go_on_by_their_cursors(graph: Graph, kind: Kind) -> None:
    ids = [(await launch(graph, kind.name, force=True))["run"]["id"] for _ in range(5)]
    query = """query ($after: String, $where: RunWhere, $order: [RunOrder!]) {
      runs(first: 2, after: $after, where: $where, orderBy: $order) {
        edges { cursor node { id } } pageInfo { endCursor hasNextPage hasPreviousPage } } }"""
    for order, expected in (
        (None, ids[::-1]),
        ([{"field": "ID", "direction": "ASC"}], ids),
        ([{"field": "FINISHED_AT"}, {"field": "ID"}], ids[::-1]),
        ([{"field": "STATUS"}, {"field": "CREATED_AT", "direction": "ASC"}], ids),
    ):
        variables: dict[str, Any] = {"where": {"kind": {"eq": kind.name}}, "order": order}
        found, after = [], None
        while True:
            page = (await graph.ask(query, after=after, **variables))["runs"]
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            found += [edge["node"]["id"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == expected
    error = await refusal(graph, query, after=after, where=None, order=None)
    assert error.code == "BAD_CURSOR"
    too_many = f"{{ runs(first: {MAX_PAGE_SIZE + 1}) {{ totalCount }} }}"
    assert isinstance(await refusal(graph, too_many), FactorQLError)


# -- change ------------------------------------------------------------------------------------------------


async def test_it_is_annotated(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    annotate = f"""mutation ($id: ID!, $tags: [String!], $note: String) {{
      annotateRun(id: $id, tags: $tags, note: $note) {{
        ... on AnnotateRunSuccess {{ run {{ {RUN} }} }} ... on Error {{ code }} }} }}"""
    changed = (await graph.ask(annotate, id=run["id"], tags=["y", "x"], note="why"))["annotateRun"]["run"]
    assert (changed["__typename"], changed["tags"], changed["note"]) == (kind.node, ["x", "y"], "why")
    refused = await graph.ask(annotate, id=run["id"], tags=["z" * 51], note=None)
    assert refused["annotateRun"] == {"code": "INVALID_INPUT"}


async def test_it_is_canceled_once_and_deleted_once_it_has_ended(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    cancel = f"""mutation ($id: ID!) {{ answer: cancelRun(id: $id) {{
      ... on CancelRunSuccess {{ run {{ {RUN} }} }} ... on Error {{ code }} }} }}"""
    delete = """mutation ($id: ID!) { answer: deleteRun(id: $id) {
      ... on DeleteRunSuccess { deletedId } ... on Error { code } } }"""
    assert (await graph.ask(delete, id=run["id"]))["answer"] == {"code": "RUN_NOT_DELETABLE"}
    canceled = (await graph.ask(cancel, id=run["id"]))["answer"]["run"]
    assert (canceled["__typename"], canceled["status"]) == (kind.node, "CANCELED")
    assert (await graph.ask(cancel, id=run["id"]))["answer"] == {"code": "RUN_NOT_CANCELABLE"}
    assert (await graph.ask(delete, id=run["id"]))["answer"] == {"deletedId": run["id"]}
    assert (await graph.ask(delete, id=run["id"]))["answer"] == {"code": "RUN_NOT_FOUND"}
    assert (await graph.ask("{ runs { totalCount } }"))["runs"]["totalCount"] == 0


async def test_its_failure_is_told(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    held = await claimed(graph, kind)
    store = graph.services.store
    assert await fail_run(store, held.id, held.attempt, WORKER, "NO_PERIODS", "no period", later(2))
    found = (await graph.ask(f"query ($id: ID!) {{ run(id: $id) {{ {RUN} }} }}", id=run["id"]))["run"]
    assert (found["status"], found["failure"]) == ("FAILED", {"code": "NO_PERIODS", "message": "no period"})


async def test_it_ends_with_what_it_leaves(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    record = await succeed(graph, kind)
    assert (record.status, record.progress_fraction) == (RunStatus.SUCCEEDED, 1.0)
    query = "query ($id: ID!) { run(id: $id) { status dataset { name } engineVersion durationMs } }"
    found = (await graph.ask(query, id=run["id"]))["run"]
    fetched = kind.lane is Lane.NETWORK
    assert (found["status"], found["dataset"]["name"]) == ("SUCCEEDED", "made" if fetched else "panel")
    assert (found["engineVersion"] is None) == fetched
    assert found["durationMs"] == 1_000


# -- carried out -------------------------------------------------------------------------------------------


async def test_only_who_takes_its_kind_claims_it(graph: Graph, kind: Kind) -> None:
    await launch(graph, kind.name)
    store = graph.services.store
    others = [one.name for one in KINDS if one is not kind]
    assert await claim_run(store, WORKER, later(1), kinds=others) is None
    run = await claimed(graph, kind)
    assert await list_claims(store, others) == []
    assert [claim.run_id for claim in await list_claims(store, [kind.name])] == [run.id]


async def test_losses_are_counted_and_what_is_put_back_is_none(graph: Graph, kind: Kind) -> None:
    store = graph.services.store
    await launch(graph, kind.name)
    for number in range(5):
        await claimed(graph, kind)
        (claim,) = await list_claims(store, [kind.name])
        assert await put_back(store, claim, now=later(2 + number))
    for expected in (RunStatus.QUEUED, RunStatus.QUEUED, RunStatus.FAILED):
        run = await claimed(graph, kind)
        (claim,) = await list_claims(store, [kind.name])
        assert await retry_or_lose(store, claim, now=later(9)) is expected
    record = (await get_runs(store, [run.id]))[run.id]
    assert (record.attempt, record.losses, record.failure_code) == (8, 3, "WORKER_LOST")


async def test_its_events_are_told_from_the_first_to_the_last(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    query = "subscription ($id: ID) { runEvents(runId: $id) { kind status run { __typename id kind } } }"
    told = []
    async for result in graph.subscribe(query, id=run["id"]):
        assert result.errors is None
        assert result.data is not None
        told.append(result.data["runEvents"])
        if len(told) == 1:
            await lifecycle.cancel_run(graph.services, key(run))
    assert [one["kind"] for one in told] == ["SNAPSHOT", "CANCELED"]
    assert {one["run"]["__typename"] for one in told} == {kind.node}


async def test_nothing_that_it_needs_is_garbage(graph: Graph, kind: Kind) -> None:
    run = (await launch(graph, kind.name))["run"]
    record = (await get_runs(graph.services.store, [key(run)]))[key(run)]
    checkpoint = sweeps_dir(graph.services.settings.cache_dir) / f"{record.identity_hash}-format{FORMAT}"
    checkpoint.mkdir(parents=True)
    assert (await collect_garbage(graph.services)).checkpoints == ()
    await lifecycle.cancel_run(graph.services, key(run))
    assert (await collect_garbage(graph.services)).checkpoints == (checkpoint.name,)
