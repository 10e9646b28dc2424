"""Many assets at once, failing with one plain error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from app.sources.errors import SourceError


async def run_all(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run the jobs together; the client's gates say how many requests are under way.

    The first failure cancels the others and is raised as it is, never in a group: a SourceError before
    anything else.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as failures:
        errors = list(_leaves(failures))
        expected = [error for error in errors if isinstance(error, SourceError)]
        raise (expected or errors)[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
