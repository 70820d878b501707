"""BookTrip with fake activities: in which order it asks for what, and how it ends."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError

from api.bookings.paying import offer, refusal_type
from models import calls
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.messages import REQUEST_SIGNAL, BookingRef
from models.bookings.problems import Code, Problem
from models.core.errors import Retryable, UnknownOutcome
from models.core.money import Money
from models.core.supply import ReservationStatus
from models.payments.messages import CARD_IN_USE, NO_CARD, Advice, NewCard, PaymentOutcome
from models.suppliers.messages import BookedItem, ItemCall
from tests.support.fake_activities import Answer, Gate
from tests.support.fake_trip import FakeTrip, unavailable
from workflows.core.record import without_details
from workflows.trips.book_trip import BookTrip

EFFECTS = (
    calls.AUTHORISE,
    calls.BOOK_ITEM,
    calls.CAPTURE,
    calls.CANCEL_ITEM,
    calls.RETURN_PAYMENT,
    calls.REFUND,
)
"""The calls that change something outside."""

DECLINED = PaymentOutcome(
    refused=Problem(code=Code.PAYMENT_DECLINED, step="authorise", message="declined"),
    advice=Advice.OTHER_CARD,
)


async def ended(trip: FakeTrip) -> Booking:
    async with trip.workers(BookTrip):
        handle = await trip.start()
        return await asyncio.wait_for(handle.result(), 30)


def at_item(
    trip: FakeTrip, number: int, answer: BookedItem | Exception
) -> Answer[BookedItem, ItemCall]:
    """Return ``answer`` for the booking of that item, and a yes for the others."""
    return lambda call: answer if call.item == number else trip.book(call)


async def test_books_in_order_and_captures_what_was_confirmed(trip: FakeTrip) -> None:
    booking = await ended(trip)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert trip.fakes.names(*EFFECTS) == [
        "authorise_payment",
        *["book_item"] * 4,
        "capture_payment",
    ]
    assert [call.item for call in trip.fakes.asked(calls.BOOK_ITEM)][:2] == [1, 2]  # then the rest
    assert trip.states == [BookingState.PROCESSING, BookingState.CONFIRMED]
    assert trip.captured == trip.request.amount
    assert without_details(trip.stored) == booking
    keys = sorted(call.key for call in trip.fakes.asked(calls.BOOK_ITEM))
    assert keys == [f"v1:{booking.id}:{number}:book:1" for number in (1, 2, 3, 4)]


async def test_a_refused_hotel_undoes_flight_and_payment_in_reverse(trip: FakeTrip) -> None:
    refusal = BookedItem(refused=unavailable(2))
    trip.fakes.on(calls.BOOK_ITEM, at_item(trip, 2, refusal))
    booking = await ended(trip)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.item) == (Code.UNAVAILABLE, 2)
    assert trip.fakes.names(*EFFECTS) == [
        *("authorise_payment", "book_item", "book_item"),
        *("cancel_item", "return_payment"),
    ]
    assert [call.item for call in trip.fakes.asked(calls.CANCEL_ITEM)] == [1]
    assert not trip.reserved
    assert not trip.held


async def test_a_refused_experience_is_dropped_and_not_paid_for(trip: FakeTrip) -> None:
    trip.fakes.on(calls.BOOK_ITEM, at_item(trip, 3, BookedItem(refused=unavailable(3))))
    booking = await ended(trip)
    assert booking.state is BookingState.CONFIRMED
    assert booking.item(3).status is ItemStatus.FAILED
    assert trip.captured == trip.request.amount - booking.item(3).price
    assert len(booking.warnings) == 1


@pytest.mark.parametrize("refund_fails", [False, True])
async def test_an_experience_that_fails_once_it_is_paid_is_given_back(
    trip: FakeTrip, *, refund_fails: bool
) -> None:
    held = BookedItem(
        reservation=trip.reservation(3, status=ReservationStatus.HELD), after_capture=True
    )
    trip.fakes.on(calls.BOOK_ITEM, at_item(trip, 3, held))
    trip.fakes.on(calls.COMPLETE_ITEM, BookedItem(refused=unavailable(3)))
    if refund_fails:
        problem = Problem(code=Code.PAYMENT_DOWN, step="refund", message="no")
        trip.fakes.on(calls.REFUND, PaymentOutcome(refused=problem))
    booking = await ended(trip)
    assert booking.state is BookingState.CONFIRMED
    assert booking.item(3).status is ItemStatus.FAILED
    assert trip.captured == trip.request.amount
    assert trip.refunded == (0 if refund_fails else booking.item(3).price)
    assert [case.payment for case in booking.cases] == ([1] if refund_fails else [])
    assert booking.owed == (booking.item(3).price if refund_fails else 0)


async def test_a_card_that_comes_while_another_is_asked_is_told_so(trip: FakeTrip) -> None:
    asking = Gate(trip.authorise)
    trip.fakes.on(calls.AUTHORISE, DECLINED, asking, trip.authorise)
    async with trip.workers(BookTrip):
        handle = await trip.start()
        await until_a_card_is_waited_for(trip)
        await offer(handle, card(trip.stored.version))
        await asking.reached.wait()
        with pytest.raises(WorkflowUpdateFailedError) as second:
            await offer(handle, card(trip.stored.version))
        assert refusal_type(second.value) == CARD_IN_USE
        asking.opened.set()
        booking = await asyncio.wait_for(handle.result(), 30)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert len(trip.fakes.asked(calls.AUTHORISE)) == 2


async def test_a_card_that_was_sent_for_an_earlier_question_is_not_asked(trip: FakeTrip) -> None:
    """A repeat of the card that has been declined meanwhile, for example."""
    trip.fakes.on(calls.AUTHORISE, DECLINED, DECLINED, trip.authorise)
    async with trip.workers(BookTrip):
        handle = await trip.start()
        await until_a_card_is_waited_for(trip)
        first = trip.stored.version
        await offer(handle, card(first))
        async with asyncio.timeout(10):
            while trip.stored.version == first:
                await asyncio.sleep(0.02)
        with pytest.raises(WorkflowUpdateFailedError) as late:
            await offer(handle, card(first))
        assert refusal_type(late.value) == NO_CARD
        await offer(handle, card(trip.stored.version))
        booking = await asyncio.wait_for(handle.result(), 30)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert len(trip.fakes.asked(calls.AUTHORISE)) == 3


def card(version: int) -> NewCard:
    return NewCard(payment_method_id="pm_card_visa", who="planner ada", version=version)


async def until_a_card_is_waited_for(trip: FakeTrip) -> None:
    async with asyncio.timeout(10):
        while BookingState.PAYMENT_PENDING not in trip.states:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_cancel_between_steps_undoes_what_is_booked(trip: FakeTrip, number: int) -> None:
    gate = Gate(trip.book)
    trip.fakes.on(calls.BOOK_ITEM, *[trip.book] * (number - 1), gate, trip.book)
    async with trip.workers(BookTrip):
        handle = await trip.start()
        await asyncio.wait_for(gate.reached.wait(), 30)
        await handle.signal(REQUEST_SIGNAL, trip.cancel_request(reason="ill"))
        gate.opened.set()
        booking = await asyncio.wait_for(handle.result(), 30)
    assert booking.state is BookingState.CANCELLED
    assert booking.cancel_reason == "ill"
    assert [outcome.problem for outcome in trip.ended_requests] == [None]
    assert [call.item for call in trip.fakes.asked(calls.BOOK_ITEM)] == [1, 2][:number]
    assert [call.item for call in trip.fakes.asked(calls.CANCEL_ITEM)] == [2, 1][2 - number :]
    assert not trip.reserved
    assert booking.payment.status is PaymentStatus.RELEASED


async def test_a_supplier_that_is_away_for_a_moment_is_asked_again(trip: FakeTrip) -> None:
    away = Retryable("busy", provider="amadeus", operation="book")
    trip.fakes.on(calls.BOOK_ITEM, away, away, trip.book)
    booking = await ended(trip)
    assert booking.state is BookingState.CONFIRMED
    asked = trip.fakes.asked(calls.BOOK_ITEM)
    assert len(asked) == 6
    assert len({call.key for call in asked}) == 4, "a repeat has the same key"


async def test_an_unknown_outcome_is_undone_too(trip: FakeTrip) -> None:
    """Nobody knows whether the flight was booked: it may stand, so it is cancelled."""
    unknown = UnknownOutcome("?", provider="amadeus", operation="book", code="unsettled")
    trip.fakes.on(calls.BOOK_ITEM, at_item(trip, 1, unknown))
    booking = await ended(trip)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.OUTCOME_UNKNOWN
    assert trip.fakes.names(*EFFECTS)[-2:] == ["cancel_item", "return_payment"]
    assert len(trip.fakes.asked(calls.BOOK_ITEM)) == 1, "nothing that is unsettled is repeated"


async def test_a_capture_without_an_answer_undoes_everything(trip: FakeTrip) -> None:
    unknown = UnknownOutcome("?", provider="stripe", operation="capture", code="unsettled")
    trip.fakes.on(calls.CAPTURE, unknown)
    booking = await ended(trip)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.step == "capture"
    assert not trip.reserved
    assert not trip.held
    assert [call.item for call in trip.fakes.asked(calls.CANCEL_ITEM)] == [4, 3, 2, 1]
    assert trip.fakes.names(*EFFECTS)[-1] == "return_payment", "the money goes back last"


@pytest.mark.parametrize("total", [49, 50])
async def test_less_than_a_card_is_charged_is_said_before_anything_is_booked(
    trip: FakeTrip, total: int
) -> None:
    quoted = trip.quote(BookingRef(booking_id=trip.request.booking_id))
    for number, quote in quoted.quotes.items():
        price = Money(amount=total if number == 1 else 0, currency="USD")
        quoted.quotes[number] = quote.model_copy(update={"price": price})
    trip.fakes.on(calls.QUOTE_ITEMS, quoted)
    booking = await ended(trip)
    if total == 50:
        assert booking.state is BookingState.CONFIRMED, booking.problem
        return
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.AMOUNT_TOO_SMALL
    assert "0.49 USD" in booking.problem.message
    assert trip.fakes.names(*EFFECTS) == []


async def test_what_is_left_of_a_trip_may_be_less_than_a_card_is_charged(trip: FakeTrip) -> None:
    quoted = trip.quote(BookingRef(booking_id=trip.request.booking_id))
    for number, quote in quoted.quotes.items():
        price = Money(amount=1_000 if number == 3 else 10, currency="USD")
        quoted.quotes[number] = quote.model_copy(update={"price": price})
    trip.fakes.on(calls.QUOTE_ITEMS, quoted)
    trip.fakes.on(calls.BOOK_ITEM, at_item(trip, 3, BookedItem(refused=unavailable(3))))
    booking = await ended(trip)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.AMOUNT_TOO_SMALL
    assert booking.problem.message.endswith("is not charged less than 0.50 USD."), (
        "not that nothing was booked: it was, and might not have been undone"
    )
    assert (trip.captured, trip.held, trip.reserved) == (0, 0, set())
