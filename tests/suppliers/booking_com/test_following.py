"""Booking.com after the booking: looking, and what cancelling would cost."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable
from models.core.money import Money
from models.core.supply import Reservation, ReservationStatus
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.protocol import Party
from tests.suppliers.booking_com.test_adapter import NON_REFUNDABLE, now, reference, special, stay
from tests.suppliers.booking_com.test_adapter import hotels as hotels
from tests.suppliers.conftest import LocalWorld, Reply, Scripted

RESERVATION = Reservation(
    reference="ours-1",
    supplier_id="10",
    confirmation_code="17",
    provider="Hotel Five",
    price=Money(amount=12340, currency="USD"),
    details={"kept": "yes"},
)


@pytest.fixture
async def scripted_hotels(scripted: Scripted) -> AsyncIterator[BookingComSupplier]:
    supplier = BookingComSupplier(scripted.settings())
    yield supplier
    await supplier.close()


def pair(amount: float) -> dict[str, float]:
    return {"booker_currency": amount}


def shown(**change: Any) -> Reply:
    order = {
        "id": "10",
        "accommodation_details": {"name": "Hotel Five"},
        "checkin": "2031-05-01",
        "checkout": "2031-05-03",
        "currency": {"booker": "USD"},
        "label": "ours-1",
        "pincode": "1234",
        "price": {"total": pair(123.4)},
        "reservation": 17,
        "status": "booked",
        "products": [],
        **change,
    }
    return Reply(200, {"data": [order]})


def room(*steps: tuple[int, float]) -> dict[str, Any]:
    """A room with fees from so many days from now on."""
    return {
        "policies": {
            "cancellation": [
                {"from": (now() + dt.timedelta(days=days)).isoformat(), "price": pair(fee)}
                for days, fee in steps
            ]
        }
    }


async def test_a_look_shows_the_same_order(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = stay(local)
    quote = await hotels.quote(item, party)
    booked = await hotels.book(item, quote, party, reference())
    assert await hotels.look(booked) == booked
    assert await hotels.complete(booked, quote, party, "key") == booked
    rows = local.world.log.rows(reference=booked.reference)
    assert [row["operation"] for row in rows] == ["book", "find", "find"]
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
    assert hotels.capabilities.quotes_cancel
    assert not hotels.capabilities.holds

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
        paths = [f"{url}/{ref}/cancel" for ref in (booked.reference, booked.supplier_id, "none")]
        assert [(await http.post(path)).status_code for path in paths] == [200, 409, 404]
    assert (await hotels.look(booked)).status is ReservationStatus.CANCELLED
    quote = await hotels.cancel_quote(booked)
    assert (quote.gone, quote.fee) == (True, Money(amount=0, currency="USD"))
    again = await hotels.cancel(booked, "key")
    assert (again.already, again.fee) == (True, quote.fee)
    assert local.live("booking_com", booked.reference) == 0
    assert (await hotels.quote(item, party)).price == item.money


@pytest.mark.parametrize(
    ("products", "fee", "changes"),
    [
        ([], None, False),
        ([{}], None, False),
        ([room((-9, 0), (3, 20), (5, 123.4))], 0, True),
        ([room((-9, 0), (-3, 20), (5, 123.4))], 2000, True),
        ([room((5, 123.4), (-3, 20), (-9, 0))], 2000, True),
        ([room((-9, 0), (-3, 123.4))], 12340, False),
        ([room((-9, 0), (-3, 20)), room((-9, 5), (1, 50))], 2500, True),
        ([room((-9, 0), (-3, 20)), room()], None, False),
        ([room((1, 3), (5, 9))], 300, True),
    ],
)
async def test_the_fee_of_the_moment(
    scripted: Scripted,
    scripted_hotels: BookingComSupplier,
    products: list[dict[str, Any]],
    fee: int | None,
    changes: bool,
) -> None:
    scripted.say("/orders/details/accommodations", shown(products=products))
    quote = await scripted_hotels.cancel_quote(RESERVATION)
    assert quote.cancellable
    assert quote.fee == (None if fee is None else Money(amount=fee, currency="USD"))
    assert (quote.expires_at is not None and quote.expires_at > now()) == changes


@pytest.mark.parametrize("status", ["stayed", "no_show"])
async def test_a_stay_that_is_over(
    scripted: Scripted, scripted_hotels: BookingComSupplier, status: str
) -> None:
    scripted.say("/orders/details/accommodations", shown(status=status))
    assert not (await scripted_hotels.cancel_quote(RESERVATION)).cancellable
    seen = await scripted_hotels.look(RESERVATION)
    assert seen.status is ReservationStatus.CONFIRMED
    assert (seen.details["kept"], seen.details["checkin"]) == ("yes", "2031-05-01")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (shown(status="dreamt"), Retryable),
        (shown(label="theirs"), Retryable),
        (shown(id="11"), Retryable),
        (shown(price=None), Retryable),
        (shown(products=[room((-1, 0.123))]), None),
        (Reply(200, {"data": []}), Retryable),
        (Reply(200, b"{"), Retryable),
        (Reply(0), Retryable),
        (Reply(500, {"errors": [{"id": "internal_error"}]}), Retryable),
        (Reply(429, {"errors": [{"id": "too_many_requests"}]}), Retryable),
        (Reply(401, {"errors": [{"id": "unauthorized"}]}), AuthConfig),
        (Reply(400, {"errors": [{"id": "invalid_parameter"}]}), InvalidRequest),
    ],
)
async def test_errors_on_look_and_on_the_quote_of_a_cancellation(
    scripted: Scripted,
    scripted_hotels: BookingComSupplier,
    reply: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/orders/details/accommodations", reply)
    if expected is not None:
        with pytest.raises(ProviderError) as caught:
            await scripted_hotels.look(RESERVATION)
        assert type(caught.value) is expected
    with pytest.raises(ProviderError) as caught:
        await scripted_hotels.cancel_quote(RESERVATION)
    assert type(caught.value) is (expected or Retryable)
