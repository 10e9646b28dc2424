"""The open store: an engine, and the two ways to use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import TracebackType

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db import migrate as migrations
from db.connect import WRITES, open_engine
from db.failures import translated_failures

# Any constant will do, together with the schema's name; all versions that share a store must agree on it.
_EXCLUSIVE_LOCK = text("SELECT pg_advisory_xact_lock(7306123, hashtext(current_schema()))")


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
        await self.engine.dispose()

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
        with translated_failures(self.engine.url):
            async with self._turn, self._writing.begin() as connection:
                if exclusive and self.dialect == "postgresql":
                    await connection.execute(_EXCLUSIVE_LOCK)
                yield connection
