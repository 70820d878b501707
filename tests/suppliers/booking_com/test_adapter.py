"""Booking.com's adapter against its emulation: the whole way, and every fault on it."""

import asyncio
import datetime as dt
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.people import Contact
from models.core.supply import ItemType, Quote, ReservationStatus, TripComponent
from sandbox.booking_com import live_offer
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.protocol import Party
from tests.suppliers.conftest import PATIENCE, LocalWorld, component, in_days, traveler

LOW_AVAILABILITY = 3427703
NON_REFUNDABLE = 42709


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


def reference() -> str:
    return f"{uuid.uuid4()}-2-1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def test_the_whole_way(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ours, began = reference(), now()
    quote = await hotels.quote(item, party)
    assert quote.price == item.money
    assert item.offer["name"] in quote.title
    assert quote.expires_at is not None
    assert dt.timedelta(minutes=14) < quote.expires_at - now() <= dt.timedelta(minutes=15)
    deadline = dt.datetime.combine(in_days(38), dt.time(), dt.UTC)
    assert quote.terms.fee_at(deadline - dt.timedelta(seconds=1), quote.price.amount) == 0
    assert quote.terms.fee_at(deadline, quote.price.amount) == quote.price.amount

    assert await hotels.find(ours, since=began) is None
    booked = await hotels.book(item, quote, party, ours)
    assert booked.status is ReservationStatus.CONFIRMED
    assert (booked.reference, booked.price, booked.provider) == (
        ours,
        item.money,
        item.offer["name"],
    )
    assert re.fullmatch(r"\d{4}", booked.details["pincode"])
    assert await hotels.find(ours, since=began) == booked
    assert await hotels.find(reference(), since=began) is None
    assert local.live("booking_com", ours) == 1

    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ours)
    assert local.live("booking_com", ours) == 1

    cancelled = await hotels.cancel(booked, "key")
    assert not cancelled.already
    assert cancelled.fee == Money(amount=0, currency="USD")
    again = await hotels.cancel(booked, "key")
    assert again.already
    assert again.fee == cancelled.fee
    found = await hotels.find(ours, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    assert local.live("booking_com", ours) == 0


async def test_requests_carry_credentials_and_no_card(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ours = reference()
    await hotels.book(item, await hotels.quote(item, party), party, ours)
    for exchange in local.recorder.exchanges:
        assert exchange.method == "POST"
        assert exchange.headers["authorization"] == "Bearer sandbox"
        assert exchange.headers["x-affiliate-id"] == "sandbox"
    body = local.recorder.to("/orders/create")[0].body
    assert body["accommodation"]["label"] == ours
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


def special(local: LocalWorld, property_id: int) -> TripComponent:
    """A stay at one of the published test properties, at its price."""
    from sandbox.booking_com.catalogue import property_of, rooms_for
    from sandbox.booking_com.ledger import Stay

    hotel = property_of(property_id)
    assert hotel is not None
    priced = Stay(hotel, rooms_for(2)[0], in_days(40), in_days(43), 2, "USD")
    item = stay(local, accommodation=hotel.id, name=hotel.name, product=priced.product)
    return item.model_copy(update={"price": priced.price})


async def test_the_last_room_is_sold_once(
    local: LocalWorld, hotels: BookingComSupplier, party: Party
) -> None:
    item = special(local, LOW_AVAILABILITY)
    quotes = [await hotels.quote(item, party) for _ in range(5)]
    references = [reference() for _ in quotes]
    ends = await asyncio.gather(
        *(
            hotels.book(item, quote, party, ours)
            for quote, ours in zip(quotes, references, strict=True)
        ),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["Reservation", *["Unavailable"] * 4]
    with pytest.raises(Unavailable):
        await hotels.quote(item, party)
    winner = next(end for end in ends if not isinstance(end, BaseException))
    await hotels.cancel(winner, "key")
    assert (await hotels.quote(item, party)).price == item.money


async def test_an_expired_token_is_renewed_at_the_same_price(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    quote = await hotels.quote(item, party)
    local.world.ahead = dt.timedelta(minutes=16)
    ours = reference()
    await hotels.book(item, quote, party, ours)
    assert local.live("booking_com", ours) == 1
    assert len(local.recorder.to("/orders/create")) == 2


async def test_an_expired_token_never_books_a_second_time(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    quote, ours = await hotels.quote(item, party), reference()
    await hotels.book(item, await hotels.quote(item, party), party, ours)
    local.world.ahead = dt.timedelta(minutes=16)
    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ours)
    assert local.live("booking_com", ours) == 1


async def test_find_crosses_weeks_and_pages(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ours, began = reference(), now()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ours)
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
    assert await hotels.find(ours, since=began - dt.timedelta(days=20)) == booked
    pages = [exchange.body.get("page") for exchange in local.recorder.to("/orders/details")]
    assert pages.count("100") >= 1
    spans = [e.body["created"] for e in local.recorder.to("/orders/details")]
    assert all(
        dt.datetime.fromisoformat(s["to"]) - dt.datetime.fromisoformat(s["from"])
        <= dt.timedelta(days=7)
        for s in spans
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": "Another Hotel"}, Unavailable),
        ({"accommodation": 10}, Unavailable),
        ({"product": "10_1"}, Unavailable),
        ({"adults": 3}, InvalidRequest),
        ({"currency": "EUR"}, InvalidRequest),
        ({"checkout": "2020-01-01"}, InvalidRequest),
        ({"checkin": "2020-01-01"}, InvalidRequest),
        ({"accommodation": None}, InvalidRequest),
    ],
)
async def test_an_offer_that_is_not_what_it_claims(
    local: LocalWorld,
    hotels: BookingComSupplier,
    party: Party,
    change: dict[str, Any],
    error: type[ProviderError],
) -> None:
    with pytest.raises(error):
        await hotels.quote(stay(local, **change), party)


async def test_a_phone_is_needed(local: LocalWorld, item: TripComponent) -> None:
    party = Party(
        travelers=(traveler("Ana"), traveler("Bo")), contact=Contact(email="ana@example.com")
    )
    hotels = BookingComSupplier(local.settings(agency_phone=""))
    with pytest.raises(InvalidRequest, match="phone"):
        await hotels.quote(item, party)
    await hotels.close()
    hotels = BookingComSupplier(local.settings(), agency_phone="+1 212 555 0199")
    await hotels.book(item, await hotels.quote(item, party), party, reference())
    sent = local.recorder.to("/orders/create")[0].body["booker"]["telephone"]
    assert sent == "+1 212 555 0199"
    await hotels.close()


# -- every kind of fault at every operation -----------------------------------------------------


def arm(local: LocalWorld, operation: str, kind: str, nth: int = 1) -> None:
    seconds = {"slow": 0.1, "late_commit": 0.2}.get(kind, 30)
    local.world.faults.arm("booking_com", operation, kind, seconds=seconds, nth=nth)


@pytest.mark.parametrize("nth", [1, 2])  # availability, preview
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse", Unavailable),
        ("error", Retryable),
        ("reset", Retryable),
        ("hang", Retryable),
        ("commit_then_hang", Retryable),
        ("late_commit", Retryable),
        ("commit_then_error", Retryable),
        ("malformed", Retryable),
        ("duplicate", None),
        ("authenticate", None),
        ("slow", None),
    ],
)
async def test_faults_on_quote(
    local: LocalWorld,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    nth: int,
) -> None:
    arm(local, "quote", kind, nth)
    if error is None:
        assert (await hotels.quote(item, party)).price == item.money
    else:
        with pytest.raises(error):
            await hotels.quote(item, party)
    assert [fault.fired for fault in local.world.faults.list()] == [1]


@pytest.mark.parametrize("nth", [1, 2])
async def test_price_drift_on_quote(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party, nth: int
) -> None:
    arm(local, "quote", "price_drift", nth)
    quote = await hotels.quote(item, party)
    assert quote.price.amount == item.price + item.price // 10
    assert (await hotels.quote(item, party)).price == item.money


@pytest.mark.parametrize(
    ("kind", "error", "live"),
    [
        ("refuse", Unavailable, 0),
        ("error", UnknownOutcome, 0),
        ("reset", UnknownOutcome, 0),
        ("hang", UnknownOutcome, 0),
        ("commit_then_hang", UnknownOutcome, 1),
        ("late_commit", UnknownOutcome, 1),
        ("commit_then_error", UnknownOutcome, 1),
        ("malformed", UnknownOutcome, 1),
        ("duplicate", Duplicate, 1),
        ("price_drift", PriceChanged, 0),
        ("authenticate", None, 1),
        ("slow", None, 1),
    ],
)
async def test_faults_on_book(
    local: LocalWorld,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
) -> None:
    quote, ours, began = await hotels.quote(item, party), reference(), now()
    arm(local, "book", kind)
    if error is None:
        await hotels.book(item, quote, party, ours)
    else:
        with pytest.raises(error) as caught:
            await hotels.book(item, quote, party, ours)
        if isinstance(caught.value, PriceChanged):
            assert caught.value.new_price == Money(
                amount=item.price + item.price // 10, currency="USD"
            )
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live("booking_com", ours) == live
    found = await hotels.find(ours, since=began)
    assert (found is not None) == bool(live)
    await settle(hotels, item, quote, party, ours)
    assert local.live("booking_com", ours) == 1


async def settle(
    hotels: BookingComSupplier, item: TripComponent, quote: Quote, party: Party, ours: str
) -> None:
    """Repeat with the same reference and quote, as the saga does after its look-ups."""
    try:
        await hotels.book(item, quote, party, ours)
    except Duplicate:
        assert await hotels.find(ours, since=now()) is not None


async def test_a_late_commit_after_the_repeat_makes_no_second_order(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    quote, ours = await hotels.quote(item, party), reference()
    local.world.faults.arm("booking_com", "book", "late_commit", seconds=2 * PATIENCE)
    with pytest.raises(UnknownOutcome):
        await hotels.book(item, quote, party, ours)
    await hotels.book(item, quote, party, ours)
    await asyncio.sleep(1.5 * PATIENCE)
    rows = local.world.log.rows(supplier="booking_com", reference=ours)
    assert [(row["effect"], row["status"]) for row in rows] == [
        ("none", 0),
        ("created", 200),
        ("none", 0),
    ]
    assert local.live("booking_com", ours) == 1


@pytest.mark.parametrize("nth", [1, 2])  # the list, the details
@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        ("refuse", True),
        ("error", True),
        ("reset", True),
        ("hang", True),
        ("commit_then_hang", True),
        ("late_commit", True),
        ("commit_then_error", True),
        ("malformed", True),
        ("duplicate", False),
        ("price_drift", False),
        ("authenticate", False),
        ("slow", False),
    ],
)
async def test_faults_on_find(
    local: LocalWorld,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    fails: bool,
    nth: int,
) -> None:
    ours, began = reference(), now()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ours)
    arm(local, "find", kind, nth)
    if fails:
        with pytest.raises(Retryable):
            await hotels.find(ours, since=began)
    assert await hotels.find(ours, since=began) == booked
    assert [fault.fired for fault in local.world.faults.list()] == [1]


