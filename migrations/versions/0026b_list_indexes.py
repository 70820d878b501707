"""Indexes of lists by kind, and by state, kind and caller; those they replace go.

Everything here can be repeated.
"""

import sqlalchemy as sa

from migrations.online import create_index, drop_index, validate

revision = "0026b"
down_revision = "0026"
branch_labels = None
depends_on = None

NEWEST_FIRST = [sa.text("created_at DESC"), sa.text("id DESC")]
REFERRED = {"postgresql_where": sa.text("referral_code IS NOT NULL")}


def upgrade() -> None:
    for name, columns, options in (
        ("ix_bookings_kind_list", ["kind"], {}),
        ("ix_bookings_state_kind_list", ["state", "kind"], {}),
        ("ix_bookings_caller_kind_list", ["caller_id", "kind"], {}),
        ("ix_bookings_caller_state_list", ["caller_id", "state", "kind"], {}),
        ("ix_bookings_user_list", ["traveler_id", "caller_id"], {}),
        ("ix_bookings_referral_list", ["referral_code"], REFERRED),
        ("ix_bookings_caller_referral_list", ["caller_id", "referral_code"], REFERRED),
    ):
        create_index(name, "bookings", [*columns, *NEWEST_FIRST], **options)
    for name in (
        "ix_bookings_list",
        "ix_bookings_state_list",
        "ix_bookings_caller_list",
        "ix_bookings_traveler_list",
    ):
        drop_index(name)
    validate("bookings", "bookings_discount")


def downgrade() -> None:
    for name, columns in (
        ("ix_bookings_list", []),
        ("ix_bookings_state_list", ["state"]),
        ("ix_bookings_caller_list", ["caller_id"]),
        ("ix_bookings_traveler_list", ["caller_id", "traveler_id"]),
    ):
        create_index(name, "bookings", [*columns, *NEWEST_FIRST])
    for name in (
        "ix_bookings_kind_list",
        "ix_bookings_state_kind_list",
        "ix_bookings_caller_kind_list",
        "ix_bookings_caller_state_list",
        "ix_bookings_user_list",
        "ix_bookings_referral_list",
        "ix_bookings_caller_referral_list",
    ):
        drop_index(name)
