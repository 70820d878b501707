"""Payments on record, with their refunds and disputes. Callers own the transaction.

A transition of a booking writes what the gateway answered about its payments (``UPSERT_PAYMENTS``)
and what went back (``write_what_went_back``). Our own refunds are written before that, when they
are asked for (``models.payments.refunds``); they belong to the booking once a transition has
recorded them, so that record and ledger always agree.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, PaymentView
from models.core.database import Executor
from models.core.recordset import as_json, insertion
from models.payments.tables import PAYMENTS

PAYMENTS_JSON = """
SELECT jsonb_agg(jsonb_build_object(
    'number', p.number, 'purpose', p.purpose, 'change', p.change_id, 'gateway', p.gateway,
    'id', p.payment_intent_id, 'charge_id', p.charge_id,
    'payment_method_id', p.payment_method_id, 'currency', p.currency, 'amount', p.amount,
    'status', p.status, 'authorised', p.authorised, 'captured', p.captured,
    'refunded', p.refunded, 'hold', p.hold,
    'refunds', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', r.gateway_id, 'amount', r.amount, 'status', r.status, 'at', r.made_at,
            'key', r.key, 'failure_reason', r.failure_reason) ORDER BY r.number), '[]')
        FROM refunds r WHERE r.booking_id = p.booking_id AND r.payment_number = p.number
        AND r.recorded_in IS NOT NULL),
    'disputes', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', d.id, 'amount', d.amount, 'status', d.status, 'reason', d.reason, 'at', d.at)
            ORDER BY d.at, d.id), '[]')
        FROM disputes d WHERE d.booking_id = p.booking_id AND d.payment_number = p.number)
    ) || coalesce(p.details, '{}') ORDER BY p.number)
FROM payments p WHERE p.booking_id = bookings.id
"""
"""The payments of a row of ``bookings`` as JSON (``PaymentView``) in the order of their numbers,
refunds and disputes oldest first."""

# A refund of this system is known by its key, whoever was answered; one made elsewhere by its id.
_WRITE_REFUNDS = text("""
WITH seen AS (
    SELECT * FROM jsonb_to_recordset(CAST(:refunds AS jsonb)) AS seen
        (payment_number int, payment_intent_id text, currency text, id text, key text,
         amount bigint, status text, at timestamptz, failure_reason text)
), known AS (
    SELECT r.number, seen.* FROM seen JOIN refunds r
        ON r.booking_id = CAST(:booking_id AS uuid) AND (r.gateway_id = seen.id OR r.key = seen.key)
), changed AS (
    UPDATE refunds r SET payment_number = known.payment_number, gateway_id = known.id,
        status = known.status, made_at = known.at, failure_reason = known.failure_reason,
        recorded_in = coalesce(r.recorded_in, :version), updated_at = now()
    FROM known WHERE r.booking_id = CAST(:booking_id AS uuid) AND r.number = known.number
    AND (r.recorded_in IS NULL OR (r.status, r.failure_reason)
        IS DISTINCT FROM (known.status, known.failure_reason))
)
INSERT INTO refunds (booking_id, number, payment_number, payment_intent_id, amount, currency,
    reason, status, gateway_id, failure_reason, made_at, recorded_in, key, request)
SELECT CAST(:booking_id AS uuid), last.number + row_number() OVER (ORDER BY seen.at, seen.id),
    seen.payment_number, seen.payment_intent_id, seen.amount, seen.currency, '',
    seen.status, seen.id, seen.failure_reason, seen.at, :version, seen.key, seen.key
FROM seen, (SELECT coalesce(max(number), 0) AS number FROM refunds
            WHERE booking_id = CAST(:booking_id AS uuid)) AS last
WHERE NOT EXISTS (SELECT FROM known WHERE known.id = seen.id)
""")

_WRITE_DISPUTES = text("""
INSERT INTO disputes AS d (id, booking_id, payment_number, amount, status, reason, at)
SELECT seen.id, CAST(:booking_id AS uuid), seen.payment_number, seen.amount, seen.status,
    seen.reason, seen.at
FROM jsonb_to_recordset(CAST(:disputes AS jsonb)) AS seen
    (id text, payment_number int, amount bigint, status text, reason text, at timestamptz)
ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, status = excluded.status,
    reason = excluded.reason, updated_at = now()
