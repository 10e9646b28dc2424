"""What children compute that need the convex solver: the jobs of all features, with the solver loaded.

Loading it takes seconds and 100 MB, so that it has a forkserver of its own, begun with the first question:
most servers and commands are asked none.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from app.jobs import compute

__all__ = ["compute", "prepare"]


def prepare() -> None:
    """What is not installed is missed by whoever needs it."""
    for library in ("cvxpy", "clarabel"):
        with suppress(ImportError):
            import_module(library)
