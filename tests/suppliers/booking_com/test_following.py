"""Booking.com after the booking: looking, and what cancelling would cost."""

import datetime as dt

import httpx

from models.core.money import Money
from models.core.supply import ReservationStatus
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.protocol import Party
from tests.suppliers.booking_com.test_adapter import NON_REFUNDABLE, special, stay
from tests.suppliers.booking_com.test_adapter import hotels as hotels
from tests.suppliers.conftest import LocalWorld, now, reference


async def test_a_look_shows_the_same_order(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = stay(local)
    quote = await hotels.quote(item, party)
    booked = await hotels.book(item, quote, party, reference())
    assert await hotels.look(booked) == booked
    rows = local.world.log.rows(reference=booked.reference)
    assert [row["operation"] for row in rows] == ["book", "find"]
    await hotels.cancel(booked, "key")
    assert (await hotels.look(booked)).status is ReservationStatus.CANCELLED


async def test_cancelling_is_quoted_and_nothing_is_cancelled(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = stay(local)
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    quote = await hotels.cancel_quote(booked)
    assert (quote.cancellable, quote.fee) == (True, Money(amount=0, currency="USD"))
    assert quote.expires_at is not None
    assert now() + dt.timedelta(days=30) < quote.expires_at < item.starts_at
    assert local.live("booking_com", booked.reference) == 1

    item = special(local, NON_REFUNDABLE)
    other = await hotels.book(item, await hotels.quote(item, party), party, reference())
    quote = await hotels.cancel_quote(other)
    assert (quote.fee, quote.expires_at) == (other.price, None)
    await hotels.cancel(other, "key")
    quote = await hotels.cancel_quote(other)
    assert (quote.cancellable, quote.gone, quote.fee) == (False, True, other.price)


async def test_a_hotel_cancels_by_itself(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = special(local, NON_REFUNDABLE)
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    url = f"{local.url}/_sandbox/booking_com/orders"
    async with httpx.AsyncClient() as http:
        paths = [f"{url}/{one}/cancel" for one in (booked.reference, booked.supplier_id, "none")]
        assert [(await http.post(path)).status_code for path in paths] == [200, 409, 404]
    assert (await hotels.look(booked)).status is ReservationStatus.CANCELLED
    quote = await hotels.cancel_quote(booked)
    assert (quote.gone, quote.fee) == (True, Money(amount=0, currency="USD"))
    again = await hotels.cancel(booked, "key")
    assert (again.already, again.fee) == (True, quote.fee)
    assert local.live("booking_com", booked.reference) == 0
    assert (await hotels.quote(item, party)).price == item.money
