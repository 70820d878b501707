"""Money in full: durable refunds, disputes, what a person settles, and states after the end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = [
    ("PAYMENT_PENDING", "PAYMENT_PENDING"),
    ("CHECKED_IN", "CHECKED_IN"),
    ("NEEDS_ATTENTION", "CHECKED_IN"),
    ("NEEDS_ATTENTION", "COMPLETED"),
    ("NEEDS_ATTENTION", "NO_SHOW"),
    *(
        (state, following)
        for state in ("COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW", "FAILED")
        for following in (state, "NEEDS_ATTENTION")
    ),
]

_TRANSITIONS = sa.table("booking_transitions", sa.column("from_state"), sa.column("to_state"))


def upgrade() -> None:
    op.bulk_insert(_TRANSITIONS, [{"from_state": a, "to_state": b} for a, b in ADDED])
    none = sa.text("'[]'::jsonb")
    with op.batch_alter_table("payments") as payments:
        payments.add_column(
            sa.Column("disputes", postgresql.JSONB(), nullable=False, server_default=none)
        )
        payments.add_column(
            sa.Column("paid_by_hand", sa.BigInteger(), nullable=False, server_default="0")
        )
        payments.add_column(
            sa.Column("goodwill", sa.BigInteger(), nullable=False, server_default="0")
        )
        payments.add_column(sa.Column("hold", sa.Integer(), nullable=False, server_default="1"))
    for column in ("disputes", "paid_by_hand", "goodwill", "hold"):
        op.alter_column("payments", column, server_default=None)
    op.create_table(
        "refunds",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("payment_intent_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=True),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("amount > 0", name="refunds_amount"),
        sa.CheckConstraint(
            "status IN ('requested','pending','requires_action','succeeded','failed','canceled',"
            "'refused')",
            name="refunds_status",
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id", "number"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("request"),
        sa.UniqueConstraint("gateway_id"),
    )
    op.create_index(
        "ux_refunds_open",
        "refunds",
        ["booking_id"],
        unique=True,
        postgresql_where=sa.text("status = 'requested'"),
    )


def downgrade() -> None:
    op.drop_table("refunds")
    for column in ("hold", "goodwill", "paid_by_hand", "disputes"):
        op.drop_column("payments", column)
    for current, following in ADDED:
        op.execute(
            _TRANSITIONS.delete().where(
                (_TRANSITIONS.c.from_state == current) & (_TRANSITIONS.c.to_state == following)
            )
        )
