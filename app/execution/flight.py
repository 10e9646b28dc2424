"""One claimed run on its way: computed by a child process, its end committed by this one."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TypeVar

from app.errors import DatasetUnavailable, FactorQLError
from app.execution.checkpoints import checkpoint_identity
from app.execution.codes import COMPUTATION_CRASHED, INTERNAL_ERROR, TIMED_OUT
from app.execution.conversation import Ended, Outcome, converse
from app.execution.launcher import ChildProcess, Launcher, NoChildProcess
from app.execution.protocol import ComputeRequest, Failure, Progress
from app.execution.timing import Timing
from app.settings import Settings
from db.datasets import get_datasets
from db.errors import StoreError, StoreUnavailable
from db.records import Claim, RunRecord, RunResults, RunStatus
from db.runs import fail_run, finish_run, list_claims, report_progress, retry_or_lose
from db.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ATTEMPTS = 3
"""Of a run whose process was lost, rather than crashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all flights of one executor share."""

    store: Store
    settings: Settings
    worker: str
    launcher: Launcher
    timing: Timing
    on_event: Callable[[], None]
    fingerprints: dict[int, str] = field(default_factory=dict)
    """By dataset id; neither ever changes."""


class Ending(Enum):
    """Why this server ended a child."""

    TIMED_OUT = auto()
    NOT_OURS = auto()
    """The run was canceled or taken over: its end is written by others."""
    RELEASED = auto()
    """The executor stops: the run goes back to the queue."""


class Flight:
    """`fly` takes the run to its end; `end` cuts it short, from any thread and at any moment."""

    def __init__(self, run: RunRecord, ground: Ground) -> None:
        self._run = run
        self._ground = ground
        self._progress: Progress | None = None
        self._ending: Ending | None = None
        self._child: ChildProcess | None = None
        self._lock = threading.Lock()

    def end(self, ending: Ending) -> None:
        with self._lock:
            if self._ending is None:
                self._ending = ending
                if self._child is not None:
                    self._child.kill()

    async def fly(self) -> None:
        """Never raises: what cannot be written is logged, and the claim, confirmed no more, becomes stale."""
        try:
            try:
                await self._conclude(await self._outcome())
            except StoreUnavailable:
                raise
            except Exception:
                await self._conclude(_fault_of_ours())
        except StoreUnavailable as error:
            log.error("run %d: its end could not be written, so it will be retried: %s", self._run.id, error)
        except Exception:
            log.exception("run %d: its end could not be written, so it will be retried", self._run.id)

    # -- computing -----------------------------------------------------------------------------------------

    async def _outcome(self) -> Outcome:
        try:
            request = await self._request()
        except FactorQLError as error:
            return Failure(error.code, str(error))
        computing = _in_daemon_thread(lambda: self._compute(request))
        try:
            await self._follow(computing)
            return await computing
        except BaseException:
            self.end(Ending.RELEASED)  # nobody follows it any more
            raise

    async def _follow(self, computing: asyncio.Future[Outcome]) -> None:
        """Write down its progress now and then, and end it when its time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._ground.settings.run_timeout_seconds
        written: Progress | None = None
        while not computing.done():
            remaining = deadline - loop.time()
            if remaining <= 0:
                return self.end(Ending.TIMED_OUT)
            await asyncio.wait([computing], timeout=min(self._ground.timing.progress, remaining))
            if self._progress is not written and not computing.done():
                written = self._progress
                await self._write_progress(written)

    async def _request(self) -> ComputeRequest:
        settings = self._ground.settings
        return ComputeRequest(
            datasets_dir=str(settings.datasets_dir.resolve()),
            cache_dir=str(settings.cache_dir.resolve()),
            fingerprint=await self._persistently(self._fingerprint),
            kind=self._run.kind.value,
            factor=self._run.factor,
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

    def _compute(self, request: ComputeRequest) -> Outcome:
        """In a thread of its own."""
        try:
            child = self._ground.launcher.launch()
        except NoChildProcess as error:
            log.error("run %d: no child process: %s", self._run.id, error)
            return Ended(None)
        with closing(child):
            with self._lock:
                self._child = child
                if self._ending is not None:
                    child.kill()
            return converse(child, request, self._note)

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    async def _write_progress(self, progress: Progress) -> None:
        run, ground = self._run, self._ground
        try:
            ours = await report_progress(
                ground.store, run.id, run.attempt, ground.worker, progress.fraction, progress.stage, _now()
            )
        except StoreError as error:
            log.warning("run %d: its progress could not be written: %s", run.id, error)
            return
        if ours:
            ground.on_event()
        else:
            self.end(Ending.NOT_OURS)

    # -- the end -------------------------------------------------------------------------------------------

    async def _conclude(self, outcome: Outcome) -> None:
        if self._ending is Ending.NOT_OURS:
            return
        match outcome:
            case RunResults():
                await self._finish(outcome)
            case Failure():
                await self._fail(outcome)
            case Ended() if self._ending is Ending.TIMED_OUT:
                limit = self._ground.settings.run_timeout_seconds
                await self._fail(Failure(TIMED_OUT, f"the computation took longer than {limit:g} seconds"))
            case Ended() if self._ending is Ending.RELEASED:
                # Stopping is nobody's fault: it is never the last attempt.
                await self._put_back(max_attempts=self._run.attempt + 1)
            case Ended(exit_code=None):
                # The system may be out of processes for a moment.
                await asyncio.sleep(self._ground.timing.poll)
                await self._put_back(max_attempts=MAX_ATTEMPTS)
            case Ended():
                await self._fail(Failure(COMPUTATION_CRASHED, f"the computation's process {outcome}"))

    async def _finish(self, results: RunResults) -> None:
        run, ground = self._run, self._ground
        await self._write(
            lambda: finish_run(ground.store, run.id, run.attempt, ground.worker, results, _now())
        )

    async def _fail(self, failure: Failure) -> None:
        run, ground = self._run, self._ground
        message = failure.message
        if failure.traceback is not None:
            error_id = uuid.uuid4().hex[:12]
            log.error("error %s: run %d (%s)\n%s", error_id, run.id, run.factor, failure.traceback)
            message = f"{message} (error id {error_id})"
        await self._write(
            lambda: fail_run(ground.store, run.id, run.attempt, ground.worker, failure.code, message, _now())
        )

    async def _put_back(self, *, max_attempts: int) -> None:
        await self._write(lambda: self._requeue(max_attempts))

    async def _requeue(self, max_attempts: int) -> RunStatus | None:
        store = self._ground.store
        # A heartbeat in between changes the claim: look again.
        while (claim := self._find_own(await list_claims(store))) is not None:
            status = await retry_or_lose(store, claim, max_attempts=max_attempts, now=_now())
            if status is not None:
                return status
        return None

    def _find_own(self, claims: Iterable[Claim]) -> Claim | None:
        own = (self._run.id, self._run.attempt, self._ground.worker)
        return next(
            (claim for claim in claims if (claim.run_id, claim.attempt, claim.claimed_by) == own), None
        )

    async def _write(self, write: Callable[[], Awaitable[object]]) -> None:
        """A write that is refused, because the run is not ours any more, leaves it to whoever has it."""
        if not await self._persistently(write):
            log.info("run %d was ended by others meanwhile", self._run.id)
        self._ground.on_event()

    async def _persistently(self, access: Callable[[], Awaitable[T]]) -> T:
        """Try again for a while when the database is busy or away; StoreUnavailable when it stays so."""
        for wait in self._ground.timing.commit_retries:
            try:
                return await access()
            except StoreUnavailable as error:
                log.warning("run %d: trying again in %g s: %s", self._run.id, wait, error)
                await asyncio.sleep(wait)
        return await access()


def _fault_of_ours() -> Failure:
    """The exception being handled, as a failure of the program."""
    return Failure(INTERNAL_ERROR, "the computation failed unexpectedly", traceback.format_exc())


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


def _now() -> datetime:
    return datetime.now(UTC)
