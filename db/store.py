"""The open store: an engine, and the two ways to use it.

Nothing is cancelled inside the store. A task that is cancelled within a transaction leaves a connection of
aiosqlite to nobody, with its lock on the database, and no process can write any more. So every function that
reads or writes is a `store_access`: a task of its own that runs to its end, whoever gives up waiting for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db import migrate as migrations
from db.connect import LOCK_WAIT_SECONDS, WRITES, open_engine
from db.errors import StoreUnavailable
from db.failures import translated_failures

log = logging.getLogger(__name__)

_CLOSING_SECONDS = LOCK_WAIT_SECONDS + 5

T = TypeVar("T")
P = ParamSpec("P")

# Any constant will do, together with the schema's name; all versions that share a store must agree on it.
_EXCLUSIVE_LOCK = text("SELECT pg_advisory_xact_lock(7306123, hashtext(current_schema()))")


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """Writes have failed from `since` to `until`, in seconds of `time.monotonic`, the last one by `error`."""

    error: StoreUnavailable
    since: float
    until: float


class Store:
    """A migrated database. Bound to the event loop that opened it; several processes may open the same one.

    Its connections yield tuples of SQLAlchemy Core; rows never leave `db` except as `db.records`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        postgresql = self.dialect == "postgresql"
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT") if postgresql else engine
        self._writing = engine.execution_options(**{WRITES: True})
        # Within a process writers queue here, in order, instead of polling SQLite's lock.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if postgresql else asyncio.Lock()
        self._accesses: set[asyncio.Task[Any]] = set()
        self.write_failure: WriteFailure | None = None
        """None once a write has succeeded again."""

    @classmethod
    async def open(cls, url: str, *, migrate: bool = True) -> Store:
        """Opens the store at `url` (`db.connect` has the forms), migrating it first unless told not to.

        Errors: StoreUnavailable, StoreNewerThanCode, StoreIncomplete."""
        engine = open_engine(url)
        try:
            if migrate:
                await migrations.upgrade(url)
            else:
                await migrations.check(engine)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def close(self) -> None:
        """Wait for the accesses under way, also those that nobody else waits for, and disconnect; each for
        _CLOSING_SECONDS at most, which a database that does not answer may take."""
        if self._accesses:
            await asyncio.wait(self._accesses, timeout=_CLOSING_SECONDS)
        disconnecting = asyncio.ensure_future(self.engine.dispose())
        await asyncio.wait([disconnecting], timeout=_CLOSING_SECONDS)
        if not disconnecting.done():
            log.warning("the database does not answer: its connections are given up")
        else:
            disconnecting.result()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    async def run_to_end(self, access: Coroutine[Any, Any, T]) -> T:
        """Return what `access` returns. A caller that is cancelled, however often, goes when it is over.

        So what a client gives up counts against its limits as long as the store works on it."""
        task = asyncio.create_task(access)
        self._accesses.add(task)  # the loop itself holds tasks by weak references only
        task.add_done_callback(self._accesses.discard)
        given_up: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                given_up = error
        if given_up is None:
            return task.result()
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.warning("an access to the store that nobody waits for has failed: %s", failure)
        raise given_up

    @property
    def path(self) -> Path | None:
        """The file of SQLite's database; None for PostgreSQL."""
        return Path(self.engine.url.database) if self.dialect == "sqlite" else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading. Every statement sees the newest committed state; writes are refused."""
        with translated_failures(self.engine.url):
            async with self._reading.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, exclusive: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back when anything is raised inside.

        Exclusive ones follow each other, whichever process runs them: so the ids of run events become
        visible in their order. SQLite has one writer anyway; PostgreSQL takes one lock before all others."""
        try:
            with translated_failures(self.engine.url):
                async with self._turn, self._writing.begin() as connection:
                    if exclusive and self.dialect == "postgresql":
                        await connection.execute(_EXCLUSIVE_LOCK)
                    yield connection
        except StoreUnavailable as error:
            now = time.monotonic()
            since = now if self.write_failure is None else self.write_failure.since
            self.write_failure = WriteFailure(error, since, now)
            raise
        self.write_failure = None


def store_access(
    access: Callable[Concatenate[Store, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """Make a function of the store run to its end once it is called: see the head of this module."""

    @wraps(access)
    async def run_to_end(store: Store, *args: P.args, **kwargs: P.kwargs) -> T:
        return await store.run_to_end(access(store, *args, **kwargs))

    return run_to_end


@store_access
async def schema_revision(store: Store) -> str | None:
    """Return the revision that the store is at."""
    async with store.read() as connection:
        return await connection.run_sync(migrations.revision_of)
