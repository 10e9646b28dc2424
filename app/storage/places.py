"""The places where things are kept: the data directory, made if absent; and how users are told of faults."""

from __future__ import annotations

import logging
import os

from app.errors import FactorQLError, ResultDamaged, ResultUnreadable, StorageFailure
from app.settings import Settings
from db.errors import CorruptBlob, NewerBlob, StoreUnavailable

log = logging.getLogger(__name__)


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


def expected_error(error: BaseException) -> FactorQLError | None:
    """Return an expected error as a client may know it, without the database's address; None for others."""
    match error:
        case FactorQLError():
            return error
        case StoreUnavailable():
            return StorageFailure("the server's database cannot be used just now", hint=error.hint)
        case NewerBlob():
            return ResultUnreadable(error.message, hint=error.hint)
        case CorruptBlob():
            return ResultDamaged(error.message, hint=error.hint)
    return None


def told_error(error: BaseException) -> FactorQLError | None:
    """Return the same, once the operator's log has what only the operator can mend."""
    told = expected_error(error)
    if told is not None and told.for_operator:
        log.error("%s", error)
    return told
