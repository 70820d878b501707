"""Payments on record: all SQL about payments, refunds and disputes. Callers own the transaction.

A transition of a booking writes what the gateway said of its payments (``write_payments``). Refunds
of ours are written before that, when they are asked for (``request_refund``); they belong to the
booking once a transition has recorded them, so that record and ledger always agree.
"""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, PaymentView
from models.core.keys import operation_key
from models.payments.tables import PAYMENTS, REFUNDS

REQUESTED = "requested"
"""Status of a refund that the gateway has not answered."""

_LOAD = text("""
SELECT p.number, p.purpose, p.change_id::text AS change, p.gateway, p.payment_intent_id AS id,
    p.charge_id, p.payment_method_id, p.currency, p.amount, p.status, p.authorised, p.captured,
    p.refunded, p.hold, coalesce(p.details, '{}') AS details,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', r.gateway_id, 'amount', r.amount, 'status', r.status, 'at', r.made_at,
        'key', r.key, 'failure_reason', r.failure_reason) ORDER BY r.made_at, r.gateway_id), '[]')
     FROM refunds r WHERE r.booking_id = p.booking_id AND r.payment_number = p.number
     AND r.recorded_in IS NOT NULL) AS refunds,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'amount', d.amount, 'status', d.status, 'reason', d.reason, 'at', d.at)
        ORDER BY d.at, d.id), '[]')
     FROM disputes d WHERE d.booking_id = p.booking_id AND d.payment_number = p.number) AS disputes
FROM payments p WHERE p.booking_id = CAST(:booking_id AS uuid) ORDER BY p.number
""")

# A refund of ours is known by its key, whoever was answered; one made elsewhere by its id.
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
    reason, items, status, gateway_id, failure_reason, made_at, recorded_in, key, request)
SELECT CAST(:booking_id AS uuid), last.number + row_number() OVER (ORDER BY seen.at, seen.id),
    seen.payment_number, seen.payment_intent_id, seen.amount, seen.currency, '', '{}',
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
_ONLY_AT_FIRST |= {"currency", "created_at"}


async def load_payments(session: AsyncSession, booking_id: str) -> list[PaymentView]:
    """Return a booking's payments in the order of their numbers, refunds and disputes oldest first.

    Empty when there is no such booking.
    """
    rows = await session.execute(_LOAD, {"booking_id": booking_id})
    return [PaymentView.model_validate({**row, **row["details"]}) for row in rows.mappings()]


async def insert_payments(
    session: AsyncSession, booking: Booking, billing_details: dict[str, Any]
) -> None:
    """Write the payments of a new booking."""
    rows = [
        {**_columns(booking, one), "billing_details": billing_details} for one in booking.payments
    ]
    await session.execute(insert(PAYMENTS), rows)


async def write_payments(session: AsyncSession, booking: Booking, version: int) -> None:
    """Write the payments as ``booking``, stored as ``version``, has them; new ones are inserted.

    Refunds and disputes cost a statement only where there are any.
    """
    await session.execute(_UPSERT, [_columns(booking, payment) for payment in booking.payments])
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


def _upsert() -> Any:
    fresh = upsert(PAYMENTS)
    kept = _ONLY_AT_FIRST | {"billing_details"}
    return fresh.on_conflict_do_update(
        index_elements=["booking_id", "number"],
        set_={c.name: fresh.excluded[c.name] for c in PAYMENTS.c if c.name not in kept},
    )


_UPSERT = _upsert()


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


async def payments_on_record(session: AsyncSession, booking_id: str) -> list[PaymentOnRecord]:
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


# -- refunds that are asked for -----------------------------------------------------------------


@dataclass(frozen=True)
class RefundRequest:
    """A refund of ours as it was written down before the gateway was asked."""

    booking_id: str
    number: int
    key: str
    payment_intent_id: str
    amount: int
    currency: str


async def request_refund(
    session: AsyncSession,
    *,
    booking_id: str,
    payment_number: int | None,
    payment_intent_id: str,
    amount: int,
    currency: str,
    request: str,
    reason: str,
    items: dict[int, int],
) -> RefundRequest | None:
    """Write a refund down; None when another one of the booking is open or was just begun.

    Args:
        session: in a transaction of the caller's.
        booking_id: whose refund it is.
        payment_number: None for a payment that is not on record.
        payment_intent_id: the gateway's id of the payment.
        amount: minor units of ``currency``.
        currency: of the payment.
        request: the business key of what asks for it; it makes at most one refund.
        reason: for people.
        items: what of it is for which item, by item number.
    """
    table = REFUNDS.c
    last = await session.scalar(
        select(func.coalesce(func.max(table.number), 0)).where(table.booking_id == booking_id)
    )
    number = int(last or 0) + 1
    row = (
        await session.execute(
            upsert(REFUNDS)
            .values(
                booking_id=booking_id,
                number=number,
                payment_number=payment_number,
                key=operation_key(booking_id, "payment", "refund", number),
                request=request,
                payment_intent_id=payment_intent_id,
                amount=amount,
                currency=currency,
                reason=reason,
                items={str(item): part for item, part in items.items()},
                status=REQUESTED,
            )
            .on_conflict_do_nothing()
            .returning(*_REQUEST_COLUMNS)
        )
    ).one_or_none()
    return RefundRequest(*row) if row else None


async def open_refund(session: AsyncSession, booking_id: str) -> RefundRequest | None:
    """Return the refund of a booking that has no answer yet, if there is one."""
    open_one = (REFUNDS.c.booking_id == booking_id) & (REFUNDS.c.status == REQUESTED)
    return await _request(session, open_one)


async def is_refund_requested(session: AsyncSession, request: str) -> bool:
    """Tell whether a request has made its refund."""
    return await _request(session, REFUNDS.c.request == request) is not None


async def end_refund(
    session: AsyncSession,
    key: str,
    status: str,
    *,
    gateway_id: str | None = None,
    made_at: dt.datetime | None = None,
    failure_reason: str | None = None,
) -> None:
    """Write down how the gateway answered; a transition that has recorded it knows better."""
    await session.execute(
        update(REFUNDS)
        .where(REFUNDS.c.key == key, REFUNDS.c.recorded_in.is_(None))
        .values(
            status=status,
            gateway_id=gateway_id,
            made_at=made_at,
            failure_reason=failure_reason,
            updated_at=func.now(),
        )
    )


_REQUEST_COLUMNS = [
    REFUNDS.c[name]
    for name in ("booking_id", "number", "key", "payment_intent_id", "amount", "currency")
]


async def _request(session: AsyncSession, condition: ColumnElement[bool]) -> RefundRequest | None:
    row = (await session.execute(select(*_REQUEST_COLUMNS).where(condition))).one_or_none()
    return RefundRequest(*row) if row else None
