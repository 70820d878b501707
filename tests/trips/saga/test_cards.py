"""A refused card is not the end: the same booking goes on with another one, while holds last."""

import asyncio

import httpx
import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from api.bookings.paying import offer
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code
from models.payments.messages import NewCard
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import Stack
from workflows.payments.payment_steps import MOST_CARDS
from workflows.trips.book_trip import BookTrip

Handle = WorkflowHandle[BookTrip, Booking]
DECLINED = "pm_card_visa_chargeDeclined"
PATIENT = 60
"""Seconds in which the tests that send cards are done; the stack's own patience is 4 s."""


async def started(stack: Stack, card: str = DECLINED, seconds: float = PATIENT) -> Handle:
    request = await stack.request(payment_method=card)
    request.patience.authentication_deadline = seconds
    return await stack.start(request)


async def send(stack: Stack, handle: Handle, card: str) -> Booking:
    """Send another card; the booking as it is recorded next."""
    before = await stack.recorded(handle.id)
    sent = NewCard(payment_method_id=card, who="planner ada", version=before.version)
    await offer(handle, sent)
    async with asyncio.timeout(60):
        while (booking := await stack.recorded(handle.id)).version == before.version:
            await asyncio.sleep(0.05)
    return booking


async def ended(stack: Stack, handle: Handle, state: BookingState) -> Booking:
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is state, booking.problem
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    return booking


async def authenticate(booking: Booking, outcome: str) -> None:
    assert booking.payment.next_action is not None
    url = booking.payment.next_action["redirect_to_url"]["url"]
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, params={"outcome": outcome})
    assert answer.status_code < 400, answer.text


async def test_another_card_continues_the_same_booking(stack: Stack) -> None:
    handle = await started(stack)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.problem is not None
    assert waiting.problem.code is Code.PAYMENT_DECLINED
    assert waiting.payment.waits_until is not None
    answered = await send(stack, handle, "pm_card_mastercard")
    assert answered.state is BookingState.PROCESSING
    booking = await ended(stack, handle, BookingState.CONFIRMED)
    assert booking.problem is None
    assert booking.payment.id == waiting.payment.id, "one payment, whatever the card"
    assert booking.payment.payment_method_id == "pm_card_mastercard"
    assert booking.payment.waits_until is None


async def test_a_card_that_must_not_be_retried_ends_it_at_once(stack: Stack) -> None:
    handle = await started(stack, "pm_card_visa_chargeDeclinedStolenCard")
    booking = await ended(stack, handle, BookingState.FAILED)
    assert booking.problem is not None
    assert booking.problem.provider_code == "stolen_card"
    assert "stolen" not in booking.problem.message, "not for the one who holds it"


async def test_a_bank_that_is_out_of_order_is_asked_again_by_itself(stack: Stack) -> None:
    handle = await started(stack, "pm_card_chargeDeclinedProcessingError", seconds=3)
    booking = await ended(stack, handle, BookingState.FAILED)
    confirms = [row for row in await stack.sandbox.log(booking.id) if row["operation"] == "confirm"]
    assert len(confirms) == 3
    assert len({row["key"] for row in confirms}) == 3, "a decline is replayed under its key"


async def test_an_unknown_card_is_a_refused_one(stack: Stack) -> None:
    handle = await started(stack, "pm_does_not_exist")
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    await send(stack, handle, "pm_card_visa")
    await ended(stack, handle, BookingState.CONFIRMED)


async def test_only_so_many_cards_may_be_tried(stack: Stack) -> None:
    handle = await started(stack)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    for _ in range(MOST_CARDS - 2):
        again = await send(stack, handle, DECLINED)
        assert again.state is BookingState.PAYMENT_PENDING
    await send(stack, handle, DECLINED)
    await ended(stack, handle, BookingState.FAILED)


