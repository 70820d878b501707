"""Refunds that nobody told us of, and what people decide before they know: settled in full."""

import pytest

from activities.payments.comparing import differences
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind
from models.payments.messages import GoodwillRefund
from tests.support.checker import check
from tests.support.money import Gateway, granted, settled
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed

SORRY = GoodwillRefund(key="sorry", amount=700, reason="late tour")


@pytest.mark.parametrize("known", [True, False])
async def test_a_refund_made_elsewhere_is_not_taken_for_the_goodwill(
    stack: Stack, known: bool
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await Gateway(stack).refund(booking.payment.id, 1000)
    if known:
        parked = await settled(stack, booking)
        assert [case.payment for case in parked.cases] == [1]
        await stack.resolve(booking.id, "resolved")
    else:
        request = await stack.send(RequestKind.REFUND, booking.id, SORRY)
        problem = await stack.ended(request)
        assert problem is not None, "what was wrong before is settled first"
        assert (await stack.recorded(booking.id)).needs_attention
        await stack.resolve(booking.id, "resolved")
    after = await granted(stack, booking, SORRY)
    assert sorted(refund.amount for refund in after.payment.refunds) == [700, 1000]
    assert after.goodwill == 1700
    await check(stack.sandbox, stack.settings.database.url, after.id)


async def test_goodwill_needs_no_person_because_of_a_refund_that_came_back_long_ago(
    stack: Stack,
) -> None:
    booking = await confirmed(stack)
    cancelled = await stack.cancel(booking.id, [booking.items[3].component_id])
    await Gateway(stack).fail_refund(cancelled.payment.refunds[0].id)
    assert (await settled(stack, cancelled)).needs_attention
    by_hand = await stack.resolve(booking.id, "resolved", paid_by_hand=True)
    assert by_hand.paid_by_hand == booking.items[3].price
    after = await granted(stack, by_hand, SORRY)
    assert sorted(refund.status for refund in after.payment.refunds) == ["failed", "succeeded"]
    assert after.payment.refunded == 700
    await check(stack.sandbox, stack.settings.database.url, after.id)


async def test_a_cancel_after_all_was_refunded_elsewhere_is_looked_at_by_a_person(
    stack: Stack,
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await Gateway(stack).refund(booking.payment.id)
    smaller = await stack.cancel(booking.id, [booking.items[3].component_id])
    assert smaller.payment.refunded == smaller.payment.captured
    assert differences(smaller, smaller.payments), "what still stands is not paid any more"
    assert (await settled(stack, smaller)).needs_attention
    after = await stack.resolve(booking.id, "resolved")
    assert after.state is BookingState.CONFIRMED
    assert after.goodwill == sum(item.price for item in after.live_items)
    assert not differences(after, after.payments)
    await check(stack.sandbox, stack.settings.database.url, after.id)