@pytest.mark.parametrize(
    ("kind", "error", "live"),
    [
        ("refuse", NotCancellable, 1),
        ("error", UnknownOutcome, 1),
        ("reset", UnknownOutcome, 1),
        ("hang", UnknownOutcome, 1),
        ("commit_then_hang", UnknownOutcome, 0),
        ("late_commit", UnknownOutcome, 0),
        ("commit_then_error", UnknownOutcome, 0),
        ("malformed", UnknownOutcome, 0),
        ("duplicate", None, 0),
        ("price_drift", None, 0),
        ("authenticate", None, 0),
        ("slow", None, 0),
    ],
)
async def test_faults_on_cancel(
    local: LocalWorld,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
) -> None:
    ours = reference()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ours)
    arm(local, "cancel", kind)
    if error is None:
        await hotels.cancel(booked, "key")
    else:
        with pytest.raises(error):
            await hotels.cancel(booked, "key")
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live("booking_com", ours) == live
    assert (await hotels.cancel(booked, "key")).already == (live == 0)
    assert local.live("booking_com", ours) == 0


async def test_a_fee_that_cannot_be_read_does_not_undo_the_cancellation(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    ours = reference()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ours)
    arm(local, "find", "error")
    assert (await hotels.cancel(booked, "key")).fee is None
    assert local.live("booking_com", ours) == 0


async def test_a_stay_that_has_begun_is_not_cancelled(
    local: LocalWorld, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    local.world.ahead = dt.timedelta(days=41)
    with pytest.raises(NotCancellable):
        await hotels.cancel(booked, "key")
    with pytest.raises(InvalidRequest):
        await hotels.cancel(booked.model_copy(update={"supplier_id": "1"}), "key")
