"""Every test of this room that opens a store does so on both databases."""

from tests.stores import on_both_databases as pytest_generate_tests  # noqa: F401
