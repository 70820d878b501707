"""What only trips add to the record: the trip option with its lock, and changes of a booking.

Callers own the transaction.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.changes import ChangeNote
from models.bookings.hooks import Hook, Step
from models.bookings.lifecycle import CLOSED_STATES, BookingState
from models.bookings.repository import NewBooking, insert_booking, load_booking, new_item_columns
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.core.database import Executor
from models.core.supply import Quote
from models.trips.changes import ChangeOutcome, ChangeRequest, QuoteChangeCall
from models.trips.messages import BookTripRequest, OpenBooking
from models.trips.tables import CHANGES, TRIP_OPTIONS

_OPENING = (BookingState.PENDING, BookingState.VALIDATING)

OPENED = len(_OPENING)
"""Version of a trip just opened: behind it are the transitions to PENDING and VALIDATING."""


async def insert_trip(
    session: AsyncSession, opening: OpenBooking, now: dt.datetime, reference: str | None = None
) -> int:
    """Write a new trip, which is VALIDATING then; returns the version of the record.

    ``reference`` is its human one, where it cannot be the one that was asked for.
    """
    request = opening.request
    booking = request.new_booking(now)
    booking.reference = reference or booking.reference
    new = NewBooking(
        booking=booking,
        states=_OPENING,
        caller_id=request.caller_id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        run=opening.run,
        fence=opening.fence,
        traveler_id=request.traveler_id,
        travelers=[t.model_dump(mode="json", by_alias=True) for t in request.travelers],
        contact=request.contact.model_dump(mode="json", by_alias=True),
        billing_details=request.billing_details,
        offers={
            item.number: component.model_dump(mode="json", by_alias=True)
            for item, component in zip(booking.items, request.trip.components, strict=True)
        },
    )
    return await insert_booking(session, new, now)


async def lock_trip_option(session: AsyncSession, request: BookTripRequest) -> str | None:
    """Keep our own copy of the trip option and lock it for this booking.

    Returns None when this booking has the lock, else the id of the booking that has it: empty when
    that is another caller's.
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
    whose = select(BOOKINGS.c.caller_id).where(BOOKINGS.c.id == table.booking_id).scalar_subquery()
    lock = await session.execute(
        select(table.booking_id, whose)
        .where(table.id == trip.trip_option_id)
        .with_for_update(of=TRIP_OPTIONS)
    )
    holder, owner = lock.one()
    if holder is None:  # set free between the two statements, and now held still for us
        await session.execute(
            update(TRIP_OPTIONS)
            .where(table.id == trip.trip_option_id)
            .values(lock_status="LOCKED", booking_id=request.booking_id, updated_at=func.now())
        )
        return None
    if holder == request.booking_id:
        return None
    return str(holder) if owner == request.caller_id else ""


@dataclass(frozen=True)
class TripLock:
    """What a booking is to its trip option."""

    trip_option_id: str
    status: str
    """LOCKED or BOOKED by this booking; OPEN: it does not have it (any more)."""


async def load_lock(session: Executor, booking_id: str) -> TripLock | None:
    """Return what a booking is to its trip option; None for one that is no trip."""
    row = (
        await session.execute(
            select(BOOKINGS.c.trip_option_id, TRIP_OPTIONS.c.lock_status)
            .outerjoin(
                TRIP_OPTIONS,
                (TRIP_OPTIONS.c.id == BOOKINGS.c.trip_option_id)
                & (TRIP_OPTIONS.c.booking_id == BOOKINGS.c.id),
            )
            .where(BOOKINGS.c.id == booking_id, BOOKINGS.c.trip_option_id.is_not(None))
        )
    ).one_or_none()
    return None if row is None else TripLock(row.trip_option_id, row.lock_status or "OPEN")


