"""Short computations for a reader, each in a child process, without a run: nothing is kept of them."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from app.errors import INTERNAL, FactorQLError, LimitExceeded
from app.execution.worker.child_task import ChildTask
from app.execution.worker.codes import COMPUTATION_CRASHED, SERVER_STOPS, TIMED_OUT
from app.execution.worker.exchange import ChildExited
from app.execution.worker.frames import FrameTooLong
from app.execution.worker.launcher import Launcher, NoChildProcess
from app.execution.worker.protocol import ComputeRequest, Failure
from app.settings import Settings
from app.turns import Turns
from db.records import RunResults

log = logging.getLogger(__name__)

SOLVING: Final = "app.features.risk.solver_worker"
"""What children run. As for runs, only the code that makes a launcher chooses it."""
MOST_AT_ONCE: Final = 2
MOST_WAITING: Final = 8

Fault = tuple[str, str, str]
"""(option or asset, code, message)."""


class AdHocFailed(FactorQLError):
    """Why there is no answer.

    code: of the engine's error (INVALID_CONFIG, MISSING_RISK, INFEASIBLE_PORTFOLIO, UNBOUNDED_PORTFOLIO,
    SOLVER_FAILURE, MISSING_EXTRA, ...) or one of app.execution.worker.codes. faults: the options of
    INVALID_CONFIG, the assets of MISSING_RISK.
    """

    code = "CONSULT_FAILED"
    public_code = INTERNAL

    def __init__(
        self, code: str, message: str, *, faults: tuple[Fault, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.faults = faults


class AdHocComputations:
    """At most MOST_AT_ONCE at a time, and MOST_WAITING that wait for their turn. The launcher is theirs."""

    def __init__(self, launcher: Launcher, settings: Settings) -> None:
        self._launcher = launcher
        self._settings = settings
        self._turns = Turns("computations", MOST_AT_ONCE)
        self._tasks: set[ChildTask] = set()
        self._closed = False

    async def compute(
        self, kind: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> RunResults:
        """The result of a computation of that kind; its time begins when its turn comes. Cancelling the
        caller ends it.

        Errors: QueueFull, LimitExceeded, NoChildProcess, AdHocFailed."""
        async with self._turns.turn(most_waiting=MOST_WAITING):
            return await self._computed(kind, config, arrays)

    def close(self) -> None:
        """End those under way, and begin no more: no process is left."""
        self._closed = True
        for task in tuple(self._tasks):
            task.stop()
        self._launcher.close()

    async def _computed(
        self, kind: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> RunResults:
        if self._closed:
            raise _stopping()
        task = ChildTask(self._launcher, f"a computation ({kind.lower()})")
        self._tasks.add(task)
        limit = self._settings.optimize_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                outcome = await task.outcome(self._request(kind, config, arrays), lambda _: None)
        except TimeoutError:
            message = f"the computation took longer than {limit:g} seconds"
            raise AdHocFailed(TIMED_OUT, message) from None
        except FrameTooLong as error:
            raise LimitExceeded(f"the question is too large: {error}") from None
        finally:
            task.stop()
            self._tasks.discard(task)
        match outcome:
            case RunResults():
                return outcome
            case Failure():
                raise _failed(outcome, kind)
            case ChildExited():
                raise self._lost(outcome)

    def _request(
        self, kind: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> ComputeRequest:
        settings = self._settings
        return ComputeRequest(
            datasets_dir="",
            cache_dir="",
            artifacts_dir="",
            fingerprint="",
            kind=kind,
            subject="",
            identity="",
            config=config,
            memory_limit_bytes=settings.run_memory_mb * 2**20,
            cpu_limit_seconds=int(settings.optimize_timeout_seconds) + 5,
            arrays=arrays,
        )

    def _lost(self, ended: ChildExited) -> FactorQLError:
        if self._closed:
            return _stopping()
        if ended.exit_code is None:
            return NoChildProcess("no process can be had for the computation", hint="try again")
        return AdHocFailed(COMPUTATION_CRASHED, f"the computation's process {ended}")


def _failed(failure: Failure, kind: str) -> AdHocFailed:
    message = failure.message
    if failure.traceback is not None:
        error_id = uuid.uuid4().hex[:12]
        log.error("error %s: a computation (%s)\n%s", error_id, kind.lower(), failure.traceback)
        message = f"{message} (error id {error_id})"
    return AdHocFailed(failure.code, message, faults=failure.faults)


def _stopping() -> AdHocFailed:
    return AdHocFailed(SERVER_STOPS, "the server is stopping", hint="try again when it is back")
