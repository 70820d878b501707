"""What is followed at suppliers once a booking stands: looks that are due, events, late commits."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_KINDS = "'SAGA','DISPUTE','REFUND','INVARIANT','WEBHOOK','RECONCILIATION'"
DOUBTFUL = (
    "operation = 'book' AND (outcome IS NULL OR outcome IN ('unknown','repeated') OR"
    " (outcome = 'not_done' AND coalesce(result->>'kind', '') <> 'Retryable'))"
)


def upgrade() -> None:
    op.create_table(
        "supplier_looks",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.CheckConstraint("reason IN ('awaited','late','asked')", name="supplier_looks_reason"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id", "number"),
    )
    op.create_index("ix_supplier_looks_due", "supplier_looks", ["supplier", "due_at"])
    op.create_table(
        "supplier_marks",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("read_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("supplier"),
    )
    op.create_index(
        "ix_booking_items_supplier_id",
        "booking_items",
        ["supplier", "supplier_id"],
        postgresql_where=sa.text("supplier_id IS NOT NULL"),
    )
    op.create_index(
        "ix_booking_items_awaited",
        "booking_items",
        ["updated_at"],
        postgresql_where=sa.text("saga_state = 'AWAITED'"),
    )
    op.create_index(
        "ix_attempts_doubtful", "attempts", ["started_at"], postgresql_where=sa.text(DOUBTFUL)
    )
    op.add_column("webhook_events", sa.Column("reference", sa.String(), nullable=True))
    op.add_column("webhook_events", sa.Column("supplier_id", sa.String(), nullable=True))
    op.create_index(
        "ix_webhook_events_waiting_supplier",
        "webhook_events",
        ["supplier_id"],
        postgresql_where=sa.text("status = 'received'"),
    )
    op.drop_constraint("cases_kind", "cases")
    op.create_check_constraint("cases_kind", "cases", f"kind IN ({_KINDS},'SUPPLIER')")


def downgrade() -> None:
    op.execute("DELETE FROM cases WHERE kind = 'SUPPLIER'")
    op.drop_constraint("cases_kind", "cases")
    op.create_check_constraint("cases_kind", "cases", f"kind IN ({_KINDS})")
    op.drop_index("ix_webhook_events_waiting_supplier", "webhook_events")
    op.drop_column("webhook_events", "supplier_id")
    op.drop_column("webhook_events", "reference")
    op.drop_index("ix_attempts_doubtful", "attempts")
    op.drop_index("ix_booking_items_awaited", "booking_items")
    op.drop_index("ix_booking_items_supplier_id", "booking_items")
    op.drop_table("supplier_marks")
    op.drop_table("supplier_looks")
