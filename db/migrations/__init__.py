"""Alembic migrations: the only thing that ever creates or changes a table."""
