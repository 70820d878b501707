"""Flight Offers Search: what travellers may search for, and what is on offer for it."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sandbox.amadeus.messages import Refused, success
from sandbox.amadeus.offers import KINDS, FlightSearch, Passenger, itineraries, written
from sandbox.amadeus.pricing import dictionaries
from sandbox.amounts import digits
from sandbox.travel import Airport, airport_for
from sandbox.world import Answer

Json = dict[str, Any]


def by_query(query: Mapping[str, str], now: dt.datetime) -> Answer:
    """Answer ``GET /v2/shopping/flight-offers``.

    Raises:
        Refused: 477, 4926, 425, 2668 or 32171, as published.
    """
    adults = _count(query, "adults", 1)
    passengers = [Passenger(str(number), "ADULT") for number in range(1, adults + 1)]
    passengers += _more(passengers, "CHILD", _count(query, "children", 0))
    if not 1 <= len(passengers) <= 9 or adults < 1:
        raise Refused(2668, "one to nine travelers, one adult among them")
    infants = _count(query, "infants", 0)
    if infants > adults:
        raise Refused(2668, "an infant needs an adult's lap")
    passengers += [
        Passenger(str(len(passengers) + number), "HELD_INFANT", str(number))
        for number in range(1, infants + 1)
    ]
    search = FlightSearch(
        origin=_airport(query.get("originLocationCode"), "originLocationCode"),
        destination=_airport(query.get("destinationLocationCode"), "destinationLocationCode"),
        depart=_date(query.get("departureDate"), "departureDate"),
        return_=_date(query["returnDate"], "returnDate") if "returnDate" in query else None,
        passengers=tuple(passengers),
        currency=_currency(query.get("currencyCode", "EUR")),
        cabin="BUSINESS" if query.get("travelClass") in ("BUSINESS", "FIRST") else "ECONOMY",
    )
    included = set(filter(None, query.get("includedAirlineCodes", "").split(",")))
    excluded = set(filter(None, query.get("excludedAirlineCodes", "").split(",")))
    nonstop = query.get("nonStop") == "true"
    return _answer(search, now, _count(query, "max", 250), included, excluded, nonstop=nonstop)


def by_body(body: Json, now: dt.datetime) -> Answer:
    """Answer ``POST /v2/shopping/flight-offers``, for one-way and return journeys.

    Raises:
        Refused: as with :func:`by_query`.
    """
    for name in ("originDestinations", "travelers", "sources"):
        if not isinstance(body.get(name), list) or not body[name]:
            raise Refused(32171, f"{name} is missing", pointer=f"/{name}")
    try:
        ways = [
            (
                _airport(way["originLocationCode"], "originLocationCode"),
                _airport(way["destinationLocationCode"], "destinationLocationCode"),
                _date(way["departureDateTimeRange"]["date"], "departureDateTimeRange"),
            )
            for way in body["originDestinations"]
        ]
        passengers = tuple(
            Passenger(str(one["id"]), str(one["travelerType"]), one.get("associatedAdultId"))
            for one in body["travelers"]
        )
        currency = _currency(str(body.get("currencyCode", "EUR")))
        most = int((body.get("searchCriteria") or {}).get("maxFlightOffers", 250))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Refused(32171, f"missing or not understood: {error}") from error
    if len(ways) > 2 or (len(ways) == 2 and ways[1][:2] != (ways[0][1], ways[0][0])):
        raise Refused(2668, "only one-way and return journeys", pointer="/originDestinations")
    if len(passengers) > 9 or {p.kind for p in passengers} - KINDS:
        raise Refused(4926, "one to nine adults, children and infants", pointer="/travelers")
    (start, end, depart), back = ways[0], ways[1:]
    return_ = back[0][2] if back else None
    search = FlightSearch(start, end, depart, return_, passengers, currency)
    return _answer(search, now, most, set(), set(), nonstop=False)


def _answer(
    search: FlightSearch,
    now: dt.datetime,
    most: int,
    included: set[str],
    excluded: set[str],
    *,
    nonstop: bool,
) -> Answer:
    if search.origin == search.destination:
        raise Refused(2668, "origin and destination are the same")
    if search.depart < now.date() or (
        search.return_ is not None and search.return_ < search.depart
    ):
        raise Refused(425, "Date/Time is in the past")
    found = [
        offer
        for offer in itineraries(search)
        if offer.departs > now
        and (not included or offer.airline.code in included)
        and offer.airline.code not in excluded
        and not (nonstop and any(len(way) > 1 for way in offer.directions))
    ][: max(most, 0)]
    data = [written(offer, str(number)) for number, offer in enumerate(found, start=1)]
    meanings = dictionaries(found)
    meanings["currencies"] = {search.currency: search.currency}
    meanings["aircraft"] = {o.airline.aircraft: f"AIRCRAFT {o.airline.aircraft}" for o in found}
    return success(200, {"meta": {"count": len(data)}, "data": data, "dictionaries": meanings})


def _more(before: list[Passenger], kind: str, count: int) -> list[Passenger]:
    return [Passenger(str(len(before) + number), kind) for number in range(1, count + 1)]


def _airport(code: Any, name: str) -> Airport:
    if not isinstance(code, str) or not code:
        raise Refused(32171, f"{name} is missing")
    airport = airport_for(code)
    if airport is None:
        raise Refused(4926, f"{name} is not a known location")
    return airport


def _date(text: Any, name: str) -> dt.date:
    if not text:
        raise Refused(32171, f"{name} is missing")
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        raise Refused(477, f"{name} is not a date") from None


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise Refused(477, f"{name} is not a number")
    return int(text)


def _currency(code: str) -> str:
    try:
        digits(code)
    except ValueError:
        raise Refused(4926, "currencyCode is not a currency") from None
    return code
