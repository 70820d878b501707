"""The record: all SQL about bookings, in one place. Callers own the transaction."""

import datetime as dt
from typing import Any

from pydantic import BaseModel
from sqlalchemy import CursorResult, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.booking import Booking, Case, HistoryEntry, Item, PaymentView, Problem, RefundView
from models.lifecycle import BookingState, PaymentStatus, SagaState
from models.messages import BookTripRequest, OpenBooking, Transition
from models.supply import Quote, Reservation
from models.tables import (
    BOOKING_ITEMS,
    BOOKINGS,
    HISTORY,
    PAYMENTS,
    TRIP_OPTIONS,
    BookingItemRow,
    BookingRow,
    HistoryRow,
    PaymentRow,
)

_S = BookingState

OPENED = 2
"""Version of a booking just opened: behind it are the transitions to PENDING and VALIDATING."""


class BookingIdentity(BaseModel):
    """Whose booking it is and which request made it."""

    caller_id: str
    fingerprint: str


class StaleVersionError(Exception):
    """The booking has moved on since it was read: somebody else recorded a transition."""


async def load_identity(session: AsyncSession, booking_id: str) -> BookingIdentity | None:
    """Return whose booking it is; None when there is none."""
    row = (
        await session.execute(
            select(BOOKINGS.c.caller_id, BOOKINGS.c.fingerprint).where(BOOKINGS.c.id == booking_id)
        )
    ).one_or_none()
    return None if row is None else BookingIdentity(caller_id=row[0], fingerprint=row[1])


async def load_booking(session: AsyncSession, booking_id: str) -> Booking | None:
    """Return the booking as recorded, without offers (they are large); None when unknown."""
    found = (
        await session.execute(
            select(BookingRow, PaymentRow)
            .join(PaymentRow, PAYMENTS.c.booking_id == BOOKINGS.c.id)
            .where(BOOKINGS.c.id == booking_id)
        )
    ).one_or_none()
    if found is None:
        return None
    items = await session.scalars(
        select(BookingItemRow)
        .where(BOOKING_ITEMS.c.booking_id == booking_id)
        .order_by(BOOKING_ITEMS.c.number)
    )
    return _booking(found[0], [_item(row) for row in items], found[1])


async def load_history(session: AsyncSession, booking_id: str) -> list[HistoryEntry]:
    """Return the recorded transitions of a booking, oldest first."""
    rows = await session.scalars(
        select(HistoryRow).where(HISTORY.c.booking_id == booking_id).order_by(HISTORY.c.version)
    )
    return [
        HistoryEntry(
            version=row.version,
            from_state=BookingState(row.from_state) if row.from_state else None,
            to_state=BookingState(row.to_state),
            at=row.at,
            who=row.who,
            why=row.why,
        )
        for row in rows
    ]


async def load_run(session: AsyncSession, booking_id: str) -> str | None:
    """Return the first run id of the workflow that made a booking; None when there is none."""
    run: str | None = await session.scalar(
        select(BOOKINGS.c.run_id).where(BOOKINGS.c.id == booking_id)
    )
    return run


async def lock_trip_option(session: AsyncSession, request: BookTripRequest) -> str | None:
    """Keep our own copy of the trip option and lock it for this booking.

    Returns None when the lock is ours, else the id of the booking that has it.
    """
    trip = request.trip
    fresh = upsert(TRIP_OPTIONS).values(
        id=trip.trip_option_id,
        lock_status="LOCKED",
        booking_id=request.booking_id,
        total_price=trip.total_price,
        currency=trip.currency,
        data=trip.model_dump(mode="json", by_alias=True, exclude={"travelers"}),
    )
    table = TRIP_OPTIONS.c
    mine = await session.scalar(
        fresh.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "lock_status": "LOCKED",
                "booking_id": fresh.excluded.booking_id,
                "data": fresh.excluded.data,
                "total_price": fresh.excluded.total_price,
                "updated_at": func.now(),
            },
            where=table.lock_status == "OPEN",
        ).returning(table.booking_id)
    )
    if mine is not None:
        return None
    holder = await session.scalar(select(table.booking_id).where(table.id == trip.trip_option_id))
    return None if holder == request.booking_id else str(holder)


