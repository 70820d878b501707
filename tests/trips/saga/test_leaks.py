"""Leaks that a reading of the saga found, each held shut by a test."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.registry import create_activities
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, Resolution, Transition
from models.bookings.problems import Code, Problem
from models.trips.messages import OpenBooking
from tests.support.checker import check
from tests.support.stack import Stack, create_stack
from tests.trips.saga.test_cancel_confirmed import cancel, confirmed, set_terms

NEEDS_ATTENTION = BookingState.NEEDS_ATTENTION


async def parked(stack: Stack, booking_id: str) -> Booking:
    """Wait until the booking waits for an operator."""
    handle = stack.client.get_workflow_handle(booking_id)
    async with asyncio.timeout(60):
        while True:
            held: Booking | None = await handle.query("booking", result_type=Booking)
            if held is not None and held.state is NEEDS_ATTENTION:
                return held
            await asyncio.sleep(0.2)


async def decide(stack: Stack, booking_id: str, decision: Resolution) -> None:
    await stack.client.get_workflow_handle(booking_id).execute_update(RESOLVE_UPDATE, decision)


async def test_a_refund_refused_once_is_asked_again(stack: Stack) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    answer = asyncio.ensure_future(cancel(stack, booking.id))
    held = await parked(stack, booking.id)
    assert held.case is not None
    assert held.case.payment
    await decide(stack, booking.id, Resolution(decision="retry", who="op"))
    after = (await asyncio.wait_for(answer, 30)).booking
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refund_made_by_hand_is_not_paid_again(stack: Stack) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    answer = asyncio.ensure_future(cancel(stack, booking.id))
    await parked(stack, booking.id)
    async with httpx.AsyncClient() as dashboard:
        made = await dashboard.post(
            f"{stack.sandbox.url}/stripe/v1/refunds",
            data={"payment_intent": booking.payment.id or ""},
            headers={"Authorization": "Bearer sk_test_dashboard"},
        )
        assert made.status_code == 200, made.text
    await decide(stack, booking.id, Resolution(decision="resolved", who="op"))
    after = (await asyncio.wait_for(answer, 30)).booking
    assert after.state is BookingState.CANCELLED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refund_nobody_saw_counts_when_the_next_round_owes_more(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel, tour = booking.items[1], booking.items[3]
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    await stack.sandbox.arm("stripe", "refund", "commit_then_error", reference=booking.id)
    await stack.sandbox.arm("stripe", "retrieve", "error", rate=1, times=60)
    wish = cancel(stack, booking.id, [hotel.component_id, tour.component_id])
    answer = asyncio.ensure_future(wish)
    await parked(stack, booking.id)
    await stack.sandbox.clear()
    await decide(stack, booking.id, Resolution(decision="retry", who="op"))
    after = (await asyncio.wait_for(answer, 60)).booking
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
    request = await stack.request()
    await stack.sandbox.arm(
        "amadeus", "book", "commit_then_hang", seconds=20, reference=request.booking_id
    )
    handle = await stack.start(request)
    held = await stack.until(handle, NEEDS_ATTENTION)
    assert held.case is not None
    (number,) = held.case.items
    wrong = Resolution(decision="retry", who="op", supplier_ids={number: "eJzTd9f3NjIJdzUGAAp="})
    await decide(stack, request.booking_id, wrong)
    again = await stack.until(handle, NEEDS_ATTENTION)
    assert again.case is not None
    assert again.case.resolved_at is None
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    right = Resolution(
        decision="retry", who="op", supplier_ids={number: facts.reservations[0]["id"]}
    )
    await decide(stack, request.booking_id, right)
    assert (await asyncio.wait_for(handle.result(), 60)).state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_an_order_of_another_booking_is_not_cancelled_by_mistake(stack: Stack) -> None:
    other = await stack.book()
    request = await stack.request()
    await stack.sandbox.arm("amadeus", "book", "commit_then_error", reference=request.booking_id)
    handle = await stack.start(request)
    held = await stack.until(handle, NEEDS_ATTENTION)
    assert held.case is not None
    (number,) = held.case.items
    foreign = other.items[0].reservation
    assert foreign is not None
    wrong = Resolution(decision="retry", who="op", supplier_ids={number: foreign.supplier_id})
    await decide(stack, request.booking_id, wrong)
    await stack.until(handle, NEEDS_ATTENTION)
    await check(stack.sandbox, stack.settings.database.url, other.id)
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    right = Resolution(
        decision="retry", who="op", supplier_ids={number: facts.reservations[0]["id"]}
    )
    await decide(stack, request.booking_id, right)
    assert (await asyncio.wait_for(handle.result(), 60)).state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


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
async def patient(
    database_url: str, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Stack]:
    """A stack whose settling period is longer than all its look-ups at a fixed pace would be."""
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"patient-{uuid.uuid4().hex[:8]}",
        SETTLE_SECONDS="20",
        UNDO_ATTEMPTS="8",
        STEP_DEADLINE_SECONDS="3",
    )
    stack.start_worker()
    yield stack
    await stack.sandbox.clear()
    await stack.close()


@pytest.mark.slow
async def test_the_settling_period_outlasts_no_undo(patient: Stack) -> None:
    request = await patient.request()
    await patient.sandbox.arm(
        "viator", "book", "hang", seconds=30, rate=1, reference=request.booking_id
    )
    await patient.sandbox.arm("stripe", "capture", "refuse", reference=request.booking_id, times=2)
    booking = await asyncio.wait_for((await patient.start(request)).result(), 120)
    assert booking.state is BookingState.FAILED, booking.case
    await check(patient.sandbox, patient.settings.database.url, booking.id)


async def test_the_fee_is_that_of_the_moment_of_the_wish(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel = booking.items[1]
    stack.stop_workers()
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)).isoformat()
    set_terms(
        stack, booking.id, 2, [{"until": soon, "fee": 0}, {"until": None, "fee": hotel.price}]
    )
    answer = asyncio.ensure_future(cancel(stack, booking.id))
    await asyncio.sleep(4)
    stack.ensure_worker()
    after = (await asyncio.wait_for(answer, 30)).booking
    assert after.items[1].fee == 0
    await check(stack.sandbox, stack.settings.database.url, booking.id)
