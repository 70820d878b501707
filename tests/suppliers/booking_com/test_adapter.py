"""What is particular about Booking.com at its emulation: tokens, labels, invoices, fees."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.people import Address
from models.core.supply import ItemType, PropertyCharge, Reservation, TripComponent
from sandbox.booking_com import live_offer
from sandbox.booking_com.catalogue import ADDRESSED, SPARSE
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.protocol import Party
from tests.suppliers.conftest import (
    LocalWorld,
    changed,
    component,
    in_days,
    now,
    reference,
    traveler,
)

NON_REFUNDABLE = 42709
TAXED = 10_000_003


@pytest.fixture
async def hotels(local: LocalWorld) -> AsyncIterator[BookingComSupplier]:
    supplier = BookingComSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return stay(local)


def stay(local: LocalWorld, days: int = 40, **offer: Any) -> TripComponent:
    found = live_offer(
        local.world,
        city="Lisbon",
        checkin=in_days(days),
        checkout=in_days(days + 3),
        adults=2,
        currency="USD",
    )
    found["offer"] |= offer
    return component(found, ItemType.HOTEL, "booking_com")


def timeless(reservation: Reservation | None) -> Reservation:
    """The same without when it was made, by whose clock ever."""
    assert reservation is not None
    facts = {name: fact for name, fact in reservation.details.items() if name != "created"}
    return reservation.model_copy(update={"details": facts})


async def test_the_quote_and_the_order(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ref, began = reference(), now()
    quote = await hotels.quote(item, party)
    assert item.offer["name"] in quote.title
    assert quote.expires_at is not None
    assert dt.timedelta(minutes=14) < quote.expires_at - now() <= dt.timedelta(minutes=15)
    deadline = dt.datetime.combine(in_days(38), dt.time(), dt.UTC)
    assert quote.terms.fee_at(deadline - dt.timedelta(seconds=1), quote.price.amount) == 0
    assert quote.terms.fee_at(deadline, quote.price.amount) == quote.price.amount
    booked = await hotels.book(item, quote, party, ref)
    assert booked.provider == item.offer["name"]
    assert re.fullmatch(r"\d{4}", booked.details["pincode"])
    assert timeless(await hotels.find(ref, since=began)) == timeless(booked)
    assert await hotels.find(reference(), since=began) is None
    cancelled, again = await hotels.cancel(booked, "key"), await hotels.cancel(booked, "key")
    assert cancelled.fee == again.fee


async def test_requests_carry_credentials_and_no_card(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    await hotels.book(item, await hotels.quote(item, party), party, ref)
    for exchange in local.recorder.exchanges:
        assert exchange.method == "POST"
        assert exchange.headers["authorization"] == "Bearer sandbox"
        assert exchange.headers["x-affiliate-id"] == "sandbox"
    body = local.recorder.to("/orders/create")[0].body
    assert body["accommodation"]["label"] == ref
    assert [g["name"] for g in body["accommodation"]["products"][0]["guests"]] == [
        "Ana Roe",
        "Bo Roe",
    ]
    assert body["payment"]["method"] == "airplus"
    assert "card" not in body["payment"]
    assert not re.search(r"\b\d{13,19}\b", str(body))


async def test_the_fee_is_what_the_hotel_kept(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = special(local, NON_REFUNDABLE)
    quote = await hotels.quote(item, party)
    assert quote.terms.fee_at(now(), quote.price.amount) == quote.price.amount
    booked = await hotels.book(item, quote, party, reference())
    assert (await hotels.cancel(booked, "key")).fee == quote.price


def family_of(party: Party) -> Party:
    """The same with a child of six."""
    born = in_days(40) - dt.timedelta(days=int(6.5 * 365.25))
    child = traveler("Cleo", date_of_birth=born)
    return Party(travelers=(*party.travelers, child), contact=party.contact)


async def test_a_child_is_asked_for_and_booked_at_its_age(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    family, ref = family_of(party), reference()
    item = stay(local, adults=3)  # as a planner finds it that knows no children
    item = item.model_copy(update={"offer": item.offer | {"product": family_room(item)}})
    await hotels.book(item, await hotels.quote(item, family), family, ref)
    (asked,) = local.recorder.to("/accommodations/availability")
    assert asked.body["guests"] == {"number_of_adults": 2, "children": [6], "number_of_rooms": 1}
    (previewed,) = local.recorder.to("/orders/preview")
    product = previewed.body["accommodation"]["products"][0]
    assert product["allocation"] == {"number_of_adults": 2, "children": [6]}
    (record,) = local.world.reservations.all("booking_com")
    assert record.data["stay"]["children"] == [6]
    with pytest.raises(InvalidRequest, match="other ages"):
        await hotels.quote(changed(item, adults=2, children=[9]), family)


def family_room(item: TripComponent) -> str:
    return f"{item.offer['accommodation']}_2"


async def test_a_room_that_is_too_small_for_the_family(
    hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    with pytest.raises(Unavailable, match="no such room"):
        await hotels.quote(changed(item, adults=3), family_of(party))


async def test_the_address_of_who_books_is_given_where_a_hotel_wants_it(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = special(local, ADDRESSED)
    with pytest.raises(InvalidRequest, match="needs the address of who books"):
        await hotels.quote(item, party)
    assert local.recorder.to("/orders/preview") == [], "before anything is priced or booked"
    address = Address(line1="1 Main St", line2="Flat 2", city="Hove", country="GB")
    booker = party.model_copy(update={"address": address})
    await hotels.book(item, await hotels.quote(item, booker), booker, reference())
    (sent,) = local.recorder.to("/orders/create")
    assert sent.body["booker"]["address"] == {
        "country": "gb",
        "city": "Hove",
        "address_line": "1 Main St, Flat 2",
    }
    other = special(local, NON_REFUNDABLE)
    await hotels.book(other, await hotels.quote(other, booker), booker, reference())
    assert "address" not in local.recorder.to("/orders/create")[1].body["booker"]


async def test_city_tax_is_paid_at_the_hotel(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item, ref, began = special(local, TAXED), reference(), now()
    quote = await hotels.quote(item, party)
    assert quote.price == item.money
    city, pet = quote.pay_at_property
    assert city == PropertyCharge(name="city tax", price=Money(amount=2 * 3 * 275, currency="EUR"))
    assert (pet.conditional, pet.price) == (True, Money(amount=4000, currency="EUR"))
    booked = await hotels.book(item, quote, party, ref)
    assert (await hotels.look(booked)).pay_at_property == quote.pay_at_property
    found = await hotels.find(ref, since=began)
    assert found is not None
    assert (found.price, found.pay_at_property) == (quote.price, quote.pay_at_property)


async def test_an_order_shown_with_next_to_nothing_is_found_and_cancelled(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item, ref, began = special(local, SPARSE), reference(), now()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ref)
    assert await hotels.look(booked) == booked
    found = await hotels.find(ref, since=began)
    assert found is not None
    assert (found.supplier_id, found.details["price_stated"]) == (booked.supplier_id, False)
    assert (await hotels.cancel(found, "key")).fee is None
    assert local.live("booking_com", ref) == 0


async def test_an_order_of_a_moment_ago_is_cancelled_later(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    await local.post("/_sandbox/booking_com/pace", cancellable_after=240)
    ref = reference()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ref)
    with pytest.raises(Retryable) as caught:
        await hotels.cancel(booked, "key")
    assert caught.value.retry_after is not None
    local.world.ahead += 2 * caught.value.retry_after
    await hotels.cancel(booked, "key")
    assert local.live("booking_com", ref) == 0


def special(local: LocalWorld, property_id: int) -> TripComponent:
    """A stay at one of the published test properties, at its price."""
    from sandbox.booking_com.catalogue import property_of, rooms_for
    from sandbox.booking_com.ledger import Stay

    hotel = property_of(property_id)
    assert hotel is not None
    priced = Stay(hotel, rooms_for(2)[0], in_days(40), in_days(43), 2, "USD")
    item = stay(local, accommodation=hotel.id, name=hotel.name, product=priced.product)
    return item.model_copy(update={"price": priced.price})


async def test_an_expired_token_is_renewed_at_the_same_price(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    quote = await hotels.quote(item, party)
    local.world.ahead = dt.timedelta(minutes=16)
    ref = reference()
    await hotels.book(item, quote, party, ref)
    assert local.live("booking_com", ref) == 1
    assert len(local.recorder.to("/orders/create")) == 2


async def test_an_expired_token_never_books_a_second_time(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    quote, ref = await hotels.quote(item, party), reference()
    await hotels.book(item, await hotels.quote(item, party), party, ref)
    local.world.ahead = dt.timedelta(minutes=16)
    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ref)
    assert local.live("booking_com", ref) == 1


async def test_find_crosses_weeks_and_pages(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ref, began = reference(), now()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ref)
    record = local.world.reservations.get("booking_com", booked.supplier_id)
    assert record is not None
    for number in range(130):
        local.world.reservations.add(
            type(record)(
                "booking_com",
                f"9{number}",
                "another",
                "booked",
                True,
                record.price,
                "USD",
                {**record.data, "order_token": f"t{number}"},
            )
        )
    found = await hotels.find(ref, since=began - dt.timedelta(days=20))
    assert timeless(found) == timeless(booked)
    pages = [exchange.body.get("page") for exchange in local.recorder.to("/orders/details")]
    assert pages.count("100") >= 1
    spans = [e.body["created"] for e in local.recorder.to("/orders/details")]
    assert all(
        dt.datetime.fromisoformat(s["to"]) - dt.datetime.fromisoformat(s["from"])
        <= dt.timedelta(days=7)
        for s in spans
    )


async def test_a_fee_that_cannot_be_read_does_not_undo_the_cancellation(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ref)
    local.arm("booking_com", "find", "error")
    assert (await hotels.cancel(booked, "key")).fee is None
    assert local.live("booking_com", ref) == 0


async def test_a_stay_that_has_begun_is_not_cancelled(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    local.world.ahead = dt.timedelta(days=41)
    with pytest.raises(NotCancellable):
        await hotels.cancel(booked, "key")
    with pytest.raises(InvalidRequest):
        await hotels.cancel(booked.model_copy(update={"supplier_id": "1"}), "key")


async def test_a_price_that_drifts_after_the_search_is_the_preview_s(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    local.arm("booking_com", "quote", "price_drift", nth=2)
    quote = await hotels.quote(item, party)
    assert quote.price.amount == item.price + item.price // 10
