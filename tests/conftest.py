"""Fixtures that the tests of several rooms share, and the watch over skips."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.bytecode import keep_bytecode
from tests.skips import register
from tests.stores import (  # noqa: F401
    empty_url,
    migrated_file,
    migrated_schema_url,
    postgresql_url,
    store,
    store_url,
)

keep_bytecode()
# by the clock nothing is judged: another process may have the processor
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    register(config)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow, so that no process is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
