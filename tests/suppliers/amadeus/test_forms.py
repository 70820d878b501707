"""What Amadeus answers in other forms than published: read where nobody needs it, else named."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import InvalidRequest, ProviderError
from models.core.supply import ReservationStatus
from suppliers.amadeus import AmadeusSupplier
from tests.suppliers.amadeus.script import (
    ITEM,
    ORDERS,
    PARTY,
    PRICING,
    QUOTE,
    REFERENCE,
    RESERVATION,
    SCRIPT,
    SHOWN,
    flown,
    pricing,
)
from tests.suppliers.conftest import Reply, Scripted
from tests.suppliers.forms import lacking, other_forms

OFFER = "data.flightOffers.*."
SEGMENT = f"{OFFER}itineraries.*.segments.*."
FLIGHTS = {f"{SEGMENT}{field}" for field in ("carrierCode", "number")} | {
    f"{SEGMENT}{end}.{field}" for end in ("departure", "arrival") for field in ("iataCode", "at")
}
PRICE = {f"{OFFER}price.currency", f"{OFFER}price.grandTotal"}
SEATS = {f"{OFFER}travelerPricings.*.travelerId", f"{OFFER}travelerPricings.*.travelerType"}
PEOPLE = {f"data.travelers.*.{field}" for field in ("id", "name.firstName", "name.lastName")}
OURS = {"data.id", "data.associatedRecords.*.reference", "data.remarks.general.*.text"}
STATED = {f"{SEGMENT}bookingStatus"}
"""Whatever it is, it is something about the flight: not looked at here."""

CELLS = [
    pytest.param(path, status, body, needed, call, id=name)
    for name, path, status, body, needed, call in (
        (
            "quote",
            PRICING,
            200,
            pricing(),
            FLIGHTS | PRICE | SEATS,
            lambda flights: flights.quote(ITEM, PARTY),
        ),
        (
            "book",
            ORDERS,
            201,
            flown("CONFIRMED"),
            FLIGHTS | PRICE | PEOPLE | OURS,
            lambda flights: flights.book(ITEM, QUOTE, PARTY, REFERENCE),
        ),
        (
            "look",
            SHOWN,
            200,
            flown("CONFIRMED"),
            FLIGHTS | {"data.id"},
            lambda flights: flights.look(RESERVATION),
        ),
    )
]


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


@pytest.mark.parametrize(("path", "status", "body", "needed", "call"), CELLS)
async def test_what_nobody_needs_may_have_any_form(
    scripted: Scripted,
    flights: AmadeusSupplier,
    path: str,
    status: int,
    body: Any,
    needed: set[str],
    call: Any,
) -> None:
    for name, odd in other_forms(body, needed | STATED):
        scripted.say(path, Reply(status, odd))
        try:
            answer = await call(flights)
        except ProviderError as error:
            raise AssertionError(f"{name}: {error}") from error
        if path != PRICING:
            assert answer.status is ReservationStatus.CONFIRMED, name


@pytest.mark.parametrize(("path", "status", "body", "needed", "call"), CELLS)
async def test_what_is_lacking_is_named(
    scripted: Scripted,
    flights: AmadeusSupplier,
    path: str,
    status: int,
    body: Any,
    needed: set[str],
    call: Any,
) -> None:
    words = {"travelers": "its travellers are others", "remarks": "does not carry our remark"}
    for name, odd in lacking(body, needed):
        scripted.say(path, Reply(status, odd))
        with pytest.raises(ProviderError) as caught:
            await call(flights)
        assert not isinstance(caught.value, InvalidRequest), name
        field = words.get(name.split(".")[1], name.rpartition(".")[2])
        assert field in str(caught.value), (name, caught.value)
