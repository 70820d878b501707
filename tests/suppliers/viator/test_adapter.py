"""Viator's adapter against its emulation: the whole way, and every fault on it."""

import asyncio
import datetime as dt
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
from models.core.supply import ItemType, ReservationStatus, TripComponent
from sandbox.viator import live_offers
from sandbox.viator.catalogue import product_of, retail_price
from sandbox.viator.ledger import MANUAL_CONFIRMATION
from suppliers.core.protocol import Party
from suppliers.viator.adapter import ViatorSupplier
from tests.suppliers.conftest import PATIENCE, LocalWorld, component, in_days, traveler

CUSTOM, FINAL, MANUAL, SCARCE = "77777P207", "77777P300", "77777P407", "77777P500"


@pytest.fixture
async def tours(local: LocalWorld) -> AsyncIterator[ViatorSupplier]:
    supplier = ViatorSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return outing(local)


def outing(local: LocalWorld, code: str | None = None, **offer: Any) -> TripComponent:
    """An experience in New York in forty days: the first one, or the one with this code."""
    found = live_offers(
        local.world, city="New York", date=in_days(40), adults=2, currency="USD", count=1
    )[0]
    if code is not None:
        product = product_of(code)
        assert product is not None
        found["offer"] |= {"productCode": code, "title": product.title}
        found["price"] = retail_price(product, 2, "USD")
    found["offer"] |= offer
    return component(found, ItemType.ACTIVITY, "viator")


def reference() -> str:
    return f"{uuid.uuid4()}-3-1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def test_the_whole_way(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    ours = reference()
    quote = await tours.quote(item, party)
    assert quote.price == item.money
    assert item.offer["title"] in quote.title
    deadline = item.starts_at - dt.timedelta(days=1)
    assert quote.terms.fee_at(deadline - dt.timedelta(hours=2), quote.price.amount) == 0
    assert quote.terms.fee_at(deadline + dt.timedelta(hours=2), item.price) == item.price

    assert await tours.find(ours, since=now()) is None
    booked = await tours.book(item, quote, party, ours)
    assert booked.status is ReservationStatus.CONFIRMED
    assert (booked.reference, booked.price) == (ours, item.money)
    assert booked.details["voucher_url"].startswith("https://")
    found = await tours.find(ours, since=now())
    assert found is not None
    assert found.model_copy(update={"provider": booked.provider}) == booked
    assert local.live("viator", ours) == 1

    assert await tours.book(item, quote, party, ours) == booked
    assert local.live("viator", ours) == 1

    cancelled = await tours.cancel(booked, "key")
    assert not cancelled.already
    assert cancelled.fee == Money(amount=0, currency="USD")
    assert (await tours.cancel(booked, "key")).already
    found = await tours.find(ours, since=now())
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    assert local.live("viator", ours) == 0
    with pytest.raises(Duplicate):
        await tours.book(item, quote, party, ours)


