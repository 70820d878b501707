"""Reservations made by the worker of a stack, and judged from outside."""

import datetime as dt
import uuid
from datetime import timedelta
from typing import Any

import psycopg
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from models.bookings.booking import Booking
from models.core import keys
from models.core.callers import Caller
from models.core.people import Contact
from models.core.venues import SlotWish, VenueGuest, VenueSlot, slot_in
from models.reservations.changes import Details, MoveRequest
from models.reservations.messages import BookReservationRequest
from models.reservations.moves import load_standing
from models.reservations.policy import VenuePolicy
from models.reservations.venues import Venue, put_venue, venue_id
from suppliers.venue import VenueSupplier
from temporal import patience
from tests.support.checker import check
from tests.support.stack import CALLER, Stack
from workflows.reservations.book_reservation import BookReservation


def thursday() -> dt.date:
    """Return a Thursday in two or three weeks: every venue of the sandbox is open."""
    today = dt.datetime.now(dt.UTC).date()
    return today + dt.timedelta(days=14 + (3 - today.weekday()) % 7)


async def request_for(
    stack: Stack,
    like: str = "chefs-table",
    *,
    table: str | None = None,
    card: str = "pm_card_visa",
    hold_seconds: int = 900,
) -> BookReservationRequest:
    """Return a request for a slot at a venue of its own, as the API would make it."""
    place = f"{like}~{uuid.uuid4().hex[:12]}"
    guest = VenueGuest(name="Ada Okafor")
    wish = SlotWish(
        venue_id=place,
        venue_type="RESTAURANT",
        date=thursday(),
        time=dt.time(19, 30),
        party_size=2,
        resource_id=table,
    )
    supplier = VenueSupplier(stack.settings)
    quote = await supplier.quote(wish, guest)
    await supplier.close()
    slot = slot_in(quote)
    async with stack.sessions.begin() as session:
        if await session.get(Caller, CALLER) is None:
            session.add(Caller(id=CALLER, name="books places in tests", created_at=slot.starts_at))
            await session.flush()
        venue = Venue("", place, "RESTAURANT", "", slot.time_zone, VenuePolicy(), 1)
        await put_venue(session, CALLER, venue, expected=None)
    key = str(uuid.uuid4())
    booking = keys.booking_id(CALLER, key, route="POST /api/v1/bookings")
    return BookReservationRequest(
        booking_id=booking,
        booking_reference=keys.booking_reference(booking),
        caller_id=CALLER,
        idempotency_key=key,
        fingerprint="test",
        venue_id=venue_id(CALLER, place),
        slot=slot,
        guest_id=key,
        guest=guest,
        contact=Contact(email="ada@example.org"),
        quote=quote,
        payment_method_id=card if quote.price.amount else None,
        hold_seconds=hold_seconds,
        patience=patience(stack.settings),
    )


async def start(
    stack: Stack, request: BookReservationRequest
) -> WorkflowHandle[BookReservation, Booking]:
    """Start the reservation as the API does."""
    return await stack.client.start_workflow(
        BookReservation.run,
        request,
        id=request.booking_id,
        task_queue=stack.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        task_timeout=timedelta(seconds=4),
    )


CLAIMS = {
    "CONFIRMED": {"SOLD", "RELEASED"},  # released: before it was moved
    "FAILED": {"RELEASED"},
    "CANCELLED": {"RELEASED"},
    "EXPIRED": {"EXPIRED", "RELEASED"},
}


APART = """
SELECT (lower(c.visit), upper(c.visit), c.units, t.external_id)
    IS NOT DISTINCT FROM (r.starts_at, r.ends_at, r.party_size, r.resource_id)
FROM inventory_claims c JOIN reservations r ON r.booking_id = c.booking_id
LEFT JOIN venue_resources t ON t.no = c.resource_no
WHERE c.booking_id = %s AND c.state IN ('HELD', 'SOLD')
"""
"""Of each live claim, whether the reservation's row says the same."""


async def moved_to(
    stack: Stack, booking: Booking, *, hour: int = 22, party: int = 2, card: str | None = None
) -> MoveRequest:
    """Return a request for another time of the evening, or another party, as the API makes it."""
    async with stack.sessions() as session:
        standing = await load_standing(session, booking.id)
    assert standing is not None
    assert standing.details.slot is not None
    assert standing.details.guest is not None
    now = standing.details.slot.wish
    wish = now.model_copy(
        update={"time": dt.time(hour, 30), "party_size": party, "duration_minutes": 60}
    )
    supplier = VenueSupplier(stack.settings)
    reference = booking.items[0].reference
    quote = await supplier.quote(wish, standing.details.guest, excluding=reference)
    await supplier.close()
    return MoveRequest(
        booking_id=booking.id,
        expected_version=booking.version,
        details=Details(slot=slot_in(quote), quote=quote),
        payment_method_id=card,
    )


async def judge_place(stack: Stack, booking: Booking, slot: VenueSlot) -> None:
    """Hold a reservation against the facts, and what its inventory has against ``slot``."""
    await judge(stack, booking)
    supplier = VenueSupplier(stack.settings)
    held = booking.items[0].reservation
    assert held is not None
    seen = await supplier.look(held)
    await supplier.close()
    assert (seen.starts_at, seen.ends_at) == (slot.starts_at, slot.ends_at)
    async with stack.sessions() as session:
        standing = await load_standing(session, booking.id)
    assert standing is not None
    assert standing.details.slot == slot


async def judge(stack: Stack, booking: Booking) -> dict[str, Any]:
    """Hold a reservation against the facts outside and its claims; returns its row."""
    url = stack.settings.database.url
    facts = await check(stack.sandbox, url, booking.id)
    assert facts.booking["kind"] == "RESERVATION"
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute(
            "SELECT state FROM inventory_claims WHERE booking_id = %s", (booking.id,)
        )
        states = {state for (state,) in await found.fetchall()}
        apart = await connection.execute(APART, (booking.id,))
        live = [row[0] for row in await apart.fetchall()]
    assert live == ([True] if booking.state == "CONFIRMED" else []), "row and claim disagree"
    assert states <= CLAIMS[booking.state], (booking.state, states)
    return facts.booking
