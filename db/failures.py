"""Turns what the drivers raise when a database cannot be used into one typed line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.errors import StoreUnavailable


@contextmanager
def translated_failures(url: URL) -> Iterator[None]:
    """StoreUnavailable for what is no fault of a statement: locks, lost servers, full disks, no such file."""
    try:
        yield
    except PoolTimeout:
        raise StoreUnavailable("all database connections are busy", "try again later") from None
    except DBAPIError as error:
        if not _is_about_the_database(error, url):
            raise
        raise StoreUnavailable(f"{describe(url)}: {_first_line(error.orig)}", _hint(error, url)) from error
    except OSError as error:
        reason = error.strerror or _first_line(error)
        raise StoreUnavailable(f"{describe(url)}: {reason}", _hint(error, url)) from error
    except Exception as error:
        if not type(error).__module__.startswith("asyncpg"):
            raise
        raise StoreUnavailable(f"{describe(url)}: {_first_line(error)}", _hint(error, url)) from error


def describe(url: URL) -> str:
    """The database as it may be shown: without the password."""
    if url.get_backend_name() == "sqlite":
        return f"the SQLite database {url.database}"
    return f"the PostgreSQL database {url.database} on {url.host or 'localhost'}:{url.port or 5432}"


def _is_about_the_database(error: DBAPIError, url: URL) -> bool:
    if error.connection_invalidated:
        return True
    if url.get_backend_name() == "sqlite":
        # The bare DatabaseError is what SQLite raises for a file that is damaged or no database.
        return type(error) in (OperationalError, DatabaseError) and not _is_about_a_statement(error)
    # Classes of SQLSTATE: no connection, no authorisation, no such database, resources, intervention, locks.
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(("08", "28", "3D", "53", "57", "55P03", "25006", "25P03"))


def _is_about_a_statement(error: DBAPIError) -> bool:
    message = str(error.orig)
    return any(part in message for part in ("no such table", "no such column", "syntax error", "near "))


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _hint(error: BaseException, url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        if "locked" in str(error):
            return "another process is writing to it for too long"
        if "not a database" in str(error) or "malformed" in str(error):
            return "name another file, or restore it from a copy"
        if "full" in str(error):
            return "free some space on the disk"
        if "disk I/O error" in str(error):
            return "the disk may be full, or failing"
        return "its directory must exist and be writable"
    return "check FACTORQL_DATABASE_URL and that the server runs"