class TripHook(Hook):
    """Keeps a trip's option and its change in step with the booking."""

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Write what the transition means for a change; items that come are inserted."""
        if step.change is not None:
            await note_change(session, step.change, step.booking.updated_at, step.booking)

    async def after(self, session: AsyncSession, step: Step) -> None:
        """Have the trip option booked, or open again; the trip planner hears of it by events."""
        lock = _lock_after(step.booking.state)
        if lock is None or step.from_state is step.booking.state:
            return
        await session.execute(
            update(TRIP_OPTIONS)
            .where(TRIP_OPTIONS.c.booking_id == step.booking.id)
            .values(
                lock_status=lock,
                booking_id=None if lock == "OPEN" else step.booking.id,
                updated_at=func.now(),
            )
        )


def _lock_after(state: BookingState) -> str | None:
    if state is BookingState.CONFIRMED:
        return "BOOKED"
    return "OPEN" if state in CLOSED_STATES else None


@dataclass(frozen=True)
class StoredChange:
    """A change of a booking as recorded."""

    fingerprint: str
    """Of the request that asked for it."""
    outcome: ChangeOutcome | None
    """None: it has not ended."""


async def begin_change(session: AsyncSession, request: ChangeRequest) -> StoredChange:
    """Write a change down, if it is a new one; returns how it stands on record."""
    await session.execute(
        upsert(CHANGES)
        .values(
            id=request.change_id,
            booking_id=request.booking_id,
            fingerprint=request.fingerprint,
            who=request.who,
            requested=request.requested.model_dump(mode="json", by_alias=True),
            status="open",
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )
    stored = await load_change(session, request.change_id)
    assert stored is not None, "it was written a moment ago"
    return stored


async def load_change(session: AsyncSession, change_id: str) -> StoredChange | None:
    """Return a change of a booking as recorded; None when it is not."""
    table = CHANGES.c
    row = (
        await session.execute(select(table.fingerprint, table.outcome).where(table.id == change_id))
    ).one_or_none()
    if row is None:
        return None
    outcome = ChangeOutcome.model_validate(row.outcome) if row.outcome else None
    return StoredChange(fingerprint=row.fingerprint, outcome=outcome)


async def keep_change_quotes(
    session: AsyncSession, call: QuoteChangeCall, quoted: dict[int, Quote]
) -> None:
    """Keep what was quoted with a change that has not ended, by the items' numbers."""
    travelers = (
        None
        if call.travelers is None
        else [traveler.model_dump(mode="json", by_alias=True) for traveler in call.travelers]
    )
    kept = {
        str(number): {
            "component": call.components[number].model_dump(mode="json", by_alias=True),
            "quote": quote.model_dump(mode="json"),
            "travelers": travelers,
        }
        for number, quote in quoted.items()
    }
    await session.execute(
        update(CHANGES)
        .where(CHANGES.c.id == call.change_id, CHANGES.c.status == "open")
        .values(quotes=kept)
    )


async def booking_of_change(session: AsyncSession, change_id: str) -> str:
    """Return the booking that a change on record is of."""
    of = select(CHANGES.c.booking_id).where(CHANGES.c.id == change_id)
    return str(await session.scalar(of))


async def note_change(
    session: AsyncSession, note: ChangeNote, now: dt.datetime, booking: Booking | None = None
) -> None:
    """Write what ``note`` says of a change; repeating it changes nothing.

    ``booking`` is the one whose transition goes with it, None without one. Write this before the
    transition's items: those that come are inserted here.
    """
    if note.begins and booking is not None:
        await _add_items(session, booking, note.change_id)
    if note.outcome is not None:
        await session.execute(
            update(CHANGES)
            .where(CHANGES.c.id == note.change_id, CHANGES.c.status == "open")
            .values(
                status="done" if note.outcome.carried_out else "refused",
                outcome=note.outcome.model_dump(mode="json"),
                ended_at=now,
            )
        )


async def _add_items(session: AsyncSession, booking: Booking, change_id: str) -> None:
    """Insert the items that come, with the components and quotes that are kept with the change."""
    kept = await session.scalar(select(CHANGES.c.quotes).where(CHANGES.c.id == change_id)) or {}
    rows = [
        {
            **new_item_columns(booking, item),
            "offer": kept[str(item.number)]["component"],
            "quote": kept[str(item.number)]["quote"],
            "travelers": kept[str(item.number)]["travelers"],
            "change_id": change_id,
        }
        for item in booking.items
        if str(item.number) in kept
    ]
    if rows:
        added = upsert(BOOKING_ITEMS).values(rows)
        await session.execute(
            added.on_conflict_do_update(  # begun before, by a worker that died
                index_elements=["booking_id", "number"],
                set_={
                    name: added.excluded[name]
                    for name in ("offer", "quote", "travelers", "component_ref", "title", "type")
                },
                where=BOOKING_ITEMS.c.change_id == change_id,
            )
        )


async def load_without(session: AsyncSession, booking_id: str, change_id: str) -> Booking | None:
    """Return a booking as it was before a change began; None when there is no such booking.

    What a worker that died has written down of the change gets the same numbers again.
    """
    booking = await load_booking(session, booking_id)
    if booking is None:
        return None
    table = BOOKING_ITEMS.c
    added = set(
        await session.scalars(
            select(table.number).where(table.booking_id == booking_id, table.change_id == change_id)
        )
    )
    booking.items = [item for item in booking.items if item.number not in added]
    booking.payments = [payment for payment in booking.payments if payment.change != change_id]
    return booking
