"""Properties, rooms, prices and policies: all derived from a property's id, with no state.

The last digit of an id is its policy; the published test ids of providers.md §4 exist too.
"""

import datetime as dt
import zlib
from dataclasses import dataclass
from typing import Any, Final

from sandbox.amounts import in_currency, major

HOME_CURRENCY: Final = "EUR"
"""The currency every property of this sandbox keeps its books in."""

FREE: Final = "free_cancellation"
NON_REFUNDABLE: Final = "non_refundable"
SCHEDULE: Final = "special_conditions"

_POLICY_BY_DIGIT: Final = {"1": FREE, "2": NON_REFUNDABLE, "3": SCHEDULE}
_DIGIT_BY_POLICY: Final = {policy: digit for digit, policy in _POLICY_BY_DIGIT.items()}
_POLICY_BY_RANK: Final = (FREE, SCHEDULE, FREE, NON_REFUNDABLE)

_ROOMS: Final = {
    "1": ("Double Room", 2, 100),
    "2": ("Family Suite", 4, 160),
    "3": ("House", 20, 300),
}
"""Room key → name, guests at most, price in percent of the property's base price."""

_FIRST_NAMES: Final = ("Aurora", "Miramar", "Belvedere", "Castellana", "Nordlicht", "Magnolia")
_LAST_NAMES: Final = ("Palace", "Garden Hotel", "House", "Inn", "Residence", "Grand Hotel")

ADDRESSED: Final = 10507361
"""A property that wants the booker's address."""
SPARSE: Final = 10507362
"""A property whose orders are shown with as little as they may have."""
_TEST_IDS: Final = {
    10507360: (FREE, 500),
    42709: (NON_REFUNDABLE, 500),
    3427703: (FREE, 1),
    ADDRESSED: (FREE, 500),
    SPARSE: (FREE, 500),
}
"""Published test properties (the first three, 3427703 of low availability) and two of this
sandbox's own: policy, and units per room and night."""
_CITY_TAX: Final = 275
"""Euro cents for each adult and night, paid at the property, where it keeps a fee schedule."""
_CLEANING: Final = 4_000
"""Euro cents, due at the property only where a pet stays."""


@dataclass(frozen=True)
class Property:
    """A hotel."""

    id: int
    name: str
    nightly: int
    """Euro cents for a double room on a weekday."""
    policy: str
    units: int
    """Rooms of each kind per night."""

    @property
    def address(self) -> str:
        """Its street, the same for all: an id does not tell the city."""
        return f"{1 + self.id % 90} Park Lane"


@dataclass(frozen=True)
class Room:
    """A product: a kind of room at a property."""

    key: str
    name: str
    sleeps: int
    percent: int


