"""What providers offer, written straight into the tables: what providers may write is not asked."""

import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.types.range import Range
from sqlalchemy.ext.asyncio import AsyncConnection

from models.core.database import create_engine, create_sessions, direct
from models.marketplace.quotes.messages import Asker, RoomWish, SeatsWish, StayWish, Wish
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.repository import Quote, find_quote, make_quote

Answer = TypeVar("Answer")

IN = dt.date(2031, 3, 10)
"""A Monday; nights are for sale from the first of the month on."""
FIRST = dt.date(2031, 3, 1)
NIGHTS = 40
ALL: dict[str, Any] = {"basis_points": 10_000}


def day(number: int) -> dt.date:
    return IN + dt.timedelta(days=number)


def new_id() -> str:
    return str(uuid.uuid4())


class Shop:
    """A provider with offers, and somebody who asks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        self.sessions = create_sessions(self.engine)
        self.provider = self.add_provider()
        self.city = f"city {new_id()}"
        self.asker = Asker(new_id(), None)

    # -- rows ----------------------------------------------------------------------------------

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []

    def add(self, table: str, **values: Any) -> str:
        values = {"id": new_id(), **values}
        self._insert(table, values)
        return str(values["id"])

    def _insert(self, table: str, *rows: dict[str, Any]) -> None:
        names = [*rows[0]]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        )
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(statement, [[_value(row[name]) for name in names] for row in rows])

    def change(self, table: str, row_id: str, **values: Any) -> None:
        for name, value in values.items():
            statement = sql.SQL("UPDATE {} SET {} = %s WHERE id = %s").format(
                sql.Identifier(table), sql.Identifier(name)
            )
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(statement, [_value(value), row_id])

    def change_night(self, room: str, night: dt.date, **values: Any) -> None:
        for name, value in values.items():
            statement = sql.SQL(
                "UPDATE inventory_nights SET {} = %s WHERE room_id = %s AND night = %s"
            ).format(sql.Identifier(name))
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(statement, [value, room, night])

    # -- what is offered -----------------------------------------------------------------------

    def add_provider(self, **changes: Any) -> str:
        values = {
            "user_id": new_id(),
            "provider_type": "HOTEL_MANAGER",
            "display_name": "Casa Azul",
            "verification_status": "APPROVED",
            "version": 1,
        }
        return self.add("provider_profiles", **{**values, **changes})

    def add_listing(self, **changes: Any) -> str:
        values: dict[str, Any] = {
            "provider_id": self.provider,
            "title": "Casa Azul",
            "description": "",
            "address": "Rua do Sol 1",
            "city": self.city,
            "city_norm": self.city,
            "country": "PT",
            "time_zone": "Europe/Lisbon",
            "check_in_from": dt.time(15),
            "check_out_until": dt.time(11),
            "amenities": ["wifi"],
            "currency": "EUR",
            "taxes": [],
            "child_age_max": 12,
            "status": "PUBLISHED",
            "version": 1,
        }
        return self.add("listings", **{**values, **changes})

    def add_room(self, listing: str, **changes: Any) -> str:
        values = {
            "listing_id": listing,
            "name": "Double",
            "room_type": "DOUBLE",
            "adults_max": 2,
            "children_max": 1,
            "beds": [],
            "base_price": 10_000,
            "units_default": 2,
            "status": "ACTIVE",
            "version": 1,
        }
        return self.add("rooms", **{**values, **changes})

    def add_plan(self, room: str, **changes: Any) -> str:
        values = {
            "room_id": room,
            "name": "Flexible",
            "board": "BREAKFAST",
            "terms": [{"hours_before": 48, "kept": {"basis_points": 0}}, {"kept": {"nights": 1}}],
            "no_show": ALL,
            "price_rule": {},
            "min_stay": 1,
            "status": "ACTIVE",
            "version": 1,
        }
        return self.add("rate_plans", **{**values, **changes})

    def add_nights(
        self, room: str, first: dt.date = FIRST, nights: int = NIGHTS, **changes: Any
    ) -> None:
        rows = [
            {"room_id": room, "night": first + dt.timedelta(days=one), "units": 2, **changes}
            for one in range(nights)
        ]
        self._insert("inventory_nights", *rows)

    def add_stay(self, **changes: Any) -> tuple[str, str, str]:
        """A listing with one room on one plan, with nights for sale: their ids."""
        listing = self.add_listing(**changes)
        room = self.add_room(listing)
        self.add_nights(room)
        return listing, room, self.add_plan(room)

    def add_package(self, listing: str, rooms: dict[str, int], **changes: Any) -> str:
        values = {
            "provider_id": self.provider,
            "listing_id": listing,
            "title": "A quiet week",
            "description": "",
            "template": "week",
            "nights": 3,
            "availability_rule": "FLEXIBLE",
            "price_per_person": 30_000,
            "terms": [],
            "status": "PUBLISHED",
            "version": 1,
        }
        package = self.add("hotel_packages", **{**values, **changes})
        for room, units in rooms.items():
            self._insert(
                "hotel_package_rooms", {"package_id": package, "room_id": room, "units": units}
            )
        return package

    def add_tour(self, **changes: Any) -> str:
        values = {
            "provider_id": self.provider,
            "title": "Old town on foot",
            "description": "",
            "city": self.city,
            "city_norm": self.city,
            "time_zone": "Europe/Lisbon",
            "start_time": dt.time(9),
            "days": 3,
            "max_seats": 10,
            "min_seats": 0,
            "price": 4_000,
            "currency": "EUR",
            "taxes": [],
            "cutoff_hours": 24,
            "terms": [{"hours_before": 24, "kept": {"basis_points": 0}}, {"kept": {"nights": 1}}],
            "status": "PUBLISHED",
            "version": 1,
        }
        return self.add("tour_packages", **{**values, **changes})

    def add_departure(self, tour: str, date: dt.date = IN, **changes: Any) -> str:
        starts = dt.datetime.combine(date, dt.time(9), dt.UTC)
        values = {
            "package_id": tour,
            "departure_date": date,
            "starts_at": starts,
            "ends_at": starts + dt.timedelta(days=2, hours=8),
            "seats": 10,
            "status": "OPEN",
            "version": 1,
        }
        return self.add("tour_departures", **{**values, **changes})

    # -- what is asked -------------------------------------------------------------------------

    async def ask(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        async with direct(self.sessions) as connection:
            return await work(connection)

    async def quote(self, wish: Wish) -> Quote:
        return await self.ask(lambda found: make_quote(found, new_id(), self.asker, wish))

    async def read(self, quote: Quote) -> Quote:
        return await self.ask(lambda found: find_quote(found, quote.id, self.asker))


def rooms_of(*rooms: tuple[str, Party]) -> tuple[RoomWish, ...]:
    return tuple(RoomWish(room, party) for room, party in rooms)


def stay(
    listing: str,
    rooms: Sequence[RoomWish],
    nights: int = 3,
    *,
    check_in: dt.date = IN,
    currency: str = "EUR",
) -> StayWish:
    return StayWish(
        listing_id=listing,
        check_in=check_in,
        check_out=check_in + dt.timedelta(days=nights),
        rooms=tuple(rooms),
        currency=currency,
    )


def package_of(
    package: str, rooms: Sequence[RoomWish], *, check_in: dt.date = IN, currency: str = "EUR"
) -> StayWish:
    return StayWish(None, check_in, None, tuple(rooms), currency, package)


def seats(tour: str, departure: str, travelers: int = 2, *, currency: str = "EUR") -> SeatsWish:
    return SeatsWish(tour, departure, travelers, currency)


def _value(value: Any) -> Any:
    if isinstance(value, dict) or (
        isinstance(value, list) and (not value or isinstance(value[0], dict))
    ):
        return json.dumps(value)
    if isinstance(value, tuple):
        return Range(*value)
    return value
