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
from models.core.venues import SlotWish, VenueGuest, slot_in
from models.reservations.messages import BookReservationRequest
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
            session.add(Caller(id=CALLER, name="reserves", created_at=slot.starts_at))
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
    "CONFIRMED": {"SOLD"},
    "FAILED": {"RELEASED"},
    "CANCELLED": {"RELEASED"},
    "EXPIRED": {"EXPIRED", "RELEASED"},
}


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
    assert states <= CLAIMS[booking.state], (booking.state, states)
    return facts.booking