def property_of(property_id: int) -> Property | None:
    """Return the property with this id, or None when there is none."""
    if property_id in _TEST_IDS:
        policy, units = _TEST_IDS[property_id]
    elif 10_000_000 <= property_id <= 99_999_999 and str(property_id)[-1] in _POLICY_BY_DIGIT:
        policy, units = _POLICY_BY_DIGIT[str(property_id)[-1]], 500
    else:
        return None
    dice = zlib.crc32(str(property_id).encode())
    name = f"{_FIRST_NAMES[dice % 6]} {_LAST_NAMES[dice // 6 % 6]}"
    return Property(property_id, name, 7_500 + dice // 36 % 160 * 100, policy, units)


def property_in(city: str, rank: int) -> Property:
    """Return the ``rank``-th property (from 0) of a city, whatever the city is called."""
    policy = _POLICY_BY_RANK[rank % len(_POLICY_BY_RANK)]
    place = zlib.crc32(f"{city.strip().casefold()}/{rank}".encode()) % 9_000_000 + 1_000_000
    found = property_of(int(f"{place}{_DIGIT_BY_POLICY[policy]}"))
    assert found is not None
    return found


def rooms_for(adults: int) -> list[Room]:
    """Return the rooms that sleep so many, the cheapest first."""
    return [Room(key, *rest) for key, rest in _ROOMS.items() if rest[1] >= adults]


def product_id(hotel: Property, room: Room) -> str:
    """Return the id a room has as a product."""
    return f"{hotel.id}_{room.key}"


def room_of(hotel: Property, product: str) -> Room | None:
    """Return the room behind a product id of this property, or None."""
    prefix, _, key = product.partition("_")
    if prefix != str(hotel.id) or key not in _ROOMS:
        return None
    return Room(key, *_ROOMS[key])


def nights(checkin: dt.date, checkout: dt.date) -> list[dt.date]:
    """Return the nights of a stay."""
    return [checkin + dt.timedelta(days=n) for n in range((checkout - checkin).days)]


def stay_price(hotel: Property, room: Room, checkin: dt.date, checkout: dt.date) -> int:
    """Return the price of a stay in euro cents: 15 % more on Friday and Saturday nights."""
    return sum(
        hotel.nightly * room.percent // 100 * (115 if night.weekday() in (4, 5) else 100) // 100
        for night in nights(checkin, checkout)
    )


def fee_steps(
    policy: str, checkin: dt.date, price: int, now: dt.datetime
) -> list[tuple[dt.datetime | None, int]]:
    """Return ``(from, fee)`` in order, the first from now (None); ``fee`` in units of ``price``."""
    day = dt.datetime.combine(checkin, dt.time(), dt.UTC)
    steps: list[tuple[dt.datetime, int]]
    match policy:
        case "free_cancellation":
            steps = [(day - dt.timedelta(days=2), price)]
        case "special_conditions":
            steps = [(day - dt.timedelta(days=7), price // 2), (day - dt.timedelta(days=1), price)]
        case _:
            return [(None, price)]
    current = max((fee for start, fee in steps if start <= now), default=0)
    return [(None, current), *((start, fee) for start, fee in steps if start > now)]


def cancellation_policy(
    policy: str, checkin: dt.date, price: int, currency: str, now: dt.datetime
) -> dict[str, Any]:
    """Return ``policies.cancellation`` for a price in minor units of the booker's currency."""
    steps = fee_steps(policy, checkin, price, now)
    free_until = steps[1][0] if len(steps) > 1 and steps[0][1] == 0 else None
    return {
        "type": policy if free_until or policy == SCHEDULE else NON_REFUNDABLE,
        "free_cancellation_until": free_until.isoformat() if free_until else None,
        "schedule": [
            {"from": start.isoformat() if start else "now", "price": pair(fee, currency)}
            for start, fee in steps
        ],
    }


def city_tax(hotel: Property, checkin: dt.date, checkout: dt.date, adults: int) -> int:
    """Return what is paid at the property, in euro cents."""
    return _CITY_TAX * adults * (checkout - checkin).days if hotel.policy == SCHEDULE else 0


def prices(online: int, due: int, currency: str) -> dict[str, Any]:
    """Return a price of orders: collected online (minor units), and due there (euro cents)."""
    local = in_currency(due, currency)
    city = {
        "charge": 2,
        "mode": "per_person_per_night",
        "total_amount": pair(local, currency) | {"accommodation_currency": major(due, "EUR")},
        "chargeable_online": False,
    }
    pet = {
        "charge": 14,
        "condition": 3,
        "mode": "per_stay",
        "total_amount": pair(in_currency(_CLEANING, currency), currency),
        "chargeable_online": False,
    }
    return {
        "base": pair(online, currency),
        "display": pair(online, currency),
        "total": pair(online + local, currency),
        "chargeable_online": pair(online, currency),
        "charges": [city, pet] if due else [],
    }


def pair(amount: int, currency: str) -> dict[str, float]:
    """Return an amount of the booker's currency (minor units) in both currencies."""
    # The home amount only informs: it is converted back from the booker's, at the same rate.
    per_unit = in_currency(1_000_000, currency)
    home = round(amount * 1_000_000 / per_unit) if per_unit else amount
    return {
        "booker_currency": major(amount, currency),
        "accommodation_currency": major(home, HOME_CURRENCY),
    }
