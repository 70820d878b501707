"""Reservations: venues, what is claimed of them, and the life of a reservation.

The transitions stand here as they were in models/bookings/lifecycle.py when this migration was
written; a change there needs a migration of its own (a test compares the two).
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0026b"
branch_labels = None
depends_on = None

MOVES = {
    "QUOTED": ["QUOTED"],
    "PENDING": ["CANCELLED", "EXPIRED", "FAILED", "PENDING", "VALIDATING"],
    "VALIDATING": [
        "CANCELLED",
        "CONFIRMED",
        "EXPIRED",
        "FAILED",
        "HELD",
        "PAYMENT_PENDING",
        "PROCESSING",
        "VALIDATING",
    ],
    "HELD": [
        "CANCELLED",
        "CONFIRMED",
        "EXPIRED",
        "FAILED",
        "HELD",
        "PAYMENT_PENDING",
        "PROCESSING",
    ],
    "PAYMENT_PENDING": ["CANCELLED", "EXPIRED", "FAILED", "PAYMENT_PENDING", "PROCESSING"],
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

GUARD_CLAIM = """
CREATE FUNCTION guard_claim_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT (
        (OLD.state = 'HELD' AND NEW.state IN ('SOLD', 'RELEASED', 'EXPIRED'))
        OR (OLD.state = 'SOLD' AND NEW.state IN ('RELEASED', 'USED'))
    ) THEN
        RAISE EXCEPTION 'claim % cannot become % from %', OLD.id, NEW.state, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER inventory_claims_state BEFORE UPDATE OF state ON inventory_claims
FOR EACH ROW EXECUTE FUNCTION guard_claim_state()
"""
LIVE = "state IN ('HELD','SOLD')"


def upgrade() -> None:
    op.add_column("bookings", sa.Column("hold_expires_at", sa.DateTime(timezone=True)))
    op.bulk_insert(
        _TRANSITIONS,
        [
            {"kind": "RESERVATION", "from_state": current, "to_state": following}
            for current, moves in MOVES.items()
            for following in moves
        ],
    )
    _create_venues()
    _create_reservations()
    _create_claims()


def _create_venues() -> None:
    op.create_table(
        "venues",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("caller_id", sa.Uuid(), sa.ForeignKey("callers.id"), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("policy", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("created_at", now=True),
        _moment("updated_at", now=True),
        sa.CheckConstraint("type IN ('HOTEL','RESTAURANT','CAFE','RETAIL')", name="venues_type"),
    )
    op.create_index("ux_venues_external", "venues", ["caller_id", "external_id"], unique=True)
    op.create_table(
        "venue_resources",
        sa.Column("no", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("venue_id", sa.Uuid(), sa.ForeignKey("venues.id"), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
    )
    op.create_index(
        "ux_venue_resources_external", "venue_resources", ["venue_id", "external_id"], unique=True
    )
    taken = [
        column
        for name in ("covers", "starts", "arrivals")
        for column in (
            sa.Column(name, sa.Integer(), nullable=True),
            sa.Column(f"{name}_taken", sa.Integer(), nullable=False),
            sa.CheckConstraint(
                f"{name}_taken >= 0 AND ({name} IS NULL OR {name}_taken <= {name})",
                name=f"venue_slots_{name}",
            ),
        )
    ]
    op.create_table(
        "venue_slots",
        sa.Column("venue_id", sa.Uuid(), sa.ForeignKey("venues.id"), primary_key=True),
        sa.Column("bucket", sa.DateTime(timezone=True), primary_key=True),
        *taken,
    )


def _create_reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("booking_id", sa.Uuid(), sa.ForeignKey("bookings.id"), primary_key=True),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), sa.ForeignKey("venues.id"), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("guest", postgresql.JSONB(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("local_time", sa.Time(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        _moment("starts_at"),
        _moment("ends_at"),
        sa.Column("resource_id", sa.String(), nullable=True),
        sa.Column("notes", sa.String(), nullable=False),
        sa.CheckConstraint("party_size BETWEEN 1 AND 500", name="reservations_party"),
        sa.CheckConstraint("ends_at > starts_at", name="reservations_times"),
    )
    latest = [sa.text("starts_at DESC"), sa.text("booking_id DESC")]
    op.create_index("ix_reservations_guest", "reservations", ["caller_id", "guest_id", *latest])
    op.create_index(
        "ix_reservations_venue", "reservations", ["venue_id", "starts_at", "booking_id"]
    )


def _create_claims() -> None:
    op.create_table(
        "inventory_claims",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("booking_id", sa.Uuid(), sa.ForeignKey("bookings.id"), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), sa.ForeignKey("venues.id"), nullable=False),
        sa.Column("resource_no", sa.BigInteger(), nullable=True),
        sa.Column("guest_no", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_ok", sa.Boolean(), nullable=False),
        sa.Column("visit", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        _moment("expires_at", nullable=True),
        _moment("created_at", now=True),
        _moment("changed_at", now=True),
        sa.CheckConstraint(
            "state IN ('HELD','SOLD','USED','RELEASED','EXPIRED')", name="inventory_claims_state"
        ),
        sa.CheckConstraint(
            "state <> 'HELD' OR expires_at IS NOT NULL", name="inventory_claims_held"
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 500", name="inventory_claims_units"),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT isempty(visit) AND during @> visit",
            name="inventory_claims_during",
        ),
    )
    op.create_index(
        "ux_inventory_claims_booking",
        "inventory_claims",
        ["booking_id", "item", "version"],
        unique=True,
    )
    held = sa.text("state = 'HELD'")
    op.create_index(
        "ix_inventory_claims_overdue", "inventory_claims", ["expires_at"], postgresql_where=held
    )
    op.create_index(
        "ix_inventory_claims_venue",
        "inventory_claims",
        ["venue_id"],
        postgresql_where=sa.text(LIVE),
    )
    op.execute(f"""
        ALTER TABLE inventory_claims
        ADD CONSTRAINT claims_one_per_resource EXCLUDE USING gist
            (int8range(resource_no, resource_no, '[]') WITH &&, during WITH &&)
            WHERE (resource_no IS NOT NULL AND {LIVE}),
        ADD CONSTRAINT claims_one_per_guest EXCLUDE USING gist
            (int8range(guest_no, guest_no, '[]') WITH &&, visit WITH &&)
            WHERE (guest_no IS NOT NULL AND NOT duplicate_ok AND {LIVE})
    """)
    op.execute(GUARD_CLAIM)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.drop_column("bookings", "hold_expires_at")
    op.drop_table("inventory_claims")
    op.execute("DROP FUNCTION guard_claim_state()")
    for table in ("reservations", "venue_slots", "venue_resources", "venues"):
        op.drop_table(table)
    op.execute("DELETE FROM booking_transitions WHERE kind = 'RESERVATION'")


def _moment(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[dt.datetime]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)
