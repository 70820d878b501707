"""A request about a booking is on record from its beginning, not only from its end."""

import sqlalchemy as sa
from alembic import op

from migrations.online import create_index, drop_index

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("booking_requests", "ended_at", nullable=True)
    create_index(
        "ix_booking_requests_begun",
        "booking_requests",
        ["booking_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    drop_index("ix_booking_requests_begun")
    op.execute("DELETE FROM booking_requests WHERE ended_at IS NULL")
    op.alter_column("booking_requests", "ended_at", nullable=False)
