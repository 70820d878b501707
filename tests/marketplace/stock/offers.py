"""Offers on the real record: a provider, a listing with rooms, a package, tours."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CursorResult, text

from models.core.terms import CancellationTerms
from models.marketplace.stock.wanted import RoomNights, Seats, Wanted
from tests.ledger.conftest import Books

DAY = dt.timedelta(days=1)
FIRST = dt.date(2031, 3, 14)
ZONE = "Europe/Berlin"

_PROVIDER = """
INSERT INTO provider_profiles (id, user_id, provider_type, display_name, verification_status,
    version) VALUES (:provider, gen_random_uuid(), 'HOTEL_MANAGER', 'Aurora', 'NOT_STARTED', 1)
"""
_APPROVED = ("IN_PROGRESS", "SUBMITTED", "UNDER_REVIEW", "APPROVED")
_VERIFY = """
UPDATE provider_profiles SET verification_status = :status, version = version + 1
WHERE id = :provider
"""
_LISTING = """
INSERT INTO listings (id, provider_id, title, description, address, city, city_norm, time_zone,
    amenities, currency, taxes, child_age_max, status, version)
VALUES (:listing, :provider, 'Hotel Aurora', '', 'Main 1', 'Berlin', 'berlin', :zone, '{}', 'EUR',
    '[]', 17, 'DRAFT', 1)
"""
_ROOM = """
INSERT INTO rooms (id, listing_id, name, room_type, adults_max, children_max, beds, base_price,
    units_default, status, version)
VALUES (:room, :listing, 'Double', 'DOUBLE', 2, 2, '[]', 10000, 1, 'ACTIVE', 1)
"""
_NIGHTS = """
INSERT INTO inventory_nights (room_id, night, units)
SELECT :room, CAST(:first AS date) + n, :units FROM generate_series(0, :nights - 1) AS n
"""
_PACKAGE = """
INSERT INTO hotel_packages (id, provider_id, listing_id, title, description, template, nights,
    availability_rule, price_per_person, terms, status, version)
VALUES (:package, :provider, :listing, 'Romance', '', 'ROMANCE', 2, 'FLEXIBLE', 10000, '[]',
    'DRAFT', 1)
"""
_TOUR = """
INSERT INTO tour_packages (id, provider_id, title, description, city, city_norm, time_zone, days,
    max_seats, min_seats, price, currency, taxes, cutoff_hours, terms, status, version)
VALUES (:package, :provider, 'Fjords', '', 'Bergen', 'bergen', :zone, 3, 500, 0, 5000, 'EUR', '[]',
    24, '[]', 'DRAFT', 1)
"""
_DEPARTURE = """
INSERT INTO tour_departures (id, package_id, departure_date, starts_at, ends_at, seats, status,
    version)
VALUES (:departure, :package, CAST(:starts_at AS timestamptz)::date, :starts_at,
    CAST(:starts_at AS timestamptz) + interval '3 days', :seats, 'OPEN', 1)
"""


def stay(
    *lines: tuple[str, int, int] | tuple[str, int, int, int],
    guests: int = 2,
    first: dt.date = FIRST,
) -> Wanted:
    """What is wanted of rooms: (room, from night, until night[, units]), counted from ``first``."""
    return Wanted(
        room_nights=tuple(
            RoomNights(
                room_id=line[0],
                check_in=first + line[1] * DAY,
                check_out=first + line[2] * DAY,
                units=line[3] if len(line) == 4 else 1,
            )
            for line in lines
        ),
        guests=guests,
        terms=CancellationTerms.free(),
    )


def seats(departure: str, number: int = 1) -> Wanted:
    """What is wanted of a departure."""
    return Wanted(
        departure=Seats(departure_id=departure, seats=number),
        guests=number,
        terms=CancellationTerms.free(),
    )


class Offers:
    """A provider, and what it offers."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.provider, self.listing = str(uuid.uuid4()), str(uuid.uuid4())
        self.products: dict[str, tuple[str, str]] = {}
        """Kind and product of each room, and of each departure."""

    async def do(self, statement: str, **values: Any) -> list[Any]:
        """Execute a statement; returns its rows."""
        async with self.books.sessions.begin() as session:
            found: CursorResult[Any] = await session.execute(text(statement), values)  # type: ignore[assignment]
            return [tuple(row) for row in found] if found.returns_rows else []

    async def open(self) -> None:
        """Put an approved provider with a published listing on record."""
        await self.do(_PROVIDER, provider=self.provider)
        for status in _APPROVED:
            await self.do(_VERIFY, provider=self.provider, status=status)
        await self.do(_LISTING, provider=self.provider, listing=self.listing, zone=ZONE)
        await self.publish("listings", self.listing)

    async def publish(self, table: str, offer: str, status: str = "PUBLISHED") -> None:
        """Put an offer on sale, or take it off."""
        by = "'PROVIDER'" if status == "PAUSED" else "NULL"
        change = f"UPDATE {table} SET status = :status, paused_by = {by} WHERE id = :id"
        await self.do(change, id=offer, status=status)

    async def room(self, units: int = 1, nights: int = 14, first: dt.date = FIRST) -> str:
        """A type of room with nights for sale."""
        room = str(uuid.uuid4())
        await self.do(_ROOM, room=room, listing=self.listing)
        await self.do(_NIGHTS, room=room, first=first, units=units, nights=nights)
        self.products[room] = ("STAY", self.listing)
        return room

    async def package(self) -> str:
        """A hotel package of the listing, on sale."""
        package = str(uuid.uuid4())
        own = {"package": package, "provider": self.provider, "listing": self.listing}
        await self.do(_PACKAGE, **own)
        await self.publish("hotel_packages", package)
        return package

    async def departure(self, number: int = 10, starts_in: dt.timedelta = 30 * DAY) -> str:
        """A departure of a tour of its own, with seats for sale until a day before."""
        package, departure = str(uuid.uuid4()), str(uuid.uuid4())
        await self.do(_TOUR, package=package, provider=self.provider, zone=ZONE)
        await self.publish("tour_packages", package)
        starts_at = dt.datetime.now(dt.UTC) + starts_in
        values = {"departure": departure, "package": package, "starts_at": starts_at}
        await self.do(_DEPARTURE, seats=number, **values)
        self.products[departure] = ("TOUR_PACKAGE", departure)
        return departure

    async def counters(self, room: str) -> list[tuple[int, int]]:
        """Return held and sold of each night of a room."""
        return await self.do(
            "SELECT held, sold FROM inventory_nights WHERE room_id = :room ORDER BY night",
            room=room,
        )

    async def seats_of(self, departure: str) -> tuple[int, int]:
        """Return held and sold of a departure."""
        ((held, sold),) = await self.do(
            "SELECT held, sold FROM tour_departures WHERE id = :id", id=departure
        )
        return held, sold
