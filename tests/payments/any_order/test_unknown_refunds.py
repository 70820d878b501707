"""Refunds that nobody told us of, and what people decide before they know: settled in full."""

import asyncio

import pytest
from temporalio.client import WorkflowHandle

from activities.payments.comparing import differences
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, Resolution
from models.payments.messages import GoodwillRefund
from tests.support.checker import check
from tests.support.money import Gateway, settled, settling
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import cancel, confirmed
from workflows.payments.settle_payment import SettlePayment

SORRY = GoodwillRefund(key="sorry", amount=700, who="operator op", reason="late tour")


async def decided(stack: Stack, handle: WorkflowHandle[SettlePayment, Booking]) -> Booking:
    await stack.until(handle, BookingState.NEEDS_ATTENTION)
    await handle.execute_update(RESOLVE_UPDATE, Resolution(decision="resolved", who="op"))
    return await asyncio.wait_for(handle.result(), 60)


@pytest.mark.parametrize("known", [True, False])
async def test_a_refund_made_elsewhere_is_not_taken_for_the_goodwill(
    stack: Stack, known: bool
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await Gateway(stack).refund(booking.payment.id, 1000)
    if known:
        booking = await decided(stack, await settling(stack, booking))
        after = await settled(stack, booking, refund=SORRY)
    else:
        after = await decided(stack, await settling(stack, booking, refund=SORRY))
    assert sorted(refund.amount for refund in after.payment.refunds) == [700, 1000]
    assert after.goodwill == 1700
    await check(stack.sandbox, stack.settings.database.url, after.id)


async def test_goodwill_needs_no_person_because_of_a_refund_that_came_back_long_ago(
    stack: Stack,
) -> None:
    booking = await confirmed(stack)
    cancelled = (await cancel(stack, booking.id, [booking.items[3].component_id])).booking
    await Gateway(stack).fail_refund(cancelled.payment.refunds[0].id)
    by_hand = await decided(stack, await settling(stack, cancelled))
    assert by_hand.paid_by_hand == booking.items[3].price
    after = await settled(stack, by_hand, refund=SORRY)
    assert sorted(refund.status for refund in after.payment.refunds) == ["failed", "succeeded"]
    assert after.payment.refunded == 700
    await check(stack.sandbox, stack.settings.database.url, after.id)


async def test_a_cancel_after_all_was_refunded_elsewhere_is_looked_at_by_a_person(
    stack: Stack,
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await Gateway(stack).refund(booking.payment.id)
    smaller = (await cancel(stack, booking.id, [booking.items[3].component_id])).booking
    assert smaller.payment.refunded == smaller.payment.captured
    assert differences(smaller, smaller.payments), "what still stands is not paid any more"
    after = await decided(stack, await settling(stack, smaller))
    assert after.state is BookingState.CONFIRMED
    assert after.goodwill == sum(item.price for item in after.live_items)
    assert not differences(after, after.payments)
    await check(stack.sandbox, stack.settings.database.url, after.id)
