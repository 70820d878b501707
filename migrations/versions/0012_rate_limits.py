"""How fast each supplier may be asked, over all processes."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011b"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = True) -> sa.Column[dt.datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("supplier", sa.String(), nullable=False),
        _time("next_slot", nullable=False),
        _time("leased_at"),
        _time("leased_from"),
        sa.Column("leased", sa.Integer(), nullable=False),
        _time("paused_until"),
        sa.PrimaryKeyConstraint("supplier"),
    )


def downgrade() -> None:
    op.drop_table("rate_limits")
