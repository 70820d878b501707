"""Ways into a world for reservations: reserve, ask what is free, ask the inventory itself, read."""

import asyncio
import datetime as dt
import itertools
import uuid
from abc import ABC, abstractmethod
from typing import Any

import httpx
from temporalio.client import Client

from benchmarks import figures, statements
from benchmarks.crowd_at_venues import BIG_VENUE, VENUE_TYPE
from benchmarks.rounds import Cell, play
from benchmarks.stage import Stage
from benchmarks.usage import Meter
from benchmarks.ways import GIVEN_UP_SECONDS, Booked, NotBookedError

_DAYS, _FIRST_DAY, _FIRST_HOUR, _HOURS = 300, 3, 9, 9
_WARMING = 16
_IDLE_SECONDS = 3.0
_VENUE = {"id": BIG_VENUE, "type": VENUE_TYPE}


def wish(number: int) -> dict[str, Any]:
    """Return the nth slot, which is free: the café has room for a dozen parties at each hour."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=_FIRST_DAY + number % _DAYS)
    hour = _FIRST_HOUR + number // _DAYS % _HOURS
    return {"venue": _VENUE, "date": day.isoformat(), "time": f"{hour:02}:00", "party_size": 2}


class Door(ABC):
    """One kind of request; ``name`` says of which kind, and to which world it is sent."""

    kind: str

    def __init__(self, world: str, url: str, key: str = "", connections: int = 1) -> None:
        self.name = f"{self.kind}, {world}"
        self._http = [
            httpx.AsyncClient(
                base_url=url,
                headers={"X-API-Key": key},
                timeout=GIVEN_UP_SECONDS + 10,
                trust_env=False,
            )
            for _ in range(connections)
        ]

    @abstractmethod
    async def book(self, trip: dict[str, Any]) -> Booked:
        """Send the request for a slot and wait for its answer."""

    async def send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Send a request by a client of its own.

        Raises:
            NotBookedError: it was refused.
        """
        client = self._http.pop()
        try:
            answer = await client.request(method, path, **request)
        finally:
            self._http.append(client)
        if not answer.is_success:
            raise NotBookedError(f"{path} answered {answer.status_code}: {answer.text[:500]}")
        told: dict[str, Any] = answer.json()
        return told

    async def close(self) -> None:
        """Close all connections."""
        for client in self._http:
            await client.aclose()


class Reserve(Door):
    """``POST /api/v1/bookings``, waited for: nothing is to be paid."""

    kind = "reserve"

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Reserve a slot for a guest who was never there."""
        key = str(uuid.uuid4())
        guest = {"id": f"g-{key}", "name": "Ada Okafor", "email": "ada@example.com"}
        headers = {"Idempotency-Key": key, "Prefer": f"wait={GIVEN_UP_SECONDS:.0f}"}
        path = "/api/v1/bookings"
        told = await self.send("POST", path, headers=headers, json={"guest": guest, **trip})
        if told.get("status") != "CONFIRMED":
            raise NotBookedError(f"the API answered: {told}")
        return Booked(told["id"])


class Check(Door):
    """``POST …/availability/check``."""

    kind = "check"

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Ask whether a guest who was never there would find a place."""
        path = "/api/v1/bookings/availability/check"
        told = await self.send("POST", path, json={"guest_id": "g-new", **trip})
        if not told["available"]:
            raise NotBookedError(f"the API answered: {told}")
        return Booked("")


class Inventory(Door):
    """``POST …/check-availability`` of the inventory service: what the API asks it."""

    kind = "inventory"

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Ask the inventory whether it has a place."""
        path = "/inventory_service/api/v1/inventory/check-availability"
        nothing = {"utc_offset": None, "duration_minutes": None, "resource_id": None}
        await self.send("POST", path, json={"slot": {**trip, **nothing}, "excluding": None})
        return Booked("")


class Read(Door):
    """``GET /api/v1/bookings/{id}`` of reservations that were made."""

    kind = "read"

    def know(self, bookings: list[str]) -> None:
        """Read these, one after the other."""
        self._bookings = itertools.cycle(bookings)

    async def book(self, trip: dict[str, Any]) -> Booked:  # noqa: ARG002 - read whatever there is
        """Read a reservation."""
        booking = next(self._bookings)
        await self.send("GET", f"/api/v1/bookings/{booking}")
        return Booked(booking)


class World:
    """A stage, and what asks it."""

    def __init__(self, name: str, on: Stage, key: str, client: Client, at_once: int) -> None:
        self.name, self.on, self.client = name, on, client
        self.meter = Meter(on.pids())
        self.reserve = Reserve(name, on.api_url, key, at_once)
        self.read = Read(name, on.api_url, key)
        self.questions: tuple[Door, ...] = (
            Check(name, on.api_url, key),
            Inventory(name, on.settings.sandbox_url),
            self.read,
        )
        self._numbers = itertools.count()

    async def wishes(self, count: int) -> list[dict[str, Any]]:
        """Return slots that nobody has asked for yet."""
        return [wish(next(self._numbers)) for _ in range(count)]

    async def warm_up(self) -> None:
        """Let everything have been used once."""
        cell = Cell(0, 1, self.reserve.name)
        played = await play(cell, self.reserve, self.wishes, _WARMING, self.meter)
        self.read.know([one.booking_id for one in played.booked])
        for door in self.questions:
            await play(Cell(0, 1, door.name), door, self.wishes, _WARMING, self.meter)

    async def idle(self) -> dict[str, float]:
        """Return what it uses while nobody asks."""
        before = self.meter.read()
        await asyncio.sleep(_IDLE_SECONDS)
        usage = self.meter.since(before)
        return figures.idle(usage.cpu, usage.seconds)

    async def sql(self, bookings: int) -> figures.SqlFigures:
        """Count the statements of reservations."""
        url, log = self.on.settings.database.url, self.on.database_log
        with statements.logged(url, log) as found:
            cell = Cell(0, 1, self.reserve.name)
            await play(cell, self.reserve, self.wishes, bookings, self.meter)
        return figures.of_statements(self.reserve.name, found, bookings)

    async def close(self) -> None:
        """Close all connections."""
        for door in (self.reserve, *self.questions):
            await door.close()
