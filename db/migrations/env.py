"""Runs Alembic on the connection that `db.migrate` hands over; there is no offline mode."""

from __future__ import annotations

from alembic import context

from db.migrate import configure_arguments

connection = context.config.attributes["connection"]
context.configure(connection=connection, **configure_arguments())
with context.begin_transaction():
    context.run_migrations()
