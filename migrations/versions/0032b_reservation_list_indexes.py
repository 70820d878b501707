"""States of reservations of before 0032, and indexes of lists by state in place of those without.

Everything here can be repeated.
"""

import sqlalchemy as sa
from alembic import op

from migrations.online import create_index, drop_index

revision = "0032b"
down_revision = "0032"
branch_labels = None
depends_on = None

LATEST = [sa.text("starts_at DESC"), sa.text("booking_id DESC")]
EARLIEST = ["starts_at", "booking_id"]
# The bookings are locked before their state is copied: one that moves meanwhile is waited for, or
# waits for a few hundred rows.
FILL = """
DO $$
DECLARE last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        WITH part AS MATERIALIZED (
            SELECT b.id, b.state FROM reservations r JOIN bookings b ON b.id = r.booking_id
            WHERE r.booking_id > last
            ORDER BY r.booking_id LIMIT 500 FOR NO KEY UPDATE OF b
        ), filled AS (
            UPDATE reservations r SET state = part.state FROM part
            WHERE r.booking_id = part.id AND r.state <> part.state
        )
        SELECT id INTO last FROM part ORDER BY id DESC LIMIT 1;
        EXIT WHEN last IS NULL;
        COMMIT;
    END LOOP;
END $$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(FILL)
    create_index(
        "ix_reservations_guest_list", "reservations", ["caller_id", "guest_id", "state", *LATEST]
    )
    create_index("ix_reservations_venue_list", "reservations", ["venue_id", "state", *EARLIEST])
    drop_index("ix_reservations_guest")
    drop_index("ix_reservations_venue")


def downgrade() -> None:
    create_index("ix_reservations_guest", "reservations", ["caller_id", "guest_id", *LATEST])
    create_index("ix_reservations_venue", "reservations", ["venue_id", *EARLIEST])
    drop_index("ix_reservations_guest_list")
    drop_index("ix_reservations_venue_list")
