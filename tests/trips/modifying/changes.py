"""What the tests of changes share: bookings to change, new components, and asking for changes."""

import asyncio
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.messages import RequestKind
from models.core.supply import TripComponent
from models.trips.changes import ChangeOutcome, ChangeQuote, ChangeRequest, Swap, TripChanges
from models.trips.messages import QuoteChangeRequest
from models.trips.tables import CHANGES
from temporal import patience
from tests.support.checker import Facts, check
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import set_terms
from workflows.trips.quote_change import QuoteChange

FREE = [{"until": None, "fee": 0}]


async def confirmed(stack: Stack, **criteria: Any) -> Booking:
    """A booking that stands and can be cancelled for nothing."""
    booking = await stack.book(**criteria)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    for item in booking.items:
        set_terms(stack, booking.id, item.number, FREE)
    return booking


async def offers(stack: Stack, kind: str, **criteria: Any) -> list[TripComponent]:
    """New components of one kind (FLIGHT, HOTEL, ACTIVITY), from the planner."""
    trip = await stack.sandbox.trip(**criteria)
    return [TripComponent.model_validate(c) for c in trip["components"] if c["type"] == kind]


def dates(start: int, nights: int) -> dict[str, str]:
    """Dates of a trip that begins in so many days."""
    import datetime as dt

    begin = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=start)
    return {"start": begin.isoformat(), "end": (begin + dt.timedelta(days=nights)).isoformat()}


async def other_hotel(stack: Stack, *, nights: int) -> TripComponent:
    """A hotel for other dates: the sample trip has four nights."""
    (hotel,) = await offers(
        stack,
        "HOTEL",
        dates=dates(60, nights),
        activities=0,
        suppliers={"flight": None, "hotel": "booking_com", "activity": None},
    )
    return hotel


def swap(old: Item, new: TripComponent) -> TripChanges:
    return TripChanges(swap=[Swap(component_id=old.component_id, component=new)])


async def ask(stack: Stack, booking_id: str, requested: TripChanges) -> ChangeOutcome:
    """Ask what a change would cost, as the API does."""
    outcome: ChangeOutcome = await stack.client.execute_workflow(
        QuoteChange.run,
        QuoteChangeRequest(
            booking_id=booking_id, requested=requested, patience=patience(stack.settings)
        ),
        id=f"{booking_id}-change-{uuid.uuid4()}",
        task_queue=stack.settings.task_queue,
    )
    return outcome


async def price(stack: Stack, booking_id: str, requested: TripChanges) -> ChangeQuote:
    outcome = await ask(stack, booking_id, requested)
    assert outcome.quote is not None, outcome.problem
    return outcome.quote


def request(
    booking_id: str,
    requested: TripChanges,
    accepted: int,
    *,
    card: str | None = None,
    change_id: str | None = None,
) -> ChangeRequest:
    return ChangeRequest(
        change_id=change_id or str(uuid.uuid4()),
        booking_id=booking_id,
        fingerprint="test",
        who="ada",
        requested=requested,
        accepted_total=accepted,
        payment_method_id=card,
    )


async def put(stack: Stack, change: ChangeRequest, seconds: float = 100) -> ChangeOutcome:
    """Send a change to whatever runs under the booking's id, as the API does, and wait."""
    await stack.send(
        RequestKind.CHANGE, change.booking_id, change, request_id=change.change_id, who=change.who
    )
    async with asyncio.timeout(seconds):
        while True:
            async with stack.sessions() as session:
                outcome = await session.scalar(
                    select(CHANGES.c.outcome).where(CHANGES.c.id == change.change_id)
                )
            if outcome is not None:
                return ChangeOutcome.model_validate(outcome)
            await asyncio.sleep(0.1)


async def change(
    stack: Stack, booking_id: str, requested: TripChanges, *, card: str | None = None
) -> ChangeOutcome:
    """Ask, accept, and have it carried out."""
    quote = await price(stack, booking_id, requested)
    return await put(stack, request(booking_id, requested, quote.new_total, card=card))


async def now(stack: Stack, booking_id: str) -> Booking:
    """The booking as its last workflow left it."""
    handle = stack.client.get_workflow_handle(booking_id, result_type=Booking)
    return await asyncio.wait_for(handle.result(), 60)


async def judged(stack: Stack, booking_id: str) -> Facts:
    """Hold record, sandbox, money and ledger against each other."""
    return await check(stack.sandbox, stack.settings.database.url, booking_id)


def standing(facts: Facts) -> set[str]:
    """The component ids of what is confirmed on record."""
    return {item["component_ref"] for item in facts.items if item["status"] == ItemStatus.CONFIRMED}


def as_it_was(before: Facts, after: Facts, *, parked: Collection[int] = ()) -> None:
    """Assert that a booking is exactly what it was: items, money, and what suppliers hold.

    ``parked``: numbers of new items that a person has yet to settle.
    """
    assert after.booking["state"] == "CONFIRMED"
    for name in ("accepted_total", "captured", "refunded", "travelers", "warnings", "problem"):
        if name in ("captured", "refunded"):
            continue
        assert after.booking[name] == before.booking[name], name
    old = {item["number"]: item for item in before.items}
    for item in after.items:
        if item["number"] not in old:
            assert item["status"] == "FAILED", item
            continue
        for name in ("status", "saga_state", "supplier_id", "amount", "fee", "details"):
            assert item[name] == old[item["number"]][name], (item["number"], name)
    unsettled = {item["reference"] for item in after.items if item["number"] in parked}
    assert after.payment["captured"] == before.payment["captured"]
    assert after.payment["refunded"] == before.payment["refunded"]
    live = {r["reference"] for r in after.reservations if r["live"]}
    assert live - unsettled == {r["reference"] for r in before.reservations if r["live"]}
    taken = sum(p["captured"] - p["refunded"] for p in after.payments)
    assert taken == sum(p["captured"] - p["refunded"] for p in before.payments)
    assert not [p for p in after.payments if p["status"] == "requires_capture"]
