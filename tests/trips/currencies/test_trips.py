"""Trips in several currencies on the real stack: booked, paid, cancelled, to the minor unit."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from typing import Any

import iso4217
import pytest
from sqlalchemy import select

from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.problems import Code
from models.core.cases import CASES
from models.core.money import Money
from models.core.supply import Quote
from sandbox.booking_com.catalogue import SCHEDULE, product_id, property_in, rooms_for
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack, create_stack
from tests.trips.saga.test_cancel_confirmed import set_terms

MIXED = {"flight": "JPY", "hotel": "EUR", "activity": "GBP"}


async def checked(stack: Stack, booking: Booking) -> Facts:
    return await check(stack.sandbox, stack.settings.database.url, booking.id)


def decimals(currency: str) -> int:
    return iso4217.Currency(currency).exponent or 0


def charged(amount: int, currency: str, paid_in: str, rate: str) -> int:
    """A supplier's amount as it has to be charged, worked out without the code under test."""
    step = 10 if decimals(paid_in) == 3 else 1
    if currency == paid_in:
        return amount - amount % step
    major = Fraction(amount, 10 ** decimals(currency)) * Fraction(rate)
    return round(major * Fraction(10) ** decimals(paid_in) / step) * step


def quote_of(facts: Facts, item: Item) -> Quote:
    """The snapshot on record."""
    row = next(row for row in facts.items if row["number"] == item.number)
    return Quote.model_validate(row["quote"])


def rate_of(quote: Quote) -> str:
    return quote.rate.rate if quote.rate else "1"


async def confirmed(stack: Stack, **criteria: Any) -> tuple[Booking, Facts]:
    booking = await stack.book(**criteria)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    facts = await checked(stack, booking)
    for item in booking.items:
        quote = quote_of(facts, item)
        own = quote.price
        assert item.currency == booking.currency
        assert item.price == charged(own.amount, own.currency, booking.currency, rate_of(quote))
        assert item.reservation is not None
        assert item.reservation.price == own, "the supplier is held to its own price"
    assert booking.payment.captured == sum(item.price for item in booking.items)
    return booking, facts


# -- one currency ----------------------------------------------------------------------------------


# A trip in yen: test_yen_for_a_trip_in_dollars_and_back.
@pytest.mark.parametrize("currency", table(["JPY", "BHD"], quick=["BHD"]))
async def test_currencies_without_and_with_three_decimals(stack: Stack, currency: str) -> None:
    booking, facts = await confirmed(stack, currency=currency)
    (paid,) = facts.payments
    assert paid["currency"] == currency
    assert paid["captured"] == booking.payment.captured
    assert {row["quote"].get("rate") for row in facts.items} == {None}
    if currency == "BHD":  # cards are charged in hundredths of a dinar
        assert paid["captured"] % 10 == 0
        assert 0 <= booking.accepted_total - paid["captured"] < 10 * len(booking.items)
    else:
        assert paid["captured"] == booking.accepted_total
    after = await stack.cancel(booking.id, [booking.items[1].component_id])
    assert after.items[1].status is ItemStatus.CANCELLED
    assert after.payment.refunded == booking.items[1].price - after.items[1].fee
    await checked(stack, after)
    last = await stack.cancel(booking.id)
    assert last.state is BookingState.CANCELLED
    await checked(stack, last)


# -- several ---------------------------------------------------------------------------------------


def with_fee_steps(trip: dict[str, Any]) -> dict[str, Any]:
    """The same trip at a hotel that keeps half its price from a week before arrival."""
    hotel = next(one for one in trip["components"] if one["type"] == "HOTEL")
    other, room = property_in("Lisbon", 1), rooms_for(2)[0]
    assert other.policy == SCHEDULE
    hotel["offer"] |= {
        "accommodation": other.id,
        "name": other.name,
        "product": product_id(other, room),
    }
    return {**trip, "totalPrice": trip["totalPrice"] * 3}  # whatever it costs is accepted


