"""Operators list everybody's bookings, newest first."""

import sqlalchemy as sa

from migrations.online import create_index, drop_index

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest_first = [sa.text("created_at DESC"), sa.text("id DESC")]
    create_index("ix_bookings_list", "bookings", newest_first)


def downgrade() -> None:
    drop_index("ix_bookings_list")
