"""Runs of any kind: what is done and to what, without constraints that name kinds; the inputs of runs,
commands to those under way, and the kind of a dataset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# SQLite gives AUTOINCREMENT only to a column of exactly this type.
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

STATUS = "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED')"
REUSE = "reuse IN ('NEVER', 'LIVE', 'SUCCEEDED')"
IDENTITY = (
    "(status IN ('QUEUED', 'RUNNING') AND reuse <> 'NEVER' "
    "OR status = 'SUCCEEDED' AND reuse = 'SUCCEEDED') AND NOT forced AND origin = 'COMPUTED'"
)
# Until now the events alone told how often a worker was lost.
LOSSES = (
    "(SELECT count(*) FROM run_event WHERE run_event.run_id = run.id AND run_event.kind = 'RETRIED' "
    "AND run_event.message LIKE '%was lost (%')"
)
REUSE_OF_OLD = (
    "CASE WHEN origin = 'IMPORTED' THEN 'NEVER' WHEN kind = 'FETCH' THEN 'LIVE' ELSE 'SUCCEEDED' END"
)

OLD_COLUMNS = (
    "id, kind, factor, status, origin, config, unrecorded_fields, identity_hash, forced, dataset_id, "
    "engine_version, legacy_run_id, import_batch_id, import_remarks, created_at, imported_at, started_at, "
    "finished_at, progress_fraction, progress_stage, progress_counts, failure_code, failure_message, "
    "claimed_by, heartbeat_at, attempt, note"
)
EVENT_COLUMNS = (
    "id, run_id, seq, at, kind, status, progress_fraction, progress_stage, progress_counts, message"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_run()
        _rebuild_run_event()
    else:
        _alter_tables()
    _index_subject()
    op.add_column("dataset", sa.Column("kind", sa.Text(), server_default="PANEL", nullable=False))
    _create_run_input()
    _create_run_command()


def _alter_tables() -> None:
    for name in ("kind", "kind_of_imported", "factor", "computed", "fetched"):
        op.drop_constraint(op.f(f"ck_run_{name}"), "run")
    op.drop_constraint(op.f("ck_run_event_kind"), "run_event")
    op.alter_column("run", "kind", server_default=None)
    op.alter_column("run", "factor", new_column_name="subject")
    op.add_column("run", sa.Column("reuse", sa.Text(), nullable=True))
    op.add_column("run", sa.Column("losses", sa.Integer(), nullable=True))
    op.execute(f"UPDATE run SET reuse = {REUSE_OF_OLD}, losses = {LOSSES}")  # noqa: S608
    op.alter_column("run", "reuse", nullable=False)
    op.alter_column("run", "losses", nullable=False)
    op.create_check_constraint(op.f("ck_run_reuse"), "run", REUSE)
    for index in (
        "uq_run_identity",
        "uq_run_legacy",
        "ix_run_factor_status_finished",
        "ix_run_factor_created",
    ):
        op.drop_index(index, "run")


def _rebuild_run() -> None:
    """SQLite changes no constraint: the table is made anew and filled, under the ids that were given, and
    without giving again those that were."""
    op.create_table(
        "run_of_0006",
        sa.Column("id", row_id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("unrecorded_fields", sa.JSON(), nullable=False),
        sa.Column("identity_hash", sa.Text(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("dataset_id", row_id, nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=True),
        sa.Column("legacy_run_id", sa.Text(), nullable=True),
        sa.Column("import_batch_id", row_id, nullable=True),
        sa.Column("import_remarks", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("progress_fraction", sa.Double(), nullable=False),
        sa.Column("progress_stage", sa.Text(), nullable=False),
        sa.Column("progress_counts", sa.JSON(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reuse", sa.Text(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.CheckConstraint(REUSE, name=op.f("ck_run_reuse")),
        sa.CheckConstraint("(status = 'FAILED') = (failure_code IS NOT NULL)", name=op.f("ck_run_failure")),
        sa.CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)",
            name=op.f("ck_run_finished"),
        ),
        sa.CheckConstraint(
            "origin <> 'IMPORTED' OR (legacy_run_id IS NOT NULL AND status = 'SUCCEEDED')",
            name=op.f("ck_run_imported"),
        ),
        sa.CheckConstraint("origin IN ('COMPUTED', 'IMPORTED')", name=op.f("ck_run_origin")),
        sa.CheckConstraint(
            "status <> 'RUNNING' OR (claimed_by IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name=op.f("ck_run_claim"),
        ),
        sa.CheckConstraint(STATUS, name=op.f("ck_run_status")),
        sa.CheckConstraint("progress_fraction BETWEEN 0 AND 1", name=op.f("ck_run_progress_fraction")),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_run_dataset_id_dataset")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_run_import_batch_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO run_of_0006 "  # noqa: S608
        f"({OLD_COLUMNS.replace('factor', 'subject')}, reuse, losses) "
        f"SELECT {OLD_COLUMNS}, {REUSE_OF_OLD}, {LOSSES} FROM run"
    )
    _replace("run")
    op.create_index("ix_run_created", "run", ["created_at", "id", "kind"])
    op.create_index(op.f("ix_run_dataset_id"), "run", ["dataset_id"])
    op.create_index("ix_run_finished", "run", ["finished_at", "id", "kind"])
    op.create_index(op.f("ix_run_import_batch_id"), "run", ["import_batch_id"])
    op.create_index("ix_run_status_id", "run", ["status", "id", "kind"])


def _rebuild_run_event() -> None:
    op.create_table(
        "run_event_of_0006",
        sa.Column("id", row_id, nullable=False),
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress_fraction", sa.Double(), nullable=False),
        sa.Column("progress_stage", sa.Text(), nullable=False),
        sa.Column("progress_counts", sa.JSON(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_run_event_status")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_event_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_event")),
        sa.UniqueConstraint("run_id", "seq", name=op.f("uq_run_event_run_id_seq")),
        sqlite_autoincrement=True,
    )
    op.execute(
        f"INSERT INTO run_event_of_0006 ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM run_event"  # noqa: S608
    )
    _replace("run_event")


def _replace(table: str) -> None:
    """Put the table made anew in place of the old one; it goes on with the ids that were given."""
    made = f"{table}_of_0006"
    op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{made}'")  # noqa: S608
    op.execute(f"UPDATE sqlite_sequence SET name = '{made}' WHERE name = '{table}'")  # noqa: S608
    op.drop_table(table)
    op.rename_table(made, table)


def _index_subject() -> None:
    op.create_index(
        "ix_run_subject_status_finished", "run", ["subject", "status", "finished_at", "id", "kind"]
    )
    op.create_index("ix_run_subject_created", "run", ["subject", "created_at", "id", "kind"])
    for name, columns, condition in (
        ("uq_run_legacy", ["subject", "legacy_run_id"], "origin = 'IMPORTED'"),
        ("uq_run_identity", ["identity_hash"], IDENTITY),
    ):
        where = sa.text(condition)
        op.create_index(name, "run", columns, unique=True, sqlite_where=where, postgresql_where=where)


def _create_run_input() -> None:
    op.create_table(
        "run_input",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("dataset_id", row_id, nullable=True),
        sa.Column("source_run_id", row_id, nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_input_run_id_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_run_input_dataset_id_dataset")),
        sa.ForeignKeyConstraint(
            ["source_run_id"], ["run.id"], name=op.f("fk_run_input_source_run_id_run"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_input")),
    )
    op.create_index(op.f("ix_run_input_dataset_id"), "run_input", ["dataset_id"])
    op.create_index(op.f("ix_run_input_source_run_id"), "run_input", ["source_run_id"])


def _create_run_command() -> None:
    op.create_table(
        "run_command",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_command_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_command")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_command_run_id", "run_command", ["run_id", "id"])
