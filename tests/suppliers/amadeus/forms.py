"""What Amadeus answers in other forms than published: read where nobody needs it, else named."""

from tests.suppliers.amadeus.script import (
    ITEM,
    ORDERS,
    PARTY,
    PRICING,
    QUOTE,
    REFERENCE,
    RESERVATION,
    SHOWN,
    flown,
    pricing,
)
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
    "cancel_quote": Form(
        SHOWN,
        200,
        flown("CONFIRMED"),
        FLIGHTS | {"data.id"},
        lambda flights: flights.cancel_quote(RESERVATION),
        skipped=STATED,
    ),
}
