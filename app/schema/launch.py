"""What mutations that launch runs share: how long they wait, and how their errors are placed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

from app.runs.launch import Launch
from app.runs.lifecycle import MAX_WAIT_SECONDS, wait_for_run
from app.schema.context import Info
from app.schema.errors import Path, field_errors_at, invalid_argument

Success = TypeVar("Success")


def wait_argument(noun: str = "run") -> Any:
    """Return the type of the argument that says how long to wait for what was launched."""
    return Annotated[
        float,
        strawberry.argument(
            description="How long to wait for the end, 0 to 30 seconds. When the time is over the live "
            f"{noun} is returned; a client that disconnects cancels nothing."
        ),
    ]


WaitSeconds = wait_argument()


def check_wait(wait_seconds: float) -> None:
    """Raises InvalidInput unless the seconds are in range."""
    if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
        message = f"waitSeconds must be from 0 to {MAX_WAIT_SECONDS:g}, not {wait_seconds:g}"
        raise invalid_argument(("waitSeconds",), "OUT_OF_RANGE", message)


async def launched(
    info: Info,
    launching: Awaitable[Launch],
    success: Callable[..., Success],
    wait_seconds: float,
    locate: Callable[[str], Path],
) -> Success:
    """Return the success type with the run that was launched, after waiting for its end.

    success: has the fields `run`, of a run's type, and `reused`. locate: where in the arguments an option
    stands, for errors. Raises what `launching` raises.
    """
    with field_errors_at(locate):
        launch = await launching
    run = launch.run
    if wait_seconds > 0 and not run.status.is_terminal:
        run = await wait_for_run(info.context.services, run.id, wait_seconds)
    return success(run=info.context.run_type(run).from_record(run), reused=launch.reused)
