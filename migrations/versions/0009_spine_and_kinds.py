"""A booking is a spine with kinds: what only a trip has is optional, transitions are by kind.

The columns for fencing and for the database's clock come with it. 0009b builds the indexes
and validates the constraints.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.online import add_check

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = "'TRIP','RESERVATION','STAY','HOTEL_PACKAGE','TOUR_PACKAGE'"

ADDED = [
    ("PROCESSING", "EXPIRED"),
    # every state may be recorded again
    *((state, state) for state in ("QUOTED", "PENDING", "VALIDATING", "HELD", "PROCESSING")),
]

BORN = """
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('QUOTED', 'PENDING', 'VALIDATING') THEN
            RAISE EXCEPTION 'a booking cannot be born %', NEW.state
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
"""

NEXT_VERSION = """
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'booking % must move from version % to the next, not to %',
            OLD.id, OLD.version, NEW.version USING ERRCODE = 'check_violation';
    END IF;
"""

# A higher fence alone is no transition: it only keeps earlier workers from writing.
GUARD = f"""
CREATE OR REPLACE FUNCTION guard_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same bookings := NEW;
BEGIN
{BORN}
    IF NEW.fence < OLD.fence THEN
        RAISE EXCEPTION 'booking % was written by a later worker', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.version = OLD.version THEN
        same.fence := OLD.fence;
        IF same IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
{NEXT_VERSION}
    IF NEW.kind <> OLD.kind OR NOT EXISTS (
        SELECT FROM booking_transitions
        WHERE kind = OLD.kind AND from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'booking % cannot become % from %', OLD.id, NEW.state, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""  # noqa: S608

GUARD_BEFORE = f"""
CREATE OR REPLACE FUNCTION guard_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{BORN}
{NEXT_VERSION}
    IF NOT EXISTS (SELECT FROM booking_transitions
                   WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'booking % cannot become % from %', OLD.id, NEW.state, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""  # noqa: S608

_TRANSITIONS = sa.table("booking_transitions", sa.column("from_state"), sa.column("to_state"))


def upgrade() -> None:
    # Every writer comes by way of a booking: whoever has that table meets nobody at the others.
    op.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
    op.add_column("bookings", sa.Column("kind", sa.String(), nullable=False, server_default="TRIP"))
    op.add_column(
        "bookings",
        sa.Column("waits", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("bookings", sa.Column("fence", postgresql.ARRAY(sa.BigInteger())))
    add_check("bookings", "bookings_kind", f"kind IN ({KINDS})")
    for table in ("bookings", "booking_items", "payments"):
        op.alter_column(table, "trip_option_id", nullable=True)
    add_check("bookings", "bookings_trip_option", "(kind = 'TRIP') = (trip_option_id IS NOT NULL)")
    op.alter_column("payments", "payment_method_id", nullable=True)

    op.add_column(
        "booking_transitions",
        sa.Column("kind", sa.String(), nullable=False, server_default="TRIP"),
    )
    op.execute("ALTER TABLE booking_transitions DROP CONSTRAINT booking_transitions_pkey")
    op.execute("ALTER TABLE booking_transitions ADD PRIMARY KEY (kind, from_state, to_state)")
    op.bulk_insert(_TRANSITIONS, [{"from_state": a, "to_state": b} for a, b in ADDED])
    op.execute(GUARD)

    # Added without a default, which would rewrite the table: old rows have no such time.
    op.add_column("booking_history", sa.Column("recorded_at", sa.DateTime(timezone=True)))
    op.alter_column("booking_history", "recorded_at", server_default=sa.text("clock_timestamp()"))
    op.add_column("booking_history", sa.Column("digest", sa.String()))


def downgrade() -> None:
    op.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
    op.drop_column("booking_history", "digest")
    op.drop_column("booking_history", "recorded_at")
    op.execute(GUARD_BEFORE)
    op.drop_constraint("bookings_trip_option", "bookings", type_="check")
    op.drop_constraint("bookings_kind", "bookings", type_="check")
    op.alter_column("payments", "payment_method_id", nullable=False)
    for table in ("payments", "booking_items", "bookings"):
        op.alter_column(table, "trip_option_id", nullable=False)
    for column in ("fence", "waits", "kind"):
        op.drop_column("bookings", column)
    op.execute("DELETE FROM booking_transitions WHERE kind <> 'TRIP'")
    for current, following in ADDED:
        op.execute(
            _TRANSITIONS.delete().where(
                (_TRANSITIONS.c.from_state == current) & (_TRANSITIONS.c.to_state == following)
            )
        )
    op.execute("ALTER TABLE booking_transitions DROP CONSTRAINT booking_transitions_pkey")
    op.drop_column("booking_transitions", "kind")
    op.execute("ALTER TABLE booking_transitions ADD PRIMARY KEY (from_state, to_state)")
