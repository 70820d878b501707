"""What the daily reconciliations with the gateway found; indexes for watching the money."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPEN_PAYMENT = (
    "payment_intent_id IS NOT NULL AND (status IN ('pending','authorised')"
    """ OR refunds @> '[{"status": "pending"}]' OR refunds @> '[{"status": "requires_action"}]'"""
    """ OR disputes @> '[{"status": "open"}]')"""
)


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("currencies", postgresql.JSONB(), nullable=False),
        sa.Column("differences", postgresql.JSONB(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "gateway"),
    )
    op.create_index("ix_payments_updated", "payments", ["updated_at"])
    op.create_index(
        "ix_payments_open", "payments", ["booking_id"], postgresql_where=sa.text(OPEN_PAYMENT)
    )


def downgrade() -> None:
    op.drop_index("ix_payments_open", "payments")
    op.drop_index("ix_payments_updated", "payments")
    op.drop_table("reconciliations")
