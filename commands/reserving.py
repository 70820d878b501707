"""Reserving at a venue as any service would: over HTTP, with an API key and an idempotency key."""

import asyncio
import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from commands.trips import WAITS_FOR_TRAVELER, OnStep, Step, TripClient, TripError, step_of

PATH = "/api/v1/bookings"
VENUES = "/api/v1/venues"
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

    async def reserve(
        self, request: dict[str, Any], *, approve: bool = False, on_step: OnStep | None = None
    ) -> Visit:
        """Reserve, telling each step as it happens where somebody is told; return how it went.

        With ``approve``, what waits for its venue is approved as the venue would; a venue that
        is not on record yet is registered as one that decides by hand.

        A reservation that fails or waits for its guest or venue is an account too.

        Raises:
            TripError: the API refuses the request or does not answer.
        """
        started, wall = time.monotonic(), time.time()
        steps: list[Step] = []
        if approve:
            await self._register(request)
        taken = await self._post(PATH, request, prefer="respond-async")
        url = f"{PATH}/{taken['id']}"

        async def at_rest() -> dict[str, Any]:
            """Return the reservation when the system waits for somebody, or is done."""
            try:
                async with asyncio.timeout(_PATIENCE):
                    async for event in self.events(taken["id"], after=len(steps)):
                        steps.append(step_of(event, since=wall))
                        if on_step is not None:
                            on_step(steps[-1])
                        if event["status"] == WAITS_FOR_TRAVELER:
                            break
            except TimeoutError as error:
                told = f"the reservation has not ended after {_PATIENCE:.0f} s; it goes on"
                raise TripError(f"{told} without us: {taken['booking_reference']}") from error
            return dict((await self._call("GET", f"{self.api}{url}")).json())

        answer = await at_rest()
        if approve and waits_for_venue(answer):
            await self._post(f"{url}/status", {"status": "CONFIRMED"}, prefer="wait=60")
            answer = await at_rest()
        return Visit(answer, time.monotonic() - started, steps)

    async def _register(self, request: dict[str, Any]) -> None:
        """Have the venue decide by hand, unless it is on record; its zone is the inventory's."""
        venue = request["venue"]
        url = f"{VENUES}/{venue['id']}"
        try:
            await self._call("GET", f"{self.api}{url}")
        except TripError as error:
            if not error.refused:
                raise
        else:
            return
        asked = {n: request[n] for n in ("venue", "date", "time", "party_size", "resource_id")}
        free = await self._post(f"{PATH}/availability/check", asked)
        body = {
            "type": venue["type"],
            # Of ours it is a sample, whose id says what it is called: chefs-table~1f3a.
            "name": venue["id"].partition("~")[0].replace("-", " ").title(),
            "time_zone": free["time_zone"],
            "policy": {"approval": "manual"},
        }
        await self._call("PUT", f"{self.api}{url}", body=body)

    async def _post(self, path: str, body: dict[str, Any], *, prefer: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": prefer}
        return dict(
            (await self._call("POST", f"{self.api}{path}", body=body, headers=headers)).json()
        )


def waits_for_venue(answer: dict[str, Any]) -> bool:
    """Tell whether a reservation at rest is the venue's to approve."""
    return answer["status"] == "PENDING" and not answer["payment"]["waits_until"]
