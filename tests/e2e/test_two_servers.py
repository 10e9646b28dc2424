"""Two servers on one store: they come up together, share the queue, and end each other's runs."""

from __future__ import annotations

import pytest

from tests.app.execution.processes import eventually
from tests.e2e.graph import CANCEL, EVENTS, TERMINAL, ended, ingest, launched, small_spec, states
from tests.e2e.held_datasets import held_datasets
from tests.e2e.panels import panel_csv
from tests.e2e.servers import Server
from tests.e2e.sockets import Stream, subscription

pytestmark = pytest.mark.slow

LAUNCHES = 12


def test_two_servers_share_a_store_from_its_first_moment(start, tmp_path, empty_url):
    starting = [start(Server, database_url=empty_url, max_concurrent_runs="1") for _ in range(2)]
    first, second = [server.ready() for server in starting]
    assert ingest(first, "small", "small.csv", panel_csv())["created"] is True
    assert ingest(second, "small", "small.csv", panel_csv())["created"] is False

    with subscription(second, EVENTS) as events:
        with held_datasets(tmp_path / "data"):
            ids = [launched(first, spec=spec_number(0))]
            next(events)  # the stream has begun: all that comes now is told
            ids += [launched(first, spec=spec_number(number)) for number in range(1, LAUNCHES)]
            assert [launched(second, spec=spec_number(number)) for number in range(LAUNCHES)] == ids
            assert len(set(ids)) == LAUNCHES
            assert eventually(lambda: first.computing() and second.computing(), 10), "one takes no run"
            running = [run_id for run_id, run in states(first).items() if run["status"] == "RUNNING"]
            assert len(running) == 2
            canceled = [ids[-1], *running]
            assert_cancel_reaches_the_other(first, second, canceled)
        for run_id in ids:
            assert ended(first, run_id) == ("CANCELED" if run_id in canceled else "SUCCEEDED")
        kinds = kinds_by_run(events, ids)
    for run_id in ids:
        begun = ["STARTED"] if run_id != ids[-1] else []
        end = "CANCELED" if run_id in canceled else "SUCCEEDED"
        told = ["QUEUED", *begun, end]
        if run_id == ids[0]:  # it may have been what the stream began with
            told = told[-len(kinds[run_id]) :]
        assert kinds[run_id] == told, "each is computed once, and followed without a gap"


def spec_number(number: int) -> dict:
    return small_spec(marketCapThreshold=float(number))


def assert_cancel_reaches_the_other(first: Server, second: Server, canceled: list[str]) -> None:
    """A run that waits and both that are being computed, one at each server, end at the word of one."""
    children = {*first.computing(), *second.computing()}
    for run_id in canceled:
        answer = second.ask(CANCEL, id=run_id)["cancelRun"]
        assert answer["run"] == {"id": run_id, "status": "CANCELED"}
    answer = first.ask(CANCEL, id=canceled[0])["cancelRun"]
    assert (answer["__typename"], answer["code"]) == ("RunNotCancelable", "RUN_NOT_CANCELABLE")
    # The other one learns of it by its next heartbeat.
    assert eventually(lambda: not children & {*first.computing(), *second.computing()}, 10)


def kinds_by_run(events: Stream, ids: list[str]) -> dict[str, list[str]]:
    """Kinds of events, in order, until all runs have ended; without progress, and without the snapshot, which
    may be taken after the first runs were launched."""
    kinds: dict[str, list[str]] = {run_id: [] for run_id in ids}
    while not all(found and found[-1] in TERMINAL for found in kinds.values()):
        event = next(events)["runEvents"]
        if event["kind"] not in ("PROGRESS", "SNAPSHOT"):
            kinds[event["run"]["id"]].append(event["kind"])
    return kinds
