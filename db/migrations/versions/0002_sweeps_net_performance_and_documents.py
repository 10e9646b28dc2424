"""Sweeps beside factor runs, further metrics and those after costs, and documents.

Columns are added without rebuilding a table: SQLite, too, can add one with a default and a check."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite gives AUTOINCREMENT only to a column of exactly this type.
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

RUN_INDEXES = {
    "ix_run_status_id": ["status", "id"],
    "ix_run_factor_status_finished": ["factor", "status", "finished_at", "id"],
    "ix_run_factor_created": ["factor", "created_at", "id"],
    "ix_run_created": ["created_at", "id"],
    "ix_run_finished": ["finished_at", "id"],
}
NEW_METRICS = {
    "mean_turnover": sa.Double,
    "break_even_cost_bps": sa.Double,
    "newey_west_t": sa.Double,
    "sharpe_standard_error": sa.Double,
    "probabilistic_sharpe_ratio": sa.Double,
    "ic_mean": sa.Double,
    "ic_std": sa.Double,
    "ic_t": sa.Double,
    "ic_autocorrelation": sa.Double,
    "alpha": sa.Double,
    "beta": sa.Double,
    "extreme_returns": sa.Integer,
}
SORTED_METRICS = (
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_t",
    "mean_turnover",
    "alpha",
)
METRICS = {
    "cumulative_return": sa.Double,
    "annualized_return": sa.Double,
    "mean_annual_return": sa.Double,
    "annualized_volatility": sa.Double,
    "sharpe_ratio": sa.Double,
    "sortino_ratio": sa.Double,
    "sortino_ratio_target": sa.Double,
    "max_drawdown": sa.Double,
    "max_drawdown_peak_date": sa.Date,
    "max_drawdown_trough_date": sa.Date,
    "max_drawdown_recovery_date": sa.Date,
    "calmar_ratio": sa.Double,
    "value_at_risk_95": sa.Double,
    "expected_shortfall_95": sa.Double,
    "hit_rate": sa.Double,
    "skewness": sa.Double,
    "excess_kurtosis": sa.Double,
    "best_period_return": sa.Double,
    "worst_period_return": sa.Double,
    "long_only_return": sa.Double,
    "short_only_return": sa.Double,
    "years": sa.Double,
    "num_periods": sa.Integer,
    "skipped_periods": sa.Integer,
    "missing_returns": sa.Integer,
    "coverage": sa.Double,
    "breadth": sa.Double,
    "long_hhi": sa.Double,
    "short_hhi": sa.Double,
    "start_date": sa.Date,
    "end_date": sa.Date,
    "wiped_out_on": sa.Date,
    **NEW_METRICS,
}


def upgrade() -> None:
    # One statement for both databases: Alembic would add the checks by themselves, which SQLite cannot.
    op.execute(
        "ALTER TABLE run ADD COLUMN kind TEXT DEFAULT 'FACTOR' NOT NULL "
        "CONSTRAINT ck_run_kind CHECK (kind IN ('FACTOR', 'SWEEP')) "
        "CONSTRAINT ck_run_kind_of_imported CHECK (kind = 'FACTOR' OR origin = 'COMPUTED')"
    )
    for name, columns in RUN_INDEXES.items():
        op.drop_index(name, "run")
        op.create_index(name, "run", [*columns, "kind"])

    for name, of_type in NEW_METRICS.items():
        op.add_column("performance", sa.Column(name, of_type(), nullable=True))
    for name in SORTED_METRICS:
        op.create_index(f"ix_performance_{name}", "performance", [name, "run_id"])

    op.create_table(
        "net_performance",
        sa.Column("run_id", row_id, nullable=False),
        *(sa.Column(name, of_type(), nullable=True) for name, of_type in METRICS.items()),
        sa.Column("undefined_metrics", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_net_performance_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_net_performance")),
    )
    op.create_table(
        "run_document",
        sa.Column("run_id", row_id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("codec_version", sa.Integer(), nullable=False),
        sa.Column("checksum", row_id, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_run_document_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_document")),
    )
