"""Reserving at a venue as any service would: over HTTP, with an API key and an idempotency key."""

import asyncio
import contextlib
import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from commands.trips import WAITS_FOR_TRAVELER, OnStep, Step, TripClient, TripError, step_of

PATH = "/api/v1/bookings"
SAMPLE_VENUE = "chefs-table"
SAMPLE_TIME = "19:30"
_PATIENCE = 60.0


@dataclass
class Visit:
    """How reserving went."""

    answer: dict[str, Any]
    """What ``GET /api/v1/bookings/{id}`` answers at the end."""
    seconds: float
    """From the request to the end."""
    steps: list[Step] = field(default_factory=list)

    @property
    def confirmed(self) -> bool:
        """Whether the place is reserved."""
        return str(self.answer["status"]) == "CONFIRMED"

    def as_json(self) -> dict[str, Any]:
        """Return it for a script: the API's answer, and how it came about."""
        steps = [vars(step) for step in self.steps]
        return {**self.answer, "seconds": round(self.seconds, 3), "steps": steps}


def a_thursday() -> dt.date:
    """Return a Thursday in one or two weeks: every venue of the sandbox is open."""
    today = dt.datetime.now(dt.UTC).date()
    return today + dt.timedelta(days=7 + (3 - today.weekday()) % 7)


def a_venue() -> str:
    """Return a restaurant of the sandbox that nobody else has: its tables are free."""
    return f"{SAMPLE_VENUE}~{uuid.uuid4().hex[:8]}"


def reservation_request(
    venue: str,
    *,
    kind: str = "RESTAURANT",
    date: str | None = None,
    time_: str = SAMPLE_TIME,
    party: int = 2,
    table: str | None = None,
    card: str,
) -> dict[str, Any]:
    """Return the body of ``POST /api/v1/bookings``, for a guest whom nobody knows yet."""
    return {
        "guest": {"id": str(uuid.uuid4()), "name": "Ada Sample", "email": "ada@example.com"},
        "venue": {"id": venue, "type": kind},
        "date": date or a_thursday().isoformat(),
        "time": time_,
        "party_size": party,
        "resource_id": table,
        "payment": {"payment_method_id": card},
    }


class VenueClient(TripClient):
    """Talks to the API about reservations."""

    async def reserve(self, request: dict[str, Any], *, on_step: OnStep | None = None) -> Visit:
        """Reserve, telling each step as it happens where somebody is told; return how it went.

        A reservation that fails or waits for its guest is an account too.

        Raises:
            TripError: the API refuses the request or does not answer.
        """
        started, wall = time.monotonic(), time.time()
        steps: list[Step] = []
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "respond-async"}
        url = f"{self.api}{PATH}"
        taken = (await self._call("POST", url, body=request, headers=headers)).json()
        if on_step is not None:
            with contextlib.suppress(TimeoutError):  # told below
                async with asyncio.timeout(_PATIENCE):
                    async for event in self.events(taken["id"]):
                        steps.append(step_of(event, since=wall))
                        on_step(steps[-1])
                        if event["status"] == WAITS_FOR_TRAVELER:
                            break
        while True:
            answer = (await self._call("GET", f"{url}/{taken['id']}")).json()
            if answer["status"] != "PENDING" or answer["payment"]["waits_until"]:
                return Visit(answer, time.monotonic() - started, steps)
            if time.monotonic() > started + _PATIENCE:
                told = f"the reservation has not ended after {_PATIENCE:.0f} s; it goes on"
                raise TripError(f"{told} without us: {taken['booking_reference']}")
            await asyncio.sleep(0.1)
