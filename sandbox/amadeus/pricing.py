"""Flight Offers Price: the offer again, confirmed, with taxes, requirements and fare rules."""

import copy
import datetime as dt
from typing import Any, Final

from sandbox.amadeus.messages import Refused, amount
from sandbox.amadeus.offers import Itinerary, fare_basis, recognise, written
from sandbox.amounts import in_currency, raised
from sandbox.travel import AIRPORTS

Json = dict[str, Any]

_PENALTY_EURO_CENTS: Final = 9_000
_TAX_CODES: Final = ("YQ", "XT")


def priced(offer: Itinerary, offer_id: str, *, drifted: bool = False) -> Json:
    """Write an offer as the pricing answers it; ``drifted`` costs 10 % more."""
    currency = offer.search.currency
    document = written(offer, offer_id)
    del document["numberOfBookableSeats"]
    for way in document["itineraries"]:
        for number, flight in enumerate(way["segments"]):
            flight["co2Emissions"] = [
                {"weight": 90 + 10 * number, "weightUnit": "KG", "cabin": offer.search.cabin}
            ]
    fares = [offer.fare(passenger) for passenger in offer.search.passengers]
    if drifted:
        fares = [raised(fare) for fare in fares]
    total = amount(sum(fares), currency)
    document["price"].update(
        base=amount(sum(map(offer.base, fares)), currency),
        total=total,
        grandTotal=total,
        billingCurrency=currency,
    )
    for pricing, fare in zip(document["travelerPricings"], fares, strict=True):
        base = offer.base(fare)
        surcharge = (fare - base) // 3
        pricing["price"] = {
            "currency": currency,
            "total": amount(fare, currency),
            "base": amount(base, currency),
            "taxes": [
                {"amount": amount(part, currency), "code": code}
                for part, code in zip((surcharge, fare - base - surcharge), _TAX_CODES, strict=True)
            ],
            "refundableTaxes": amount(fare - base - surcharge, currency),
        }
    return document


def recognised(document: Json, now: dt.datetime, *, must_be_priced: bool) -> Itinerary:
    """Return what a client's offer is, if it was made here, is unchanged, and still to be had.

    Raises:
        Refused: 34651 unknown, changed or departed; 37200 another price; 4926 never priced.
    """
    offer = recognise(document)
    if offer is None:
        raise Refused(34651, "Could not sell segment 1", pointer="/data/flightOffers/0")
    if offer.departs <= now:
        raise Refused(34651, "Segment 1 has departed", pointer="/data/flightOffers/0")
    offer_id = str(document.get("id"))
    as_priced = priced(offer, offer_id)
    if document == as_priced:
        return offer
    if document == written(offer, offer_id):
        if must_be_priced:
            raise Refused(4926, "The flight offer was not priced", pointer="/data/flightOffers/0")
        return offer
    if _without_prices(document) in (
        _without_prices(as_priced),
        _without_prices(written(offer, offer_id)),
    ):
        raise Refused(
            37200,
            f"Current grand total price ({as_priced['price']['grandTotal']}) differs from the"
            f" price sent",
            pointer="/data/flightOffers/0",
        )
    raise Refused(34651, "Could not sell segment 1", pointer="/data/flightOffers/0")


def is_abroad(offer: Itinerary) -> bool:
    """Tell whether the journey crosses a border, so that documents are needed."""
    return len({f.origin.country for f in offer.flights} | {offer.search.destination.country}) > 1


def answer_body(offer: Itinerary, document: Json, *, fare_rules: bool) -> Json:
    """Return the body of a pricing answer."""
    needed = {
        "emailAddressRequired": True,
        "travelerRequirements": [
            {
                "travelerId": passenger.id,
                "genderRequired": True,
                "documentRequired": is_abroad(offer),
                "dateOfBirthRequired": True,
            }
            for passenger in offer.search.passengers
        ],
    }
    body: Json = {
        "data": {
            "type": "flight-offers-pricing",
            "flightOffers": [document],
            "bookingRequirements": needed,
        },
        "dictionaries": dictionaries([offer]),
    }
    if fare_rules:
        body["included"] = {
            "detailed-fare-rules": {
                str(number): _fare_rule(offer, str(number))
                for number in range(1, len(offer.flights) + 1)
            }
        }
    return body


def dictionaries(offers: list[Itinerary]) -> Json:
    """Return what the codes in some offers mean."""
    flights = [flight for offer in offers for flight in offer.flights]
    codes = {f.origin.code for f in flights} | {f.destination.code for f in flights}
    return {
        "locations": {
            code: {"cityCode": AIRPORTS[code].city_code, "countryCode": AIRPORTS[code].country}
            for code in sorted(codes)
        },
        "carriers": {offer.airline.code: offer.airline.name for offer in offers},
    }


def _fare_rule(offer: Itinerary, segment_id: str) -> Json:
    currency = offer.search.currency
    notes: Json = {"category": "REFUND", "circumstances": "BEFORE DEPARTURE"}
    if offer.flexible:
        penalty = amount(in_currency(_PENALTY_EURO_CENTS, currency), currency)
        notes["maxPenaltyAmount"] = penalty
        text = (
            f"CANCELLATIONS\n\nBEFORE DEPARTURE\nCHARGE {currency} {penalty} PER TICKET FOR"
            f" CANCEL/REFUND.\n\nAFTER DEPARTURE\nTICKET IS NON-REFUNDABLE."
        )
    else:
        notes["notApplicable"] = True
        text = "CANCELLATIONS\n\nANY TIME\nTICKET IS NON-REFUNDABLE IN CASE OF CANCEL/REFUND."
    notes["descriptions"] = [{"descriptionType": "PENALTIES", "text": text}]
    return {
        "fareBasis": fare_basis(offer),
        "name": fare_basis(offer)[-5:],
        "fareNotes": notes,
        "segmentId": segment_id,
    }


def _without_prices(document: Json) -> Json:
    bare = copy.deepcopy(document)
    bare.pop("price", None)
    for pricing in bare.get("travelerPricings", []):
        pricing.pop("price", None)
    return bare
