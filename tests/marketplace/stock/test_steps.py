"""What becomes of item and payment, on record and by what follows from it."""

import datetime as dt

import pytest

from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.core.supply import ReservationStatus
from models.marketplace.stock.steps import confirmed, given_up
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import stay

S = BookingState


async def test_what_is_bought_stands_and_is_paid_for(market: Market) -> None:
    booking = await market.bought(stay((await market.room(), 0, 2)), total=20_000)
    stored = await market.load(booking.id)
    (item,) = stored.items
    assert (item.status, stored.due) == (ItemStatus.CONFIRMED, 20_000)
    assert item.reservation is not None
    assert item.reservation.status is ReservationStatus.CONFIRMED
    assert item.reservation.provider == market.provider


@pytest.mark.parametrize(("begun", "status"), [(False, "failed"), (True, "pending")])
async def test_of_what_is_given_up_nothing_stands(
    market: Market, *, begun: bool, status: str
) -> None:
    """What a gateway has of a payment, only the gateway says."""
    booking = await market.hold(stay((await market.room(), 0, 2)), total=20_000)
    booking.payment.id = f"pi_{booking.id}" if begun else None
    booking.payment.waits_until = booking.hold_expires_at
    now = dt.datetime.now(dt.UTC)
    await market.come_to(given_up(booking, now), S.EXPIRED)
    stored = await market.load(booking.id)
    (item,) = stored.items
    assert (item.status, item.cancelled_at) == (ItemStatus.CANCELLED, now)
    assert (stored.payment.status, stored.waits, stored.due) == (PaymentStatus(status), False, 0)
    assert confirmed(booking, now).items[0].live
    assert not booking.items[0].live
