"""Writing the record. Callers own the transaction."""

import datetime as dt

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import BookingState, may_become
from models.bookings.messages import Transition
from models.bookings.repository.changes import note_change, people_columns
from models.bookings.repository.requests import end_requests
from models.bookings.repository.rows import (
    booking_columns,
    history_columns,
    item_columns,
)
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS, HISTORY
from models.core.cases import close_case, open_case
from models.core.supply import Quote
from models.ledger import post_transition
from models.payments.repository import insert_payments, write_payments
from models.trips.messages import BookTripRequest, OpenBooking
from models.trips.tables import TRIP_OPTIONS

_S = BookingState

OPENED = 2
"""Version of a booking just opened: behind it are the transitions to PENDING and VALIDATING."""


class StaleVersionError(Exception):
    """The booking has moved on since it was read: somebody else recorded a transition."""


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
    holder = await session.scalar(
        select(table.booking_id).where(table.id == trip.trip_option_id).with_for_update()
    )
    if holder is None:  # set free between the two statements, and now held still for us
        await session.execute(
            update(TRIP_OPTIONS)
            .where(table.id == trip.trip_option_id)
            .values(lock_status="LOCKED", booking_id=request.booking_id, updated_at=func.now())
        )
        return None
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
            **{**booking_columns(booking, OPENED), **always, "state": _S.VALIDATING},
            id=booking.id,
            reference=booking.reference,
            caller_id=request.caller_id,
            idempotency_key=request.idempotency_key,
            fingerprint=request.fingerprint,
            run_id=opening.run,
            traveler_id=request.traveler_id,
            currency=booking.currency,
            travelers=[t.model_dump(mode="json", by_alias=True) for t in request.travelers],
            contact=request.contact.model_dump(mode="json", by_alias=True),
        )
    )
    await insert_payments(session, booking, request.billing_details)
    await session.execute(
        insert(BOOKING_ITEMS),
        [
            {
                **item_columns(booking, item),
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
        insert(HISTORY),
        [
            history_columns(
                booking.id, 1, None, _S.PENDING, now, f"caller {request.caller_id}", "booked"
            ),
            history_columns(
                booking.id, OPENED, _S.PENDING, _S.VALIDATING, now, "saga", "checking items"
            ),
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

    Repeating it changes nothing. When the record has moved on since the booking was read, it was
    moved by the same workflow: a worker wrote a transition and died before the history knew of
    it, and its successor decided otherwise. Then this one follows that one, if it may.

    Raises:
        StaleVersionError: what is recorded meanwhile cannot be followed by this transition.
    """
    booking = transition.booking
    stored = (
        await session.execute(
            select(BOOKINGS.c.version, BOOKINGS.c.state)
            .where(BOOKINGS.c.id == booking.id)
            .with_for_update()
        )
    ).one()
    from_state = BookingState(stored.state)
    if stored.version != booking.version:
        if await _recorded_before(session, transition):
            return booking.version + 1
        if not may_become(from_state, booking.state):
            raise StaleVersionError(
                f"booking {booking.id} is {from_state} in version {stored.version}"
                f" and cannot become {booking.state}"
            )
    version = int(stored.version) + 1
    await write_payments(session, booking, version)  # first: items name their payments
    if transition.change is not None:
        await note_change(session, transition.change, booking.updated_at, booking)
    await session.execute(
        update(BOOKINGS)
        .where(BOOKINGS.c.id == booking.id)
        .values({**booking_columns(booking, version), **people_columns(transition.change)})
    )
    await session.execute(
        update(BOOKING_ITEMS).where(
            BOOKING_ITEMS.c.booking_id == booking.id, BOOKING_ITEMS.c.number == bindparam("item")
        ),
        [{**item_columns(booking, item), "item": item.number} for item in booking.items],
    )
    await session.execute(
        insert(HISTORY).values(
            history_columns(
                booking.id,
                version,
                from_state,
                booking.state,
                booking.updated_at,
                transition.who,
                transition.why,
            )
        )
    )
    for closing in transition.settled_cases:
        await close_case(session, **closing.model_dump())
    for note in transition.cases:
        await open_case(session, booking_id=booking.id, **note.model_dump())
    await end_requests(session, booking.id, transition.ended_requests)
    await post_transition(session, booking, from_state, version)
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


async def _recorded_before(session: AsyncSession, transition: Transition) -> bool:
    to_state = await session.scalar(
        select(HISTORY.c.to_state).where(
            HISTORY.c.booking_id == transition.booking.id,
            HISTORY.c.version == transition.booking.version + 1,
        )
    )
    return to_state == transition.booking.state


def _lock_after(state: BookingState) -> str | None:
    if state is BookingState.CONFIRMED:
        return "BOOKED"
    if state in {BookingState.FAILED, BookingState.CANCELLED, BookingState.EXPIRED}:
        return "OPEN"
    return None
