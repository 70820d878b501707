"""What Amadeus answers in other forms than published: read where nobody needs it, else named."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

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
from tests.suppliers.conftest import Scripted
from tests.suppliers.forms import Form

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

FORMS = {
    "quote": Form(
        PRICING,
        200,
        pricing(),
        FLIGHTS | PRICE | SEATS,
        lambda flights: flights.quote(ITEM, PARTY),
    ),
    "book": Form(
        ORDERS,
        201,
        flown("CONFIRMED"),
        FLIGHTS | PRICE | PEOPLE | OURS,
        lambda flights: flights.book(ITEM, QUOTE, PARTY, REFERENCE),
        words={"travelers": "its travellers are others", "remarks": "does not carry our remark"},
        skipped=STATED,
    ),
    "look": Form(
        SHOWN,
        200,
        flown("CONFIRMED"),
        FLIGHTS | {"data.id"},
        lambda flights: flights.look(RESERVATION),
        skipped=STATED,
    ),
}


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_any_form(scripted: Scripted, flights: AmadeusSupplier, form: Form) -> None:
    await form.check_any_form(scripted, flights)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_what_is_lacking(scripted: Scripted, flights: AmadeusSupplier, form: Form) -> None:
    await form.check_what_is_lacking(scripted, flights)
