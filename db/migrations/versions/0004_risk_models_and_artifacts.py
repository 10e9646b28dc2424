"""Risk models beside the other kinds of runs, and artifacts: arrays of runs that are files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite gives AUTOINCREMENT only to a column of exactly this type.
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KIND = "kind IN ('FACTOR', 'SWEEP', 'FETCH', 'RISK_MODEL')"
FACTOR = "(kind IN ('FETCH', 'RISK_MODEL')) = (factor IS NULL)"
IDENTITY = (
    "(status IN ('QUEUED', 'RUNNING') OR (status = 'SUCCEEDED' AND kind <> 'FETCH')) "
    "AND NOT forced AND origin = 'COMPUTED'"
)

COLUMNS = (
    "id, kind, factor, status, origin, config, unrecorded_fields, identity_hash, forced, dataset_id, "
    "engine_version, legacy_run_id, import_batch_id, import_remarks, created_at, imported_at, started_at, "
    "finished_at, progress_fraction, progress_stage, progress_counts, failure_code, failure_message, "
    "claimed_by, heartbeat_at, attempt, note"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_run()
    else:
        _alter_run()
    op.create_table(
        "artifact",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.Column("byte_count", row_id, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_artifact_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_artifact")),
    )


def _alter_run() -> None:
    for name, condition in (("kind", KIND), ("factor", FACTOR)):
        op.drop_constraint(op.f(f"ck_run_{name}"), "run")
        op.create_check_constraint(op.f(f"ck_run_{name}"), "run", condition)


def _rebuild_run() -> None:
    """SQLite changes no constraint: the table is made anew and filled, under the ids that were given, and
    without giving again those that were."""
    op.create_table(
        "run_of_0004",
        sa.Column("id", row_id, nullable=False),
        sa.Column("kind", sa.Text(), server_default="FACTOR", nullable=False),
        sa.Column("factor", sa.Text(), nullable=True),
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
        sa.CheckConstraint(KIND, name=op.f("ck_run_kind")),
        sa.CheckConstraint("kind = 'FACTOR' OR origin = 'COMPUTED'", name=op.f("ck_run_kind_of_imported")),
        sa.CheckConstraint(FACTOR, name=op.f("ck_run_factor")),
        sa.CheckConstraint(
            "origin <> 'COMPUTED' OR kind = 'FETCH' "
            "OR (dataset_id IS NOT NULL AND engine_version IS NOT NULL)",
            name=op.f("ck_run_computed"),
        ),
        sa.CheckConstraint(
            "kind <> 'FETCH' OR (status = 'SUCCEEDED') = (dataset_id IS NOT NULL)",
            name=op.f("ck_run_fetched"),
        ),
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
        sa.CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED')", name=op.f("ck_run_status")
        ),
        sa.CheckConstraint("progress_fraction BETWEEN 0 AND 1", name=op.f("ck_run_progress_fraction")),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_run_dataset_id_dataset")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_run_import_batch_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO run_of_0004 ({COLUMNS}) SELECT {COLUMNS} FROM run")  # noqa: S608
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'run_of_0004'")
    op.execute("UPDATE sqlite_sequence SET name = 'run_of_0004' WHERE name = 'run'")
    op.drop_table("run")
    op.rename_table("run_of_0004", "run")
    op.create_index("ix_run_created", "run", ["created_at", "id", "kind"])
    op.create_index(op.f("ix_run_dataset_id"), "run", ["dataset_id"])
    op.create_index("ix_run_factor_status_finished", "run", ["factor", "status", "finished_at", "id", "kind"])
    op.create_index("ix_run_factor_created", "run", ["factor", "created_at", "id", "kind"])
    op.create_index("ix_run_finished", "run", ["finished_at", "id", "kind"])
    op.create_index(op.f("ix_run_import_batch_id"), "run", ["import_batch_id"])
    op.create_index("ix_run_status_id", "run", ["status", "id", "kind"])
    op.create_index(
        "uq_run_legacy",
        "run",
        ["factor", "legacy_run_id"],
        unique=True,
        sqlite_where=sa.text("origin = 'IMPORTED'"),
    )
    op.create_index(
        "uq_run_identity",
        "run",
        ["identity_hash"],
        unique=True,
        sqlite_where=sa.text(IDENTITY),
    )
