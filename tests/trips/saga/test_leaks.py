"""Leaks that a reading of the saga found, each held shut by a test."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.registry import create_activities
from api.trips.presenters.booking import book_answer
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.problems import Code, Problem
from models.trips.messages import OpenBooking
from tests.support.checker import check
from tests.support.stack import MakeStack, Stack
from tests.support.trips import unsettled
from tests.trips.saga.test_cancel_confirmed import confirmed


@pytest.mark.exhaustive  # refused for longer: faults/test_giving_back, F13
async def test_a_refund_refused_once_is_asked_again(stack: Stack) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    owing = await stack.cancel(booking.id)
    assert owing.state is BookingState.CANCELLED
    assert [case.payment for case in unsettled(owing)] == [1]
    assert owing.owed == booking.payment.captured
    after = await stack.resolve(booking.id)
    assert after.state is BookingState.CANCELLED
    assert unsettled(after) == []
    assert after.payment.refunded == after.payment.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refund_made_by_hand_is_not_paid_again(stack: Stack) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    owing = await stack.cancel(booking.id)
    assert [case.payment for case in unsettled(owing)] == [1]
    async with httpx.AsyncClient() as dashboard:
        made = await dashboard.post(
            f"{stack.sandbox.url}/stripe/v1/refunds",
            data={"payment_intent": booking.payment.id or ""},
            headers={"Authorization": "Bearer sk_test_dashboard"},
        )
        assert made.status_code == 200, made.text
    after = await stack.resolve(booking.id, "resolved")
    assert after.state is BookingState.CANCELLED
    assert unsettled(after) == []
    assert len(after.payment.refunds) == 1
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refund_nobody_saw_counts_when_the_next_round_owes_more(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel, tour = booking.items[1], booking.items[3]
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    await stack.sandbox.arm("stripe", "refund", "commit_then_error", reference=booking.id)
    await stack.sandbox.arm("stripe", "retrieve", "error", rate=1, times=60)
    held = await stack.cancel(booking.id, [hotel.component_id, tour.component_id])
    assert {case.item or case.payment for case in unsettled(held)} == {hotel.number, 1}
    await stack.sandbox.clear()
    await stack.resolve(booking.id, item=hotel.number)
    after = await stack.recorded(booking.id)
    for _ in unsettled(after):
        after = await stack.resolve(booking.id)
    assert unsettled(after) == []
    assert after.payment.refunded == hotel.price + tour.price
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refusal_after_an_unanswered_attempt_is_looked_into(stack: Stack) -> None:
    """The first attempt commits late, the second is refused: nothing may stay behind."""
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("viator", "book", "late_commit", seconds=2.2, **about)
    await stack.sandbox.arm("viator", "book", "refuse", nth=2, times=2, **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 80)
    await asyncio.sleep(2.5)
    assert booking.state is BookingState.CONFIRMED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_payment_ended_while_waiting_for_the_traveller_books_nothing(
    stack: Stack,
) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    async with httpx.AsyncClient() as bank:
        await bank.post(
            f"{stack.sandbox.url}/stripe/v1/payment_intents/{waiting.payment.id}/cancel",
            headers={"Authorization": "Bearer sk_test_dashboard"},
        )
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.FAILED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.reservations == []


async def test_a_wrong_id_typed_in_by_an_operator_closes_no_case(stack: Stack) -> None:
    """Nobody's, or that of another booking's order, which is not cancelled by mistake."""
    other = await stack.book()
    request = await stack.request()
    await stack.sandbox.arm("amadeus", "book", "commit_then_error", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    (case,) = unsettled(booking)
    foreign = other.items[0].reservation
    assert foreign is not None
    for wrong in ("eJzTd9f3NjIJdzUGAAp=", foreign.supplier_id):
        again = await stack.resolve(booking.id, supplier_id=wrong)
        assert [kept.source for kept in unsettled(again)] == [case.source]
    await check(stack.sandbox, stack.settings.database.url, other.id)
    await still_live_then_cancelled(stack, booking.id)


async def still_live_then_cancelled(stack: Stack, booking_id: str) -> None:
    """The reservation that nobody saw stands until its own id is given."""
    facts = await check(stack.sandbox, stack.settings.database.url, booking_id)
    assert facts.reservations[0]["live"]
    told = book_answer(await stack.recorded(booking_id)).error
    assert told is not None
    assert "a person is looking after it" in told.next_step
    right = await stack.resolve(booking_id, supplier_id=facts.reservations[0]["id"])
    assert right.state is BookingState.FAILED
    assert unsettled(right) == []
    facts = await check(stack.sandbox, stack.settings.database.url, booking_id)
    assert not facts.reservations[0]["live"]
    told = book_answer(right).error
    assert told is not None
    assert told.message.endswith("cleared up: nothing of the trip is booked.")
    assert told.next_step == "If you still want to travel, book a new trip."
    assert told.money.startswith("Your card was not charged.")


async def test_a_successor_does_not_lock_the_trip_of_a_failed_booking(stack: Stack) -> None:
    """The first workflow task recorded FAILED; its worker died; another one begins it anew."""
    activities = create_activities(stack.settings)
    request, environment = await stack.request(), ActivityEnvironment()
    opening = OpenBooking(request=request, run="run-1")
    opened = await environment.run(activities.bookings.open_booking, opening)
    failed = request.new_booking(dt.datetime.now(dt.UTC)).model_copy(
        update={
            "state": BookingState.FAILED,
            "version": opened.version,
            "problem": Problem(code=Code.UNAVAILABLE, step="validate", message="sold out"),
        }
    )
    transition = Transition(
        booking=failed, from_state=BookingState.VALIDATING, who="saga", why="sold out"
    )
    await environment.run(activities.bookings.record, transition)
    again = await environment.run(activities.bookings.open_booking, opening)
    await activities.close()
    assert again.existing is not None
    assert again.existing.state is BookingState.FAILED
    with psycopg.connect(stack.settings.database.url) as connection:
        lock = connection.execute(
            "SELECT lock_status FROM trip_options WHERE id = %s", [request.trip.trip_option_id]
        ).fetchone()
    assert lock == ("OPEN",)


@pytest.fixture
async def patient(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack whose settling period is longer than all its look-ups at a fixed pace would be."""
    async with make_stack(
        "patient", SETTLE_SECONDS="20", UNDO_ATTEMPTS="8", STEP_DEADLINE_SECONDS="3"
    ) as stack:
        stack.start_worker()
        yield stack
        await stack.sandbox.clear()


@pytest.mark.exhaustive
async def test_the_settling_period_outlasts_no_undo(patient: Stack) -> None:
    request = await patient.request()
    await patient.sandbox.arm(
        "viator", "book", "hang", seconds=30, rate=1, reference=request.booking_id
    )
    await patient.sandbox.arm("stripe", "capture", "refuse", reference=request.booking_id, times=2)
    booking = await asyncio.wait_for((await patient.start(request)).result(), 120)
    assert booking.state is BookingState.FAILED, booking.cases
    await check(patient.sandbox, patient.settings.database.url, booking.id)
