"""One table for all payments of a booking; refunds and disputes as tables.

``supplements`` becomes ``payments`` of number 2 and up, what the record knew of refunds and
disputes (JSON until now) becomes rows, and what belongs to the booking (paid by hand, goodwill,
grants) moves there. Items name the payment that pays for them, so a booking that has none gets one
of nothing.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN_PAYMENT = "payment_intent_id IS NOT NULL AND status IN ('pending','authorised')"
OPEN_REFUND = "status IN ('pending','requires_action') AND recorded_in IS NOT NULL"
OLD_OPEN_PAYMENT = (
    "payment_intent_id IS NOT NULL AND (status IN ('pending','authorised')"
    """ OR refunds @> '[{"status": "pending"}]' OR refunds @> '[{"status": "requires_action"}]'"""
    """ OR disputes @> '[{"status": "open"}]')"""
)
_NOW = sa.text("now()")
_NONE = sa.text("'[]'::jsonb")

BOOKINGS_UP = """
UPDATE bookings b SET paid_by_hand = p.paid_by_hand, goodwill = p.goodwill,
    grants = coalesce(p.details->'grants', '[]')
FROM payments p WHERE p.booking_id = b.id
AND (p.paid_by_hand <> 0 OR p.goodwill <> 0 OR coalesce(p.details->'grants', '[]') <> '[]')
"""

MISSING_UP = """
INSERT INTO payments (booking_id, number, purpose, trip_option_id, gateway, amount, currency,
    status, authorised, captured, refunded, hold, refunds, disputes, paid_by_hand, goodwill,
    created_at, updated_at)
SELECT b.id, 1, 'booking', b.trip_option_id, 'stripe', 0, b.currency, 'not_required', 0, 0, 0, 1,
    '[]', '[]', 0, 0, b.created_at, b.updated_at
FROM bookings b WHERE NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id)
"""

SUPPLEMENTS_UP = """
INSERT INTO payments (booking_id, number, purpose, change_id, trip_option_id, gateway,
    payment_intent_id, charge_id, payment_method_id, amount, currency, status, authorised, captured,
    refunded, hold, refunds, disputes, paid_by_hand, goodwill, details, created_at, updated_at)
SELECT s.booking_id, s.number + 1, 'change', (s.details->>'change')::uuid, p.trip_option_id,
    coalesce(s.details->>'gateway', p.gateway), s.payment_intent_id, s.charge_id,
    s.payment_method_id, s.amount, s.currency, s.status, s.authorised, s.captured, s.refunded,
    s.hold, s.refunds, s.disputes, 0, 0, s.details, s.created_at, s.updated_at
FROM supplements s JOIN payments p ON p.booking_id = s.booking_id AND p.number = 1
"""

ITEMS_UP = """
UPDATE booking_items i SET payment_number = p.number
FROM payments p WHERE p.booking_id = i.booking_id AND p.change_id = i.change_id
"""

OUR_REFUNDS_UP = """
UPDATE refunds r SET payment_number = p.number
FROM payments p WHERE p.booking_id = r.booking_id AND p.payment_intent_id = r.payment_intent_id
"""

RECORDED_REFUNDS_UP = """
WITH told AS (
    SELECT p.booking_id, p.number AS payment_number, p.payment_intent_id, p.currency, b.version,
        one->>'id' AS id, one->>'key' AS key, (one->>'amount')::bigint AS amount,
        one->>'status' AS status, (one->>'at')::timestamptz AS at,
        one->>'failure_reason' AS failure_reason
    FROM payments p JOIN bookings b ON b.id = p.booking_id,
        jsonb_array_elements(p.refunds) AS one
), known AS (
    SELECT r.number, told.* FROM told JOIN refunds r
        ON r.booking_id = told.booking_id AND (r.gateway_id = told.id OR r.key = told.key)
), ours AS (
    UPDATE refunds r SET payment_number = known.payment_number, gateway_id = known.id,
        status = known.status, made_at = known.at, failure_reason = known.failure_reason,
        recorded_in = known.version
    FROM known WHERE r.booking_id = known.booking_id AND r.number = known.number
)
INSERT INTO refunds (booking_id, number, payment_number, payment_intent_id, amount, currency,
    reason, items, status, gateway_id, failure_reason, made_at, recorded_in, key, request,
    created_at, updated_at)
SELECT told.booking_id,
    (SELECT coalesce(max(r.number), 0) FROM refunds r WHERE r.booking_id = told.booking_id)
        + row_number() OVER (PARTITION BY told.booking_id ORDER BY told.at, told.id),
    told.payment_number, told.payment_intent_id, told.amount, told.currency, '', '{}', told.status,
    told.id, told.failure_reason, told.at, told.version, told.key, told.key, told.at, told.at
FROM told WHERE NOT EXISTS (
    SELECT FROM known WHERE known.booking_id = told.booking_id AND known.id = told.id)
