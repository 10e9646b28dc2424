"""A run's page as a file: whole, or not there at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from app.errors import InvalidInput, StorageFailure
from db.records import RunKind
from scripts.report.factor_page import factor_page
from scripts.report.gather import RunMaterial
from scripts.report.sweep_page import sweep_page

SUFFIXES = frozenset({".html", ".htm"})


def check_path(path: Path) -> None:
    """Raises InvalidInput for a file that does not end in .html."""
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"--report writes .html, not {path.suffix or 'no suffix'!r}")


def write_report(material: RunMaterial, path: Path) -> None:
    """Raises InvalidInput (suffix), StorageFailure."""
    check_path(path)
    content = sweep_page(material) if material.run.kind == RunKind.SWEEP else factor_page(material)
    _write_atomically(content.encode("utf-8", errors="replace"), path)


def _write_atomically(content: bytes, path: Path) -> None:
    """Under another name first, so that a reader never meets half a page."""
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StorageFailure(f"{path} cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
