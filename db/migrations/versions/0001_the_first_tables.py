"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives AUTOINCREMENT only to a column of exactly this type.
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("asset_count", sa.Integer(), nullable=False),
        sa.Column("date_count", sa.Integer(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("observation_count", row_id, nullable=False),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("name", "fingerprint", name=op.f("uq_dataset_name_fingerprint")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_dataset_name_version")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_fingerprint", "dataset", ["fingerprint"])
    op.create_index(
        "uq_dataset_current_name",
        "dataset",
        ["name"],
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )

    op.create_table(
        "import_batch",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("imported", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("series_attached", sa.Integer(), nullable=False),
        sa.Column("monthly_sets_attached", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dataset_asset",
        sa.Column("dataset_id", row_id, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("observation_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["dataset.id"],
            name=op.f("fk_dataset_asset_dataset_id_dataset"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal", name=op.f("pk_dataset_asset")),
    )
    op.create_table(
        "monthly_metrics",
        sa.Column("factor", sa.Text(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("import_batch_id", row_id, nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_batch_id"],
            ["import_batch.id"],
            name=op.f("fk_monthly_metrics_import_batch_id_import_batch"),
        ),
        sa.PrimaryKeyConstraint("factor", "as_of_date", name=op.f("pk_monthly_metrics")),
    )
    op.create_index(op.f("ix_monthly_metrics_import_batch_id"), "monthly_metrics", ["import_batch_id"])

    op.create_table(
        "quarantine",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("import_batch_id", row_id, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("raw_hash", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_quarantine_import_batch_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("file", "line", "raw_hash", name=op.f("uq_quarantine_file_line_raw_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_quarantine_import_batch_id"), "quarantine", ["import_batch_id"])

    op.create_table(
        "run",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("factor", sa.Text(), nullable=False),
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
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'FAILED') = (failure_code IS NOT NULL)", name=op.f("ck_run_failure")),
        sa.CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)",
            name=op.f("ck_run_finished"),
        ),
        sa.CheckConstraint(
            "origin <> 'COMPUTED' OR (dataset_id IS NOT NULL AND engine_version IS NOT NULL)",
            name=op.f("ck_run_computed"),
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
    op.create_index("ix_run_created", "run", ["created_at", "id"])
    op.create_index(op.f("ix_run_dataset_id"), "run", ["dataset_id"])
    op.create_index("ix_run_factor_status_finished", "run", ["factor", "status", "finished_at", "id"])
    op.create_index("ix_run_factor_created", "run", ["factor", "created_at", "id"])
    op.create_index("ix_run_finished", "run", ["finished_at", "id"])
    op.create_index(op.f("ix_run_import_batch_id"), "run", ["import_batch_id"])
    op.create_index("ix_run_status_id", "run", ["status", "id"])
    op.create_index(
        "uq_run_identity",
        "run",
        ["identity_hash"],
        unique=True,
        sqlite_where=sa.text(
            "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED') AND NOT forced AND origin = 'COMPUTED'"
        ),
        postgresql_where=sa.text(
            "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED') AND NOT forced AND origin = 'COMPUTED'"
        ),
    )
    op.create_index(
        "uq_run_legacy",
        "run",
        ["factor", "legacy_run_id"],
        unique=True,
        sqlite_where=sa.text("origin = 'IMPORTED'"),
        postgresql_where=sa.text("origin = 'IMPORTED'"),
    )

    op.create_table(
        "composition",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("codec_version", sa.Integer(), nullable=False),
        sa.Column("checksum", row_id, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_composition_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "period_end", name=op.f("pk_composition")),
    )
    op.create_table(
        "performance",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("cumulative_return", sa.Double(), nullable=True),
        sa.Column("annualized_return", sa.Double(), nullable=True),
        sa.Column("mean_annual_return", sa.Double(), nullable=True),
        sa.Column("annualized_volatility", sa.Double(), nullable=True),
        sa.Column("sharpe_ratio", sa.Double(), nullable=True),
        sa.Column("sortino_ratio", sa.Double(), nullable=True),
        sa.Column("sortino_ratio_target", sa.Double(), nullable=True),
        sa.Column("max_drawdown", sa.Double(), nullable=True),
        sa.Column("max_drawdown_peak_date", sa.Date(), nullable=True),
        sa.Column("max_drawdown_trough_date", sa.Date(), nullable=True),
        sa.Column("max_drawdown_recovery_date", sa.Date(), nullable=True),
        sa.Column("calmar_ratio", sa.Double(), nullable=True),
        sa.Column("value_at_risk_95", sa.Double(), nullable=True),
        sa.Column("expected_shortfall_95", sa.Double(), nullable=True),
        sa.Column("hit_rate", sa.Double(), nullable=True),
        sa.Column("skewness", sa.Double(), nullable=True),
        sa.Column("excess_kurtosis", sa.Double(), nullable=True),
        sa.Column("best_period_return", sa.Double(), nullable=True),
        sa.Column("worst_period_return", sa.Double(), nullable=True),
        sa.Column("long_only_return", sa.Double(), nullable=True),
        sa.Column("short_only_return", sa.Double(), nullable=True),
        sa.Column("years", sa.Double(), nullable=True),
        sa.Column("num_periods", sa.Integer(), nullable=True),
        sa.Column("skipped_periods", sa.Integer(), nullable=True),
        sa.Column("missing_returns", sa.Integer(), nullable=True),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("breadth", sa.Double(), nullable=True),
        sa.Column("long_hhi", sa.Double(), nullable=True),
        sa.Column("short_hhi", sa.Double(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("wiped_out_on", sa.Date(), nullable=True),
        sa.Column("undefined_metrics", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_performance_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_performance")),
    )
    op.create_index("ix_performance_annualized_return", "performance", ["annualized_return", "run_id"])
    op.create_index(
        "ix_performance_annualized_volatility", "performance", ["annualized_volatility", "run_id"]
    )
    op.create_index("ix_performance_calmar_ratio", "performance", ["calmar_ratio", "run_id"])
    op.create_index("ix_performance_cumulative_return", "performance", ["cumulative_return", "run_id"])
    op.create_index("ix_performance_max_drawdown", "performance", ["max_drawdown", "run_id"])
    op.create_index("ix_performance_num_periods", "performance", ["num_periods", "run_id"])
    op.create_index("ix_performance_sharpe_ratio", "performance", ["sharpe_ratio", "run_id"])
    op.create_index("ix_performance_sortino_ratio", "performance", ["sortino_ratio", "run_id"])

    op.create_table(
        "run_event",
        sa.Column("id", row_id, sa.Identity(always=False), nullable=False),
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress_fraction", sa.Double(), nullable=False),
        sa.Column("progress_stage", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('QUEUED', 'STARTED', 'PROGRESS', 'RETRIED', "
            "'SUCCEEDED', 'FAILED', 'CANCELED', 'IMPORTED')",
            name=op.f("ck_run_event_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED')",
            name=op.f("ck_run_event_status"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_event_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_event")),
        sa.UniqueConstraint("run_id", "seq", name=op.f("uq_run_event_run_id_seq")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "run_tag",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_tag_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_run_tag")),
    )
    op.create_index("ix_run_tag_tag", "run_tag", ["tag", "run_id"])

    op.create_table(
        "series",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("codec_version", sa.Integer(), nullable=False),
        sa.Column("checksum", row_id, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_series_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_series")),
    )