async def insert_booking(session: AsyncSession, opening: OpenBooking, now: dt.datetime) -> int:
    """Write a new booking, its items, its payment and its first two transitions.

    Returns the version of the record. The booking is VALIDATING.
    """
    request = opening.request
    booking = request.new_booking(now)
    always = {"trip_option_id": booking.trip_option_id, "created_at": now, "updated_at": now}
    await session.execute(
        insert(BOOKINGS).values(
            **{**_booking_columns(booking, OPENED), **always, "state": _S.VALIDATING},
            id=booking.id,
            reference=booking.reference,
            caller_id=request.caller_id,
            idempotency_key=request.idempotency_key,
            fingerprint=request.fingerprint,
            run_id=opening.run,
            traveler_id=request.traveler_id,
            currency=booking.currency,
            accepted_total=booking.accepted_total,
            travelers=[t.model_dump(mode="json", by_alias=True) for t in request.travelers],
            contact=request.contact.model_dump(mode="json", by_alias=True),
        )
    )
    await session.execute(
        insert(BOOKING_ITEMS),
        [
            {
                **_item_columns(booking, item),
                **always,
                "booking_id": booking.id,
                "number": item.number,
                "type": item.type,
                "supplier": item.supplier,
                "component_ref": item.component_id,
                "title": item.title,
                "reference": item.reference,
                "currency": item.currency,
                "offer": component.model_dump(mode="json", by_alias=True),
            }
            for item, component in zip(booking.items, request.trip.components, strict=True)
        ],
    )
    await session.execute(
        insert(PAYMENTS).values(
            **{**_payment_columns(booking), **always},
            booking_id=booking.id,
            billing_details=request.billing_details,
            currency=booking.currency,
        )
    )
    await session.execute(
        insert(HISTORY),
        [
            _history(booking.id, 1, None, _S.PENDING, now, f"caller {request.caller_id}", "booked"),
            _history(booking.id, OPENED, _S.PENDING, _S.VALIDATING, now, "saga", "checking items"),
        ],
    )
    return OPENED


async def save_quotes(session: AsyncSession, booking_id: str, quotes: dict[int, Quote]) -> None:
    """Store what suppliers quoted, offers included; ``book`` sends the offer back unchanged."""
    table = BOOKING_ITEMS.c
    await session.execute(
        update(BOOKING_ITEMS)
        .where(table.booking_id == booking_id, table.number == bindparam("item"))
        .values(quote=bindparam("new_quote"), amount=bindparam("price")),
        [
            {"item": n, "new_quote": q.model_dump(mode="json"), "price": q.price.amount}
            for n, q in quotes.items()
        ],
    )


async def record_transition(session: AsyncSession, transition: Transition) -> int:
    """Write one transition: booking, items, payment, trip option and history. Returns the version.

    Repeating it changes nothing.

    Raises:
        StaleVersionError: another transition was recorded since the booking was read.
    """
    booking = transition.booking
    version = booking.version + 1
    table = BOOKINGS.c
    moved: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        update(BOOKINGS)
        .where(table.id == booking.id, table.version == booking.version)
        .values(_booking_columns(booking, version))
    )
    if moved.rowcount == 0:
        return await _already_recorded(session, transition, version)
    items = BOOKING_ITEMS.c
    await session.execute(
        update(BOOKING_ITEMS).where(
            items.booking_id == booking.id, items.number == bindparam("item")
        ),
        [{**_item_columns(booking, item), "item": item.number} for item in booking.items],
    )
    await session.execute(
        update(PAYMENTS)
        .where(PAYMENTS.c.booking_id == booking.id)
        .values(_payment_columns(booking))
    )
    await session.execute(
        insert(HISTORY).values(
            _history(
                booking.id,
                version,
                transition.from_state,
                booking.state,
                booking.updated_at,
                transition.who,
                transition.why,
            )
        )
    )
    lock = _lock_after(booking.state)
    if lock is not None:
        await session.execute(
            update(TRIP_OPTIONS)
            .where(TRIP_OPTIONS.c.booking_id == booking.id)
            .values(
                lock_status=lock,
                booking_id=None if lock == "OPEN" else booking.id,
                updated_at=func.now(),
            )
        )
    return version


async def _already_recorded(session: AsyncSession, transition: Transition, version: int) -> int:
    table = HISTORY.c
    to_state = await session.scalar(
        select(table.to_state).where(
            table.booking_id == transition.booking.id, table.version == version
        )
    )
    if to_state != transition.booking.state:
        raise StaleVersionError(
            f"booking {transition.booking.id}: version {version} is {to_state},"
            f" not {transition.booking.state}"
        )
    return version


