"""The money of changed bookings afterwards: goodwill, refunds that come back, awaited items."""

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, SagaState
from models.core.supply import TripComponent
from models.payments.messages import GoodwillRefund
from models.trips.changes import TripChanges
from tests.support.money import Gateway, granted, settled
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand
from tests.trips.modifying.changes import FREE, change, confirmed, judged, now, other_hotel, swap
from tests.trips.saga.test_cancel_confirmed import set_terms


async def dearer(stack: Stack) -> Booking:
    """A booking whose hotel was swapped for a dearer one."""
    booking = await confirmed(stack)
    hotel = await other_hotel(stack, nights=7)
    outcome = await change(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.carried_out, outcome.problem
    return await now(stack, booking.id)


async def test_goodwill_comes_from_the_newest_payment_first(stack: Stack) -> None:
    booking = await dearer(stack)
    _, supplement = booking.payments
    refund = GoodwillRefund(key="a", amount=supplement.captured + 500, reason="a bad trip")
    after = await granted(stack, booking, refund)
    assert after.payments[1].refunded == supplement.captured
    assert after.payment.refunded == 500
    again = await granted(stack, booking, refund)
    assert again.refunded == after.refunded
    await judged(stack, booking.id)
    gone = await stack.cancel(booking.id)
    assert gone.state is BookingState.CANCELLED
    await judged(stack, booking.id)


@pytest.mark.exhaustive  # of one payment: saga/test_settling
async def test_a_refund_of_the_difference_comes_back(stack: Stack) -> None:
    booking = await dearer(stack)
    set_terms(stack, booking.id, 5, FREE)
    gone = await stack.cancel(booking.id)
    (refund,) = gone.payments[1].refunds
    assert gone.captured == gone.refunded
    await Gateway(stack).fail_refund(refund.id)
    parked = await settled(stack, gone)
    assert parked.needs_attention
    assert parked.owed == refund.amount
    await judged(stack, booking.id)
    after = await stack.resolve(booking.id)
    assert (after.owed, after.cases) == (0, [])
    assert len(after.payments[1].refunds) == 2
    await judged(stack, booking.id)


async def test_an_experience_may_be_confirmed_later(stack: Stack) -> None:
    """It counts as a part of the trip as soon as the change stands."""
    booking = await confirmed(stack, activities=0)
    trip = confirmed_by_hand(await stack.sandbox.trip(activities=1))
    (tour,) = [c for c in trip["components"] if c["type"] == "ACTIVITY"]
    added = TripChanges(add=[TripComponent.model_validate(tour)])
    outcome = await change(stack, booking.id, added)
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    item = after.items[-1]
    assert item.saga_state is SagaState.AWAITED
    assert item.live
    assert after.payments[1].captured == item.price
    assert after.warnings
    await judged(stack, booking.id)
    dropped = await change(stack, booking.id, TripChanges(drop=[item.component_id]))
    assert dropped.carried_out, dropped.problem
    await judged(stack, booking.id)


@pytest.mark.parametrize("before", table(["goodwill", "open", "lost"], quick=["goodwill"]))
async def test_what_is_with_the_traveller_already_is_not_told_to_go_back(
    stack: Stack, before: str
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    if before == "goodwill":
        refund = GoodwillRefund(key="a", amount=booking.captured, reason="a bad trip")
        await granted(stack, booking, refund)
    else:
        dispute = await Gateway(stack).dispute(booking.payment.id)
        if before == "lost":
            await Gateway(stack).close_dispute(dispute, "lost")
        await settled(stack, booking)
    tour = booking.items[2]
    outcome = await change(stack, booking.id, TripChanges(drop=[tour.component_id]))
    assert outcome.carried_out, outcome.problem
    assert outcome.quote is not None
    in_dispute = tour.price if before == "open" else 0
    assert (outcome.quote.difference, outcome.quote.refund) == (-tour.price, 0)
    assert (outcome.refunded, outcome.in_dispute) == (0, in_dispute)
    await judged(stack, booking.id)
