"""Warming up: work done once before it is asked for, so that what is asked for takes less time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warming_up(what: str = "") -> Iterator[None]:
    """Report what fails inside in one line on standard error and go on: without it all works, only slower."""
    try:
        yield
    except Exception as error:
        subject = " ".join(["warming up", *what.split()])
        words = " ".join(str(error).split())
        print(f"{subject} failed: {type(error).__name__}: {words}", file=sys.stderr, flush=True)
