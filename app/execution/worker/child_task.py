"""One request carried out by one child process, awaited in the event loop and stopped from anywhere."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar

from app.execution.worker.exchange import ChildExited, exchange
from app.execution.worker.launcher import ChildProcess, Launcher, NoChildProcess
from app.execution.worker.protocol import ComputeRequest, Failure, Progress
from db.records import RunResults

log = logging.getLogger(__name__)

T = TypeVar("T")


class ChildTask:
    """`outcome` is awaited once; `stop` kills the child. `name` is whose child it is, for the log."""

    def __init__(self, launcher: Launcher, name: str) -> None:
        self._launcher = launcher
        self._name = name
        self._child: ChildProcess | None = None
        self._stopped = False
        self._lock = threading.Lock()

    async def outcome(
        self, request: ComputeRequest, note: Callable[[Progress], None]
    ) -> RunResults | Failure | ChildExited:
        """`note` is called in a thread. Errors: those of `exchange`."""
        return await _in_daemon_thread(lambda: self._exchange(request, note))

    def stop(self) -> None:
        """From any thread and at any moment, also before the task begins: the outcome is ChildExited."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _exchange(
        self, request: ComputeRequest, note: Callable[[Progress], None]
    ) -> RunResults | Failure | ChildExited:
        """In a thread of its own."""
        try:
            child = self._launcher.launch()
        except NoChildProcess as error:
            log.error("%s: no child process: %s", self._name, error)
            return ChildExited(None)
        with closing(child):
            with self._lock:
                self._child = child
                if self._stopped:
                    child.kill()
            return exchange(child, request, note)


def _in_daemon_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """The function's result. Unlike a pool's, the thread does not hold up the end of the interpreter."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as caught:
            error = caught
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="factorql-run", daemon=True).start()
    return future
