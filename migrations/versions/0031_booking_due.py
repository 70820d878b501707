"""What is due about reservations by time; a reservation that waits for approval after a proof.

The actions stand here as they were in models/reservations/deadlines.py when this was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TRANSITIONS = sa.table(
    "booking_transitions", sa.column("kind"), sa.column("from_state"), sa.column("to_state")
)


def upgrade() -> None:
    op.create_table(
        "booking_due",
        sa.Column("booking_id", sa.Uuid(), sa.ForeignKey("bookings.id"), primary_key=True),
        sa.Column("action", sa.String(), primary_key=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.CheckConstraint(
            "action IN ('EXPIRE_HOLD','NO_SHOW','COMPLETE')", name="booking_due_action"
        ),
    )
    op.create_index("ix_booking_due", "booking_due", ["due_at"])
    op.bulk_insert(
        _TRANSITIONS,
        [{"kind": "RESERVATION", "from_state": "PAYMENT_PENDING", "to_state": "HELD"}],
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM booking_transitions WHERE kind = 'RESERVATION'"
        " AND from_state = 'PAYMENT_PENDING' AND to_state = 'HELD'"
    )
    op.drop_table("booking_due")