"""

DISPUTES_UP = """
INSERT INTO disputes (id, booking_id, payment_number, amount, status, reason, at)
SELECT one->>'id', p.booking_id, p.number, (one->>'amount')::bigint, one->>'status',
    coalesce(one->>'reason', ''), (one->>'at')::timestamptz
FROM payments p, jsonb_array_elements(p.disputes) AS one
"""

JSON_DOWN = """
UPDATE payments p SET
    refunds = (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', r.gateway_id, 'amount', r.amount, 'status', r.status, 'at', r.made_at,
            'key', r.key, 'failure_reason', r.failure_reason) ORDER BY r.made_at, r.number), '[]')
        FROM refunds r WHERE r.booking_id = p.booking_id AND r.payment_number = p.number
        AND r.recorded_in IS NOT NULL),
    disputes = (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', d.id, 'amount', d.amount, 'status', d.status, 'reason', d.reason, 'at', d.at)
            ORDER BY d.at, d.id), '[]')
        FROM disputes d WHERE d.booking_id = p.booking_id AND d.payment_number = p.number),
    details = coalesce(p.details, '{}') || jsonb_strip_nulls(
        jsonb_build_object('gateway', p.gateway, 'change', p.change_id))
"""

BOOKINGS_DOWN = """
UPDATE payments p SET paid_by_hand = b.paid_by_hand, goodwill = b.goodwill,
    details = coalesce(p.details, '{}') || jsonb_build_object('grants', b.grants)
FROM bookings b WHERE b.id = p.booking_id AND p.number = 1
"""

SUPPLEMENTS_DOWN = """
INSERT INTO supplements (booking_id, number, payment_intent_id, charge_id, payment_method_id,
    amount, currency, status, authorised, captured, refunded, refunds, disputes, hold, details,
    created_at, updated_at)
SELECT booking_id, number - 1, payment_intent_id, charge_id, payment_method_id, amount, currency,
    status, authorised, captured, refunded, refunds, disputes,
    CASE WHEN hold / 1000 = number - 1 THEN hold ELSE (number - 1) * 1000 + 1 END, details,
    created_at, updated_at
