"""Flight offers: derived from what was searched for, and recognised again later."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from sandbox.amadeus.messages import amount
from sandbox.amadeus.schedule import Flight, airlines_between, duration, journey, segment
from sandbox.amounts import in_currency
from sandbox.travel import AIRLINES, AIRPORTS, Airline, Airport, airport_for, dice
from sandbox.world import World

Json = dict[str, Any]

_SHARE: Final = {"ADULT": 100, "SENIOR": 85, "CHILD": 75, "HELD_INFANT": 10}
"""Percent of the adult fare by type of traveller."""
KINDS: Final = frozenset(_SHARE)
"""The types of travellers that fares are sold to here."""
_CABINS: Final = {"ECONOMY": ("Y", 100), "BUSINESS": ("J", 320)}
"""Booking class and percent of the economy fare by cabin."""


_AT_ONCE: Final = {"EK"}
"""Airlines that want tickets to be issued at once: their offers cannot be held."""


@dataclass(frozen=True)
class Passenger:
    """A seat to be sold; ``adult`` is whose lap an infant sits on."""

    id: str
    kind: str
    adult: str | None = None


@dataclass(frozen=True)
class FlightSearch:
    """What is searched for."""

    origin: Airport
    destination: Airport
    depart: dt.date
    return_: dt.date | None
    passengers: tuple[Passenger, ...]
    currency: str
    cabin: str = "ECONOMY"


@dataclass(frozen=True)
class Itinerary:
    """What one airline offers for a search."""

    search: FlightSearch
    airline: Airline
    directions: tuple[tuple[Flight, ...], ...]

    @property
    def flexible(self) -> bool:
        """The fare can be refunded after ticketing, for a penalty."""
        return (
            dice(self.airline.code, self.search.origin.code, self.search.destination.code) % 2 == 0
        )

    @property
    def at_once(self) -> bool:
        """Tickets are issued when it is booked."""
        return self.airline.code in _AT_ONCE

    @property
    def flights(self) -> list[Flight]:
        """All flights in order."""
        return [flight for direction in self.directions for flight in direction]

    @property
    def departs(self) -> dt.datetime:
        """First departure, UTC."""
        return self.flights[0].departs

    @property
    def arrives(self) -> dt.datetime:
        """Last arrival, UTC."""
        return self.flights[-1].arrives

    def fare(self, passenger: Passenger) -> int:
        """Return one passenger's fare with taxes, in minor units of the search's currency."""
        cents = 0
        for direction in self.directions:
            km = sum(flight.km for flight in direction)
            day = dice(self.airline.code, direction[0].number, direction[0].departs.date())
            nonstop = 108 if len(direction) == 1 else 100
            cents += round((2_500 + 4.2 * km) * (85 + day % 46) * nonstop / 10_000)
        percent = _CABINS[self.search.cabin][1] * (115 if self.flexible else 100)
        cents = cents * percent * _SHARE[passenger.kind] // 1_000_000
        # Whole tenths of the currency unit, as fares are filed.
        return in_currency(cents // 10 * 10, self.search.currency)

    @property
    def price(self) -> int:
        """The whole party's fare, minor units."""
        return sum(map(self.fare, self.search.passengers))

    def base(self, fare: int) -> int:
        """Return the part of a fare that is not taxes."""
        return fare * 4 // 5


def itineraries(search: FlightSearch) -> list[Itinerary]:
    """Return everything on offer for a search, cheapest first."""
    offers = [
        offer
        for airline in airlines_between(search.origin, search.destination)
        if (offer := itinerary(search, airline)) is not None
    ]
    return sorted(offers, key=lambda offer: (offer.price, offer.airline.code))


def itinerary(search: FlightSearch, airline: Airline) -> Itinerary | None:
    """Return an airline's offer for a search; None when one cannot be back in time."""
    there = journey(airline, search.origin, search.destination, search.depart)
    if search.return_ is None:
        return Itinerary(search, airline, (tuple(there),))
    back = journey(airline, search.destination, search.origin, search.return_)
    if back[0].departs <= there[-1].arrives + dt.timedelta(hours=1):
        return None
    return Itinerary(search, airline, (tuple(there), tuple(back)))


def written(offer: Itinerary, offer_id: str) -> Json:
    """Write an offer as the search answers it."""
    search, currency = offer.search, offer.search.currency
    numbers = iter(range(1, 99))
    directions = [
        {
            "duration": duration(flights[-1].arrives - flights[0].departs),
            "segments": [segment(flight, str(next(numbers))) for flight in flights],
        }
        for flights in offer.directions
    ]
    total = amount(offer.price, currency)
    nothing = amount(0, currency)
    return {
        "type": "flight-offer",
        "id": offer_id,
        "source": "GDS",
        "instantTicketingRequired": offer.at_once,
        "nonHomogeneous": False,
        "oneWay": False,
        "lastTicketingDate": (search.depart - dt.timedelta(days=1)).isoformat(),
        "numberOfBookableSeats": 9,
        "itineraries": directions,
        "price": {
            "currency": currency,
            "total": total,
            "base": amount(sum(offer.base(offer.fare(p)) for p in search.passengers), currency),
            "fees": [
                {"amount": nothing, "type": "SUPPLIER"},
                {"amount": nothing, "type": "TICKETING"},
            ],
            "grandTotal": total,
        },
        "pricingOptions": {
            "fareType": ["PUBLISHED"],
            "includedCheckedBagsOnly": offer.flexible,
            "refundableFare": offer.flexible,
        },
        "validatingAirlineCodes": [offer.airline.code],
        "travelerPricings": [_fare(offer, passenger) for passenger in search.passengers],
    }