async def test_a_mere_hold_is_not_found(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    quote, ours = await tours.quote(item, party), reference()
    local.world.faults.arm("viator", "book", "reset")
    with pytest.raises(UnknownOutcome):
        await tours.book(item, quote, party, ours)
    assert len(local.recorder.to("/bookings/hold")) == 1
    assert await tours.find(ours, since=now()) is None


async def test_custom_terms_are_local_days_in_utc(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local, CUSTOM)
    terms = (await tours.quote(item, party)).terms
    start = product_of(CUSTOM).starts(in_days(40), item.offer["startTime"])  # type: ignore[union-attr]
    half = item.price - item.price // 2
    # The clock may change within the week before: an hour either way is inside no step's end.
    for days, expected in ((8, 0), (6, half), (3, half), (1, item.price), (0, item.price)):
        assert terms.fee_at(start - dt.timedelta(days=days, hours=-2), item.price) == expected
    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    stated = [step["until"] for step in booked.details["refundable"]]
    assert all(dt.datetime.fromisoformat(until).utcoffset() == dt.timedelta() for until in stated)
    local.world.ahead = dt.timedelta(days=36)
    assert (await tours.cancel(booked, "key")).fee == Money(amount=half, currency="USD")


async def test_all_sales_final(local: LocalWorld, tours: ViatorSupplier, party: Party) -> None:
    item = outing(local, FINAL)
    quote = await tours.quote(item, party)
    assert quote.terms.fee_at(now(), item.price) == item.price
    booked = await tours.book(item, quote, party, reference())
    assert (await tours.cancel(booked, "key")).fee == item.money


async def test_a_manual_product_is_pending_until_its_operator_confirms(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item, ours = outing(local, MANUAL), reference()
    booked = await tours.book(item, await tours.quote(item, party), party, ours)
    assert booked.status is ReservationStatus.PENDING
    assert booked.price == item.money
    found = await tours.find(ours, since=now())
    assert found is not None
    assert found.status is ReservationStatus.PENDING
    assert "next_poll_at" in found.details
    local.world.ahead = MANUAL_CONFIRMATION
    found = await tours.find(ours, since=now())
    assert found is not None
    assert found.status is ReservationStatus.CONFIRMED


async def test_a_pending_booking_costs_nothing_to_cancel(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local, MANUAL)
    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    assert (await tours.cancel(booked, "key")).fee == Money(amount=0, currency="USD")

    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    local.world.ahead = dt.timedelta(days=40)  # confirmed by now, and within the last day
    if product_of(MANUAL).starts(in_days(40), "09:30") > local.world.now():  # type: ignore[union-attr]
        assert (await tours.cancel(booked, "key")).fee == item.money


async def test_the_last_places_are_sold_once(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local, SCARCE)
    quote = await tours.quote(item, party)
    ends = await asyncio.gather(
        *(tours.book(item, quote, party, reference()) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == [
        *["Reservation"] * 2,
        *["Unavailable"] * 3,
    ]
    with pytest.raises(Unavailable):
        await tours.quote(item, party)


async def test_a_sold_out_start_that_we_booked_ourselves_is_no_refusal(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item, ours = outing(local, SCARCE), reference()
    quote = await tours.quote(item, party)
    await tours.book(item, quote, party, reference())
    local.world.faults.arm("viator", "book", "commit_then_error")
    with pytest.raises(UnknownOutcome):
        await tours.book(item, quote, party, ours)
    with pytest.raises(Duplicate):
        await tours.book(item, quote, party, ours)
    assert local.live("viator", ours) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"title": "Another Tour"}, Unavailable),
        ({"productCode": "none"}, Unavailable),
        ({"productOptionCode": "TG9"}, Unavailable),
        ({"startTime": "04:00"}, Unavailable),
        ({"travelDate": "2020-01-01"}, Unavailable),
        ({"currency": "EUR"}, InvalidRequest),
        ({"paxMix": [{"ageBand": "ADULT", "numberOfTravelers": 3}]}, InvalidRequest),
        ({"paxMix": []}, InvalidRequest),
        ({"productCode": None}, InvalidRequest),
    ],
)
async def test_an_offer_that_is_not_what_it_claims(
    local: LocalWorld,
    tours: ViatorSupplier,
    party: Party,
    change: dict[str, Any],
    error: type[ProviderError],
) -> None:
    with pytest.raises(error):
        await tours.quote(outing(local, **change), party)


async def test_a_phone_is_needed(local: LocalWorld, item: TripComponent) -> None:
    party = Party(
        travelers=(traveler("Ana"), traveler("Bo", phone="0034 600 000 000")),
        # Without a country code, Viator's published pattern refuses it.
        contact=Contact(email="ana@example.com", phone="600 000 000"),
    )
    tours = ViatorSupplier(local.settings(agency_phone=""))
    await tours.book(item, await tours.quote(item, party), party, reference())
    sent = local.recorder.to("/bookings/book")[0].body["communication"]["phone"]
    assert sent == "+34 600 000 000"
    nobody = party.model_copy(update={"travelers": (traveler("Ana"), traveler("Bo"))})
    with pytest.raises(InvalidRequest, match="phone"):
        await tours.quote(item, nobody)
    await tours.close()


# -- every kind of fault at every operation -----------------------------------------------------


def arm(local: LocalWorld, operation: str, kind: str) -> None:
    seconds = {"slow": 0.1, "late_commit": 0.2}.get(kind, 30)
    local.world.faults.arm("viator", operation, kind, seconds=seconds)


FAILS_READS = [
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
]


@pytest.mark.parametrize(("kind", "error"), [("refuse", Unavailable), *FAILS_READS])
async def test_faults_on_quote(
    local: LocalWorld,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    arm(local, "quote", kind)
    if error is None:
        assert (await tours.quote(item, party)).price == item.money
    else:
        with pytest.raises(error):
            await tours.quote(item, party)
    assert [fault.fired for fault in local.world.faults.list()] == [1]


async def test_price_drift_on_quote(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    arm(local, "quote", "price_drift")
    assert (await tours.quote(item, party)).price.amount == item.price + item.price // 10


@pytest.mark.parametrize(
    ("kind", "error"), [("refuse", Unavailable), ("price_drift", PriceChanged), *FAILS_READS]
)
async def test_faults_on_the_hold_leave_nothing_behind(
    local: LocalWorld,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    quote, ours = await tours.quote(item, party), reference()
    arm(local, "quote", kind)
    if error is None:
        await tours.book(item, quote, party, ours)
    else:
        with pytest.raises(error) as caught:
            await tours.book(item, quote, party, ours)
        if isinstance(caught.value, PriceChanged):
            assert caught.value.new_price == Money(
                amount=item.price + item.price // 10, currency="USD"
            )
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live("viator", ours) == (error is None)


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
        ("price_drift", Unavailable, 0),
        ("duplicate", None, 1),
        ("authenticate", None, 1),
        ("slow", None, 1),
    ],
)
async def test_faults_on_book(
    local: LocalWorld,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
) -> None:
    quote, ours = await tours.quote(item, party), reference()
    arm(local, "book", kind)
    if error is None:
        await tours.book(item, quote, party, ours)
    else:
        with pytest.raises(error):
            await tours.book(item, quote, party, ours)
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live("viator", ours) == live
    assert (await tours.find(ours, since=now()) is not None) == bool(live)
    # Repeated with the same reference, as the saga does after its look-ups.
    assert (await tours.book(item, quote, party, ours)).reference == ours
    assert local.live("viator", ours) == 1
    created = [r for r in local.world.log.rows(reference=ours) if r["effect"] == "created"]
    assert len(created) == 1


async def test_a_late_commit_after_the_repeat_makes_no_second_booking(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    quote, ours = await tours.quote(item, party), reference()
    local.world.faults.arm("viator", "book", "late_commit", seconds=2 * PATIENCE)
    with pytest.raises(UnknownOutcome):
        await tours.book(item, quote, party, ours)
    await tours.book(item, quote, party, ours)
    await asyncio.sleep(1.5 * PATIENCE)
    rows = local.world.log.rows(supplier="viator", reference=ours)
    assert [row["effect"] for row in rows] == ["none", "created", "none"]
    assert local.live("viator", ours) == 1


@pytest.mark.parametrize(
    ("kind", "error"), [("refuse", Retryable), ("price_drift", None), *FAILS_READS]
)
async def test_faults_on_find(
    local: LocalWorld,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    ours = reference()
    booked = await tours.book(item, await tours.quote(item, party), party, ours)
    arm(local, "find", kind)
    if error is not None:
        with pytest.raises(error):
            await tours.find(ours, since=now())
    if kind == "refuse":
        await asyncio.sleep(1)  # "Retry-After: 1", which the next request of ours keeps to
    found = await tours.find(ours, since=now())
    assert found is not None
    assert found.supplier_id == booked.supplier_id
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
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
) -> None:
    ours = reference()
    booked = await tours.book(item, await tours.quote(item, party), party, ours)
    arm(local, "cancel", kind)
    if error is None:
        await tours.cancel(booked, "key")
    else:
        with pytest.raises(error):
            await tours.cancel(booked, "key")
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live("viator", ours) == live
    assert (await tours.cancel(booked, "key")).already == (live == 0)
    assert local.live("viator", ours) == 0


async def test_an_experience_that_has_begun_is_not_cancelled(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    local.world.ahead = dt.timedelta(days=42)
    with pytest.raises(NotCancellable):
        await tours.cancel(booked, "key")
    with pytest.raises(InvalidRequest):
        await tours.cancel(booked.model_copy(update={"supplier_id": "BR-1"}), "key")
