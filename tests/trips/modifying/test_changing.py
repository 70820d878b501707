"""Changes that are carried out: swapped, dropped, added; the difference to the minor unit."""

import asyncio

import pytest

from models.bookings.lifecycle import BookingState, PaymentStatus
from models.trips.changes import TripChanges
from tests.support.stack import Stack
from tests.trips.modifying.changes import (
    ask,
    change,
    confirmed,
    judged,
    now,
    offers,
    other_hotel,
    price,
    put,
    request,
    standing,
    swap,
)
from tests.trips.saga.test_cancel_confirmed import set_terms


async def test_a_cheaper_hotel_gives_the_difference_back(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel = await other_hotel(stack, nights=2)
    assert hotel.price < booking.items[1].price
    outcome = await change(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.carried_out, outcome.problem
    assert outcome.quote is not None
    assert outcome.quote.difference == hotel.price - booking.items[1].price
    after = await now(stack, booking.id)
    assert after.state is BookingState.CONFIRMED
    assert after.accepted_total == after.due == outcome.quote.new_total
    assert after.refunded == -outcome.quote.difference
    assert len(after.payments) == 1
    facts = await judged(stack, booking.id)
    assert hotel.component_id in standing(facts)
    assert booking.items[1].component_id not in standing(facts)


async def test_a_dearer_hotel_is_charged(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel = await other_hotel(stack, nights=7)
    more = hotel.price - booking.items[1].price
    assert more > 0
    outcome = await change(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    _, supplement = after.payments
    assert supplement.status is PaymentStatus.SUCCEEDED
    assert supplement.captured == more
    assert after.captured == booking.payment.captured + more
    assert after.refunded == 0
    facts = await judged(stack, booking.id)
    assert facts.booking["chargeable"] == booking.accepted_total + more
    assert len([line for line in facts.ledger if line["entry_type"] == "capture"]) == 4


async def test_a_dropped_tour_is_refunded(stack: Stack) -> None:
    booking = await confirmed(stack)
    tour = booking.items[2]
    outcome = await change(stack, booking.id, TripChanges(drop=[tour.component_id]))
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    assert [item.live for item in after.items] == [True, True, False, True]
    assert outcome.refunded == after.refunded == tour.price, "recorded with the change"
    await judged(stack, booking.id)


@pytest.mark.exhaustive  # two changes and a cancellation, below
async def test_an_added_tour_is_paid(stack: Stack) -> None:
    booking = await confirmed(stack, activities=1)
    tour = (await offers(stack, "ACTIVITY", activities=2))[1]
    outcome = await change(stack, booking.id, TripChanges(add=[tour]), card="pm_card_mastercard")
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    assert len(after.live_items) == 4
    assert after.payments[1].captured == tour.price
    assert after.payments[1].payment_method_id == "pm_card_mastercard"
    await judged(stack, booking.id)


async def test_a_flight_that_is_not_refundable_is_paid_all_the_same(stack: Stack) -> None:
    booking = await confirmed(stack)
    flight = booking.items[0]
    set_terms(stack, booking.id, 1, [{"until": None, "fee": flight.price}])
    (other,) = await offers(stack, "FLIGHT", activities=0)
    requested = swap(flight, other)
    quote = await price(stack, booking.id, requested)
    assert quote.difference == other.price
    outcome = await put(stack, request(booking.id, requested, quote.new_total))
    assert outcome.carried_out, outcome.problem
    facts = await judged(stack, booking.id)
    assert facts.items[0]["fee"] == flight.price
    assert facts.booking["accepted_total"] == booking.accepted_total + other.price


async def test_two_changes_and_a_cancellation_give_back_what_is_owed(stack: Stack) -> None:
    booking = await confirmed(stack)
    dearer = await other_hotel(stack, nights=7)
    first = await change(stack, booking.id, swap(booking.items[1], dearer))
    assert first.carried_out, first.problem
    tours = await offers(stack, "ACTIVITY", activities=3)
    second = await change(
        stack,
        booking.id,
        TripChanges(drop=[booking.items[2].component_id], add=[tours[0], tours[2]]),
    )
    assert second.carried_out, second.problem
    between = await now(stack, booking.id)
    facts = await judged(stack, booking.id)
    fee = between.live_items[-1].price // 3
    for item in between.live_items:
        terms = fee if item is between.live_items[-1] else 0
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": terms}])
    after = await stack.cancel(booking.id)
    assert after.state is BookingState.CANCELLED
    assert after.captured - after.refunded == fee
    facts = await judged(stack, booking.id)
    assert len(facts.further) == 2
    assert {row["payment_intent_id"] for row in facts.refunds} == {
        row["payment_intent_id"] for row in facts.on_record
    }


async def test_the_same_request_twice_changes_once(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel = await other_hotel(stack, nights=7)
    requested = swap(booking.items[1], hotel)
    change_request = request(
        booking.id, requested, (await price(stack, booking.id, requested)).new_total
    )
    first, second = await asyncio.gather(put(stack, change_request), put(stack, change_request))
    third = await put(stack, change_request)
    assert first == second == third
    assert first.carried_out
    facts = await judged(stack, booking.id)
    assert len(facts.further) == 1
    assert len(facts.items) == 5


async def test_a_question_changes_nothing(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    hotel = await other_hotel(stack, nights=7)
    outcome = await ask(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.quote is not None
    goes, comes = outcome.quote.items
    assert (goes.component_id, goes.fee) == (booking.items[1].component_id, 0)
    assert (comes.component_id, comes.price) == (hotel.component_id, hotel.price)
    assert outcome.quote.new_total == booking.accepted_total + outcome.quote.difference
    after = await judged(stack, booking.id)
    assert after.booking == before.booking
    assert after.items == before.items
    assert after.payments == before.payments
