"""The computations that readers ask for: those of `computation`, in processes that have the solver loaded.

Loading it takes seconds and 100 MB, so that it has a forkserver of its own, begun with the first question:
most servers and commands are asked none.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from app.execution.computation import compute

__all__ = ["compute", "prepare"]


def prepare() -> None:
    """What is not installed is missed by whoever needs it."""
    for library in ("cvxpy", "clarabel"):
        with suppress(ImportError):
            import_module(library)
