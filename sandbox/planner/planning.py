"""Makes a trip option: flights, a hotel and experiences that can be booked right now."""

import datetime as dt
import uuid
from typing import Any, Final

from sandbox.amounts import RATES, converted, digits
from sandbox.planner.criteria import Traveler, TripCriteria, Unplannable
from sandbox.sellers import SELLERS, names
from sandbox.travel import Airport, airport_for, people
from sandbox.world import World

Json = dict[str, Any]

_DAYS_AHEAD: Final = 60
_NIGHTS: Final = 4
_MAX_NIGHTS: Final = 30
_MAX_DAYS_AHEAD: Final = 330
_ADULT: Final = 18
_SAMPLE_ACTIVITIES: Final = 2
_LIFE: Final = dt.timedelta(days=7)


def make_trip(world: World, criteria: TripCriteria) -> Json:
    """Return a trip option with its lock, as JSON.

    Raises:
        Unplannable: no such place, date, party or currency, or nothing left to offer.
    """
    origin, destination = (
        _place(criteria.origin, "origin"),
        _place(criteria.destination, "destination"),
    )
    if origin == destination:
        raise Unplannable("origin and destination are the same place", "destination")
    now = world.now()
    start, end = _dates(criteria, now.date())
    travelers, children = _travelers(criteria, origin, destination, start, now.date())
    _check_currency(criteria.currency, "currency")
    _check_currencies(criteria)
    _check_suppliers(criteria)
    try:
        components = _components(
            world,
            criteria,
            origin,
            destination,
            start,
            end,
            adults=len(travelers) - len(children),
            children=children,
        )
    except ValueError as error:
        raise Unplannable(str(error)) from error
    if not components:
        raise Unplannable("a trip needs at least one component", "suppliers")
    return {
        "tripOptionId": str(uuid.uuid4()),
        "title": f"{(end - start).days} nights in {destination.city}",
        "totalPrice": sum(_in(criteria.currency, component) for component in components),
        "currency": criteria.currency,
        "travelers": travelers,
        "components": components,
        "lockStatus": "OPEN",
        "bookingId": None,
        "createdAt": _iso(now),
        "expiresAt": _iso(now + _LIFE),
    }


def _components(
    world: World,
    criteria: TripCriteria,
    origin: Airport,
    destination: Airport,
    start: dt.date,
    end: dt.date,
    *,
    adults: int,
    children: list[int],
) -> list[Json]:
    suppliers = criteria.suppliers
    found: list[tuple[str, str, Json]] = []
    if suppliers.flight:
        flight = SELLERS[suppliers.flight].module.live_offer(
            world,
            origin=origin.code,
            destination=destination.code,
            depart=start,
            return_=end,
            adults=adults,
            currency=criteria.currencies.flight or criteria.currency,
        )
        found.append(("FLIGHT", suppliers.flight, flight))
        # Whoever flies overnight sleeps in the hotel from the day of arrival.
        start = max(start, min(flight["landed"], end - dt.timedelta(1)))
    if suppliers.hotel:
        hotel = SELLERS[suppliers.hotel].module.live_offer(
            world,
            city=destination.city,
            checkin=start,
            checkout=end,
            adults=adults,
            children=children,
            currency=criteria.currencies.hotel or criteria.currency,
        )
        found.append(("HOTEL", suppliers.hotel, hotel))
    if suppliers.activity:
        tours = _tours(world, criteria, destination.city, start, end, adults)
        found += [("ACTIVITY", suppliers.activity, tour) for tour in tours]
    return [
        {
            "componentId": str(uuid.uuid4()),
            "type": kind,
            "supplier": supplier,
            "title": offer["title"],
            "price": offer["price"],
            "currency": offer["currency"],
            "startsAt": _iso(offer["starts_at"]),
            "endsAt": _iso(offer["ends_at"]),
            "offer": offer["offer"],
        }
        for kind, supplier, offer in found
    ]


