"""Requests about bookings, and cases instead of bookings that are parked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booking_requests",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("booking_id", sa.Uuid(), sa.ForeignKey("bookings.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("problem", postgresql.JSONB(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "ix_booking_requests_booking", "booking_requests", ["booking_id", "requested_at"]
    )
    op.drop_column("bookings", "attention_case")


def downgrade() -> None:
    op.add_column("bookings", sa.Column("attention_case", postgresql.JSONB(), nullable=True))
    op.drop_table("booking_requests")
