"""A client of graphql-transport-ws that blocks, for tests with real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.servers import Server

RECEIVE_SECONDS = 20.0


class Stream:
    """One subscription. Iterate for the data of its events, until the server completes it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        message = receive(self._connection)
        if message["type"] == "complete":
            raise StopIteration
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]


@contextmanager
def connected(server: Server) -> Iterator[ClientConnection]:
    """An open connection that the server has acknowledged."""
    with connect(
        server.websocket_url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        proxy=None,
        compression=None,
        max_queue=None,  # a client whose queue is full would not hear the server's answer to its close
    ) as connection:
        send(connection, type="connection_init")
        assert receive(connection)["type"] == "connection_ack"
        yield connection


@contextmanager
def subscription(server: Server, query: str, **variables: object) -> Iterator[Stream]:
    """A subscription on a connection of its own, which closes with the block."""
    with connected(server) as connection:
        send(connection, type="subscribe", id="1", payload={"query": query, "variables": variables})
        yield Stream(connection)


def send(connection: ClientConnection, **message: object) -> None:
    connection.send(json.dumps(message))


def receive(connection: ClientConnection) -> dict[str, Any]:
    return json.loads(connection.recv(RECEIVE_SECONDS))
