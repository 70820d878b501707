"""Tours, options, start times, prices and policies: all derived from a tour's id.

An id is ``{number}{kind}{zone}`` in decimal digits: the kind is the policy and the way of
confirming, the zone is where the tour takes place. Its one option is ``{id}1``.
"""

import datetime as dt
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.amounts import in_currency
from sandbox.travel import AIRPORTS

STANDARD: Final = 1
"""Cancellable for nothing until 24 hours before the start; confirmed at once."""
FEE: Final = 2
"""Cancellable at 20 % until 48 hours before the start, then at everything."""
FINAL: Final = 3
"""Cancellable at everything."""
MANUAL: Final = 4
"""Not free-sale: its supplier confirms after a while."""
SCARCE: Final = 5
"""Four places for each start."""
SLOW: Final = 6
"""Free-sale, but confirmed some seconds later."""
FIXED: Final = 7
"""Not cancellable at all."""

START_TIMES: Final = ("10:00:00", "16:30:00")
PAYMENT_CURRENCIES: Final = (
    "AED", "AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "PLN", "SEK", "USD",
)  # fmt: skip
"""What ``POST /bookings`` and ``POST /carts`` take."""
MOST_PEOPLE: Final = 15

_KIND_BY_RANK: Final = (STANDARD, STANDARD, FEE, STANDARD, FINAL)
_TITLES: Final = (
    "Guided Tour of the Old Quarter", "River Cruise at Sunset", "Palace Ticket without Queues",
    "Street Food Walk", "Wine Cellar Tasting", "Hop-on Hop-off Day Ticket", "Kayak Tour",
    "Night Walk with Stories", "Market Visit and Cooking Class", "Panorama Tower Ticket",
    "Live Music Evening", "Half-Day Trip to the Coast",
)  # fmt: skip
_ZONES: Final = ("UTC", *sorted({airport.zone for airport in AIRPORTS.values()}))
_ZONE_OF_CITY: Final = {
    name.casefold(): airport.zone
    for airport in AIRPORTS.values()
    for name in (airport.city, airport.city_code, airport.code)
}
"""Any other city lives by UTC."""


@dataclass(frozen=True)
class Tour:
    """A tour with its one option."""

    id: int
    kind: int
    zone: str

    @cached_property
    def _dice(self) -> int:
        return zlib.crc32(str(self.id).encode())

    @property
    def option_id(self) -> int:
        """The id of its option."""
        return self.id * 10 + 1

    @property
    def category_id(self) -> int:
        """The price category of adults."""
        return self.id * 10 + 2

    @property
    def supplier_id(self) -> int:
        """Who delivers it."""
        return 20_000 + self._dice % 900

    @property
    def title(self) -> str:
        """What it is called."""
        return _TITLES[self._dice % len(_TITLES)]

    @property
    def meeting_point(self) -> str:
        """Where its guide waits."""
        return f"In front of the information desk, {1 + self._dice % 90} Station Square"

    @property
    def euro_cents(self) -> int:
        """The retail price for one adult."""
        return 2_200 + self._dice // 12 % 90 * 100

    @property
    def hours(self) -> float:
        """How long it takes."""
        return 1.5 + self._dice // 1_080 % 5 * 0.5

    @property
    def places(self) -> int:
        """How many can come to one start."""
        return 4 if self.kind == SCARCE else 400

    @property
    def free_sale(self) -> bool:
        """Needs no confirmation by its supplier."""
        return self.kind != MANUAL

    def starts(self, local: dt.datetime) -> dt.datetime:
        """Return when a start (local, without a zone) is, UTC."""
        return local.replace(tzinfo=_zone(self.zone)).astimezone(dt.UTC)

    @property
    def policy(self) -> dict[str, Any]:
        """Its ``CancellationPolicy``."""
        percent, minutes, text = {
            FEE: (20.0, 2_880, "Cancel up to 48 hours before the start for a fee of 20 %."),
            FINAL: (100.0, 0, "Cancelling keeps the whole price."),
            FIXED: (100.0, 0, "This activity is non-refundable and cannot be cancelled."),
        }.get(self.kind, (0.0, 1_440, "Cancel up to 24 hours in advance for a full refund."))
        return {
            "cancellable": self.kind != FIXED,
            "cancellation_fee_unit": "percentage",
            "cancellation_fee_value": percent,
            "cancellation_offset_minutes": minutes,
            "cancellation_policy_text": text,
        }

    def price(self, people: int, currency: str) -> int:
        """Return the retail price for the party, minor units."""
        return in_currency(self.euro_cents, currency) * people


def _zone(name: str) -> dt.tzinfo:
    return dt.UTC if name == "UTC" else ZoneInfo(name)


def tour_of(tour_id: int) -> Tour | None:
    """Return the tour with this id, or None when there is none."""
    kind, zone = tour_id // 100 % 10, tour_id % 100
    if not 10_000_000 <= tour_id < 1_000_000_000 or not STANDARD <= kind <= FIXED:
        return None
    return Tour(tour_id, kind, _ZONES[zone]) if zone < len(_ZONES) else None


def tour_of_option(option_id: int) -> Tour | None:
    """Return the tour that has this option."""
    tour = tour_of(option_id // 10)
    return tour if tour is not None and tour.option_id == option_id else None


def tour_like(number: int, kind: int, city: str) -> Tour:
    """Return the tour of that kind and number (10000 to 899999) in a city."""
    zone = _ZONES.index(_ZONE_OF_CITY.get(city.strip().casefold(), "UTC"))
    found = tour_of(number * 1_000 + kind * 100 + zone)
    assert found is not None
    return found


def tour_in(city: str, rank: int) -> Tour:
    """Return the ``rank``-th tour (from 0) of a city, whatever the city is called."""
    place = city.strip().casefold()
    number = zlib.crc32(f"getyourguide/{place}/{rank}".encode()) % 800_000 + 100_000
    return tour_like(number, _KIND_BY_RANK[rank % len(_KIND_BY_RANK)], city)


def stamp(moment: dt.datetime) -> str:
    """Return a UTC time as GetYourGuide writes it."""
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
