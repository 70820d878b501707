"""Trips whose flight is Duffel's: held first and paid last, paid at once, made later, undone."""

import asyncio
from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import unsettled

FORGETTING = "/_sandbox/duffel/forgetting"
DUFFEL: dict[str, Any] = {"suppliers": {"flight": "duffel"}}


async def flight_of(stack: Stack, booking: Booking) -> tuple[Facts, dict[str, Any], list[str]]:
    """The facts, the flight's line, and what happened at Duffel."""
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    [line] = [item for item in facts.items if item["supplier"] == "duffel"]
    effects = [
        row["effect"]
        for row in facts.log
        if row["supplier"] == "duffel" and row["effect"] != "none"
    ]
    return facts, line, effects


@pytest.mark.parametrize(
    ("destination", "effects"), [("LIS", ["created", "confirmed"]), ("MAD", ["created"])]
)
async def test_a_trip_is_booked(stack: Stack, destination: str, effects: list[str]) -> None:
    booking = await stack.book(destination=destination, **DUFFEL)
    assert booking.state is BookingState.CONFIRMED
    facts, line, happened = await flight_of(stack, booking)
    assert line["status"] == "CONFIRMED"
    assert happened == effects
    if destination == "LIS":
        # What cannot be had back is paid after the traveller's money was taken.
        order = [(row["supplier"], row["effect"]) for row in facts.log]
        assert order.index(("duffel", "confirmed")) > order.index(("stripe", "captured"))


async def test_a_carrier_without_e_tickets(stack: Stack) -> None:
    """Its order is paid, has no documents and does not say when it was paid: it is the flight."""
    booking = await stack.book(destination="LHR", **DUFFEL)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    _, line, effects = await flight_of(stack, booking)
    assert (line["status"], effects) == ("CONFIRMED", ["created"])


@pytest.mark.parametrize("destination", table(["LIS", "MAD"], quick=["MAD"]))
async def test_an_order_other_than_asked_is_undone_by_its_id(
    stack: Stack, destination: str
) -> None:
    """A look-up by our reference would not find it: the order does not carry it."""
    request = await stack.request(destination=destination, **DUFFEL)
    (await stack.sandbox.http.post(f"{FORGETTING}/{request.booking_id}")).raise_for_status()
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert booking.state is BookingState.FAILED
    _, _, effects = await flight_of(stack, booking)
    assert effects == ["created", "cancelled"]


async def test_an_order_that_was_made_and_is_not_to_be_found_is_somebodys_case(
    stack: Stack,
) -> None:
    """A 201 that cannot be read says that there is one: "not visible" is no end to it."""
    request = await stack.request(destination="MAD", **DUFFEL)
    (await stack.sandbox.http.post(f"{FORGETTING}/{request.booking_id}")).raise_for_status()
    await stack.sandbox.arm("duffel", "book", "malformed", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    recorded = await stack.recorded(booking.id)
    (case,) = unsettled(recorded)
    assert "was made" in case.summary


@pytest.mark.parametrize("destination", ["LIS", "MAD"])
async def test_a_trip_is_undone(stack: Stack, destination: str) -> None:
    await stack.sandbox.arm("booking_com", "book", "refuse")
    booking = await stack.book(destination=destination, **DUFFEL)
    assert booking.state is BookingState.FAILED
    _, _, effects = await flight_of(stack, booking)
    assert effects == ["created", "cancelled"]


@pytest.mark.parametrize(
    ("outcome", "destination"),
    table(["created", "failed"], ["LIS", "MAD"], quick=[("created", "LIS"), ("failed", "MAD")]),
)
async def test_an_order_that_is_only_accepted(stack: Stack, outcome: str, destination: str) -> None:
    request = await stack.request(destination=destination, **DUFFEL)
    later = {"outcome": outcome, "after": 2, "reference": request.booking_id}
    answer = await stack.sandbox.http.post("/_sandbox/duffel/later", json=later)
    assert answer.status_code == 201
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 90)
    made = outcome == "created"
    assert booking.state is (BookingState.CONFIRMED if made else BookingState.FAILED)
    _, _, effects = await flight_of(stack, booking)
    held = ["confirmed"] if destination == "LIS" else []
    assert effects == (["created", *held] if made else [])
    if made:
        [item] = [item for item in booking.items if item.supplier == "duffel"]
        assert item.reservation is not None
        assert item.reservation.confirmation_code, "the traveller gets the airline's own"


@pytest.mark.parametrize(
    ("kind", "destination"),
    table(
        ["commit_then_hang", "commit_then_error", "malformed", "duplicate"],
        ["LIS", "MAD"],
        quick=[("malformed", "MAD")],
    ),
)
async def test_an_unanswered_order_is_made_once(stack: Stack, kind: str, destination: str) -> None:
    await stack.sandbox.arm("duffel", "book", kind, seconds=2)
    booking = await stack.book(destination=destination, **DUFFEL)
    assert booking.state is BookingState.CONFIRMED
    _, _, effects = await flight_of(stack, booking)
    assert effects == (["created", "confirmed"] if destination == "LIS" else ["created"])


# The fault table has a late order, and an unanswered payment, in every run (trips/saga/cells.py).
@pytest.mark.exhaustive
@pytest.mark.parametrize("destination", ["LIS", "MAD"])
async def test_a_late_order_is_undone_or_ours(stack: Stack, destination: str) -> None:
    """Duffel does not promise that repeating is safe: what is not visible is not ordered again."""
    await stack.sandbox.arm("duffel", "book", "late_commit", seconds=2)
    booking = await stack.book(destination=destination, **DUFFEL)
    _, _, effects = await flight_of(stack, booking)
    if booking.state is BookingState.CONFIRMED:  # looked for late enough to be seen after all
        assert effects.count("created") == 1
        assert "cancelled" not in effects
    else:
        assert booking.state is BookingState.FAILED
        assert effects == ["created", "cancelled"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["hang", "commit_then_hang", "commit_then_error", "malformed"])
async def test_an_unanswered_payment_is_made_once(stack: Stack, kind: str) -> None:
    await stack.sandbox.arm("duffel", "complete", kind, seconds=2)
    booking = await stack.book(**DUFFEL)
    assert booking.state is BookingState.CONFIRMED
    _, _, effects = await flight_of(stack, booking)
    assert effects == ["created", "confirmed"]


@pytest.mark.parametrize("kind", ["refuse", "price_drift"])
async def test_a_hold_that_cannot_be_paid(stack: Stack, kind: str) -> None:
    await stack.sandbox.arm("duffel", "complete", kind)
    booking = await stack.book(**DUFFEL)
    assert booking.state is BookingState.FAILED
    facts, _, effects = await flight_of(stack, booking)
    assert effects == ["created", "cancelled"]
    assert facts.payment["captured"] == facts.payment["refunded"]
