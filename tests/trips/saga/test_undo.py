"""Undo: in reverse, repeated through faults, and parked for an operator when it fails for good."""

import asyncio
from typing import Literal

import pytest

from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import RequestKind, Resolution
from models.bookings.problems import Code
from sandbox.sellers import SELLERS
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import sold_by

Decision = Literal["retry", "resolved"]


async def test_a_refused_hotel_undoes_flight_and_payment_in_reverse(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("booking_com", "book", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)

    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.step) == (Code.UNAVAILABLE, "hotel")
    assert booking.payment.status is PaymentStatus.RELEASED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    effects = [(r["supplier"], r["effect"]) for r in facts.log if r["effect"] != "none"]
    undone = [e for e in effects if e[1] in {"cancelled", "released"}]
    assert undone == [("amadeus", "cancelled"), ("stripe", "released")]


@pytest.mark.parametrize(
    ("supplier", "operation", "kind"),
    table(
        [*((supplier, "cancel") for supplier in SELLERS), ("stripe", "cancel")],
        ["error", "reset", "hang", "commit_then_hang", "malformed"],
        quick=[
            ("amadeus", "cancel", "hang"),
            ("stripe", "cancel", "error"),
        ],
    ),
)
async def test_an_undo_in_trouble_is_repeated(
    stack: Stack, supplier: str, operation: str, kind: str
) -> None:
    """Everything is booked, the capture is refused, and one undo has trouble: rows c1–c4."""
    request = await stack.request(**sold_by(supplier))
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
    await stack.sandbox.arm(supplier, operation, kind, seconds=20, **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert await stack.sandbox.fired() >= 2
    assert booking.state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.parametrize(
    ("supplier", "decision"),
    table(
        SELLERS,
        ["retry", "resolved"],
        quick=[("amadeus", "retry"), ("booking_com", "resolved")],
    ),
)
async def test_an_undo_that_fails_for_good_is_a_case(
    stack: Stack, supplier: str, decision: Decision
) -> None:
    request = await stack.request(**sold_by(supplier))
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
    await stack.sandbox.arm(supplier, "cancel", "refuse", **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)

    assert booking.state is BookingState.FAILED
    assert booking.needs_attention
    assert booking.payment.status is PaymentStatus.RELEASED  # the others are undone all the same
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)

    booking = await stack.resolve(request.booking_id, decision)
    assert booking.state is BookingState.FAILED
    assert not booking.needs_attention
    if decision == "retry":
        await check(stack.sandbox, stack.settings.database.url, request.booking_id)


@pytest.mark.exhaustive  # faults/test_giving_back: F13
async def test_money_that_cannot_be_given_back_is_a_case(stack: Stack) -> None:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    await stack.sandbox.arm("stripe", "cancel", "refuse", **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert booking.state is BookingState.FAILED
    assert [case.payment for case in booking.cases] == [1]
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    booking = await stack.resolve(request.booking_id)
    assert (booking.state, booking.cases) == (BookingState.FAILED, [])
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_a_decision_about_a_settled_case_decides_nothing(stack: Stack) -> None:
    booking = await stack.book()
    resolution = Resolution(case_id=1, decision="retry", note="a stale page")
    request = await stack.send(RequestKind.RESOLVE, booking.id, resolution)
    problem = await stack.ended(request)
    assert problem is not None
    assert problem.code is Code.CASE_SETTLED
    assert (await stack.recorded(booking.id)).version == booking.version


async def test_a_fee_for_undoing_is_the_houses_and_an_operator_hears_of_it(stack: Stack) -> None:
    """To Madrid Duffel wants its money at once and keeps it: the hotel is refused after that."""
    request = await stack.request(destination="MAD", **sold_by("duffel"))
    await stack.sandbox.arm("booking_com", "book", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.payment["captured"] == facts.payment["refunded"]
    (case,) = [case for case in facts.cases if case["kind"] == "FEE"]
    flight = booking.items[0]
    quote = (await stack.recorded(booking.id)).item(flight.number).quote
    assert quote is not None
    assert case["details"]["supplierKeeps"]["amount"] == quote.price.amount
    assert "we bear this" in case["summary"]
