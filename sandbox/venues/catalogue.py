"""A handful of venues: what they have, when they are open, what they cost.

Behind a ``~`` an id may go on as one likes: ``kantine~17`` is a venue like ``kantine`` with places
of its own, so that tests do not take each other's.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

EVERY_DAY: Final = range(7)


@dataclass(frozen=True)
class Shift:
    """Opening hours on the wall clock; a shift that closes at or before it opens ends tomorrow."""

    days: tuple[int, ...]
    """Monday is 0."""
    opens: dt.time
    closes: dt.time


@dataclass(frozen=True)
class Resource:
    """A table, room or stylist."""

    id: str
    seats_min: int
    seats_max: int


@dataclass(frozen=True)
class Tariff:
    """What a reservation costs; minor units."""

    currency: str
    each: int = 0
    """For every person."""
    flat: int = 0
    """For the reservation; of a stay for each night."""
    what: str = "Reservation"
    deposit_each: int | None = None
    """Paid when reserving, for every person; None: the whole is."""
    free_until: tuple[int, dt.time] | None = None
    """Cancelling is free until so many days before, at that local time; None: never."""
    late_percent: int = 100
    """What cancelling keeps of what was paid after that."""
    no_show_percent: int = 100


@dataclass(frozen=True)
class Venue:
    """A venue."""

    id: str
    type: str
    name: str
    time_zone: str
    shifts: tuple[Shift, ...]
    tariff: Tariff
    resources: tuple[Resource, ...] = ()
    covers: int = 0
    """Seats to be had where there are no resources."""
    longest: int = 720
    """Minutes; where it is longer than a day, guests stay when the venue has closed."""
    slot_minutes: int = 15
    """Reservations begin at multiples of this after the full hour."""
    turns: tuple[tuple[int, int], ...] = ((2, 90), (4, 120), (8, 150))
    """How long a party of up to so many is given, in minutes."""
    largest: int = 8
    smallest: int = 1
    tells_zone: bool = True
    """Whether answers have the time zone."""

    def turn(self, party: int) -> int:
        """Return how long such a party is given, in minutes."""
        return next((minutes for up_to, minutes in self.turns if party <= up_to), self.turns[-1][1])


def _shift(days: tuple[int, ...] | range, opens: str, closes: str) -> Shift:
    return Shift(tuple(days), dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


def _tables(prefix: str, *seats: tuple[int, int]) -> tuple[Resource, ...]:
    return tuple(
        Resource(f"{prefix}-{number}", least, most) for number, (least, most) in enumerate(seats, 1)
    )


_TABLES: Final = _tables(
    "table", (1, 2), (1, 2), (1, 2), (2, 4), (2, 4), (2, 4), (2, 4), (4, 6), (4, 6), (5, 8)
)
_WEEKDAYS: Final = (1, 2, 3, 6)
_DINNERS: Final = (
    _shift((1, 2, 3, 4, 5, 6), "12:00", "15:00"),
    _shift(_WEEKDAYS, "18:00", "23:30"),
    _shift((4, 5), "18:00", "01:00"),
)

_VENUES: Final = (
    Venue(
        id="kantine",
        type="RESTAURANT",
        name="Kantine",
        time_zone="Europe/Berlin",
        shifts=_DINNERS,
        resources=_TABLES,
        tariff=Tariff("EUR"),
    ),
    Venue(
        id="chefs-table",
        type="RESTAURANT",
        name="Chef's Table",
        time_zone="Europe/Berlin",
        shifts=(_shift((2, 3, 4, 5), "18:00", "23:30"),),
        resources=_tables("seat", (1, 2), (1, 2), (3, 6)),
        turns=((8, 180),),
        largest=6,
        tariff=Tariff(
            "EUR",
            each=9_500,
            what="Menu of seven courses",
            deposit_each=2_000,
            free_until=(1, dt.time(18)),
        ),
    ),
    Venue(
        id="galerie-on-request",
        type="RESTAURANT",
        name="Galerie (on request)",
        time_zone="Europe/Vienna",
        shifts=(_shift(EVERY_DAY, "17:00", "23:00"),),
        resources=_tables("table", (1, 4), (1, 4), (4, 8)),
        tariff=Tariff("EUR"),
    ),
    Venue(
        id="cafe-aurora",
        type="CAFE",
        name="Café Aurora",
        time_zone="Europe/Lisbon",
        shifts=(_shift(EVERY_DAY, "08:00", "19:00"),),
        covers=24,
        turns=((8, 60),),
        tariff=Tariff("EUR"),
    ),
    Venue(
        id="nachtcafe",
        type="CAFE",
        name="Nachtcafé",
        time_zone="Europe/Berlin",
        shifts=(_shift(EVERY_DAY, "22:00", "05:00"),),
        covers=12,
        turns=((8, 60),),
        tariff=Tariff("EUR"),
    ),
    Venue(
        id="popup",
        type="CAFE",
        name="Pop-up",
        time_zone="Europe/Madrid",
        shifts=(_shift(EVERY_DAY, "10:00", "22:00"),),
        covers=12,
        turns=((8, 60),),
        tariff=Tariff("EUR"),
        tells_zone=False,
    ),
    Venue(
        id="atelier",
        type="RETAIL",
        name="Atelier Lumière",
        time_zone="Europe/Paris",
        shifts=(_shift((1, 2, 3, 4, 5), "10:00", "19:00"),),
        resources=_tables("fitting", (1, 2), (1, 2), (1, 3)),
        slot_minutes=30,
        turns=((3, 30),),
        largest=3,
        tariff=Tariff(
            "EUR",
            flat=2_500,
            what="Fitting with a tailor",
            free_until=(1, dt.time(12)),
            late_percent=50,
        ),
    ),
    Venue(
        id="hudson-day",
        type="HOTEL",
        name="Hudson House, by day",
        time_zone="America/New_York",
        shifts=(_shift(EVERY_DAY, "09:00", "18:00"),),
        resources=_tables("room", (1, 2), (1, 2), (1, 2), (1, 2), (1, 4)),
        slot_minutes=60,
        turns=((4, 240),),
        largest=4,
        tariff=Tariff("USD", flat=8_900, what="Room by day", free_until=(1, dt.time(18))),
    ),
    Venue(
        id="hudson-nights",
        type="HOTEL",
        name="Hudson House",
        time_zone="America/New_York",
        shifts=(_shift(EVERY_DAY, "15:00", "23:00"),),
        resources=_tables("suite", (1, 2), (1, 4)),
        longest=129_600,
        slot_minutes=60,
        turns=((4, 1_200),),
        largest=4,
        tariff=Tariff("USD", flat=21_000, what="Night", free_until=(1, dt.time(18))),
    ),
)

VENUES: Final = {venue.id: venue for venue in _VENUES}


def venue_of(identifier: str) -> Venue | None:
    """Return a venue by its id; one behind a ``~`` is made like the one before it."""
    first, twin, _ = identifier.partition("~")
    venue = VENUES.get(first)
    return replace(venue, id=identifier) if venue and twin else venue
