"""Writing the record. Callers own the transaction."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import CursorResult, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.events import events_of
from models.bookings.hooks import Hooks, Step
from models.bookings.lifecycle import BookingKind, BookingState, may_become
from models.bookings.messages import UNSETTLED_CASE, Transition
from models.bookings.repository.requests import end_requests
from models.bookings.repository.rows import (
    booking_columns,
    history_columns,
    new_item_columns,
    people_columns,
)
from models.bookings.repository.story import items_of, write_story
from models.bookings.tables import BOOKING_ITEMS, BOOKING_REQUESTS, BOOKINGS, HISTORY
from models.core.cases import close_case, open_case, renew_case
from models.core.database import Executor
from models.core.fencing import Fence
from models.core.recordset import as_json, recordset
from models.core.supply import Quote
from models.payments.repository import (
    payment_rows,
    write_payments,
    write_what_went_back,
)

_S = BookingState


class StaleVersionError(Exception):
    """The booking has moved on since it was read: somebody else recorded a transition."""


@dataclass(frozen=True)
class NewBooking:
    """A booking that is to be written down, and what only the record knows of it."""

    booking: Booking
    states: tuple[BookingState, ...]
    """The states it passes through at once, one version each; it is in the last one then."""
    caller_id: str
    idempotency_key: str
    fingerprint: str
    run: str
    """The first run of the workflow that makes it."""
    traveler_id: str
    travelers: list[dict[str, Any]]
    contact: dict[str, Any]
    billing_details: dict[str, Any]
    offers: dict[int, dict[str, Any]]
    """What the items were chosen from, by item number."""
    fence: Fence | None = None
    why: tuple[str, ...] = ("booked", "checking items")
    """Of each state, for the history."""
    who: str | None = None
    """Who asked for it, for the history; None: its caller."""
    first_at: dt.datetime | None = None
    """When it came to the first of the states; None: now."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """What only its kind has of the booking's row."""


async def insert_booking(session: AsyncSession, new: NewBooking, now: dt.datetime) -> int:
    """Write a new booking with its items, payment, history and event; returns its version."""
    booking, version = new.booking, len(new.states)
    always = {"trip_option_id": booking.trip_option_id, "created_at": now, "updated_at": now}
    columns = {
        **booking_columns(booking, version),
        **always,
        "state": new.states[-1],
        "id": booking.id,
        "kind": booking.kind,
        "reference": booking.reference,
        "caller_id": new.caller_id,
        "idempotency_key": new.idempotency_key,
        "fingerprint": new.fingerprint,
        "run_id": new.run,
        "fence": new.fence,
        "traveler_id": new.traveler_id,
        "currency": booking.currency,
        "travelers": new.travelers,
        "contact": new.contact,
        **new.columns,
    }
    history, events, before = [], [], None
    for number, (state, why) in enumerate(zip(new.states, new.why, strict=False), 1):
        who = (new.who or f"caller {new.caller_id}") if before is None else "saga"
        at = new.first_at if before is None and new.first_at is not None else now
        history.append(history_columns(booking.id, number, before, state, at, who, why))
        stage = booking.model_copy(update={"state": state})
        events += events_of(stage, before, number, {})
        before = state
    await write_story(
        session,
        booking.id,
        history,
        events,
        booking=columns,
        payments=payment_rows(booking, new.billing_details),
        items=[
            {**new_item_columns(booking, item), **always, "offer": new.offers[item.number]}
            for item in booking.items
        ],
        new=True,
    )
    return version


async def claim_booking(session: AsyncSession, booking_id: str, fence: Fence | None) -> None:
    """Keep workers with a lower fencing token from writing a booking from now on.

    Raises:
        StaleVersionError: a worker with a higher one has written or claimed it.
    """
    if fence is None:
        return
    table = BOOKINGS.c
    claimed = await session.scalar(
        update(BOOKINGS)
        .where(table.id == booking_id, table.fence.is_(None) | (table.fence <= fence))
        .values(fence=fence)
        .returning(table.id)
    )
    if claimed is None:
        raise StaleVersionError(f"booking {booking_id} was written by a successor of this worker")


_QUOTED = ("number", "quote", "amount")
_SAVE_QUOTES = text(f"""
WITH claimed AS (
    UPDATE bookings SET fence = coalesce(CAST(:fence AS bigint[]), fence) WHERE id = :booking_id
    AND (fence IS NULL OR fence <= coalesce(CAST(:fence AS bigint[]), fence)) RETURNING id
)
UPDATE booking_items SET quote = fresh.quote, amount = fresh.amount
FROM claimed, {recordset(BOOKING_ITEMS, _QUOTED, "quotes")}
WHERE booking_items.booking_id = claimed.id AND booking_items.number = fresh.number
""")  # noqa: S608


