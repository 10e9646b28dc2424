"""Runs for callers that can use nothing but a result: waited for to their end, whatever it is."""

from __future__ import annotations

import asyncio

from app.context import Services
from app.errors import FactorQLError
from app.runs.lifecycle import wait_for_run
from db.records import RunRecord, RunStatus

_GRACE_SECONDS = 10.0
"""Beyond the time limit of a run, so that a run that exceeds it is seen to fail."""


class RunNotOver(FactorQLError):
    """The run goes on; who asks again waits for the same one."""

    code = "RUN_NOT_OVER"
    http_status = 503


class RunFailed(FactorQLError):
    """`reason`: the stable code of the failure; CANCELED where somebody ended the run."""

    code = "RUN_FAILED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


async def await_success(services: Services, run_id: int) -> RunRecord:
    """The run, succeeded. Waits as long as a run may take, the queue included.

    Raises RunFailed, RunNotOver, RunNotFound (it was deleted meanwhile).
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + services.settings.run_timeout_seconds + _GRACE_SECONDS
    while True:
        run = await wait_for_run(services, run_id, deadline - loop.time())
        if run.status.is_terminal:
            break
        if services.events.waits_end:
            raise RunNotOver("the server stops; the run goes on when it is back", hint="ask again then")
        if loop.time() >= deadline:
            state = f"{run.status.lower()} ({run.progress_stage})"
            raise RunNotOver(f"run {run.id} is still {state}", hint="ask again to wait for the same run")
    if run.status is RunStatus.SUCCEEDED:
        return run
    if run.status is RunStatus.CANCELED:
        raise RunFailed(f"run {run.id} was canceled", reason=RunStatus.CANCELED)
    raise RunFailed(run.failure_message or "the run failed", reason=run.failure_code or "")