async def test_each_part_in_another_currency(stack: Stack) -> None:
    start = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=4)
    dates = {"start": start.isoformat(), "end": (start + dt.timedelta(days=4)).isoformat()}
    trip = await stack.sandbox.trip(currencies=MIXED, dates=dates)
    booking, facts = await confirmed(stack, trip=with_fee_steps(trip))
    flight, hotel, *tours = booking.items
    quotes = {item.number: quote_of(facts, item) for item in booking.items}
    for item, currency in zip(booking.items, ["JPY", "EUR", "GBP", "GBP"], strict=True):
        quote = quotes[item.number]
        assert quote.rate is not None
        assert (quote.rate.base, quote.rate.quote) == (currency, "USD")
        assert quote.rate.as_of == dt.datetime.now(dt.UTC).date()
        assert "European Central Bank" in quote.rate.source
        assert item.supplier_price == quote.price
        assert quote.price.currency == currency
    assert rate_of(quotes[flight.number]) == "0.006875"
    assert rate_of(quotes[hotel.number]) == "1.1"
    live = {r["reference"]: (r["price"], r["currency"]) for r in facts.reservations if r["live"]}
    assert live[hotel.reference] == (quotes[hotel.number].price.amount, "EUR")
    assert live[flight.reference][1] == "JPY"

    one = await stack.cancel(booking.id, [tours[0].component_id])
    assert one.payment.refunded == tours[0].price - one.items[2].fee
    await checked(stack, one)

    after = await stack.cancel(booking.id)
    assert after.state is BookingState.CANCELLED
    facts = await checked(stack, after)
    assert after.cancelled_at is not None
    fees = 0
    for item in after.items:
        quote = quotes[item.number]
        own = quote.terms.fee_at(after.cancelled_at, quote.price.amount)
        fees += charged(own, quote.price.currency, "USD", rate_of(quote))
    half = quotes[hotel.number].price.amount // 2
    assert after.items[1].fee == charged(half, "EUR", "USD", "1.1")
    assert 0 < after.items[1].fee < hotel.price
    assert sum(item.fee for item in after.items) == fees
    assert await fees_told(stack, after) == [], "half of the euros is half of the euros"
    (paid,) = facts.payments
    assert paid["captured"] - paid["refunded"] == fees
    assert [row["effect"] for row in facts.log].count("cancelled") == 4


async def fees_told(stack: Stack, booking: Booking) -> list[str]:
    """What operators are told of fees that are not as agreed."""
    async with stack.sessions() as session:
        rows = await session.execute(
            select(CASES.c.details).where(CASES.c.booking_id == booking.id, CASES.c.kind == "FEE")
        )
    return [
        f"{details['supplier']} keeps {Money(**details['supplierKeeps'])},"
        f" our terms say {Money(**details['termsSay'])}"
        for details in rows.scalars()
    ]


async def test_the_suppliers_fee_is_compared_in_its_own_currency(stack: Stack) -> None:
    booking, _ = await confirmed(stack, currencies={"hotel": "EUR"})
    set_terms(stack, booking.id, 2, [{"until": None, "fee": 1_234}])
    after = await stack.cancel(booking.id)
    assert await fees_told(stack, booking) == [
        "booking_com keeps 0.00 EUR, our terms say 12.34 EUR"
    ]
    assert after.items[1].fee == 0, "what was converted at validation counts"


async def test_yen_for_a_trip_in_dollars_and_back(stack: Stack) -> None:
    booking, facts = await confirmed(stack, currency="JPY", currencies={"hotel": "USD"})
    hotel = booking.items[1]
    assert rate_of(quote_of(facts, hotel)) == "145.454545454545455"
    after = await stack.cancel(booking.id)
    assert after.payment.captured - after.payment.refunded == sum(i.fee for i in after.items)
    await checked(stack, after)


async def test_more_than_was_accepted_is_not_paid_whatever_the_rate(stack: Stack) -> None:
    trip = await stack.sandbox.trip(currencies=MIXED)
    booking = await stack.book(trip=trip, amount=trip["totalPrice"] - 1)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PRICE_CHANGED
    assert booking.problem.details["newPrice"] == trip["totalPrice"]
    assert booking.problem.details["currency"] == "USD"
    assert booking.items[1].supplier_price is not None
    facts = await checked(stack, booking)
    assert facts.reservations == []
    assert facts.payments == []


