"""Lists of what was bought, by its user and by its provider. Everything here can be repeated."""

import sqlalchemy as sa

from migrations.online import create_index, drop_index, validate

revision = "0036b"
down_revision = "0036"
branch_labels = None
depends_on = None

NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    validate("bookings", "bookings_market")
    create_index(
        "ix_bookings_owner_list",
        "bookings",
        ["user_id", *NEWEST],
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    create_index(
        "ix_bookings_provider_list",
        "bookings",
        ["provider_id", "state", *NEWEST],
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )


def downgrade() -> None:
    drop_index("ix_bookings_owner_list")
    drop_index("ix_bookings_provider_list")
