"""What stops a trip before anything is booked: prices, availability, cards, other bookings."""

import asyncio

import httpx
import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.problems import Code
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack


async def booked(stack: Stack, **criteria: object) -> tuple[Booking, Facts]:
    booking = await stack.book(**criteria)
    return booking, await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.parametrize(
    "supplier", table(["amadeus", "booking_com", "viator"], quick=["booking_com"])
)
async def test_a_price_above_what_was_accepted_touches_nothing(stack: Stack, supplier: str) -> None:
    await stack.sandbox.arm(supplier, "quote", "price_drift", rate=1)
    booking, facts = await booked(stack)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PRICE_CHANGED
    assert booking.problem.details["oldPrice"] == booking.accepted_total
    assert booking.problem.details["newPrice"] > booking.accepted_total
    assert facts.reservations == []
    assert facts.payments == []


@pytest.mark.parametrize("supplier", table(["amadeus", "booking_com", "viator"], quick=["viator"]))
async def test_what_is_not_available_touches_nothing(stack: Stack, supplier: str) -> None:
    await stack.sandbox.arm(supplier, "quote", "refuse", rate=1)
    booking, facts = await booked(stack)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.step) == (Code.UNAVAILABLE, "validate")
    assert facts.reservations == []
    assert facts.payments == []


@pytest.mark.parametrize(
    "supplier", table(["amadeus", "booking_com", "viator"], quick=["amadeus", "viator"])
)
async def test_a_price_that_changes_at_booking_is_not_paid(stack: Stack, supplier: str) -> None:
    request = await stack.request()
    await stack.sandbox.arm(supplier, "book", "price_drift", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    if supplier == "viator":
        assert booking.state is BookingState.CONFIRMED
        assert booking.warnings
    else:
        assert booking.state is BookingState.FAILED
        assert not any(row["live"] for row in facts.reservations)


@pytest.mark.parametrize(
    ("card", "code"),
    table(
        [
            ("pm_card_visa_chargeDeclined", "generic_decline"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ],
        quick=[("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds")],
    ),
)
async def test_a_declined_card_books_nothing(stack: Stack, card: str, code: str) -> None:
    """Nobody sends another one."""
    request = await stack.request(payment_method=card)
    request.patience.authentication_deadline = 1
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PAYMENT_DECLINED
    assert booking.problem.provider_code == code
    assert booking.payment.status is PaymentStatus.RELEASED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.reservations == []


@pytest.mark.exhaustive  # refused as any other: test_cards
async def test_an_unknown_payment_method_books_nothing(stack: Stack) -> None:
    booking, facts = await booked(stack, payment_method="pm_does_not_exist")
    assert booking.state is BookingState.FAILED
    assert facts.reservations == []


async def test_the_traveller_authenticates_and_the_trip_goes_on(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.payment.client_secret
    assert waiting.payment.next_action is not None
    async with httpx.AsyncClient() as http:
        url = waiting.payment.next_action["redirect_to_url"]["url"]
        answer = await http.post(url, params={"outcome": "succeed"})
        assert answer.status_code < 400, answer.text
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [row["to_state"] for row in facts.history][2:] == [
        "PROCESSING",
        "PAYMENT_PENDING",
        "PROCESSING",
        "CONFIRMED",
    ]


async def test_a_traveller_who_does_not_authenticate_is_let_go(stack: Stack) -> None:
    request = await stack.request()
    request.patience.authentication_deadline = 2
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.AUTHENTICATION_REQUIRED
    assert booking.payment.status is PaymentStatus.RELEASED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_trip_option_is_booked_once(stack: Stack) -> None:
    trip = await stack.sandbox.trip()
    first, second = await asyncio.gather(stack.book(trip=trip), stack.book(trip=trip))
    states = {first.state, second.state}
    assert states == {BookingState.CONFIRMED, BookingState.FAILED}
    loser = first if first.state is BookingState.FAILED else second
    assert loser.problem is not None
    assert loser.problem.code is Code.TRIP_TAKEN
    for booking in (first, second):
        await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_failed_trip_can_be_tried_again(stack: Stack) -> None:
    trip = await stack.sandbox.trip()
    failed = await stack.book(trip=trip, payment_method="pm_card_visa_chargeDeclinedStolenCard")
    assert failed.state is BookingState.FAILED
    again = await stack.book(trip=trip)
    assert again.state is BookingState.CONFIRMED, again.problem


async def test_the_planner_knows_what_is_booked(stack: Stack) -> None:
    booking = await stack.book()
    async with asyncio.timeout(20):  # by the outbox: soon after the booking is confirmed
        while True:
            answer = await stack.sandbox.http.get(f"/trip-options/{booking.trip_option_id}")
            if answer.json()["lockStatus"] == "BOOKED":
                break
            await asyncio.sleep(0.1)


async def test_nothing_is_captured_for_an_experience_that_failed(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("viator", "book", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED
    assert len(booking.warnings) == 1
    assert sum(item.live for item in booking.items) == 3
    live = sum(item.price for item in booking.items if item.live)
    assert booking.payment.captured == live < booking.accepted_total
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_payment_that_may_not_be_looked_for_is_made_once(stack: Stack) -> None:
    """A look-up that is refused is no refusal of the payment: the same key settles it."""
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "create", "commit_then_hang", seconds=20, **about)
    # The search, and the list that stands in for it.
    looks = await stack.sandbox.arm("stripe", "retrieve", "refuse", times=2)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert await stack.sandbox.fired(looks) == 2
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert len(facts.payments) == 1
