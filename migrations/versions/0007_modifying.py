"""Changes to a booking: further payments of one booking, and what was changed.

``every_payment`` has the first payment of each booking and its supplements, one row each;
``booking_money`` has their sums, one row for each booking.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN_PAYMENT = (
    "payment_intent_id IS NOT NULL AND (status IN ('pending','authorised')"
    """ OR refunds @> '[{"status": "pending"}]' OR refunds @> '[{"status": "requires_action"}]'"""
    """ OR disputes @> '[{"status": "open"}]')"""
)

EVERY_PAYMENT = """
CREATE VIEW every_payment AS
SELECT booking_id, 0 AS number, payment_intent_id, status, currency, amount, captured, refunded,
    refunds, disputes, created_at, updated_at
FROM payments
UNION ALL
SELECT booking_id, number, payment_intent_id, status, currency, amount, captured, refunded,
    refunds, disputes, created_at, updated_at
FROM supplements
"""

BOOKING_MONEY = """
CREATE VIEW booking_money AS
SELECT p.booking_id,
    p.captured + coalesce(s.captured, 0)::bigint AS captured,
    p.refunded + coalesce(s.refunded, 0)::bigint AS refunded,
    p.disputes || coalesce(s.disputes, '[]'::jsonb) AS disputes,
    p.paid_by_hand, p.goodwill
FROM payments p LEFT JOIN LATERAL (
    SELECT sum(captured) AS captured, sum(refunded) AS refunded,
        jsonb_path_query_array(jsonb_agg(disputes), '$[*][*]') AS disputes
    FROM supplements WHERE booking_id = p.booking_id
) AS s ON true
"""

MONEY = "0 <= refunded AND refunded <= captured AND captured <= "


def upgrade() -> None:
    now = sa.text("now()")
    op.create_table(
        "supplements",
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("payment_intent_id", sa.String(), nullable=True),
        sa.Column("charge_id", sa.String(), nullable=True),
        sa.Column("payment_method_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("authorised", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunds", postgresql.JSONB(), nullable=False),
        sa.Column("disputes", postgresql.JSONB(), nullable=False),
        sa.Column("hold", sa.Integer(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name="supplements_number"),
        sa.CheckConstraint(f"{MONEY}amount", name="supplements_money"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id", "number"),
        sa.UniqueConstraint("payment_intent_id"),
    )
    op.create_index("ix_supplements_updated", "supplements", ["updated_at"])
    op.create_index(
        "ix_supplements_open", "supplements", ["booking_id"], postgresql_where=sa.text(OPEN_PAYMENT)
    )
    op.create_table(
        "booking_changes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("wish", postgresql.JSONB(), nullable=False),
        sa.Column("quotes", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('open','done','refused')", name="booking_changes_status"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_booking_changes_booking", "booking_changes", ["booking_id", "created_at"])
    op.create_index(
        "ix_booking_changes_open",
        "booking_changes",
        ["created_at"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.add_column("booking_items", sa.Column("travelers", postgresql.JSONB(), nullable=True))
    op.add_column("booking_items", sa.Column("change_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("bookings", sa.Column("chargeable", sa.BigInteger(), nullable=True))
    op.drop_constraint("bookings_money", "bookings", type_="check")
    op.create_check_constraint(
        "bookings_money", "bookings", f"{MONEY}coalesce(chargeable, accepted_total)"
    )
    op.execute(EVERY_PAYMENT)
    op.execute(BOOKING_MONEY)


def downgrade() -> None:
    op.execute("DROP VIEW booking_money")
    op.execute("DROP VIEW every_payment")
    op.drop_constraint("bookings_money", "bookings", type_="check")
    op.create_check_constraint("bookings_money", "bookings", f"{MONEY}accepted_total")
    op.drop_column("bookings", "chargeable")
    op.drop_column("booking_items", "change_id")
    op.drop_column("booking_items", "travelers")
    op.drop_table("booking_changes")
    op.drop_table("supplements")
