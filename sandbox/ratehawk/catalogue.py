"""Hotels, rooms, prices and policies: all derived from a hotel's hid, with no state.

The last digit of a hid is its policy; the published test hotels of providers.md §3 exist too.
"""

import datetime as dt
import uuid
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sandbox.amounts import digits, in_currency

FREE: Final = "free"
NON_REFUNDABLE: Final = "non_refundable"
STEPS: Final = "steps"

_POLICY_BY_DIGIT: Final = {"4": FREE, "5": NON_REFUNDABLE, "6": STEPS}
_DIGIT_BY_POLICY: Final = {policy: digit for digit, policy in _POLICY_BY_DIGIT.items()}
_POLICY_BY_RANK: Final = (STEPS, FREE, NON_REFUNDABLE, FREE)

_ROOMS: Final = {
    "double": ("Standard Double room (full double bed)", 2, 100),
    "family": ("Family Suite", 4, 165),
    "villa": ("Villa", 20, 310),
}
"""Room key → name, guests at most, price in percent of the hotel's base price."""

_FIRST_NAMES: Final = ("Harbour", "Rosa", "Cedar", "Meridian", "Opera", "Lagoon")
_LAST_NAMES: Final = ("Suites", "Bell Hotel", "Court", "Terrace", "Lodge", "Residences")

INCREASES: Final = {8819557: 10, 9744270: 20}
"""Hotels that cost so many percent more when they are prebooked (published test hotels)."""
TEST_HOTEL: Final = 8473727
LAST_ROOM: Final = 8526976
"""A hotel with one room of each kind."""
SPARSE: Final = 8600001
"""A hotel about which answers say as little, and as oddly, as captured ones did."""
_TEST_HIDS: Final = {
    **dict.fromkeys(INCREASES, (FREE, 500)),
    TEST_HOTEL: (NON_REFUNDABLE, 500),
    LAST_ROOM: (FREE, 1),
    SPARSE: (FREE, 500),
}

HOME_CURRENCY: Final = "EUR"
"""In which hotels take what is paid there."""
_CITY_TAX: Final = 250
"""Euro cents for each adult and night, paid at the hotel; at test hotels there is none."""


@dataclass(frozen=True)
class Hotel:
    """A hotel."""

    hid: int
    name: str
    nightly: int
    """Euro cents for a double room on a weekday."""
    policy: str
    units: int
    """Rooms of each kind per night."""

    @property
    def address(self) -> str:
        """Its street, the same for all: a hid does not tell the city."""
        return f"{1 + self.hid % 90} Harbour Road"

    @property
    def slug(self) -> str:
        """Its id in words."""
        return self.name.casefold().replace(" ", "_")


@dataclass(frozen=True)
class Room:
    """A kind of room."""

    key: str
    name: str
    sleeps: int
    percent: int


@dataclass(frozen=True)
class Stay:
    """What is searched, prebooked and booked: a room for some nights and people."""

    hotel: Hotel
    room: Room
    checkin: dt.date
    checkout: dt.date
    adults: int
    children: tuple[int, ...]
    """Their ages."""
    currency: str

    @property
    def nights(self) -> list[dt.date]:
        """The nights."""
        return [
            self.checkin + dt.timedelta(days=n) for n in range((self.checkout - self.checkin).days)
        ]

    @property
    def price(self) -> int:
        """The list price, in minor units of ``currency``: 15 % more on Fridays and Saturdays."""
        cents = sum(
            self.hotel.nightly
            * self.room.percent
            // 100
            * (115 if n.weekday() in (4, 5) else 100)
            // 100
            for n in self.nights
        )
        return in_currency(cents, self.currency)

    @property
    def city_tax(self) -> int:
        """What is paid at the hotel, in euro cents."""
        return 0 if self.hotel.hid in _TEST_HIDS else _CITY_TAX * self.adults * len(self.nights)

    @property
    def match_hash(self) -> str:
        """The same for the same room and board, whatever the nights."""
        return f"m-{_uuid(self.hotel.hid, self.room.key)}"

    def book_hash(self, price: int) -> str:
        """The hash of this stay's rate at a price."""
        return "h-" + _uuid(*self.as_json().values(), price)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "hid": self.hotel.hid,
            "room": self.room.key,
            "checkin": self.checkin.isoformat(),
            "checkout": self.checkout.isoformat(),
            "adults": self.adults,
            "children": [*self.children],
            "currency": self.currency,
        }


