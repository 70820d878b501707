"""What is on offer: derived from route, date and party, kept under random ids.

Rules, the same every day:

- Duffel Airways (ZZ) flies nonstop everywhere, with 400 seats; up to four other airlines with 60.
- ZZ's offers can be held: the price is guaranteed for two days, the seats are kept for three. To
  and from London and Madrid, and for journeys that begin within four days, it wants its money at
  once. Of the others, half can be held for a day, without a guaranteed price.
- To and from London it issues no e-tickets, as carriers that have none; an order that was paid has
  no documents then, and does not say when it was paid.
- A flexible fare is refunded before departure for a penalty of 40.00; the others not at all.
- Journeys abroad need a passport. An offer expires 30 minutes after the search.
"""

import datetime as dt
from typing import Any, Final

from sandbox.amadeus.offers import FlightSearch, Itinerary, Passenger, itineraries, itinerary
from sandbox.amounts import in_currency
from sandbox.duffel.messages import amount, new_id, stamp
from sandbox.duffel.shapes import ZZ, carrier, duffel_airways, slices
from sandbox.travel import Airport, airport_for, dice
from sandbox.world import Shelf, World

Json = dict[str, Any]

LIFE: Final = dt.timedelta(minutes=30)
_KEPT: Final = dt.timedelta(hours=1)
"""How long after its end an offer is still known as expired, at least."""
_MOST: Final = 5_000
_AT_ONCE: Final = {"LHR", "MAD"}
_TICKETLESS: Final = {"LHR"}
_GUARANTEE: Final = dt.timedelta(days=2)
_PAY_BY: Final = dt.timedelta(days=3)
_SOON: Final = dt.timedelta(days=4)
_PENALTY_EURO_CENTS: Final = 4_000


def shelf(world: World) -> Shelf:
    """Return where offers are kept, by id."""
    return world.shelf("duffel_offers")


def found(search: FlightSearch) -> list[Itinerary]:
    """Return everything on offer for a search, cheapest first."""
    own = itinerary(search, duffel_airways(search.origin))
    offers = [*itineraries(search), *([own] if own is not None else [])]
    return sorted(offers, key=lambda offer: (offer.price, offer.airline.code))


def seats(airline: str) -> int:
    """Return how many seats an airline's flights have here."""
    return 400 if airline == ZZ else 60


def keep(world: World, offer: Itinerary, request_id: str, passengers: list[Json]) -> Json:
    """Make an offer, keep it, and return it as Duffel writes it."""
    now, search = world.now(), offer.search
    price, currency = offer.price, search.currency
    penalty = in_currency(_PENALTY_EURO_CENTS, currency)
    abroad = search.origin.country != search.destination.country
    allowed = {
        "allowed": offer.flexible,
        "penalty_amount": amount(min(penalty, price), currency) if offer.flexible else None,
        "penalty_currency": currency if offer.flexible else None,
    }
    document = {
        "id": new_id("off_"),
        "live_mode": False,
        "created_at": stamp(now),
        "updated_at": stamp(now),
        "expires_at": stamp(now + LIFE),
        "owner": carrier(offer.airline),
        **money(price, currency),
        "slices": slices(offer),
        "passengers": passengers,
        "payment_requirements": _requirements(offer, now),
        "conditions": {
            "refund_before_departure": allowed,
            "change_before_departure": {**allowed, "allowed": offer.flexible},
        },
        "passenger_identity_documents_required": abroad,
        "supported_passenger_identity_document_types": ["passport"],
        "available_services": [],
        "partial": False,
        "private_fares": [],
        "supported_loyalty_programmes": [],
    }
    _prune(world, now)
    shelf(world).put(
        document["id"],
        {
            "offer": document,
            "request": request_id,
            "price": price,
            "currency": currency,
            "penalty": min(penalty, price) if offer.flexible else None,
            "departs": offer.departs.isoformat(),
            "flights": [
                f"{flight.airline.code}{flight.number}/{flight.departs.isoformat()}"
                for flight in offer.flights
            ],
            "ticketless": bool({search.origin.code, search.destination.code} & _TICKETLESS)
            and offer.airline.code == ZZ,
            "seats": sum(one.kind != "HELD_INFANT" for one in search.passengers),
        },
    )
    return document


def money(price: int, currency: str) -> Json:
    """Write a price (minor units) as offers and orders have it; a fifth are taxes."""
    base = price * 4 // 5
    return {
        "total_amount": amount(price, currency),
        "total_currency": currency,
        "base_amount": amount(base, currency),
        "base_currency": currency,
        "tax_amount": amount(price - base, currency),
        "tax_currency": currency,
    }


def _requirements(offer: Itinerary, now: dt.datetime) -> Json:
    ends = {offer.search.origin.code, offer.search.destination.code}
    if offer.airline.code == ZZ:
        holds = not ends & _AT_ONCE
    else:
        holds = dice(offer.airline.code, "hold", *sorted(ends)) % 2 == 0
    if not holds or offer.departs - now < _SOON:
        return {
            "requires_instant_payment": True,
            "price_guarantee_expires_at": None,
            "payment_required_by": None,
        }
    guaranteed = offer.airline.code == ZZ
    kept = _PAY_BY if guaranteed else dt.timedelta(days=1)
    return {
        "requires_instant_payment": False,
        "price_guarantee_expires_at": stamp(now + _GUARANTEE) if guaranteed else None,
        "payment_required_by": stamp(now + kept),
    }


def _prune(world: World, now: dt.datetime) -> None:
    kept = shelf(world)
    while len(kept.documents) > _MOST:
        key, oldest = next(iter(kept.documents.items()))
        if dt.datetime.fromisoformat(oldest["offer"]["expires_at"]) + _KEPT > now:
            return
        kept.drop(key)


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
    """Return Duffel Airways' flights there (and back), as a planner finds them.

    ``title``; ``price`` (minor units of ``currency``, whole party); ``currency``; ``starts_at``,
    ``ends_at`` (UTC); ``offer``: the Duffel offer, as the search answers it; ``landed``: the local
    day of arrival at the destination. Draws no fault and writes no log.

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
    search = search_of(start, end, depart, return_, ["ADULT"] * adults, currency)
    best = itinerary(search, duffel_airways(start))
    if best is None or best.departs <= world.now():
        raise ValueError("there is no flight on these dates")
    offer = keep(world, best, new_id("orq_"), [_adult() for _ in range(adults)])
    return {
        "title": f"{start.city} – {end.city}{' and back' if return_ else ''}, {best.airline.name}",
        "price": best.price,
        "currency": currency,
        "starts_at": best.departs,
        "ends_at": best.arrives,
        "landed": dt.datetime.fromisoformat(
            offer["slices"][0]["segments"][-1]["arriving_at"]
        ).date(),
        "offer": offer,
    }


def search_of(
    start: Airport,
    end: Airport,
    depart: dt.date,
    return_: dt.date | None,
    kinds: list[str],
    currency: str,
    cabin: str = "ECONOMY",
) -> FlightSearch:
    """Return a search for so many people of these kinds."""
    people = tuple(Passenger(str(number), kind) for number, kind in enumerate(kinds, start=1))
    return FlightSearch(start, end, depart, return_, people, currency, cabin)


def _adult() -> Json:
    return {"id": new_id("pas_"), "type": "adult", "age": None, "fare_type": None}