WHERE (d.amount, d.status, d.reason) IS DISTINCT FROM
    (excluded.amount, excluded.status, excluded.reason)
""")

_DETAILS = {"capture_before", "waits_until", "client_secret", "next_action"}
_ONLY_AT_FIRST = {"booking_id", "number", "purpose", "change_id", "trip_option_id", "gateway"}
_ONLY_AT_FIRST |= {"currency", "billing_details", "created_at"}


async def write_payments(session: AsyncSession, booking: Booking) -> None:
    """Write the payments as ``booking`` has them; new ones are inserted.

    A transition does so in one statement with the booking (``UPSERT_PAYMENTS``).
    """
    await session.execute(text(UPSERT_PAYMENTS), {"payments": as_json(payment_rows(booking))})


def payment_rows(
    booking: Booking, billing_details: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a booking's payments, as they are written with every transition.

    ``billing_details`` are those of new payments.
    """
    return [
        {**_columns(booking, payment), "billing_details": billing_details}
        for payment in booking.payments
    ]


async def write_what_went_back(session: AsyncSession, booking: Booking, version: int) -> None:
    """Write refunds and disputes of the booking stored as ``version``: a statement where any are.

    Call it once the payments are written.
    """
    refunds = [
        {
            **refund.model_dump(mode="json"),
            "payment_number": payment.number,
            "payment_intent_id": payment.id,
            "currency": payment.currency,
        }
        for payment in booking.payments
        for refund in payment.refunds
    ]
    if refunds:
        values = {"booking_id": booking.id, "version": version, "refunds": json.dumps(refunds)}
        await session.execute(_WRITE_REFUNDS, values)
    disputes = [
        {**dispute.model_dump(mode="json"), "payment_number": payment.number}
        for payment in booking.payments
        for dispute in payment.disputes
    ]
    if disputes:
        values = {"booking_id": booking.id, "disputes": json.dumps(disputes)}
        await session.execute(_WRITE_DISPUTES, values)


def _columns(booking: Booking, payment: PaymentView) -> dict[str, Any]:
    return {
        "booking_id": booking.id,
        "number": payment.number,
        "purpose": payment.purpose,
        "change_id": payment.change,
        "trip_option_id": booking.trip_option_id,
        "gateway": payment.gateway,
        "payment_intent_id": payment.id,
        "charge_id": payment.charge_id,
        "payment_method_id": payment.payment_method_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "status": payment.status,
        "authorised": payment.authorised,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "hold": payment.hold,
        "details": payment.model_dump(mode="json", include=_DETAILS),
        "created_at": booking.updated_at,
        "updated_at": booking.updated_at,
    }


_WRITTEN = tuple(c.name for c in PAYMENTS.c)

UPSERT_PAYMENTS = f"""
{insertion(PAYMENTS, _WRITTEN, "payments")}
ON CONFLICT (booking_id, number) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _WRITTEN if name not in _ONLY_AT_FIRST)}
"""
"""Writes payments (:func:`payment_rows` as the parameter ``payments``); new ones are inserted."""


# -- what activities need to know of payments ---------------------------------------------------


@dataclass(frozen=True)
class PaymentOnRecord:
    """What the gateway's calls need of a payment on record."""

    number: int
    payment_id: str | None
    """None until it exists at the gateway."""
    payment_method_id: str | None
    currency: str
    amount: int
    hold: int


async def payments_on_record(session: Executor, booking_id: str) -> list[PaymentOnRecord]:
    """Return a booking's payments in the order of their numbers; empty when there is none."""
    table = PAYMENTS.c
    rows = await session.execute(
        select(
            table.number,
            table.payment_intent_id,
            table.payment_method_id,
            table.currency,
            table.amount,
            table.hold,
        )
        .where(table.booking_id == booking_id)
        .order_by(table.number)
    )
    return [PaymentOnRecord(*row) for row in rows]


async def booking_of_payment(session: AsyncSession, payment_id: str) -> str | None:
    """Return the booking that has a payment of the gateway on record; None when none has."""
    found: str | None = await session.scalar(
        select(PAYMENTS.c.booking_id).where(PAYMENTS.c.payment_intent_id == payment_id)
    )
    return found
