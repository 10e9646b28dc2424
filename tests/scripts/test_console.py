"""What sub-commands share."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest
import uvicorn

from app.boundary.server import WindingUpServer
from scripts.console import holding_interrupts


class _Interrupting:
    """Ctrl-C falls into its destructor, where an exception would only be printed."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_a_held_interrupt_is_raised_once_the_work_is_done():
    done = []

    def work() -> None:
        with holding_interrupts() as interrupted:
            assert not interrupted()
            _Interrupting()
            done.append(interrupted())

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_an_interrupt_nothing_is_raised():
    with holding_interrupts() as interrupted:
        pass
    assert not interrupted()


def test_a_server_that_was_interrupted_while_it_was_made_stops_once_it_has_started():
    ended = []

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        ended.append(True)
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(app, log_config=None)
    server = WindingUpServer(config, before_shutdown=lambda: None, interrupted=lambda: True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        asyncio.run(asyncio.wait_for(server.serve(sockets=[listener]), 10))
    assert ended == [True]
