"""Where readers' array work is done: beside the event loop, by few threads.

Numpy holds the interpreter's lock for much of such work: one thread more is one more that the loop waits for
each time it wants to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_AT_ONCE: Final = 2
_threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="reader")


async def read_beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, but at most MOST_AT_ONCE at a time, the others in the order they were asked."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *args, **kwargs))