def stay_of(kept: dict[str, Any]) -> Stay:
    """Return what :meth:`Stay.as_json` made."""
    hotel = hotel_of(kept["hid"])
    assert hotel is not None
    return Stay(
        hotel,
        Room(kept["room"], *_ROOMS[kept["room"]]),
        dt.date.fromisoformat(kept["checkin"]),
        dt.date.fromisoformat(kept["checkout"]),
        kept["adults"],
        tuple(kept["children"]),
        kept["currency"],
    )


def hotel_of(hid: int) -> Hotel | None:
    """Return the hotel with this hid, or None when there is none."""
    if hid in _TEST_HIDS:
        policy, units = _TEST_HIDS[hid]
    elif 10_000_000 <= hid <= 99_999_999 and str(hid)[-1] in _POLICY_BY_DIGIT:
        policy, units = _POLICY_BY_DIGIT[str(hid)[-1]], 500
    else:
        return None
    dice = zlib.crc32(f"ratehawk/{hid}".encode())
    name = f"{_FIRST_NAMES[dice % 6]} {_LAST_NAMES[dice // 6 % 6]}"
    return Hotel(hid, name, 7_000 + dice // 36 % 150 * 100, policy, units)


def hotel_in(city: str, rank: int) -> Hotel:
    """Return the ``rank``-th hotel (from 0) of a city, whatever the city is called."""
    policy = _POLICY_BY_RANK[rank % len(_POLICY_BY_RANK)]
    place = zlib.crc32(f"rh/{city.strip().casefold()}/{rank}".encode()) % 9_000_000 + 1_000_000
    found = hotel_of(int(f"{place}{_DIGIT_BY_POLICY[policy]}"))
    assert found is not None
    return found


def rooms_for(guests: int) -> list[Room]:
    """Return the rooms that sleep so many, the cheapest first."""
    return [Room(key, *rest) for key, rest in _ROOMS.items() if rest[1] >= guests]


def fee_steps(stay: Stay, price: int) -> list[tuple[dt.datetime | None, int]]:
    """Return ``(start, fee)`` in order, the first from ever (None); ``fee`` in units of price."""
    day = dt.datetime.combine(stay.checkin, dt.time(), dt.UTC)
    match stay.hotel.policy:
        case "free":
            return [(None, 0), (day - dt.timedelta(days=2), price)]
        case "steps":
            return [
                (None, 0),
                (day - dt.timedelta(days=7), price // 2),
                (day - dt.timedelta(days=1), price),
            ]
        case _:
            return [(None, price)]


def fee_at(stay: Stay, price: int, now: dt.datetime) -> int:
    """Return what cancelling at ``now`` costs."""
    return [fee for start, fee in fee_steps(stay, price) if start is None or start <= now][-1]


def free_before(stay: Stay, price: int) -> dt.datetime | None:
    """Return until when cancelling is free; None when it never is."""
    steps = fee_steps(stay, price)
    return steps[1][0] if steps[0][1] == 0 else None


def daily(stay: Stay, price: int) -> list[str]:
    """Return the price night by night; the first night has what does not divide."""
    count = len(stay.nights)
    each = price // count
    return [
        major(each + (price - each * count if n == 0 else 0), stay.currency) for n in range(count)
    ]


def major(amount: int, currency: str) -> str:
    """Return minor units as the string of major units that RateHawk writes."""
    return f"{Decimal(amount).scaleb(-digits(currency)):f}"


def naive(moment: dt.datetime | None) -> str | None:
    """Return a UTC time as RateHawk writes it: without saying that it is UTC."""
    return None if moment is None else moment.replace(tzinfo=None, microsecond=0).isoformat()


def colon(moment: dt.datetime | None) -> str | None:
    """Return a UTC time as ``order/info`` writes it: with a colon before the microseconds."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S:%f}"


def _uuid(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ratehawk:{'/'.join(map(str, parts))}"))
