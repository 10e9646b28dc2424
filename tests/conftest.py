"""Fixtures that the tests of several rooms share, and the watch over skips."""

from __future__ import annotations

import pytest

from tests.skips import register
from tests.stores import (  # noqa: F401
    empty_url,
    migrated_file,
    migrated_schema_url,
    postgresql_url,
    store,
    store_url,
)


def pytest_configure(config: pytest.Config) -> None:
    register(config)