def _tours(
    world: World, criteria: TripCriteria, city: str, start: dt.date, end: dt.date, adults: int
) -> list[Json]:
    currency = criteria.currencies.activity or criteria.currency
    count = _SAMPLE_ACTIVITIES if criteria.activities is None else criteria.activities
    days = max(1, (end - start).days - 1)
    assert criteria.suppliers.activity is not None
    seller = SELLERS[criteria.suppliers.activity].module
    tours: list[Json] = []
    for number in range(count):
        # Another tour each day, then a second one on each day, and so on.
        date = start + dt.timedelta(days=1 + number % days)
        offers = seller.live_offers(
            world,
            city=city,
            date=min(date, end),
            adults=adults,
            currency=currency,
            count=number + 1,
        )
        tours.append(offers[number])
    other = next((tour for tour in tours if tour["currency"] != currency), None)
    if other is None:
        return tours
    if criteria.activities is None and criteria.currencies.activity is None:
        return []  # nobody asked for them
    raise Unplannable(
        f"experiences are billed in {other['currency']}, not in {currency};"
        f" ask for activities: 0 or for another currency",
        "activities",
    )


def _place(code: str, field: str) -> Airport:
    airport = airport_for(code)
    if airport is None:
        raise Unplannable(f"{code!r} is not an airport we know; try JFK, LIS or MAD", field)
    return airport


def _dates(criteria: TripCriteria, today: dt.date) -> tuple[dt.date, dt.date]:
    if criteria.dates is None:
        start = today + dt.timedelta(days=_DAYS_AHEAD)
        return start, start + dt.timedelta(days=_NIGHTS)
    start, end = criteria.dates.start, criteria.dates.end
    if start <= today:
        raise Unplannable("the trip must begin tomorrow or later", "dates.start")
    if end <= start:
        raise Unplannable("the trip must end after it begins", "dates.end")
    if (end - start).days > _MAX_NIGHTS:
        raise Unplannable(f"a trip has at most {_MAX_NIGHTS} nights", "dates.end")
    if (end - today).days > _MAX_DAYS_AHEAD:
        raise Unplannable(f"suppliers sell at most {_MAX_DAYS_AHEAD} days ahead", "dates.end")
    return start, end


def _travelers(
    criteria: TripCriteria, origin: Airport, destination: Airport, start: dt.date, today: dt.date
) -> tuple[list[Json], list[int]]:
    """Return who travels, and the ages of those who are children when the trip begins."""
    given = criteria.travelers
    count = given if isinstance(given, int) else len(given)
    if not 1 <= count <= 9:
        raise Unplannable("one to nine people can travel together", "travelers")
    if isinstance(given, int):
        abroad = origin.country != destination.country
        return people(count, country=origin.country, today=today, passports=abroad), []
    ages = [_age(traveler, start) for traveler in given]
    young = [number for number, age in enumerate(ages) if age < _ADULT]
    others = criteria.suppliers.flight or criteria.suppliers.activity
    if young and (others or len(young) == count):
        words = "this planner plans for adults only, and with them for children in hotels alone"
        raise Unplannable(words, f"travelers.{young[0]}.dateOfBirth")
    travelers = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in given]
    return travelers, [ages[number] for number in young]


def _age(traveler: Traveler, start: dt.date) -> int:
    born = traveler.date_of_birth
    return start.year - born.year - ((start.month, start.day) < (born.month, born.day))


def _check_currency(currency: str, field: str) -> None:
    try:
        digits(currency)
    except ValueError as error:
        raise Unplannable(f"{currency!r} is not a currency", field) from error


def _check_currencies(criteria: TripCriteria) -> None:
    for part in ("flight", "hotel", "activity"):
        currency = getattr(criteria.currencies, part)
        if currency is None or currency == criteria.currency:
            continue
        _check_currency(currency, f"currencies.{part}")
        for code in (currency, criteria.currency):
            if code not in RATES:
                raise Unplannable(f"there is no rate for {code} here", f"currencies.{part}")


def _check_suppliers(criteria: TripCriteria) -> None:
    for part in ("flight", "hotel", "activity"):
        supplier = getattr(criteria.suppliers, part)
        if supplier is not None and supplier not in names(part):
            known = ", ".join(names(part))
            raise Unplannable(f"{supplier!r} sells no {part} here: {known}", f"suppliers.{part}")


def _in(currency: str, component: Json) -> int:
    """Return a component's price in minor units of the trip's currency."""
    price: int = component["price"]
    if component["currency"] == currency:
        return price
    return converted(price, component["currency"], currency)


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
