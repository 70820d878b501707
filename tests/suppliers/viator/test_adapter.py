"""What is particular about Viator at its emulation: terms, operators that confirm by hand."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, ReservationStatus, TripComponent
from sandbox.viator import live_offers
from sandbox.viator.catalogue import product_of, retail_price
from sandbox.viator.ledger import MANUAL_CONFIRMATION
from suppliers.core.protocol import Party
from suppliers.viator.adapter import ViatorSupplier
from tests.suppliers.conftest import (
    LocalWorld,
    changed,
    component,
    in_days,
    now,
    party_of,
    reference,
    traveler,
)

CUSTOM, FINAL, MANUAL, SCARCE = "77777P207", "77777P300", "77777P407", "77777P500"
DAY_TICKET, ASKING = "77777P607", "77777P707"


@pytest.fixture
async def tours(local: LocalWorld) -> AsyncIterator[ViatorSupplier]:
    supplier = ViatorSupplier(local.settings())
    yield supplier
    await supplier.close()


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


async def test_the_terms_and_the_voucher(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item, ref = outing(local), reference()
    quote = await tours.quote(item, party)
    assert item.offer["title"] in quote.title
    deadline = item.starts_at - dt.timedelta(days=1)
    assert quote.terms.fee_at(deadline - dt.timedelta(hours=2), quote.price.amount) == 0
    assert quote.terms.fee_at(deadline + dt.timedelta(hours=2), item.price) == item.price
    booked = await tours.book(item, quote, party, ref)
    assert booked.starts_at == item.starts_at
    assert booked.details["voucher_url"].startswith("https://")
    found = await tours.find(ref, since=now())
    assert found is not None
    assert found.model_copy(update={"provider": booked.provider}) == booked
    await tours.cancel(booked, "key")
    with pytest.raises(Duplicate):
        await tours.book(item, quote, party, ref)


async def test_a_day_ticket_is_sold(local: LocalWorld, tours: ViatorSupplier, party: Party) -> None:
    item, ref = outing(local, DAY_TICKET, productOptionCode=None, startTime=None), reference()
    quote = await tours.quote(item, party)
    booked = await tours.book(item, quote, party, ref)
    assert booked.status is ReservationStatus.CONFIRMED
    midnight = product_of(DAY_TICKET).starts(in_days(40), None)  # type: ignore[union-attr]
    assert booked.starts_at == midnight
    before = midnight - dt.timedelta(days=1, minutes=1)
    assert quote.terms.fee_at(before, quote.price.amount) == 0
    assert (await tours.cancel(booked, "key")).fee == Money(amount=0, currency="USD")
    with pytest.raises(Unavailable):
        await tours.quote(outing(local, DAY_TICKET), party)  # it has no start at 09:30
    with pytest.raises(Unavailable):
        await tours.quote(outing(local, startTime=None), party)


async def test_what_an_operator_must_know_is_told_before_anything_is_booked(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local, ASKING)
    with pytest.raises(InvalidRequest, match="must know the weight"):
        await tours.quote(item, party)
    assert local.recorder.to("/bookings/hold") == []


async def test_a_family_is_booked_by_their_ages(local: LocalWorld, tours: ViatorSupplier) -> None:
    born = in_days(40).year - 8
    family = party_of(
        traveler("Cy", date_of_birth=dt.date(born, 1, 1)),
        traveler("Ana"),
        traveler("Old", date_of_birth=dt.date(1950, 1, 1)),
    )
    mix = [{"ageBand": band, "numberOfTravelers": 1} for band in ("ADULT", "SENIOR", "CHILD")]
    product = product_of("77777P107")
    assert product is not None
    item = outing(local, product.code, paxMix=mix)
    item = item.model_copy(update={"price": retail_price(product, 3, "USD")})
    quote = await tours.quote(item, family)
    assert quote.offer["bands"] == ["CHILD", "ADULT", "SENIOR"]
    booked = await tours.book(item, quote, family, reference())
    assert booked.price == item.money
    adults = item.model_copy(
        update={"offer": {**item.offer, "paxMix": [{**mix[0], "numberOfTravelers": 3}]}}
    )
    # Without a choice of its guide: it is booked with the one that is offered.
    plain = changed(item, languageGuide=None)
    await tours.book(plain, await tours.quote(plain, family), family, reference())
    with pytest.raises(InvalidRequest, match="do not fit 3 adult"):
        await tours.quote(adults, family)


async def test_a_mere_hold_is_not_found(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item, ref = outing(local), reference()
    quote = await tours.quote(item, party)
    local.world.faults.arm("viator", "book", "reset")
    with pytest.raises(UnknownOutcome):
        await tours.book(item, quote, party, ref)
    assert len(local.recorder.to("/bookings/hold")) == 1
    assert await tours.find(ref, since=now()) is None


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
    item, ref = outing(local, MANUAL), reference()
    booked = await tours.book(item, await tours.quote(item, party), party, ref)
    assert booked.status is ReservationStatus.PENDING
    assert booked.price == item.money
    found = await tours.find(ref, since=now())
    assert found is not None
    assert found.status is ReservationStatus.PENDING
    assert "next_poll_at" in found.details
    local.world.ahead = MANUAL_CONFIRMATION
    found = await tours.find(ref, since=now())
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


async def test_a_sold_out_start_that_we_booked_ourselves_is_no_refusal(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item, ref = outing(local, SCARCE), reference()
    quote = await tours.quote(item, party)
    await tours.book(item, quote, party, reference())
    local.world.faults.arm("viator", "book", "commit_then_error")
    with pytest.raises(UnknownOutcome):
        await tours.book(item, quote, party, ref)
    with pytest.raises(Duplicate):
        await tours.book(item, quote, party, ref)
    assert local.live("viator", ref) == 1


async def test_an_experience_that_has_begun_is_not_cancelled(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local)
    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    local.world.ahead = dt.timedelta(days=42)
    with pytest.raises(NotCancellable):
        await tours.cancel(booked, "key")
    with pytest.raises(InvalidRequest):
        await tours.cancel(booked.model_copy(update={"supplier_id": "BR-1"}), "key")
