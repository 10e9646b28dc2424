"""Where artifacts are: what their writer, their reader and whoever removes them agree on."""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.storage.folders import remove_folder

ARTIFACTS: Final = "artifacts"
"""The folder below the data directory; paths of artifacts begin with it, whatever it is a link to."""
SUFFIX: Final = ".npy"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_FOLDER = re.compile(r"[0-9a-f]{32}", re.ASCII)


def is_artifact_name(name: str) -> bool:
    """Whether an artifact can have that name: it is its file's, too."""
    return _NAME.fullmatch(name) is not None


def new_folder_name() -> str:
    """A name that no folder of artifacts has had."""
    return secrets.token_hex(16)


def folder_path(folder: str) -> str:
    """As the store's `artifact_folders` gives it."""
    return f"{ARTIFACTS}/{folder}"


def artifact_path(folder: str, name: str) -> str:
    """The path as the store keeps it: relative to the data directory, '/' between its parts."""
    return f"{folder_path(folder)}/{name}{SUFFIX}"


def parse_artifact_path(path: str) -> tuple[str, str] | None:
    """(folder, file) of a path as the store keeps it; None for what is no artifact's path."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != ARTIFACTS or not _FOLDER.fullmatch(parts[1]):
        return None
    name = parts[2].removesuffix(SUFFIX)
    if name + SUFFIX != parts[2] or not is_artifact_name(name):
        return None
    return parts[1], parts[2]


def finished_folders(artifacts_dir: Path) -> dict[str, float]:
    """The folders that are not temporary: name -> when it was finished, in seconds since 1970."""
    if not artifacts_dir.is_dir():
        return {}
    found = {}
    for folder in sorted(artifacts_dir.iterdir()):
        with suppress(FileNotFoundError):
            status = folder.lstat()
            if _FOLDER.fullmatch(folder.name) and stat.S_ISDIR(status.st_mode):
                found[folder.name] = status.st_mtime
    return found


def remove_artifacts(artifacts_dir: Path, paths: Collection[str]) -> None:
    """Remove the folders of these artifacts; whoever has mapped them keeps the data. A path that is no
    artifact's is left alone. Raises OSError."""
    found: Iterable[tuple[str, str] | None] = map(parse_artifact_path, paths)
    for folder in sorted({place[0] for place in found if place is not None}):
        remove_folder(artifacts_dir / folder)