async def save_quotes(
    session: Executor, booking_id: str, quotes: dict[int, Quote], fence: Fence | None = None
) -> None:
    """Store what suppliers quoted, offers included; ``book`` sends the offer back unchanged.

    The amount of an item is in the payment's currency, whatever its supplier quotes in.

    Raises:
        StaleVersionError: a worker with a higher fencing token has written the booking.
    """
    rows = [
        {
            "number": number,
            "quote": quote.model_dump(mode="json"),
            "amount": quote.payable.price.amount,
        }
        for number, quote in quotes.items()
    ]
    values = {"booking_id": booking_id, "quotes": as_json(rows), "fence": fence}
    saved = await session.execute(_SAVE_QUOTES, values)
    if rows and not cast("CursorResult[Any]", saved).rowcount:
        raise StaleVersionError(f"booking {booking_id} was quoted by a successor of this worker")


async def record_transition(
    session: AsyncSession, transition: Transition, hooks: Hooks, *, alone: bool = False
) -> int:
    """Write one transition: booking, items, payment, history, events. Returns the version.

    The hooks of the booking's kind run in the same transaction. Repeating a transition changes
    nothing but the fence. When the record has moved on since the booking was read, an earlier
    worker of the same workflow has moved it: it wrote a transition and died before the history
    knew of it, and its successor decided otherwise. Then this one follows that one, if it may.

    ``alone``: no workflow writes it. Then nothing is followed, and nothing is written while a
    request about the booking is being carried out.

    Raises:
        StaleVersionError: a successor of this worker has written, or what is recorded meanwhile
            cannot be followed by this transition.
    """
    booking = transition.booking
    columns = BOOKINGS.c
    stored = (
        await session.execute(
            select(
                columns.kind,
                columns.version,
                columns.state,
                columns.fence,
                columns.accepted_total,
                columns.captured,
                columns.refunded,
            )
            .where(columns.id == booking.id)
            .with_for_update()
        )
    ).one()
    kind, from_state = BookingKind(stored.kind), BookingState(stored.state)
    if transition.fence and stored.fence and transition.fence < stored.fence:
        raise StaleVersionError(
            f"booking {booking.id} was written by a successor of this worker:"
            f" {transition.fence} came before {stored.fence}"
        )
    digest = transition.digest()
    if alone and (stored.version != booking.version or await is_busy(session, booking.id)):
        raise StaleVersionError(f"booking {booking.id} is in version {stored.version}, or busy")
    if stored.version != booking.version:
        if await _recorded_before(session, transition, digest):
            await claim_booking(session, booking.id, transition.fence)
            return booking.version + 1
        if not may_become(kind, from_state, booking.state):
            raise StaleVersionError(
                f"booking {booking.id} is {from_state} in version {stored.version}"
                f" and cannot become {booking.state}"
            )
    version = int(stored.version) + 1
    if transition.change is not None:
        await write_payments(session, booking)  # the items that come name theirs
    step = Step(booking, from_state, version, transition.change, transition.details)
    for hook in hooks.get(kind, ()):
        await hook.before(session, step)
    fence = {} if transition.fence is None else {"fence": transition.fence}
    who, why, now = transition.who, transition.why, booking.updated_at
    history = history_columns(booking.id, version, from_state, booking.state, now, who, why, digest)
    changed = {
        "total": booking.accepted_total != stored.accepted_total,
        "captured": booking.captured != stored.captured,
        "refunded": booking.refunded != stored.refunded,
        "items": transition.change is not None,
        "details": transition.details is not None,
    }
    events = events_of(booking, from_state, version, changed, attention=bool(transition.cases))
    await write_story(
        session,
        booking.id,
        [history],
        events,
        booking={
            **booking_columns(booking, version),
            **people_columns(transition.change),
            **{name: v for hook in hooks.get(kind, ()) for name, v in hook.columns(step).items()},
            **fence,
        },
        payments=payment_rows(booking),
        items=items_of(booking),
    )
    await write_what_went_back(session, booking, version)
    for closing in transition.settled_cases:
        await close_case(session, **closing.model_dump())
    for note in transition.cases:
        opened = await open_case(session, booking_id=booking.id, **note.model_dump())
        if not opened and note.kind == UNSETTLED_CASE:
            known = note.model_dump(include={"source", "summary", "details"})
            await renew_case(session, **known)
    await end_requests(session, booking.id, transition.ended_requests)
    for hook in hooks.get(kind, ()):
        await hook.after(session, step)
    return version


async def is_busy(session: AsyncSession, booking_id: str) -> bool:
    """Tell whether a request about a booking is being carried out; its row is locked."""
    begun = select(BOOKING_REQUESTS.c.id).where(
        BOOKING_REQUESTS.c.booking_id == booking_id, BOOKING_REQUESTS.c.ended_at.is_(None)
    )
    return bool(await session.scalar(select(begun.exists())))


async def _recorded_before(session: AsyncSession, transition: Transition, digest: str) -> bool:
    """Tell whether this very transition is on record; an equal state alone does not say so."""
    recorded = await session.scalar(
        select(HISTORY.c.digest).where(
            HISTORY.c.booking_id == transition.booking.id,
            HISTORY.c.version == transition.booking.version + 1,
        )
    )
    return bool(recorded == digest)
