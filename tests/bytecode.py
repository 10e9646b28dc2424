"""A folder of its own for the byte code of tests and of the processes that they start."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def keep_bytecode() -> None:
    """Keep byte code in the virtual environment: without it each of many processes compiles all that it
    imports, and some machines ask for none beside the sources."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix) / "bytecode"))
    sys.dont_write_bytecode = False
    sys.pycache_prefix = folder
