"""The webhook inbox, and what operators have to settle."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_WAITING = sa.text("status = 'received'")
_OPEN = sa.text("resolved_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('received','done','kept','dead')", name="webhook_events_status"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_webhook_events_event", "webhook_events", ["gateway", "event_id"], unique=True
    )
    op.create_index(
        "ix_webhook_events_due", "webhook_events", ["due_at"], postgresql_where=_WAITING
    )
    op.create_index(
        "ix_webhook_events_waiting", "webhook_events", ["payment_id"], postgresql_where=_WAITING
    )
    op.create_index(
        "ix_webhook_events_status", "webhook_events", ["status", sa.literal_column("id DESC")]
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('SAGA','DISPUTE','REFUND','INVARIANT','WEBHOOK','RECONCILIATION')",
            name="cases_kind",
        ),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by IS NULL)", name="cases_resolved_by_somebody"
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_cases_open_source", "cases", ["source"], unique=True, postgresql_where=_OPEN
    )
    op.create_index("ix_cases_source", "cases", ["source"])
    op.create_index("ix_cases_open", "cases", ["id"], postgresql_where=_OPEN)
    op.create_index("ix_cases_booking", "cases", ["booking_id"])


def downgrade() -> None:
    op.drop_table("cases")
    op.drop_table("webhook_events")
