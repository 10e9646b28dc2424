"""One claimed run on its way: its work done, its end committed."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from enum import Enum, auto

from app.execution.environment import RunEnvironment
from app.execution.task import Outcome, RunTask
from app.execution.worker.codes import COMPUTATION_CRASHED, INTERNAL_ERROR, TIMED_OUT
from app.execution.worker.exchange import ChildExited
from app.execution.worker.protocol import Failure, Progress
from db.errors import StoreError, StoreUnavailable
from db.records import Claim, RunRecord, RunResults
from db.runs.queue import fail_run, finish_run, list_claims, put_back, report_progress, retry_or_lose

log = logging.getLogger(__name__)

_PROGRESS_NOTES = 200
"""Progress is written at most once in this share of the time that a run has taken so far."""


class Ending(Enum):
    """Why this server ended a run's work."""

    TIMED_OUT = auto()
    NOT_OURS = auto()
    """The run was canceled or taken over: its end is written by others."""
    RELEASED = auto()
    """The executor stops: the run goes back to the queue."""


class RunAttempt:
    """`execute` takes the run to its end; `end` cuts it short, from any thread and at any moment."""

    def __init__(self, run: RunRecord, task: RunTask, environment: RunEnvironment) -> None:
        self._run = run
        self._task = task
        self._environment = environment
        self._progress: Progress | None = None
        self._ending: Ending | None = None
        self._lock = threading.Lock()

    @property
    def kind(self) -> str:
        return self._run.kind

    def end(self, ending: Ending) -> None:
        with self._lock:
            if self._ending is not None:
                return
            self._ending = ending
        self._task.stop()

    async def execute(self) -> None:
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

    # -- the work ------------------------------------------------------------------------------------------

    async def _outcome(self) -> Outcome:
        working = asyncio.ensure_future(self._task.outcome(self._note))
        try:
            await self._follow(working)
            return await working
        except BaseException:
            self.end(Ending.RELEASED)  # nobody follows it any more
            raise

    async def _follow(self, working: asyncio.Future[Outcome]) -> None:
        """Write down its progress now and then, and end it when its time is up."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        written: Progress | None = None
        while not working.done():
            elapsed = loop.time() - begun
            remaining = self._task.timeout_seconds - elapsed
            if remaining <= 0:
                return self.end(Ending.TIMED_OUT)
            # Each is an event that is kept: an hour of fetching is not told every half second.
            pause = max(self._environment.timing.progress, elapsed / _PROGRESS_NOTES)
            await asyncio.wait([working], timeout=min(pause, remaining))
            if self._progress is not written and not working.done():
                written = self._progress
                await self._write_progress(written)

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    async def _write_progress(self, progress: Progress) -> None:
        run, environment = self._run, self._environment
        try:
            ours = await report_progress(
                environment.store,
                run.id,
                run.attempt,
                environment.worker,
                progress.fraction,
                progress.stage,
                _now(),
                counts=progress.counts,
            )
        except StoreError as error:
            log.warning("run %d: its progress could not be written: %s", run.id, error)
            return
        if ours:
            environment.on_event()
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
            case ChildExited() if self._ending is Ending.TIMED_OUT:
                limit = self._task.timeout_seconds
                await self._fail(Failure(TIMED_OUT, f"{self._task.name} took longer than {limit:g} seconds"))
            case ChildExited() if self._ending is Ending.RELEASED:
                await self._give_back(put_back)
            case ChildExited(exit_code=None):
                # The system may be out of processes for a moment.
                await asyncio.sleep(self._environment.timing.poll)
                await self._give_back(retry_or_lose)
            case ChildExited():
                await self._fail(Failure(COMPUTATION_CRASHED, f"the computation's process {outcome}"))

    async def _finish(self, results: RunResults) -> None:
        run, environment = self._run, self._environment
        counts = None if self._progress is None else self._progress.counts
        ours = await self._write(
            lambda: finish_run(
                environment.store, run.id, run.attempt, environment.worker, results, _now(), counts=counts
            )
        )
        if ours and environment.on_succeeded is not None:
            await environment.on_succeeded(run.id)

    async def _fail(self, failure: Failure) -> None:
        run, environment = self._run, self._environment
        message = failure.message
        if failure.traceback is not None:
            error_id = uuid.uuid4().hex[:12]
            log.error("error %s: run %d (%s)\n%s", error_id, run.id, run.kind.lower(), failure.traceback)
            message = f"{message} (error id {error_id})"
        await self._write(
            lambda: fail_run(
                environment.store, run.id, run.attempt, environment.worker, failure.code, message, _now()
            )
        )

    async def _give_back(self, give: Callable[..., Awaitable[object]]) -> None:
        """By `put_back`, or by `retry_or_lose`."""
        await self._write(lambda: self._give_own(give))

    async def _give_own(self, give: Callable[..., Awaitable[object]]) -> object:
        store = self._environment.store
        # A heartbeat in between changes the claim: look again.
        while (claim := self._find_own(await list_claims(store, [self._run.kind]))) is not None:
            if given := await give(store, claim, now=_now()):
                return given
        return None

    def _find_own(self, claims: Iterable[Claim]) -> Claim | None:
        own = (self._run.id, self._run.attempt, self._environment.worker)
        return next(
            (claim for claim in claims if (claim.run_id, claim.attempt, claim.claimed_by) == own), None
        )

    async def _write(self, write: Callable[[], Awaitable[object]]) -> bool:
        """Write, and return whether it was written. A write that is refused, because the run is not ours any
        more, leaves it to whoever has it."""
        ours = bool(await self._environment.retry_on_unavailable(self._run.id, write))
        if not ours:
            log.info("run %d was ended by others meanwhile", self._run.id)
        self._environment.on_event()
        return ours


def _fault_of_ours() -> Failure:
    """The exception being handled, as a failure of the program."""
    return Failure(INTERNAL_ERROR, "the run failed unexpectedly", traceback.format_exc())


def _now() -> datetime:
    return datetime.now(UTC)
