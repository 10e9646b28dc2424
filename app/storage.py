"""The places where things are kept: the data directory, made if absent; and how users are told of faults."""

from __future__ import annotations

import os

from app.errors import ResultDamaged, StorageFailure
from app.settings import Settings
from db.errors import CorruptBlob, StoreUnavailable


def prepare_data_dir(settings: Settings) -> None:
    """Create the data directory and its parts. Raises StorageFailure with the reason."""
    try:
        for folder in (settings.data_dir, settings.datasets_dir, settings.artifacts_dir, settings.cache_dir):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure(
            f"the data directory {settings.data_dir} cannot be created: {error.strerror}",
            hint="set FACTORQL_DATA_DIR to a folder that you may write to",
        ) from None
    if not os.access(settings.data_dir, os.W_OK | os.X_OK):
        raise StorageFailure(
            f"the data directory {settings.data_dir} is read-only",
            hint="set FACTORQL_DATA_DIR to a folder that you may write to",
        )


def storage_failure(error: StoreUnavailable) -> StorageFailure:
    """What a client may know of it: not the database's path or address, which are in the log."""
    return StorageFailure("the server's database cannot be used just now", hint=error.hint)


def result_damaged(error: CorruptBlob) -> ResultDamaged:
    """Return the same as an error of the program, which has a code."""
    return ResultDamaged(error.message, hint=error.hint)
