"""Indexes of lists with tie-breakers, keys by kind, cases about events, constraints validated.

Everything here can be repeated: it is what 0009 must not do in its transaction.
"""

import sqlalchemy as sa
from alembic import op

from migrations.online import add_check, create_index, drop_index, validate

revision = "0009b"
down_revision = "0009"
branch_labels = None
depends_on = None

CASES = "'SAGA','DISPUTE','REFUND','INVARIANT','WEBHOOK','RECONCILIATION','SUPPLIER','FEE'"
NEWEST_FIRST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    op.execute("ALTER TABLE cases DROP CONSTRAINT IF EXISTS cases_kind")
    add_check("cases", "cases_kind", f"kind IN ({CASES},'EVENT')")  # committed by what follows
    create_index(
        "ux_bookings_caller_kind_key",
        "bookings",
        ["caller_id", "kind", "idempotency_key"],
        unique=True,
    )
    create_index("ix_bookings_caller_list", "bookings", ["caller_id", *NEWEST_FIRST])
    create_index("ix_bookings_state_list", "bookings", ["state", *NEWEST_FIRST])
    create_index(
        "ix_bookings_traveler_list", "bookings", ["caller_id", "traveler_id", *NEWEST_FIRST]
    )
    for name in (
        "ux_bookings_caller_key",
        "ix_bookings_caller_created",
        "ix_bookings_state_created",
        "ix_bookings_traveler",
    ):
        drop_index(name)
    validate("bookings", "bookings_kind")
    validate("bookings", "bookings_trip_option")
    validate("cases", "cases_kind")


def downgrade() -> None:
    op.execute("DELETE FROM cases WHERE kind = 'EVENT'")
    op.execute("ALTER TABLE cases DROP CONSTRAINT IF EXISTS cases_kind")
    add_check("cases", "cases_kind", f"kind IN ({CASES})")
    create_index(
        "ux_bookings_caller_key", "bookings", ["caller_id", "idempotency_key"], unique=True
    )
    create_index(
        "ix_bookings_caller_created", "bookings", ["caller_id", sa.text("created_at DESC")]
    )
    create_index("ix_bookings_state_created", "bookings", ["state", sa.text("created_at DESC")])
    create_index("ix_bookings_traveler", "bookings", ["traveler_id"])
    for name in (
        "ix_bookings_traveler_list",
        "ix_bookings_state_list",
        "ix_bookings_caller_list",
        "ux_bookings_caller_kind_key",
    ):
        drop_index(name)
    validate("cases", "cases_kind")
