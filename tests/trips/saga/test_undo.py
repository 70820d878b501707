"""Undo: in reverse, repeated through faults, and parked for an operator when it fails for good."""

import asyncio

import pytest

from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import RESOLVE_UPDATE, Resolution
from models.bookings.problems import Code
from sandbox.sellers import SELLERS
from tests.support.checker import check
from tests.support.stack import Stack
from tests.support.trips import sold_by

RETRY = Resolution(decision="retry", who="op")
SETTLED = Resolution(decision="resolved", who="op", note="called the airline")


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


@pytest.mark.parametrize("kind", ["error", "reset", "hang", "commit_then_hang", "malformed"])
@pytest.mark.parametrize(
    ("supplier", "operation"),
    [*((supplier, "cancel") for supplier in SELLERS), ("stripe", "cancel")],
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


@pytest.mark.parametrize("decision", [RETRY, SETTLED], ids=["retry", "resolved"])
@pytest.mark.parametrize("supplier", SELLERS)
async def test_an_undo_that_fails_for_good_waits_for_an_operator(
    stack: Stack, supplier: str, decision: Resolution
) -> None:
    request = await stack.request(**sold_by(supplier))
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
    await stack.sandbox.arm(supplier, "cancel", "refuse", **about)
    handle = await stack.start(request)
    parked = await stack.until(handle, BookingState.NEEDS_ATTENTION)

    assert parked.case is not None
    assert parked.payment.status is PaymentStatus.RELEASED  # the others are undone all the same
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)

    await handle.execute_update(RESOLVE_UPDATE, decision)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.FAILED
    assert booking.case is not None
    assert booking.case.resolved_by == "op"
    if decision is RETRY:
        await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_money_that_cannot_be_given_back_waits_for_an_operator(stack: Stack) -> None:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    await stack.sandbox.arm("stripe", "cancel", "refuse", **about)
    handle = await stack.start(request)
    parked = await stack.until(handle, BookingState.NEEDS_ATTENTION)
    assert parked.case is not None
    assert parked.case.payment
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    await handle.execute_update(RESOLVE_UPDATE, RETRY)
    assert (await asyncio.wait_for(handle.result(), 60)).state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_nothing_to_resolve_is_refused(stack: Stack) -> None:
    from temporalio.client import WorkflowUpdateFailedError

    request = await stack.request()
    await stack.sandbox.arm("booking_com", "book", "slow", seconds=1, reference=request.booking_id)
    handle = await stack.start(request)
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(RESOLVE_UPDATE, RETRY)
    assert (await handle.result()).state is BookingState.CONFIRMED


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
    assert flight.quote is not None
    assert case["details"]["supplierKeeps"]["amount"] == flight.quote.price.amount
    assert "the house bears this" in case["summary"]
