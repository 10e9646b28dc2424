"""Alembic migrations: the only thing that ever creates or changes a table.

SQLite changes a table by rebuilding it: `op.batch_alter_table` then needs `copy_from=` a full description of
the table, because what it reads back from SQLite lacks check constraints and AUTOINCREMENT."""
