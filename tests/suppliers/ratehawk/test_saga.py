"""Whole trips with a RateHawk hotel, on the real stack, judged by the outside checker."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.money import Money
from models.core.supply import PropertyCharge
from models.trips.messages import BookTripRequest
from tests.suppliers.conftest import in_days
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack

HOTEL: dict[str, Any] = {"suppliers": {"hotel": "ratehawk"}}
FORM, FINISH = 1, 2


async def choose(stack: Stack, request: BookTripRequest, outcome: str) -> None:
    answer = await stack.sandbox.http.post(
        "/_sandbox/ratehawk/outcomes",
        json={"outcome": outcome, "reference": request.booking_id},
    )
    assert answer.status_code == 201, answer.text


async def booked(stack: Stack, request: BookTripRequest) -> tuple[Booking, Facts]:
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 90)
    return booking, await check(stack.sandbox, stack.settings.database.url, booking.id)


def hotel(facts: Facts) -> list[str]:
    rows = [row for row in facts.log if row["supplier"] == "ratehawk"]
    return [row["effect"] for row in rows if row["effect"] != "none"]


async def test_a_trip_with_a_hotel_that_is_decided_later(stack: Stack) -> None:
    booking, facts = await booked(stack, await stack.request(**HOTEL))
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert hotel(facts) == ["created", "confirmed"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    table(
        [
            ("unknown_success", BookingState.CONFIRMED),
            ("booking_form_expired", BookingState.CONFIRMED),
            ("soldout", BookingState.FAILED),
            ("provider", BookingState.FAILED),
            ("unknown_soldout", BookingState.FAILED),
            ("insufficient_b2b_balance", BookingState.FAILED),
            ("3ds", BookingState.FAILED),
        ],
        # what an order's words mean is the adapter's (test_outcomes): to a trip it is made or not
        quick=[
            ("unknown_success", BookingState.CONFIRMED),
            ("booking_form_expired", BookingState.CONFIRMED),
            ("unknown_soldout", BookingState.FAILED),
        ],
    ),
)
async def test_every_way_an_order_goes(stack: Stack, outcome: str, state: BookingState) -> None:
    request = await stack.request(**HOTEL)
    await choose(stack, request, outcome)
    booking, facts = await booked(stack, request)
    assert booking.state is state, booking.problem
    live = [row for row in facts.reservations if row["supplier"] == "ratehawk" and row["live"]]
    assert len(live) == (state is BookingState.CONFIRMED)
    if state is BookingState.FAILED:
        assert not any(row["live"] for row in facts.reservations)


@pytest.mark.parametrize(
    ("nth", "kind"),
    table(
        [FORM, FINISH],
        ["error", "reset", "commit_then_hang", "late_commit", "malformed", "duplicate"],
        quick=[(FORM, "late_commit"), (FINISH, "commit_then_hang")],
    ),
)
async def test_an_unanswered_call_books_once(stack: Stack, nth: int, kind: str) -> None:
    request = await stack.request(**HOTEL)
    await stack.sandbox.arm(
        "ratehawk",
        "book",
        kind,
        nth=nth,
        reference=request.booking_id,
        seconds=1.6 if kind == "late_commit" else 20,
    )
    booking, facts = await booked(stack, request)
    assert await stack.sandbox.fired() == 1
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert hotel(facts) == ["created", "confirmed"]


async def test_what_was_booked_is_cancelled_when_the_trip_fails(stack: Stack) -> None:
    request = await stack.request(**HOTEL)
    await stack.sandbox.arm("stripe", "capture", "refuse", reference=request.booking_id, times=5)
    booking, facts = await booked(stack, request)
    assert booking.state is BookingState.FAILED
    assert hotel(facts) == ["created", "confirmed", "cancelled"]


async def test_a_family_in_one_room(stack: Stack) -> None:
    """A child's age goes from the trip to the hotel, and what the hotel takes comes back."""
    born = in_days(0) + dt.timedelta(days=60 - int(6.5 * 365.25))
    people = [("Ana", "1990-05-05"), ("Cleo", born.isoformat())]
    family = [{"firstName": n, "lastName": "Roe", "dateOfBirth": day} for n, day in people]
    request = await stack.request(
        travelers=family, suppliers={"flight": None, "hotel": "ratehawk", "activity": None}
    )
    booking, facts = await booked(stack, request)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert hotel(facts) == ["created", "confirmed"]
    # Four nights of one adult; a hotel that was asked for two would take twice as much.
    (due,) = booking.items[0].pay_at_property
    assert due == PropertyCharge(name="city tax", price=Money(amount=4 * 250, currency="EUR"))
