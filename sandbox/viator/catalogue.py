"""Products, start times, prices and policies: all derived from a product's code.

A code is ``{number}P{kind}{zone}``: the kind is the policy and the way of confirming, the zone is
where the product operates.
"""

import datetime as dt
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.amounts import in_currency, major

STANDARD: Final = "1"
"""Cancellable in full until 24 hours before the start; confirmed at once."""
CUSTOM: Final = "2"
"""In full until 7 days, half until 2 days before; confirmed at once."""
FINAL: Final = "3"
"""All sales final; confirmed at once."""
MANUAL: Final = "4"
"""Like STANDARD, but confirmed by its operator: PENDING at first."""
SCARCE: Final = "5"
"""Like STANDARD, with four places for each start."""
OPEN: Final = "6"
"""Like STANDARD, a ticket for a day: without options and start times."""
ASKING: Final = "7"
"""Like STANDARD; its operator must know where to fetch the party, and what each of it weighs."""

OPTION: Final = "TG1"
"""The one option (tour grade) of every product that has any."""
START_TIMES: Final = ("09:30", "15:00")
BILLING_CURRENCIES: Final = ("USD", "CAD", "GBP", "AUD", "EUR")

_KIND_BY_RANK: Final = (STANDARD, STANDARD, CUSTOM, STANDARD, FINAL)
_CODE: Final = re.compile(r"(\d{5,6})P([1-7])(\d\d)")

AGE_BANDS: Final[tuple[dict[str, Any], ...]] = (
    {"ageBand": "CHILD", "startAge": 3, "endAge": 12},
    {"ageBand": "ADULT", "startAge": 13, "endAge": 64},
    {"ageBand": "SENIOR", "startAge": 65, "endAge": 99},
)
"""Of every product; all pay the same here."""

_TOURS: Final = (
    "Old Town Walking Tour", "Tapas and Wine Evening", "Skip-the-Line Museum Visit",
    "Sunset Sailing Trip", "Cooking Class with Market Visit", "Food Market Tour",
    "Day Trip to the Hills", "Jazz Club Night", "Bike Tour along the Water",
    "Architecture Walk with a Local", "Photography Tour at Dawn", "Craft Workshop",
)  # fmt: skip
_OPERATORS: Final = ("Blue Door Tours", "Cicerone & Co", "Slow Steps", "Harbour Walks")

