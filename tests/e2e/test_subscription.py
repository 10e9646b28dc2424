"""Following runs over graphql-transport-ws: nothing is missed or told twice, whatever happens in between."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.e2e.graph import CANCEL, EVENTS, TERMINAL, ended, launch, launched, small_spec
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Server
from tests.e2e.sockets import connected, receive, send, subscription

pytestmark = pytest.mark.slow

RUNS = 6


def test_the_stream_of_a_run_begins_with_what_is_and_completes_at_its_end(
    server: Server,
) -> None:
    with held_datasets(server.folder / "data") as release:
        run_id = launched(server, force=True)
        with subscription(server, EVENTS, runId=run_id) as events:
            first = next(events)["runEvents"]
            assert (first["kind"], first["run"]["id"]) == ("SNAPSHOT", run_id)
            release()
            rest = [event["runEvents"] for event in events]
    assert [event["kind"] for event in rest].count("SUCCEEDED") == 1
    assert (rest[-1]["kind"], rest[-1]["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert len({event["cursor"] for event in rest}) == len(rest)

    with subscription(server, EVENTS, runId=run_id) as events:
        (only,) = [event["runEvents"] for event in events]
    assert (only["kind"], only["status"]) == ("SNAPSHOT", "SUCCEEDED")
    with subscription(server, EVENTS, runId=run_id, after=rest[-1]["cursor"]) as events:
        assert list(events) == [], "who has seen the end is told that there is no more"
    before_the_end = [first, *rest][-2]["cursor"]
    with subscription(server, EVENTS, runId=run_id, after=before_the_end) as events:
        assert [event["runEvents"]["kind"] for event in events] == ["SUCCEEDED"]


def test_a_client_that_reconnects_after_every_event_has_seen_the_same_as_one_that_stayed(
    server: Server,
) -> None:
    with held_datasets(server.folder / "data"):
        mark = launched(server, force=True)
        with subscription(server, EVENTS, runId=mark) as events:
            cursor = next(events)["runEvents"]["cursor"]
        server.ask(CANCEL, id=mark)
    with subscription(server, EVENTS, after=cursor) as staying:
        launching = threading.Thread(
            target=lambda: [launch(server, force=True, spec=small_spec("value")) for _ in range(RUNS)]
        )
        launching.start()
        stayed, over = [], 0
        while over < RUNS + 1:
            stayed.append(next(staying)["runEvents"])
            over += stayed[-1]["kind"] in TERMINAL
        launching.join()
    returned: list[dict[str, Any]] = []
    while len(returned) < len(stayed):
        after = returned[-1]["cursor"] if returned else cursor
        with subscription(server, EVENTS, after=after) as events:
            returned.append(next(events)["runEvents"])
    assert returned == stayed
    assert len({event["cursor"] for event in stayed}) == len(stayed)


@pytest.mark.parametrize("after", ["nonsense", "", "ZXZlbnQ6LTE=", "ZXZlbnQ6" + "OTk5" * 9])
def test_a_cursor_that_is_none_of_this_stream_is_refused(server: Server, after: str) -> None:
    with connected(server) as connection:
        send(connection, type="subscribe", id="1", payload={"query": EVENTS, "variables": {"after": after}})
        message = receive(connection)
    (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"]["code"] == "BAD_CURSOR"


def test_many_subscriptions_share_a_connection_and_end_one_by_one(server: Server) -> None:
    with held_datasets(server.folder / "data"), connected(server) as connection:
        ids = [launched(server, force=True) for _ in range(3)]
        for name, run_id in zip("abc", ids, strict=True):
            send(
                connection,
                type="subscribe",
                id=name,
                payload={"query": EVENTS, "variables": {"runId": run_id}},
            )
        for run_id in ids:
            assert server.ask(CANCEL, id=run_id)["cancelRun"]["__typename"] == "CancelRunSuccess"
        kinds: dict[str, list[str]] = {name: [] for name in "abc"}
        while not all(found and found[-1] == "complete" for found in kinds.values()):
            message = receive(connection)
            event = message.get("payload", {}).get("data", {}).get("runEvents", {})
            kinds[message["id"]].append(event.get("kind", message["type"]))
    for found in kinds.values():
        assert found[0] == "SNAPSHOT"
        assert found[-1] == "complete"
    assert [ended(server, run_id) for run_id in ids] == ["CANCELED"] * 3
