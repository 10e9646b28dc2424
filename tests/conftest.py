"""Fixtures that the tests of several rooms share."""

from tests.stores import (  # noqa: F401
    empty_url,
    migrated_file,
    migrated_schema_url,
    postgresql_url,
    store,
    store_url,
)
