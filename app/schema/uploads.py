"""Files that clients send: kept under names that the server chose; the client's name is only a label."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread
from starlette.datastructures import UploadFile

from app.errors import LimitExceeded, StorageFailure
from app.schema.errors import invalid_argument

MAX_LABEL_LENGTH = 120


def require_file(value: object, path: tuple[str, ...]) -> UploadFile:
    """The uploaded file at `path` in the arguments. Raises InvalidInput: text passes as an Upload too."""
    if not isinstance(value, UploadFile):
        raise invalid_argument(
            path, "NOT_A_FILE", f"{'.'.join(path)} must be a file of a multipart request, not a value"
        )
    return value


def label_of(file: UploadFile) -> str:
    """The last part of the client's file name, printable and short, its suffix kept."""
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in name if character.isprintable()).strip().lstrip(".")
    return printable[-MAX_LABEL_LENGTH:] or "upload"


async def read_upload(file: UploadFile, max_bytes: int) -> bytes:
    """All of the file. Raises LimitExceeded."""
    content = await file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise _too_large(file, max_bytes)
    return content


@asynccontextmanager
async def spooled(file: UploadFile, max_bytes: int) -> AsyncIterator[Path]:
    """A copy of the file on disk that is gone after the block. Raises LimitExceeded, StorageFailure."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="factorql-upload-")
    except OSError as error:
        raise _not_kept(error) from None
    with folder as name:
        path = Path(name, "upload")
        try:
            size = await anyio.to_thread.run_sync(_copy, file.file, path)
        except OSError as error:
            raise _not_kept(error) from None
        if size > max_bytes:
            raise _too_large(file, max_bytes)
        yield path


def _copy(source: BinaryIO, path: Path) -> int:
    """The number of bytes copied."""
    source.seek(0)
    with path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        return target.tell()


def _too_large(file: UploadFile, max_bytes: int) -> LimitExceeded:
    return LimitExceeded(f"{label_of(file)} is larger than the {max_bytes:,} bytes that are allowed")


def _not_kept(error: OSError) -> StorageFailure:
    return StorageFailure(f"the upload cannot be kept: {error.strerror or error}")
