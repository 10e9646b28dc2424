"""Over real sockets: the graphql-transport-ws protocol and its limits."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.boundary.transport_ws import SocketLimits
from tests.app.boundary.live_server import live_server, settings_of
from tests.app.boundary.sample_schema import JOURNAL

LIMITS = SocketLimits(
    operations=3, init_timeout_seconds=0.5, send_timeout_seconds=0.5, close_timeout_seconds=0.2
)
PROTOCOL = ["graphql-transport-ws"]


@pytest.fixture(scope="module")
def server():
    with live_server(settings_of(), LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def locked_server():
    with live_server(settings_of(api_token=SecretStr("s3cret")), LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def readable_server():
    settings = settings_of(api_token=SecretStr("s3cret"), allow_anonymous_reads=True)
    with live_server(settings, LIMITS) as running:
        yield running


class Socket:
    def __init__(self, raw):
        self.raw = raw

    async def send(self, type_, **message):
        await self.raw.send(json.dumps({"type": type_} | message))

    async def subscribe(self, query, id_="1", **payload):
        await self.send("subscribe", id=id_, payload={"query": query} | payload)

    async def receive(self):
        frame = await asyncio.wait_for(self.raw.recv(), 30)
        assert isinstance(frame, str), "frames must be text"
        return json.loads(frame)

    async def until(self, *types):
        messages = [await self.receive()]
        while messages[-1]["type"] not in types:
            messages.append(await self.receive())
        return messages

    async def closed(self):
        """The code and reason it was closed with."""
        try:
            while True:
                await asyncio.wait_for(self.raw.recv(), 30)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


@asynccontextmanager
async def open_socket(server, *, init=True, payload=None, **options):
    options = {"subprotocols": PROTOCOL, "compression": None} | options
    async with connect(server.websocket_url, **options) as raw:
        opened = Socket(raw)
        if init:
            await opened.send("connection_init", **({} if payload is None else {"payload": payload}))
            assert await opened.receive() == {"type": "connection_ack"}
        yield opened


async def settled_cancellations() -> int:
    """The count, once no subscription of an earlier test is still on its way to its end."""
    while True:
        count = JOURNAL.cancelled_subscriptions
        await asyncio.sleep(0.3)
        if JOURNAL.cancelled_subscriptions == count:
            return count


async def eventually(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


class TestOperations:
    async def test_a_subscription_sends_its_events_and_completes(self, server):
        async with open_socket(server) as ws:
            await ws.subscribe("subscription ($n: Int!) { count(to: $n) }", variables={"n": 2})
            assert await ws.until("complete") == [
                {"type": "next", "id": "1", "payload": {"data": {"count": "0"}}},
                {"type": "next", "id": "1", "payload": {"data": {"count": "1"}}},
                {"type": "complete", "id": "1"},
            ]

    async def test_queries_and_mutations_run_too_and_ids_may_be_used_again(self, server):
        async with open_socket(server) as ws:
            for query, field in (("{ hello }", "hello"), ("mutation { touch }", "touch")):
                await ws.subscribe(query)
                first, last = await ws.until("complete")
                assert field in first["payload"]["data"]
                assert last["type"] == "complete"

    async def test_every_operation_of_a_socket_has_a_context_of_its_own(self, server):
        async with open_socket(server) as ws:
            for _ in range(2):
                await ws.subscribe("{ context }")
                await ws.until("complete")
        assert JOURNAL.contexts[-1] is not JOURNAL.contexts[-2]

    async def test_completing_by_the_client_ends_the_subscription_at_once(self, server):
        before = JOURNAL.cancelled_subscriptions
        async with open_socket(server) as ws:
            await ws.subscribe("subscription { forever }")
            await ws.until("next")
            await ws.send("complete", id="1")
            await eventually(lambda: JOURNAL.cancelled_subscriptions == before + 1)
            await ws.subscribe("{ hello }")
            assert (await ws.until("complete"))[0]["payload"]["data"] == {"hello": "hello world"}

    async def test_closing_the_socket_ends_its_subscriptions(self, server):
        before = JOURNAL.cancelled_subscriptions
        async with open_socket(server) as ws:
            for id_ in "ab":
                await ws.subscribe("subscription { forever }", id_)
                await ws.until("next")
        await eventually(lambda: JOURNAL.cancelled_subscriptions == before + 2)

    async def test_a_mutation_that_the_client_completes_runs_to_its_end_unheard(self, server):
        begun, done = JOURNAL.begun_mutations, JOURNAL.mutations
        async with open_socket(server) as ws:
            await ws.subscribe("mutation { touchSlowly }")
            await eventually(lambda: JOURNAL.begun_mutations == begun + 1)
            await ws.send("complete", id="1")
            # its id is free at once, and what is sent under it belongs to the new operation
            await ws.subscribe("subscription { forever }")
            assert (await ws.receive())["payload"]["data"] == {"forever": 0}
            await eventually(lambda: JOURNAL.mutations == done + 1)
            await ws.send("ping")
            assert await ws.receive() == {"type": "pong"}

    async def test_a_mutation_runs_to_its_end_when_its_socket_is_gone(self, server):
        begun, done = JOURNAL.begun_mutations, JOURNAL.mutations
        async with open_socket(server) as ws:
            await ws.subscribe("mutation { touchSlowly }")
            await eventually(lambda: JOURNAL.begun_mutations == begun + 1)
            ws.raw.transport.abort()
        await eventually(lambda: JOURNAL.mutations == done + 1)

    async def test_a_mutation_that_is_completed_before_it_begins_runs_all_the_same(self, server):
        done = JOURNAL.mutations
        async with open_socket(server) as ws:
            for id_ in ("a", "b", "c"):
                await asyncio.gather(ws.subscribe("mutation { touch }", id_), ws.send("complete", id=id_))
            await eventually(lambda: JOURNAL.mutations == done + 3)

    async def test_mutations_given_up_count_until_they_have_ended(self, server):
        begun = JOURNAL.begun_mutations
        async with open_socket(server) as ws:
            for id_ in "abc":
                await ws.subscribe("mutation { touchSlowly }", id_)
            await eventually(lambda: JOURNAL.begun_mutations == begun + LIMITS.operations)
            for id_ in "abc":
                await ws.send("complete", id=id_)
            await ws.subscribe("{ hello }")
            assert (await ws.receive())["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"

    async def test_a_ping_is_answered_also_before_init(self, server):
        async with open_socket(server, init=False) as ws:
            await ws.send("ping", payload={"a": 1})
            assert await ws.receive() == {"type": "pong"}

    async def test_a_stopping_server_closes_its_sockets(self):
        before = JOURNAL.cancelled_subscriptions
        with live_server(settings_of(), LIMITS) as stopping:
            async with open_socket(stopping) as ws:
                await ws.subscribe("subscription { forever }")
                await ws.until("next")
                stopping.server.should_exit = True
                assert (await ws.closed())[0] == 1012
                await eventually(lambda: JOURNAL.cancelled_subscriptions == before + 1)


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("{", "BAD_USER_INPUT"),
            ("{ nothing }", "BAD_USER_INPUT"),
            ("query A { hello } query B { hello }", "BAD_USER_INPUT"),
            ("fragment F on Query { hello }", "BAD_USER_INPUT"),
            ("{ factorRuns(first: 101) { edges { node { id } } } }", "LIMIT_EXCEEDED"),
            ("{ hello " + " ".join(f"a{i}: hello" for i in range(500)) + "}", "LIMIT_EXCEEDED"),
            ("subscription { count(to: 1) " + "... { count(to: 1) " * 120 + "}" * 121, "LIMIT_EXCEEDED"),
        ],
    )
    async def test_what_cannot_be_executed_is_an_error_and_the_socket_lives_on(self, server, query, code):
        async with open_socket(server) as ws:
            await ws.subscribe(query)
            message = await ws.receive()
            assert (message["type"], message["id"]) == ("error", "1")
            assert [e["extensions"]["code"] for e in message["payload"]] == [code]
            await ws.subscribe("{ hello }")
            assert (await ws.receive())["type"] == "next"

    @pytest.mark.parametrize(
        "query",
        [
            "{ broken }",
            "subscription { brokenValues { value } }",
            "subscription { failing(expected: false) }",
        ],
    )
    async def test_unexpected_errors_are_masked(self, server, query):
        async with open_socket(server) as ws:
            await ws.subscribe(query)
            messages = await ws.until("complete")
        errors = [e for m in messages for e in m.get("payload", {}).get("errors", ())]
        assert [e["extensions"]["code"] for e in errors] == ["INTERNAL"]
        assert errors[0]["extensions"]["errorId"]
        assert "shadow" not in json.dumps(messages)

    async def test_expected_errors_of_a_running_subscription_keep_their_message(self, server):
        async with open_socket(server) as ws:
            await ws.subscribe("subscription { failing(expected: true) }")
            event, failure, _ = await ws.until("complete")
        assert event["payload"]["data"] == {"failing": 1}
        assert failure["payload"]["errors"][0]["message"] == "There is no run 7."
        assert failure["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"

    async def test_what_json_cannot_hold_does_not_end_the_socket(self, server):
        async with open_socket(server) as ws:
            await ws.subscribe('{ opaque(kind: "object") }')
            message = await ws.receive()
            assert message["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
            await ws.until("complete")
            await ws.subscribe('{ opaque(kind: "nan") }')
            assert (await ws.receive())["payload"] == {"data": {"opaque": None}}


class TestProtocol:
    @pytest.mark.parametrize("subprotocols", [None, ["graphql-ws"], ["other"]])
    async def test_only_graphql_transport_ws_is_spoken(self, server, subprotocols):
        async with open_socket(server, init=False, subprotocols=subprotocols) as ws:
            assert (await ws.closed())[0] == 4406

    async def test_a_socket_without_init_is_closed_in_time(self, server):
        async with open_socket(server, init=False) as ws:
            await ws.send("ping")
            assert (await ws.closed())[0] == 4408

    async def test_subscribing_before_init_closes(self, server):
        async with open_socket(server, init=False) as ws:
            await ws.subscribe("{ hello }")
            assert (await ws.closed())[0] == 4401

    async def test_a_second_init_closes(self, server):
        async with open_socket(server) as ws:
            await ws.send("connection_init")
            assert (await ws.closed())[0] == 4429

    async def test_an_id_in_use_closes(self, server):
        async with open_socket(server) as ws:
            await ws.subscribe("subscription { forever }")
            await ws.until("next")
            await ws.subscribe("{ hello }")
            assert (await ws.closed())[0] == 4409

    @pytest.mark.parametrize(
        "frame",
        [
            "not json",
            '"text"',
            "[]",
            "{}",
            '{"type": "nothing"}',
            '{"type": ["subscribe"]}',
            '{"type": "complete"}',
            '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
            json.dumps({"type": "subscribe", "id": "x" * 129, "payload": {"query": "{ hello }"}}),
            b'{"type": "ping"}',
        ],
    )
    async def test_malformed_messages_close(self, server, frame):
        async with open_socket(server) as ws:
            await ws.raw.send(frame)
            assert (await ws.closed())[0] == 4400

    async def test_an_init_payload_that_is_no_object_closes(self, server):
        async with open_socket(server, init=False) as ws:
            await ws.send("connection_init", payload="token")
            assert (await ws.closed())[0] == 4400


class TestLimits:
    async def test_a_message_above_64_kilobytes_closes_in_one_frame_or_many(self, server):
        text = json.dumps({"type": "ping", "payload": {"x": "y" * 70_000}})
        for frames in (text, [text[:40_000], text[40_000:]]):
            async with open_socket(server) as ws:
                await ws.raw.send(frames)
                assert (await ws.closed())[0] == 1009

    async def test_operations_at_once_are_limited_and_free_again_when_done(self, server):
        async with open_socket(server) as ws:
            for id_ in "abc":
                await ws.subscribe("subscription { forever }", id_)
                await ws.until("next")
            await ws.subscribe("{ hello }", "d")
            (refused,) = await ws.until("error")
            assert refused["id"] == "d"
            assert refused["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
            assert "limited to 3 operations" in refused["payload"][0]["message"]
            before = JOURNAL.cancelled_subscriptions
            await ws.send("complete", id="a")
            await eventually(lambda: JOURNAL.cancelled_subscriptions > before)
            await ws.subscribe("{ hello }", "d")
            assert (await ws.receive())["type"] == "next"

    async def test_a_client_that_does_not_read_is_closed_and_its_subscription_ends(self, server, monkeypatch):
        monkeypatch.setattr("app.boundary.server._ABORT_AFTER_SECONDS", 0.2)
        await eventually(lambda: server.connections == 0)
        before = await settled_cancellations()
        JOURNAL.produced = 0
        async with open_socket(server, max_queue=1) as ws:
            raw = ws.raw.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            ws.raw.transport.pause_reading()
            await ws.subscribe("subscription { count(to: 1000000, characters: 200000) }")
            await eventually(lambda: JOURNAL.cancelled_subscriptions == before + 1)
            assert JOURNAL.produced < 200
            await eventually(lambda: server.connections == 0)
            ws.raw.transport.abort()

    async def test_a_client_that_reads_slowly_but_steadily_is_served(self, server):
        async with open_socket(server) as ws:
            await ws.subscribe("subscription { count(to: 30, characters: 100000) }")
            received = 0
            while (await ws.receive())["type"] == "next":
                received += 1
                await asyncio.sleep(0.01)
        assert received == 30


class TestToken:
    @pytest.mark.parametrize(
        "payload", [{"Authorization": "Bearer s3cret"}, {"authorization": "bearer s3cret", "other": 1}]
    )
    async def test_it_comes_in_connection_init(self, locked_server, payload):
        async with open_socket(locked_server, payload=payload) as ws:
            await ws.subscribe("mutation { touch }")
            assert (await ws.receive())["type"] == "next"

    async def test_or_in_the_handshake(self, locked_server):
        headers = {"authorization": "Bearer s3cret"}
        async with open_socket(locked_server, additional_headers=headers) as ws:
            await ws.subscribe("mutation { touch }")
            assert (await ws.receive())["type"] == "next"

    @pytest.mark.parametrize(
        "payload", [None, {}, {"Authorization": "Bearer wrong"}, {"token": "s3cret"}, {"Authorization": 7}]
    )
    async def test_without_it_nothing_is_accepted(self, locked_server, payload):
        async with open_socket(locked_server, init=False) as ws:
            await ws.send("connection_init", payload=payload)
            assert (await ws.closed())[0] == 4403

    async def test_a_wrong_one_in_the_handshake_is_refused_with_401(self, locked_server):
        with pytest.raises(InvalidStatus) as caught:
            async with open_socket(locked_server, additional_headers={"authorization": "Bearer wrong"}):
                pass
        assert caught.value.response.status_code == 401

    async def test_where_reads_are_open_mutations_still_need_it(self, readable_server):
        JOURNAL.mutations = 0
        async with open_socket(readable_server) as ws:
            await ws.subscribe("{ hello }")
            await ws.until("complete")
            await ws.subscribe("subscription { count(to: 1) }")
            await ws.until("complete")
            await ws.subscribe("query Q { hello } mutation M { touch }", operationName="M")
            (refused,) = await ws.until("error")
        assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert JOURNAL.mutations == 0

    async def test_a_foreign_page_is_refused_with_403(self, server):
        with pytest.raises(InvalidStatus) as caught:
            async with open_socket(server, origin="http://evil.example"):
                pass
        assert caught.value.response.status_code == 403
