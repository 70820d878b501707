"""The record: bookings, items, payments, history, trip options, attempts, callers.

The transitions stand here as they were in models/bookings/lifecycle.py when this migration was
written; a change there needs a migration of its own (a test compares the two).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TRANSITIONS = {
    "QUOTED": ["CANCELLED", "EXPIRED", "HELD", "PENDING"],
    "PENDING": ["CANCELLED", "EXPIRED", "FAILED", "HELD", "VALIDATING"],
    "VALIDATING": ["CANCELLED", "FAILED", "HELD", "NEEDS_ATTENTION", "PROCESSING"],
    "HELD": ["CANCELLED", "EXPIRED", "FAILED", "PAYMENT_PENDING", "PROCESSING"],
    "PAYMENT_PENDING": ["CANCELLED", "EXPIRED", "FAILED", "NEEDS_ATTENTION", "PROCESSING"],
    "PROCESSING": ["CANCELLED", "CONFIRMED", "FAILED", "NEEDS_ATTENTION", "PAYMENT_PENDING"],
    "CONFIRMED": [
        "CANCELLED",
        "CHECKED_IN",
        "COMPLETED",
        "CONFIRMED",
        "NEEDS_ATTENTION",
        "NO_SHOW",
    ],
    "CHECKED_IN": ["CANCELLED", "COMPLETED", "CONFIRMED", "NEEDS_ATTENTION"],
    "NEEDS_ATTENTION": ["CANCELLED", "CONFIRMED", "EXPIRED", "FAILED", "NEEDS_ATTENTION"],
}

GUARD = """
CREATE FUNCTION guard_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('QUOTED', 'PENDING', 'VALIDATING') THEN
            RAISE EXCEPTION 'a booking cannot be born %', NEW.state
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'booking % must move from version % to the next, not to %',
            OLD.id, OLD.version, NEW.version USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM booking_transitions
                   WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'booking % cannot become % from %', OLD.id, NEW.state, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "booking_transitions",
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("from_state", "to_state"),
    )
    op.create_table(
        "bookings",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("caller_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("trip_option_id", sa.String(), nullable=False),
        sa.Column("traveler_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("accepted_total", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("travelers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("attention_case", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failed_step", sa.String(), nullable=True),
        sa.Column("cancelled_by", sa.String(), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "0 <= refunded AND refunded <= captured AND captured <= accepted_total",
            name="bookings_money",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index(
        "ix_bookings_caller_created",
        "bookings",
        ["caller_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "ix_bookings_state_created",
        "bookings",
        ["state", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index("ix_bookings_traveler", "bookings", ["traveler_id"], unique=False)
    op.create_index("ix_bookings_trip_option", "bookings", ["trip_option_id"], unique=False)
    op.create_index(
        "ux_bookings_caller_key", "bookings", ["caller_id", "idempotency_key"], unique=True
    )
    op.create_table(
        "callers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("key_prefix", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('planner','operator')", name="callers_role"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_table(
        "trip_options",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lock_status", sa.String(), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("total_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
            "(lock_status = 'OPEN') = (booking_id IS NULL)", name="trip_options_lock_holder"
        ),
        sa.CheckConstraint(
            "lock_status IN ('OPEN','LOCKED','BOOKED')", name="trip_options_lock_status"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("item", sa.Integer(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("provider_code", sa.String(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["bookings.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_attempts_booking", "attempts", ["booking_id", "started_at"], unique=False)
    op.create_index(
        "ix_attempts_provider_outcome",
        "attempts",
        ["provider", "operation", "outcome", "started_at"],
        unique=False,
    )
    op.create_index("ux_attempts_key_number", "attempts", ["key", "number"], unique=True)
    op.create_table(
        "booking_history",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["bookings.id"],
        ),
        sa.PrimaryKeyConstraint("booking_id", "version"),
    )
    op.create_table(
        "booking_items",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trip_option_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("component_ref", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("saga_state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("supplier_id", sa.String(), nullable=True),
        sa.Column("vendor_confirmation", sa.String(), nullable=True),
        sa.Column("booking_reference", sa.String(), nullable=True),
        sa.Column("pnr", sa.String(), nullable=True),
        sa.Column("payment_intent_id", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("offer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["bookings.id"],
        ),
        sa.PrimaryKeyConstraint("booking_id", "number"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("ix_booking_items_pnr", "booking_items", ["pnr"], unique=False)
    op.create_index(
        "ix_booking_items_supplier_confirmation",
        "booking_items",
        ["supplier", "vendor_confirmation"],
        unique=False,
    )
    op.create_index(
        "ix_booking_items_trip_option", "booking_items", ["trip_option_id"], unique=False
    )
    op.create_table(
        "payments",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("trip_option_id", sa.String(), nullable=False),
        sa.Column("payment_intent_id", sa.String(), nullable=True),
        sa.Column("charge_id", sa.String(), nullable=True),
        sa.Column("payment_method_id", sa.String(), nullable=False),
        sa.Column("billing_details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("authorised", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["bookings.id"],
        ),
        sa.PrimaryKeyConstraint("booking_id"),
        sa.UniqueConstraint("payment_intent_id"),
    )
    op.create_index("ix_payments_status", "payments", ["status"], unique=False)
    op.create_index("ix_payments_trip_option", "payments", ["trip_option_id"], unique=False)
    op.bulk_insert(
        sa.table("booking_transitions", sa.column("from_state"), sa.column("to_state")),
        [
            {"from_state": current, "to_state": following}
            for current, all_following in TRANSITIONS.items()
            for following in all_following
        ],
    )
    op.execute(GUARD)
    op.execute(
        "CREATE TRIGGER guard_booking_state BEFORE INSERT OR UPDATE ON bookings"
        " FOR EACH ROW EXECUTE FUNCTION guard_booking_state()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER guard_booking_state ON bookings")
    op.execute("DROP FUNCTION guard_booking_state")
    op.drop_index("ix_payments_trip_option", table_name="payments")
    op.drop_index("ix_payments_status", table_name="payments")
    op.drop_table("payments")
    op.drop_index("ix_booking_items_trip_option", table_name="booking_items")
    op.drop_index("ix_booking_items_supplier_confirmation", table_name="booking_items")
    op.drop_index("ix_booking_items_pnr", table_name="booking_items")
    op.drop_table("booking_items")
    op.drop_table("booking_history")
    op.drop_index("ux_attempts_key_number", table_name="attempts")
    op.drop_index("ix_attempts_provider_outcome", table_name="attempts")
    op.drop_index("ix_attempts_booking", table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("trip_options")
    op.drop_table("callers")
    op.drop_index("ux_bookings_caller_key", table_name="bookings")
    op.drop_index("ix_bookings_trip_option", table_name="bookings")
    op.drop_index("ix_bookings_traveler", table_name="bookings")
    op.drop_index("ix_bookings_state_created", table_name="bookings")
    op.drop_index("ix_bookings_caller_created", table_name="bookings")
    op.drop_table("bookings")
    op.drop_table("booking_transitions")