def fare_basis(offer: Itinerary) -> str:
    """Return the fare basis code of all segments."""
    letter = _CABINS[offer.search.cabin][0]
    return f"{letter}{offer.airline.code}{'FLEX' if offer.flexible else 'LIGHT'}"


def _fare(offer: Itinerary, passenger: Passenger) -> Json:
    fare, currency = offer.fare(passenger), offer.search.currency
    pricing: Json = {
        "travelerId": passenger.id,
        "fareOption": "STANDARD",
        "travelerType": passenger.kind,
        "price": {
            "currency": currency,
            "total": amount(fare, currency),
            "base": amount(offer.base(fare), currency),
        },
        "fareDetailsBySegment": [
            {
                "segmentId": str(number),
                "cabin": offer.search.cabin,
                "fareBasis": fare_basis(offer),
                "brandedFare": "FLEX" if offer.flexible else "LIGHT",
                "class": _CABINS[offer.search.cabin][0],
                "includedCheckedBags": {"quantity": int(offer.flexible)},
            }
            for number in range(1, len(offer.flights) + 1)
        ],
    }
    if passenger.adult is not None:
        pricing["associatedAdultId"] = passenger.adult
    return pricing


def recognise(offer: Json) -> Itinerary | None:
    """Return what an offer that a client sends was derived from; None if it was not made here.

    Says nothing about whether the offer has been changed since: compare with :func:`written`.
    """
    try:
        ways = offer["itineraries"]
        ends = [(way["segments"][0]["departure"], way["segments"][-1]["arrival"]) for way in ways]
        (first, last), back = ends[0], ends[1:]
        passengers = tuple(
            Passenger(
                str(pricing["travelerId"]),
                str(pricing["travelerType"]),
                pricing.get("associatedAdultId"),
            )
            for pricing in offer["travelerPricings"]
        )
        search = FlightSearch(
            origin=AIRPORTS[first["iataCode"]],
            destination=AIRPORTS[last["iataCode"]],
            depart=_day(first["at"]),
            return_=_day(back[0][0]["at"]) if back else None,
            passengers=passengers,
            currency=offer["price"]["currency"],
            cabin=offer["travelerPricings"][0]["fareDetailsBySegment"][0]["cabin"],
        )
        airline = AIRLINES[offer["validatingAirlineCodes"][0]]
        if search.origin == search.destination or airline not in airlines_between(
            search.origin, search.destination
        ):
            return None
        found = itinerary(search, airline)
        if found is not None:
            written(found, "1")  # an unknown currency, cabin or type of traveller shows here
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    return found


def live_offer(
    world: World,
    *,
    origin: str,
    destination: str,
    depart: dt.date,
    return_: dt.date | None,
    adults: int,
    currency: str,
) -> Json:
    """Return the cheapest nonstop flights there (and back), or else the cheapest with a change.

    As a planner writes them: ``title``; ``price`` (minor units of ``currency``, whole party);
    ``currency``; ``starts_at``, ``ends_at`` (UTC); ``offer``: the Amadeus flight offer, as the
    search answers it; ``landed``: the local day of arrival at the destination. Draws no fault and
    writes no log.

    Raises:
        ValueError: unknown airport or currency, more than nine people, or no such flights.
    """
    start, end = airport_for(origin), airport_for(destination)
    if start is None or end is None:
        unknown = origin if start is None else destination
        raise ValueError(f"{unknown!r} is not an airport of this sandbox")
    if start == end:
        raise ValueError("origin and destination are the same place")
    if not 1 <= adults <= 9:
        raise ValueError("a flight is sold to one to nine people at a time")
    passengers = tuple(Passenger(str(number), "ADULT") for number in range(1, adults + 1))
    found = itineraries(FlightSearch(start, end, depart, return_, passengers, currency))
    if not found or found[0].departs <= world.now():
        raise ValueError("there is no flight on these dates")
    best = min(found, key=lambda offer: (len(offer.flights), offer.price))
    offer = written(best, "1")
    return {
        "title": f"{start.city} – {end.city}{' and back' if return_ else ''}, {best.airline.name}",
        "price": best.price,
        "currency": currency,
        "starts_at": best.departs,
        "ends_at": best.arrives,
        "landed": _day(offer["itineraries"][0]["segments"][-1]["arrival"]["at"]),
        "offer": offer,
    }


def _day(local: str) -> dt.date:
    return dt.datetime.fromisoformat(local).date()
