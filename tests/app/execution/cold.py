"""The acting computations, whose warming up fails as a whole."""

from __future__ import annotations

from tests.app.execution.computations import compute  # noqa: F401


def prepare() -> None:
    raise OSError("a library cannot be loaded")