FROM payments WHERE number > 1
"""

ITEMS_DOWN = """
UPDATE booking_items i SET payment_intent_id = p.payment_intent_id
FROM payments p WHERE p.booking_id = i.booking_id AND p.number = 1
"""

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

MONEY = "0 <= refunded AND refunded <= captured"


def upgrade() -> None:
    op.execute("DROP VIEW booking_money")
    op.execute("DROP VIEW every_payment")
    for name in ("paid_by_hand", "goodwill"):
        _add("bookings", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    _add("bookings", sa.Column("grants", postgresql.JSONB(), nullable=False, server_default=_NONE))
    # The guard asks for a new version with every change; what moves here is no change.
    op.execute("ALTER TABLE bookings DISABLE TRIGGER USER")
    op.execute(BOOKINGS_UP)
    op.execute("ALTER TABLE bookings ENABLE TRIGGER USER")
    _payments_up()
    _refunds_up()
    _disputes_up()
    for column in ("refunds", "disputes", "paid_by_hand", "goodwill"):
        op.drop_column("payments", column)
    op.create_index(
        "ix_payments_open", "payments", ["booking_id"], postgresql_where=sa.text(OPEN_PAYMENT)
    )


def _payments_up() -> None:
    op.drop_index("ix_payments_open", table_name="payments")
    _add("payments", sa.Column("number", sa.Integer(), nullable=False, server_default="1"))
    _add("payments", sa.Column("purpose", sa.String(), nullable=False, server_default="booking"))
    _add("payments", sa.Column("gateway", sa.String(), nullable=False, server_default="stripe"))
    op.add_column("payments", sa.Column("change_id", sa.Uuid(as_uuid=False), nullable=True))
    for column in ("payment_method_id", "billing_details", "trip_option_id"):
        op.alter_column("payments", column, nullable=True)
    op.drop_constraint("payments_pkey", "payments", type_="primary")
    op.create_primary_key("payments_pkey", "payments", ["booking_id", "number"])
    op.execute("UPDATE payments SET gateway = details->>'gateway' WHERE details ? 'gateway'")
    op.execute(MISSING_UP)
    op.execute(SUPPLEMENTS_UP)
    op.drop_table("supplements")
    op.execute(
        "UPDATE payments SET details = details - '{grants,change,gateway}'::text[]"
        " WHERE details ?| '{grants,change,gateway}'"
    )
    op.create_check_constraint("payments_number", "payments", "number > 0")
    op.create_check_constraint("payments_money", "payments", MONEY)
    op.create_check_constraint(
        "payments_not_required",
        "payments",
        "status <> 'not_required' OR (amount = 0 AND payment_intent_id IS NULL)",
    )
    item = sa.Column("payment_number", sa.Integer(), nullable=False, server_default="1")
    _add("booking_items", item)
    op.execute(ITEMS_UP)
    op.drop_column("booking_items", "payment_intent_id")
    _of_a_payment("booking_items")


def _refunds_up() -> None:
    op.add_column("refunds", sa.Column("payment_number", sa.Integer(), nullable=True))
    op.add_column("refunds", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("recorded_in", sa.Integer(), nullable=True))
    for column in ("key", "request"):
        op.alter_column("refunds", column, nullable=True)
    op.execute(OUR_REFUNDS_UP)
    op.execute(RECORDED_REFUNDS_UP)
    op.create_check_constraint(
        "refunds_origin",
        "refunds",
        "(key IS NULL) = (request IS NULL) AND (key IS NOT NULL OR gateway_id IS NOT NULL)",
    )
    op.create_index(
        "ix_refunds_unsettled", "refunds", ["booking_id"], postgresql_where=sa.text(OPEN_REFUND)
    )
    _of_a_payment("refunds")


def _disputes_up() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("payment_number", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("status IN ('open','won','lost')", name="disputes_status"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(DISPUTES_UP)
    op.create_index("ix_disputes_booking", "disputes", ["booking_id"])
    op.create_index(
        "ix_disputes_open", "disputes", ["booking_id"], postgresql_where=sa.text("status = 'open'")
    )
    _of_a_payment("disputes")


def downgrade() -> None:
    for table in ("disputes", "refunds", "booking_items"):
        op.drop_constraint(f"{table}_payment", table, type_="foreignkey")
    op.drop_index("ix_payments_open", table_name="payments")
    for column in ("refunds", "disputes"):
        _add(
            "payments", sa.Column(column, postgresql.JSONB(), nullable=False, server_default=_NONE)
        )
    for column in ("paid_by_hand", "goodwill"):
        _add("payments", sa.Column(column, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(JSON_DOWN)
    op.execute(BOOKINGS_DOWN)
    for column in ("grants", "goodwill", "paid_by_hand"):
        op.drop_column("bookings", column)
    _refunds_down()
    op.drop_table("disputes")
    op.add_column("booking_items", sa.Column("payment_intent_id", sa.String(), nullable=True))
    op.execute(ITEMS_DOWN)
    op.drop_column("booking_items", "payment_number")
    _supplements_down()
    _payments_down()
    op.execute(EVERY_PAYMENT)
    op.execute(BOOKING_MONEY)


def _refunds_down() -> None:
    """What was made elsewhere stays in the payment's JSON alone, as it was."""
    op.drop_index("ix_refunds_unsettled", table_name="refunds")
    op.drop_constraint("refunds_origin", "refunds", type_="check")
    op.execute("DELETE FROM refunds WHERE key IS NULL")
    for column in ("key", "request"):
        op.alter_column("refunds", column, nullable=False)
    for column in ("recorded_in", "made_at", "payment_number"):
        op.drop_column("refunds", column)


def _supplements_down() -> None:
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
        sa.CheckConstraint(f"{MONEY} AND captured <= amount", name="supplements_money"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id", "number"),
        sa.UniqueConstraint("payment_intent_id"),
    )
    op.create_index("ix_supplements_updated", "supplements", ["updated_at"])
    op.create_index(
        "ix_supplements_open",
        "supplements",
        ["booking_id"],
        postgresql_where=sa.text(OLD_OPEN_PAYMENT),
    )
    op.execute(SUPPLEMENTS_DOWN)


def _payments_down() -> None:
    for name in ("payments_not_required", "payments_money", "payments_number"):
        op.drop_constraint(name, "payments", type_="check")
    op.execute("DELETE FROM payments WHERE number > 1")
    op.drop_constraint("payments_pkey", "payments", type_="primary")
    op.create_primary_key("payments_pkey", "payments", ["booking_id"])
    op.execute("UPDATE payments SET payment_method_id = '' WHERE payment_method_id IS NULL")
    op.execute("UPDATE payments SET billing_details = '{}' WHERE billing_details IS NULL")
    op.execute("UPDATE payments SET trip_option_id = '' WHERE trip_option_id IS NULL")
    for column in ("payment_method_id", "billing_details", "trip_option_id"):
        op.alter_column("payments", column, nullable=False)
    for column in ("change_id", "gateway", "purpose", "number"):
        op.drop_column("payments", column)
    op.create_index(
        "ix_payments_open", "payments", ["booking_id"], postgresql_where=sa.text(OLD_OPEN_PAYMENT)
    )


def _add(table: str, column: sa.Column[Any]) -> None:
    """Add a column whose default is for the rows that are there."""
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def _of_a_payment(table: str) -> None:
    """Refer to payments; the rows that are there are checked by 0011b, which stops no writer."""
    op.create_foreign_key(
        f"{table}_payment",
        table,
        "payments",
        ["booking_id", "payment_number"],
        ["booking_id", "number"],
        postgresql_not_valid=True,
    )