def _lock_after(state: BookingState) -> str | None:
    if state is BookingState.CONFIRMED:
        return "BOOKED"
    if state in {BookingState.FAILED, BookingState.CANCELLED, BookingState.EXPIRED}:
        return "OPEN"
    return None


def _history(
    booking_id: str,
    version: int,
    from_state: BookingState | None,
    to_state: BookingState,
    at: dt.datetime,
    who: str,
    why: str,
) -> dict[str, Any]:
    return {
        "booking_id": booking_id,
        "version": version,
        "from_state": from_state,
        "to_state": to_state,
        "at": at,
        "who": who,
        "why": why,
    }


def _json(model: BaseModel | None) -> Any:
    return None if model is None else model.model_dump(mode="json")


def _booking_columns(booking: Booking, version: int) -> dict[str, Any]:
    return {
        "state": booking.state,
        "version": version,
        "captured": booking.payment.captured,
        "refunded": booking.payment.refunded,
        "warnings": booking.warnings,
        "problem": _json(booking.problem),
        "attention_case": _json(booking.case),
        "failed_step": booking.problem.step if booking.problem else None,
        "cancelled_by": booking.cancelled_by,
        "cancel_reason": booking.cancel_reason,
        "updated_at": booking.updated_at,
        "confirmed_at": booking.confirmed_at,
        "cancelled_at": booking.cancelled_at,
    }


def _item_columns(booking: Booking, item: Item) -> dict[str, Any]:
    held = item.reservation
    return {
        "status": item.status,
        "saga_state": item.saga_state,
        "supplier_id": held.supplier_id if held else None,
        "vendor_confirmation": held.confirmation_code if held else None,
        "booking_reference": held.supplier_id if held else None,
        "pnr": held.pnr if held else None,
        "payment_intent_id": booking.payment.id,
        "amount": item.price,
        "fee": item.fee,
        "details": _json(held),
        "error": _json(item.problem),
        "booked_at": item.booked_at,
        "cancelled_at": item.cancelled_at,
        "updated_at": booking.updated_at,
    }


def _payment_columns(booking: Booking) -> dict[str, Any]:
    payment = booking.payment
    return {
        "payment_intent_id": payment.id,
        "charge_id": payment.charge_id,
        "payment_method_id": payment.payment_method_id,
        "amount": payment.amount,
        "status": payment.status,
        "authorised": payment.authorised,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "refunds": [refund.model_dump(mode="json") for refund in payment.refunds],
        "details": {
            "capture_before": payment.capture_before and payment.capture_before.isoformat(),
            "client_secret": payment.client_secret,
            "next_action": payment.next_action,
        },
        "updated_at": booking.updated_at,
    }


def _item(row: BookingItemRow) -> Item:
    return Item.model_validate(
        {
            "number": row.number,
            "type": row.type,
            "supplier": row.supplier,
            "component_id": row.component_ref,
            "title": row.title,
            "currency": row.currency,
            "price": row.amount,
            "reference": row.reference,
            "status": row.status,
            "saga_state": SagaState(row.saga_state),
            "quote": {**row.quote, "offer": {}} if row.quote else None,
            "reservation": Reservation.model_validate(row.details) if row.details else None,
            "fee": row.fee,
            "booked_at": row.booked_at,
            "cancelled_at": row.cancelled_at,
            "problem": row.error,
        }
    )


def _booking(row: BookingRow, items: list[Item], payment: PaymentRow) -> Booking:
    details = payment.details or {}
    return Booking(
        id=row.id,
        reference=row.reference,
        trip_option_id=row.trip_option_id,
        state=BookingState(row.state),
        currency=row.currency,
        accepted_total=row.accepted_total,
        items=items,
        payment=PaymentView(
            id=payment.payment_intent_id,
            charge_id=payment.charge_id,
            payment_method_id=payment.payment_method_id,
            currency=payment.currency,
            amount=payment.amount,
            status=PaymentStatus(payment.status),
            authorised=payment.authorised,
            captured=payment.captured,
            refunded=payment.refunded,
            refunds=[RefundView.model_validate(refund) for refund in payment.refunds],
            capture_before=details.get("capture_before"),
            client_secret=details.get("client_secret"),
            next_action=details.get("next_action"),
        ),
        warnings=row.warnings,
        problem=Problem.model_validate(row.problem) if row.problem else None,
        case=Case.model_validate(row.case) if row.case else None,
        cancelled_by=row.cancelled_by,
        cancel_reason=row.cancel_reason,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        confirmed_at=row.confirmed_at,
        cancelled_at=row.cancelled_at,
    )
