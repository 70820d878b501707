"""Makes a trip option: flights, a hotel and experiences that can be booked right now."""

import datetime as dt
import uuid
from typing import Any, Final

from sandbox.amounts import RATES, converted, digits
from sandbox.planner.wishes import Traveler, Unplannable, Wishes
from sandbox.sellers import SELLERS, names
from sandbox.travel import Airport, airport_for, people
from sandbox.world import World

Json = dict[str, Any]

_DAYS_AHEAD: Final = 60
_NIGHTS: Final = 4
_MAX_NIGHTS: Final = 30
_MAX_DAYS_AHEAD: Final = 330
_SAMPLE_ACTIVITIES: Final = 2
_LIFE: Final = dt.timedelta(days=7)


def make_trip(world: World, wishes: Wishes) -> Json:
    """Return a trip option with its lock, as JSON.

    Raises:
        Unplannable: no such place, date, party or currency, or nothing left to offer.
    """
    origin, destination = _place(wishes.origin, "origin"), _place(wishes.destination, "destination")
    if origin == destination:
        raise Unplannable("origin and destination are the same place", "destination")
    now = world.now()
    start, end = _dates(wishes, now.date())
    travelers = _travelers(wishes, origin, destination, start, now.date())
    _check_currency(wishes.currency, "currency")
    _check_currencies(wishes)
    _check_suppliers(wishes)
    try:
        components = _components(
            world, wishes, origin, destination, start, end, adults=len(travelers)
        )
    except ValueError as error:
        raise Unplannable(str(error)) from error
    if not components:
        raise Unplannable("a trip needs at least one component", "suppliers")
    return {
        "tripOptionId": str(uuid.uuid4()),
        "title": f"{(end - start).days} nights in {destination.city}",
        "totalPrice": sum(_in(wishes.currency, component) for component in components),
        "currency": wishes.currency,
        "travelers": travelers,
        "components": components,
        "lockStatus": "OPEN",
        "bookingId": None,
        "createdAt": _iso(now),
        "expiresAt": _iso(now + _LIFE),
    }


def _components(
    world: World,
    wishes: Wishes,
    origin: Airport,
    destination: Airport,
    start: dt.date,
    end: dt.date,
    *,
    adults: int,
) -> list[Json]:
    suppliers = wishes.suppliers
    found: list[tuple[str, str, Json]] = []
    if suppliers.flight:
        flight = SELLERS[suppliers.flight].module.live_offer(
            world,
            origin=origin.code,
            destination=destination.code,
            depart=start,
            return_=end,
            adults=adults,
            currency=wishes.currencies.flight or wishes.currency,
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
            currency=wishes.currencies.hotel or wishes.currency,
        )
        found.append(("HOTEL", suppliers.hotel, hotel))
    if suppliers.activity:
        tours = _tours(world, wishes, destination.city, start, end, adults)
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
    world: World, wishes: Wishes, city: str, start: dt.date, end: dt.date, adults: int
) -> list[Json]:
    currency = wishes.currencies.activity or wishes.currency
    wanted = _SAMPLE_ACTIVITIES if wishes.activities is None else wishes.activities
    days = max(1, (end - start).days - 1)
    assert wishes.suppliers.activity is not None
    seller = SELLERS[wishes.suppliers.activity].module
    tours: list[Json] = []
    for number in range(wanted):
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
    if wishes.activities is None and wishes.currencies.activity is None:
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


def _dates(wishes: Wishes, today: dt.date) -> tuple[dt.date, dt.date]:
    if wishes.dates is None:
        start = today + dt.timedelta(days=_DAYS_AHEAD)
        return start, start + dt.timedelta(days=_NIGHTS)
    start, end = wishes.dates.start, wishes.dates.end
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
    wishes: Wishes, origin: Airport, destination: Airport, start: dt.date, today: dt.date
) -> list[Json]:
    given = wishes.travelers
    count = given if isinstance(given, int) else len(given)
    if not 1 <= count <= 9:
        raise Unplannable("one to nine people can travel together", "travelers")
    if isinstance(given, int):
        abroad = origin.country != destination.country
        return people(count, country=origin.country, today=today, passports=abroad)
    for number, traveler in enumerate(given):
        _check_adult(traveler, start, f"travelers.{number}.dateOfBirth")
    return [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in given]


def _check_adult(traveler: Traveler, start: dt.date, field: str) -> None:
    born = traveler.date_of_birth
    age = start.year - born.year - ((start.month, start.day) < (born.month, born.day))
    if age < 18:
        raise Unplannable("this planner plans for adults only", field)


def _check_currency(currency: str, field: str) -> None:
    try:
        digits(currency)
    except ValueError as error:
        raise Unplannable(f"{currency!r} is not a currency", field) from error


def _check_currencies(wishes: Wishes) -> None:
    for part in ("flight", "hotel", "activity"):
        currency = getattr(wishes.currencies, part)
        if currency is None or currency == wishes.currency:
            continue
        _check_currency(currency, f"currencies.{part}")
        for code in (currency, wishes.currency):
            if code not in RATES:
                raise Unplannable(f"there is no rate for {code} here", f"currencies.{part}")


def _check_suppliers(wishes: Wishes) -> None:
    for part in ("flight", "hotel", "activity"):
        supplier = getattr(wishes.suppliers, part)
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