@pytest.mark.parametrize("supplier", table(["amadeus", "booking_com"], quick=["booking_com"]))
async def test_a_price_that_changes_at_booking_is_seen_in_its_own_currency(
    stack: Stack, supplier: str
) -> None:
    request = await stack.request(currencies=MIXED)
    await stack.sandbox.arm(supplier, "book", "price_drift", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    facts = await checked(stack, booking)
    assert not any(row["live"] for row in facts.reservations)


@pytest.mark.exhaustive  # in one: saga
async def test_an_experience_that_fails_is_not_paid_in_any_currency(stack: Stack) -> None:
    request = await stack.request(currencies=MIXED)
    await stack.sandbox.arm("viator", "book", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED
    assert booking.payment.captured == sum(item.price for item in booking.live_items)
    assert len(booking.live_items) == 3
    await checked(stack, booking)


# -- no rate ---------------------------------------------------------------------------------------

World = Callable[..., Any]


@pytest.fixture
async def elsewhere(
    database_url: str, temporal_address: str, sandbox_url: str
) -> AsyncIterator[World]:
    """Makes stacks whose worker has read no rates yet; settings by environment name."""
    made: list[Stack] = []

    async def make(**settings: str) -> Stack:
        stack = await create_stack(
            database_url=database_url,
            temporal_address=temporal_address,
            sandbox_url=sandbox_url,
            name=f"rates-{uuid.uuid4().hex[:8]}",
            **settings,
        )
        made.append(stack)
        await stack.sandbox.clear()
        stack.start_worker()
        return stack

    yield make
    for stack in made:
        await stack.sandbox.clear()
        await stack.close()


async def failed(stack: Stack, **criteria: Any) -> tuple[Booking, Facts]:
    """A booking that failed and left nothing anywhere."""
    booking = await stack.book(**criteria)
    assert booking.state is BookingState.FAILED
    facts = await checked(stack, booking)
    assert facts.reservations == []
    assert facts.payments == []
    assert booking.payment.status is PaymentStatus.FAILED
    assert booking.items[1].price == 0, "nothing was quoted"
    assert booking.items[1].supplier_price is not None
    return booking, facts


async def test_nobody_publishes_a_rate(stack: Stack) -> None:
    booking, facts = await failed(stack, currency="BHD", currencies={"hotel": "EUR"})
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.item) == (Code.NO_EXCHANGE_RATE, 2)
    assert (booking.problem.step, booking.problem.provider_code) == ("validate", "not_published")
    assert "have no BHD" in booking.problem.message
    assert facts.booking["failed_step"] == "validate"


async def test_the_rates_are_old(elsewhere: World, sandbox_url: str) -> None:
    old = f"{sandbox_url}/rates/eurofxref-daily.xml?day=2020-02-03"
    stack = await elsewhere(EXCHANGE_RATES_URL=old)
    before = (await stack.sandbox.http.get("/_sandbox/log")).json()
    booking, _ = await failed(stack, currencies={"hotel": "EUR"})
    log = (await stack.sandbox.http.get("/_sandbox/log")).json()[len(before) :]
    asked = {row["supplier"] for row in log if row["operation"] == "quote"}
    assert asked == {"rates"}, "no supplier is asked for a price that nobody could accept"
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.provider_code) == (Code.NO_EXCHANGE_RATE, "stale")
    plain = await stack.book()
    assert plain.state is BookingState.CONFIRMED, "without another currency no rate is needed"


@pytest.mark.exhaustive  # tests/suppliers/test_rates: to be asked again; given up as any
async def test_the_bank_is_down(elsewhere: World) -> None:
    nobody = "http://127.0.0.1:1/eurofxref-daily.xml"
    stack = await elsewhere(EXCHANGE_RATES_URL=nobody, STEP_DEADLINE_SECONDS="1")
    booking, _ = await failed(stack, currencies={"hotel": "EUR"})
    assert booking.problem is not None
    assert (booking.problem.code, booking.problem.step) == (Code.SUPPLIER_DOWN, "validate")


async def test_the_bank_comes_back_in_time(elsewhere: World) -> None:
    stack = await elsewhere()
    for kind in ("error", "malformed", "reset"):
        await stack.sandbox.arm("rates", "quote", kind)
    booking = await stack.book(currencies={"hotel": "EUR"})
    assert await stack.sandbox.fired() == 3
    assert booking.state is BookingState.CONFIRMED
    await checked(stack, booking)


async def test_a_rate_that_moved_against_the_traveller_is_a_price_change(elsewhere: World) -> None:
    stack = await elsewhere()
    await stack.sandbox.arm("rates", "quote", "price_drift", rate=1)
    booking = await stack.book(currencies={"hotel": "EUR"})
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PRICE_CHANGED
    facts = await checked(stack, booking)
    assert facts.reservations == []
