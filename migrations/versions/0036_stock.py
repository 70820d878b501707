"""Nights and departures for sale, what bookings claim of them, and the life of what is bought.

The transitions stand here as they were in models/bookings/lifecycle.py when this migration was
written; a change there needs a migration of its own (a test compares the two). 0036b validates the
constraint and builds the indexes of bookings.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.online import add_check

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


KINDS = "'HOTEL_PACKAGE','STAY','TOUR_PACKAGE'"

MARKET = f"""(kind IN ({KINDS})) = (provider_id IS NOT NULL)
    AND (user_id IS NULL OR provider_id IS NOT NULL)
    AND (provider_id IS NULL OR state <> 'HELD' OR hold_expires_at IS NOT NULL)"""

MOVES = {
    "QUOTED": ["HELD", "QUOTED"],
    "PENDING": ["PENDING"],
    "VALIDATING": ["VALIDATING"],
    "HELD": ["CANCELLED", "EXPIRED", "FAILED", "HELD", "PAYMENT_PENDING", "PROCESSING"],
    "PAYMENT_PENDING": [
        "CANCELLED",
        "EXPIRED",
        "FAILED",
        "HELD",
        "PAYMENT_PENDING",
        "PROCESSING",
    ],
    "PROCESSING": ["CANCELLED", "CONFIRMED", "EXPIRED", "FAILED", "PAYMENT_PENDING", "PROCESSING"],
    "CONFIRMED": ["CANCELLED", "CHECKED_IN", "COMPLETED", "CONFIRMED", "NO_SHOW"],
    "CHECKED_IN": ["CANCELLED", "CHECKED_IN", "COMPLETED", "CONFIRMED"],
    "COMPLETED": ["COMPLETED"],
    "CANCELLED": ["CANCELLED"],
    "EXPIRED": ["EXPIRED"],
    "NO_SHOW": ["CHECKED_IN", "NO_SHOW"],
    "FAILED": ["FAILED"],
    "NEEDS_ATTENTION": ["NEEDS_ATTENTION"],
}

_TRANSITIONS = sa.table(
    "booking_transitions", sa.column("kind"), sa.column("from_state"), sa.column("to_state")
)

# As 0009 has it, but for where bookings are born: what is bought is written with its hold.
GUARD = """
CREATE OR REPLACE FUNCTION guard_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same bookings := NEW;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('QUOTED', 'PENDING', 'VALIDATING'){born} THEN
            RAISE EXCEPTION 'a booking cannot be born %', NEW.state
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
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
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'booking % must move from version % to the next, not to %',
            OLD.id, OLD.version, NEW.version USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.kind <> OLD.kind OR NOT EXISTS (
        SELECT FROM booking_transitions
        WHERE kind = OLD.kind AND from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'booking % cannot become % from %', OLD.id, NEW.state, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
BORN_HELD = f"""
            AND NOT (NEW.state = 'HELD' AND NEW.version = 2 AND NEW.kind IN ({KINDS}))"""

TRIGGER = """
CREATE TRIGGER stock_claims_state BEFORE UPDATE OF state ON stock_claims
FOR EACH ROW EXECUTE FUNCTION guard_claim_state()
"""


def upgrade() -> None:
    op.add_column("bookings", sa.Column("user_id", sa.Uuid()))
    op.add_column("bookings", sa.Column("provider_id", sa.Uuid()))
    add_check("bookings", "bookings_market", MARKET)
    op.execute(GUARD.format(born=BORN_HELD))
    op.bulk_insert(
        _TRANSITIONS,
        [
            {"kind": kind, "from_state": current, "to_state": following}
            for kind in ("STAY", "HOTEL_PACKAGE", "TOUR_PACKAGE")
            for current, moves in MOVES.items()
            for following in moves
        ],
    )
    _create_stock()
    op.execute(TRIGGER)


def _create_stock() -> None:
    op.create_table(
        "inventory_nights",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "available",
            sa.Integer(),
            sa.Computed("units - held - sold", persisted=True),
            nullable=False,
        ),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "closed_to_arrival", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "closed_to_departure", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("min_stay", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "held >= 0 AND sold >= 0 AND units >= 0 AND held + sold <= units",
            name="inventory_nights_units",
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"]),
        sa.PrimaryKeyConstraint("room_id", "night"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_inventory_nights_night", "inventory_nights", ["night"])
    op.create_table(
        "tour_departures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("departure_date", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
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
        sa.CheckConstraint(
            "status IN ('OPEN','CLOSED','CANCELLED')", name="tour_departures_status"
        ),
        sa.CheckConstraint(
            "held >= 0 AND sold >= 0 AND seats >= 0 AND held + sold <= seats",
            name="tour_departures_seats",
        ),
        sa.ForeignKeyConstraint(["package_id"], ["tour_packages.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_tour_departures_date", "tour_departures", ["package_id", "departure_date"], unique=True
    )
    op.create_table(
        "stock_claims",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("nights", postgresql.DATERANGE(), nullable=True),
        sa.Column("departure_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("state <> 'HELD' OR expires_at IS NOT NULL", name="stock_claims_held"),
        sa.CheckConstraint(
            "state IN ('HELD','SOLD','USED','RELEASED','EXPIRED')", name="stock_claims_state"
        ),
        sa.CheckConstraint(
            "(room_id IS NOT NULL) = (nights IS NOT NULL)"
            " AND (room_id IS NULL) = (departure_id IS NOT NULL)"
            " AND NOT isempty(nights)",
            name="stock_claims_what",
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 500", name="stock_claims_units"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_stock_claims_booking",
        "stock_claims",
        ["booking_id", "item", "version", "line"],
        unique=True,
    )
    op.create_index(
        "ix_stock_claims_holder",
        "stock_claims",
        ["holder_id"],
        postgresql_where=sa.text("state = 'HELD'"),
    )
    op.create_index(
        "ix_stock_claims_departure",
        "stock_claims",
        ["departure_id"],
        postgresql_where=sa.text("departure_id IS NOT NULL AND state IN ('HELD','SOLD','USED')"),
    )
    op.create_index(
        "ix_stock_claims_until",
        "stock_claims",
        [sa.text("upper(nights)")],
        postgresql_where=sa.text("state IN ('HELD','SOLD','USED')"),
    )
    op.create_index(
        "ix_stock_claims_overdue",
        "stock_claims",
        ["expires_at"],
        postgresql_where=sa.text("state = 'HELD'"),
    )
    op.create_index(
        "ix_stock_claims_room",
        "stock_claims",
        ["room_id"],
        postgresql_where=sa.text("state IN ('HELD','SOLD')"),
    )

    op.create_table(
        "purchases",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.Column("departure_id", sa.Uuid(), nullable=True),
        sa.Column("check_in", sa.Date(), nullable=True),
        sa.Column("check_out", sa.Date(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guests", sa.Integer(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="purchases_times"),
        sa.CheckConstraint("guests BETWEEN 1 AND 500", name="purchases_guests"),
        sa.CheckConstraint(
            "(departure_id IS NULL) = (listing_id IS NOT NULL)"
            " AND (listing_id IS NOT NULL) = (check_in IS NOT NULL AND check_out IS NOT NULL"
            " AND check_out > check_in)",
            name="purchases_what",
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id"),
    )


def downgrade() -> None:
    op.drop_constraint("bookings_market", "bookings", type_="check")
    op.drop_column("bookings", "provider_id")
    op.drop_column("bookings", "user_id")
    op.execute(GUARD.format(born=""))
    for table in (
        "purchases",
        "stock_claims",
        "tour_departures",
        "inventory_nights",
    ):
        op.drop_table(table)
    op.execute(f"DELETE FROM booking_transitions WHERE kind IN ({KINDS})")  # noqa: S608