@pytest.mark.exhaustive  # with fake activities: trips/test_book_trip
async def test_two_cards_at_once_ask_for_one(stack: Stack) -> None:
    handle = await started(stack)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    answers = await asyncio.gather(
        send(stack, handle, "pm_card_visa"),
        send(stack, handle, "pm_card_mastercard"),
        return_exceptions=True,
    )
    refused = [a for a in answers if isinstance(a, WorkflowUpdateFailedError)]
    assert len(refused) == 1, answers
    await ended(stack, handle, BookingState.CONFIRMED)


async def test_no_card_is_taken_when_none_is_wanted(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.problem is None
    with pytest.raises(WorkflowUpdateFailedError):
        await send(stack, handle, "pm_card_visa")
    await authenticate(waiting, "succeed")
    await ended(stack, handle, BookingState.CONFIRMED)


async def test_no_card_is_taken_while_the_trip_is_undone(stack: Stack) -> None:
    """Time for another card was up; giving the money back takes a while, and a card comes then."""
    request = await stack.request(payment_method=DECLINED)
    request.patience.authentication_deadline = 2
    request.patience.local = []  # within a local activity no update would be heard at all
    handle = await stack.start(request)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    await stack.sandbox.arm("stripe", "cancel", "hang", seconds=20, times=2, reference=handle.id)
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired():
            await asyncio.sleep(0.05)
    assert (await stack.recorded(handle.id)).state is BookingState.PAYMENT_PENDING
    with pytest.raises(WorkflowUpdateFailedError):
        await asyncio.wait_for(send(stack, handle, "pm_card_visa"), 30)
    booking = await ended(stack, handle, BookingState.FAILED)
    assert booking.payment.status is PaymentStatus.RELEASED
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.payment["captured"] == 0


async def test_a_failed_authentication_asks_for_another_card(stack: Stack) -> None:
    handle = await started(stack, "pm_card_threeDSecure2Required")
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    await authenticate(waiting, "fail")
    async with asyncio.timeout(20):
        while (await stack.now(handle)).problem is None:
            await asyncio.sleep(0.1)
    second = await send(stack, handle, "pm_card_threeDSecure2Required")
    assert second.state is BookingState.PAYMENT_PENDING
    assert second.problem is None
    await authenticate(second, "succeed")
    booking = await ended(stack, handle, BookingState.CONFIRMED)
    assert booking.payment.id == waiting.payment.id


async def test_a_cancel_ends_the_waiting_for_a_card(stack: Stack) -> None:
    handle = await started(stack)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    await stack.send(RequestKind.CANCEL, handle.id, CancelRequest(), who="ada")
    await ended(stack, handle, BookingState.CANCELLED)


async def test_a_payment_cancelled_at_the_gateway_is_made_anew(stack: Stack) -> None:
    handle = await started(stack)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    answer = await stack.sandbox.http.post(
        f"/_sandbox/stripe/payment_intents/{waiting.payment.id}/cancel"
    )
    assert answer.status_code < 400, answer.text
    await send(stack, handle, "pm_card_visa")
    booking = await ended(stack, handle, BookingState.CONFIRMED)
    assert booking.payment.id != waiting.payment.id
    assert booking.payment.hold == 2


@pytest.mark.parametrize(
    "kind",
    table(["hang", "commit_then_hang", "commit_then_error", "reset"], quick=["commit_then_error"]),
)
async def test_the_second_card_is_asked_once_in_effect(stack: Stack, kind: str) -> None:
    handle = await started(stack)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    await stack.sandbox.arm("stripe", "confirm", kind, reference=waiting.id, seconds=20)
    await send(stack, handle, "pm_card_visa")
    assert await stack.sandbox.fired() == 1
    await ended(stack, handle, BookingState.CONFIRMED)


@pytest.mark.exhaustive  # a wait is replayed as all else is
async def test_a_worker_that_dies_meanwhile_changes_nothing(stack: Stack) -> None:
    handle = await started(stack)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    for worker in stack.workers:
        worker.kill()
    stack.ensure_worker()
    await send(stack, handle, "pm_card_visa")
    await ended(stack, handle, BookingState.CONFIRMED)
