"""The SQL store: tables, migrations and store functions, the same on SQLite and PostgreSQL."""
