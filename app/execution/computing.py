"""The work of a run that computes: one child process, from its request to what it sent back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar

from app.errors import DatasetUnavailable, FactorQLError
from app.execution.checkpoints import checkpoint_identity
from app.execution.conversation import Ended, converse
from app.execution.ground import Ground
from app.execution.launcher import ChildProcess, NoChildProcess
from app.execution.protocol import ComputeRequest, Failure
from app.execution.work import NoteProgress, Outcome
from db.datasets import get_datasets
from db.records import RunRecord

log = logging.getLogger(__name__)

T = TypeVar("T")


class Computing:
    """A `Work`: stopping it kills the child."""

    name = "the computation"

    def __init__(self, run: RunRecord, ground: Ground) -> None:
        self._run = run
        self._ground = ground
        self._child: ChildProcess | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self.timeout_seconds = ground.settings.run_timeout_seconds

    async def outcome(self, note: NoteProgress) -> Outcome:
        try:
            request = await self._request()
        except FactorQLError as error:
            return Failure(error.code, str(error))
        return await _in_daemon_thread(lambda: self._compute(request, note))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    async def _request(self) -> ComputeRequest:
        settings = self._ground.settings
        return ComputeRequest(
            datasets_dir=str(settings.datasets_dir.resolve()),
            cache_dir=str(settings.cache_dir.resolve()),
            fingerprint=await self._ground.persistently(self._run.id, self._fingerprint),
            kind=self._run.kind.value,
            factor=self._run.factor or "",
            identity=checkpoint_identity(self._run.identity_hash, self._run.id, forced=self._run.forced),
            config=self._run.config,
            memory_limit_bytes=settings.run_memory_mb * 2**20,
            cpu_limit_seconds=int(settings.run_timeout_seconds) + 5,
        )

    async def _fingerprint(self) -> str:
        dataset_id, known = self._run.dataset_id, self._ground.fingerprints
        if dataset_id is not None and dataset_id not in known:
            datasets = await get_datasets(self._ground.store, [dataset_id])
            known |= {record.id: record.fingerprint for record in datasets.values()}
        if dataset_id not in known:
            raise DatasetUnavailable("the run's dataset does not exist any more")
        return known[dataset_id]

    def _compute(self, request: ComputeRequest, note: NoteProgress) -> Outcome:
        """In a thread of its own."""
        try:
            child = self._ground.launcher.launch()
        except NoChildProcess as error:
            log.error("run %d: no child process: %s", self._run.id, error)
            return Ended(None)
        with closing(child):
            with self._lock:
                self._child = child
                if self._stopped:
                    child.kill()
            return converse(child, request, note)


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
