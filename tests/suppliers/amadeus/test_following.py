"""Amadeus after the booking: looking at an order, and what cancelling would cost."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable
from models.core.money import Money
from models.core.supply import Quote, Reservation, ReservationStatus, TripComponent
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.core.protocol import Party
from tests.suppliers.amadeus.test_adapter import OURS
from tests.suppliers.amadeus.test_errors import ORDER as DELETED
from tests.suppliers.amadeus.test_errors import error, ordered
from tests.suppliers.amadeus.test_errors import flights as flights
from tests.suppliers.amadeus.test_errors import item as item
from tests.suppliers.amadeus.test_errors import pricing as pricing
from tests.suppliers.amadeus.test_errors import quote as quote
from tests.suppliers.amadeus.world import flight, people, serve_flights
from tests.suppliers.conftest import LocalWorld, Reply, Scripted

ORDER = f"{DELETED}?"
"""The SDK ends the path of a GET like this."""

RESERVATION = Reservation(
    reference=OURS,
    supplier_id="id=",
    confirmation_code="PNR123",
    pnr="PNR123",
    provider="Delta Air Lines",
    price=Money(amount=1, currency="USD"),
    details={"held_until": "2031-01-01T00:00:00", "kept": "yes"},
)


@pytest.fixture
async def served() -> AsyncIterator[LocalWorld]:
    async with serve_flights() as world:
        yield world


async def booked_at(served: LocalWorld, air: AmadeusSupplier) -> tuple[Reservation, Quote, Party]:
    item, party = flight(served), people()
    quote = await air.quote(item, party)
    return await air.book(item, quote, party, OURS), quote, party


async def test_a_look_shows_the_same_order_until_it_is_gone(served: LocalWorld) -> None:
    air = AmadeusSupplier(served.settings())
    booked, quote, party = await booked_at(served, air)
    assert await air.look(booked) == booked
    assert await air.complete(booked, quote, party, "key") == booked
    assert booked.details["departs"] < booked.details["arrives"]
    can = air.capabilities
    assert (can.holds, can.quotes_cancel, can.lists_changes) == (False, True, False)
    quoted = await air.cancel_quote(booked)
    assert (quoted.cancellable, quoted.fee) == (True, None)
    assert served.live("amadeus", OURS) == 1
    rows = served.world.log.rows(reference=OURS)
    assert [row["operation"] for row in rows] == ["book", "find", "find", "find"]
    await air.cancel(booked, "key")
    seen = await air.look(booked)
    assert (seen.status, seen.pnr) == (ReservationStatus.CANCELLED, booked.pnr)
    quoted = await air.cancel_quote(booked)
    assert (quoted.cancellable, quoted.gone) == (False, True)
    await air.close()


@pytest.mark.parametrize("kind", ["refuse", "error", "reset", "hang", "malformed"])
async def test_faults_on_look(served: LocalWorld, kind: str) -> None:
    air = AmadeusSupplier(served.settings())
    booked, _, _ = await booked_at(served, air)
    served.world.faults.arm("amadeus", "find", kind, seconds=30)
    with pytest.raises(Retryable):
        await air.look(booked)
    assert (await air.look(booked)).status is ReservationStatus.CONFIRMED
    await air.close()


async def test_what_the_order_says_now(
    scripted: Scripted, flights: AmadeusSupplier, quote: Quote
) -> None:
    order = ordered(quote)
    order["data"]["associatedRecords"][0]["reference"] = "OTHER1"
    scripted.say(ORDER, Reply(200, order))
    seen = await flights.look(RESERVATION)
    assert (seen.pnr, seen.price) == ("OTHER1", quote.price)
    assert (seen.reference, seen.provider) == (OURS, RESERVATION.provider)
    assert seen.details["kept"] == "yes"
    assert seen.details["held_until"] == RESERVATION.details["held_until"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(500, 38189), Retryable),
        (error(429, 38194), Retryable),
        (error(401, 38190), AuthConfig),
        (error(400, 477), InvalidRequest),
        (Reply(404, b"<html>"), AuthConfig),
        (Reply(200, b"{"), Retryable),
        (Reply(200, {"data": {}}), Retryable),
        (Reply(0), Retryable),
    ],
)
async def test_errors_on_look(
    scripted: Scripted, flights: AmadeusSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say(ORDER, reply)
    for ask in (flights.look, flights.cancel_quote):
        with pytest.raises(ProviderError) as caught:
            await ask(RESERVATION)
        assert type(caught.value) is expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"associatedRecords": []},
        {"flightOffers": []},
    ],
)
async def test_an_order_that_is_another(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    quote: Quote,
    change: dict[str, Any],
) -> None:
    order = ordered(quote)
    order["data"] |= change
    scripted.say(ORDER, Reply(200, order))
    with pytest.raises(Retryable):
        await flights.look(RESERVATION)


async def test_a_price_that_is_none(
    scripted: Scripted, flights: AmadeusSupplier, quote: Quote
) -> None:
    order = ordered(quote)
    order["data"]["flightOffers"][0]["price"]["grandTotal"] = "much"
    scripted.say(ORDER, Reply(200, order))
    with pytest.raises(Retryable):
        await flights.look(RESERVATION)