_ZONES: Final = (
    "UTC", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Lisbon",
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
_ZONE_OF_CITY: Final = {
    "london": 1, "edinburgh": 1, "madrid": 2, "barcelona": 2, "seville": 2, "paris": 3, "nice": 3,
    "rome": 4, "florence": 4, "venice": 4, "lisbon": 5, "porto": 5, "berlin": 6, "munich": 6,
    "new york": 7, "boston": 7, "miami": 7, "los angeles": 8, "san francisco": 8, "tokyo": 9,
    "kyoto": 9, "sydney": 10, "melbourne": 10,
    "lon": 1, "mad": 2, "bcn": 2, "par": 3, "rom": 4, "lis": 5, "ber": 6, "nyc": 7, "jfk": 7,
    "bos": 7, "lax": 8, "sfo": 8, "tyo": 9, "syd": 10,
}  # fmt: skip
"""Cities by name and by code; any other city lives by UTC."""


@dataclass(frozen=True)
class Product:
    """An experience."""

    code: str
    kind: str
    zone: str

    @cached_property
    def _dice(self) -> int:
        return zlib.crc32(self.code.encode())

    @property
    def title(self) -> str:
        """What it is called."""
        return _TOURS[self._dice % len(_TOURS)]

    @property
    def operator(self) -> str:
        """Who delivers it."""
        return _OPERATORS[self._dice // 12 % len(_OPERATORS)]

    @property
    def meeting_point(self) -> str:
        """Where its guide waits."""
        return f"By the fountain at {1 + self._dice % 90} Market Square"

    @property
    def euro_cents(self) -> int:
        """The retail price for one adult."""
        return 2_500 + self._dice // 48 % 80 * 100

    @property
    def duration(self) -> dt.timedelta:
        """How long it takes."""
        return dt.timedelta(minutes=120 + self._dice // 3_840 % 5 * 30)

    @property
    def places(self) -> int:
        """How many can come to one start."""
        return 4 if self.kind == SCARCE else 400

    @property
    def manual(self) -> bool:
        """Its operator confirms every booking."""
        return self.kind == MANUAL

    @property
    def option(self) -> str | None:
        """Its one option, where it has any."""
        return None if self.kind == OPEN else OPTION

    @property
    def times(self) -> tuple[str | None, ...]:
        """When it starts on each day; None: it has no start time."""
        return (None,) if self.kind == OPEN else START_TIMES

    @property
    def questions(self) -> tuple[str, ...]:
        """What its operator must know: about each traveller, but for the pickup point."""
        more = ("WEIGHT", "PICKUP_POINT") if self.kind == ASKING else ()
        return ("FULL_NAMES_FIRST", "FULL_NAMES_LAST", "AGEBAND", *more)

    def starts(self, date: dt.date, time: str | None) -> dt.datetime:
        """Return when it starts (UTC) on a local date at a local time ("09:30"), or its day."""
        local = dt.datetime.combine(date, dt.time.fromisoformat(time or "00:00"), _zone(self.zone))
        return local.astimezone(dt.UTC)

    def ranges(self) -> list[tuple[int, int | None, int]]:
        """Return ``(dayRangeMin, dayRangeMax, percentageRefundable)``, the earliest first."""
        match self.kind:
            case "2":
                return [(7, None, 100), (2, 7, 50), (0, 2, 0)]
            case "3":
                return [(0, None, 0)]
            case _:
                return [(1, None, 100), (0, 1, 0)]


def _zone(name: str) -> dt.tzinfo:
    return dt.UTC if name == "UTC" else ZoneInfo(name)


def product_of(code: str) -> Product | None:
    """Return the product with this code, or None when there is none."""
    match = _CODE.fullmatch(code)
    if match is None or int(match[3]) >= len(_ZONES):
        return None
    return Product(code, match[2], _ZONES[int(match[3])])


def product_in(city: str, rank: int) -> Product:
    """Return the ``rank``-th product (from 0) of a city, whatever the city is called."""
    place = city.strip().casefold()
    number = zlib.crc32(f"{place}/{rank}".encode()) % 900_000 + 100_000
    kind = _KIND_BY_RANK[rank % len(_KIND_BY_RANK)]
    found = product_of(f"{number}P{kind}{_ZONE_OF_CITY.get(place, 0):02d}")
    assert found is not None
    return found


def retail_price(product: Product, travelers: int, currency: str) -> int:
    """Return the retail price for the party, in minor units of ``currency``."""
    return in_currency(product.euro_cents, currency) * travelers


def price_object(retail: int, currency: str) -> dict[str, float]:
    """Return a ``PriceObject``: 20 % of the retail price stay with the merchant, less a 6 % fee."""
    net = retail * 80 // 100
    fee = net * 6 // 100
    return {
        "recommendedRetailPrice": major(retail, currency),
        "partnerNetPrice": major(net, currency),
        "bookingFee": major(fee, currency),
        "partnerTotalPrice": major(net + fee, currency),
    }


def policy(
    product: Product, booked: dt.datetime | None, start: dt.datetime | None
) -> dict[str, Any]:
    """Return the cancellation policy; with timestamps where it is a booking's."""
    kinds = {CUSTOM: "CUSTOM", FINAL: "ALL_SALES_FINAL"}
    steps: list[dict[str, Any]] = []
    for least, most, percent in product.ranges():
        step: dict[str, Any] = {"dayRangeMin": least, "percentageRefundable": percent}
        if most is not None:
            step["dayRangeMax"] = most
        if booked is not None and start is not None:
            begins = booked if most is None else start - dt.timedelta(days=most)
            step["startTimestamp"] = stamp(begins)
            step["endTimestamp"] = stamp(start - dt.timedelta(days=least))
        steps.append(step)
    return {
        "type": kinds.get(product.kind, "STANDARD"),
        "description": {
            CUSTOM: "Full refund until 7 days before the start, half of it until 2 days before.",
            FINAL: "All sales are final.",
        }.get(product.kind, "For a full refund, cancel at least 24 hours before the start."),
        "cancelIfBadWeather": False,
        "cancelIfInsufficientTravelers": False,
        "refundEligibility": steps,
    }


def stamp(moment: dt.datetime) -> str:
    """Return a UTC timestamp as Viator writes it."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
