"""Where readers' array work is done: beside the event loop, in few threads at a time.

Numpy holds the interpreter's lock for much of such work: one thread more is one more that the loop waits for
each time it wants to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")

MOST_AT_ONCE: Final = 2
_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def read_beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, but at most MOST_AT_ONCE at a time, the others in the order they were asked.
    Work whose caller is canceled goes on, and takes its place until it ends."""
    room = _rooms.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MOST_AT_ONCE))
    await room.acquire()
    thread = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))

    def leave(done: asyncio.Task[T]) -> None:
        room.release()
        if not done.cancelled():
            done.exception()  # seen, though the caller may be gone

    thread.add_done_callback(leave)
    return await asyncio.shield(thread)
