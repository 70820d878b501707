"""Refunds that are asked for: written down before the gateway is. Callers own the transaction."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.keys import operation_key
from models.payments.tables import REFUNDS

REQUESTED = "requested"
"""Status of a refund that the gateway has not answered."""


@dataclass(frozen=True)
class RefundRequest:
    """A refund as it was written down before the gateway was asked."""

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


async def refund_status(session: AsyncSession, request: str) -> str | None:
    """Return what has become of a request's refund; None when it has made none."""
    status: str | None = await session.scalar(
        select(REFUNDS.c.status).where(REFUNDS.c.request == request)
    )
    return status


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
