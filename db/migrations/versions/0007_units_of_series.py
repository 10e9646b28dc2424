"""Of each series its unit, and whether it is of returns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Until now the name of a series told its unit, and all others were returns.
UNITS = {
    "BREADTH": "assets",
    "IC": "rank correlation",
    "SIGNAL_AUTOCORRELATION": "rank correlation",
    "TURNOVER": "one-way fraction of a leg's capital per period",
}


def upgrade() -> None:
    op.add_column(
        "series", sa.Column("unit", sa.Text(), server_default="fraction per period", nullable=False)
    )
    op.add_column("series", sa.Column("is_return", sa.Boolean(), server_default=sa.true(), nullable=False))
    series = sa.table("series", sa.column("name"), sa.column("unit"), sa.column("is_return", sa.Boolean))
    for name, unit in UNITS.items():
        op.execute(series.update().where(series.c.name == name).values(unit=unit, is_return=False))
