"""Booking a trip as any service would: over HTTP, with an API key and an idempotency key."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from commands.output import reason

UNSETTLED = frozenset({"PENDING", "VALIDATING", "PROCESSING"})
"""States in which the system is at work; in any other it waits for somebody, or is done."""

TEST_CARD = "pm_card_visa"
"""Stripe's test token of a card that is always accepted."""

WAITS_FOR_TRAVELER = "PAYMENT_PENDING"
"""Nothing moves until the traveller approves the payment or another card is sent."""

_PATIENCE = 180.0
_TRAVELER_PATIENCE = 1_200.0
"""Longer than a booking waits for its traveller (``AUTHENTICATION_DEADLINE_SECONDS``)."""
_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Before asking again after "503, try again": everything asked here may be repeated."""


class TripError(Exception):
    """The sandbox or the API refused or did not answer; the text is for a person."""

    refused = False
    """Whether it was understood, and refused (4xx)."""


def refusal(answer: httpx.Response) -> TripError:
    """Return what an error answer says."""
    error = TripError(reason(answer))
    error.refused = answer.is_client_error
    return error


OnWait = Callable[[dict[str, Any]], Awaitable[str | None]]
"""Asked what the traveller does: another payment method's id, "" to wait on, None to leave it."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to a booking, as its watchers are told."""

    seconds: float
    """Since the booking was asked for."""
    step: str
    status: str
    message: str


OnStep = Callable[[Step], None]
"""Told each step as it happens."""


@dataclass
class Account:
    """How booking a trip went."""

    trip: dict[str, Any]
    """The trip option (contracts.md §1)."""
    answer: dict[str, Any]
    """What ``POST /booking/book`` answers at the end."""
    seconds: float
    """From the request to the end."""
    steps: list[Step] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Where the booking stands."""
        return str(self.answer.get("state", ""))

    @property
    def confirmed(self) -> bool:
        """Whether the trip is booked."""
        return self.answer.get("success") is True

    def as_json(self) -> dict[str, Any]:
        """Return it for a script: the API's answer, and how it came about."""
        return {
            **self.answer,
            "tripOptionId": self.trip["tripOptionId"],
            "seconds": round(self.seconds, 3),
            "steps": [vars(step) for step in self.steps],
        }


class TripClient:
    """Talks to the API, and to the sandbox's trip planner."""

    def __init__(self, api: str, api_key: str, sandbox: str) -> None:
        """Nothing is asked yet."""
        self.api = api
        self._sandbox = sandbox
        self._http = httpx.AsyncClient(
            headers={"X-API-Key": api_key}, timeout=httpx.Timeout(10, read=150), trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def generate(self, criteria: dict[str, Any] | None = None) -> dict[str, Any]:
        """Have the planner put a trip together; without criteria, the sample trip.

        Raises:
            TripError: it does not answer, or cannot.
        """
        answer = await self._call("POST", f"{self._sandbox}/trip/generate", body=criteria or {})
        return _object(answer)

    async def book(
        self,
        trip: dict[str, Any],
        *,
        card: str = TEST_CARD,
        on_step: OnStep | None = None,
        on_wait: OnWait | None = None,
    ) -> Account:
        """Book a trip, telling each step as it happens, and return how it went.

        ``on_wait`` is asked whenever the booking waits for its traveller; without it, that is
        where the account ends.

        A booking that fails is an account too; only not getting an answer is an error.

        Raises:
            TripError: the API refuses the request or does not answer.
        """
        started = time.monotonic()
        wall = time.time()
        key = str(uuid.uuid4())
        steps: list[Step] = []

        def note(event: dict[str, Any]) -> None:
            step = step_of(event, since=wall)
            steps.append(step)
            if on_step:
                on_step(step)

        answer = await self._ask_to_book(trip, card, key, "respond-async")
        booking_id = str(answer["bookingId"])
        watched, patience = answer.get("state") in UNSETTLED, _PATIENCE
        while watched:
            try:
                async with asyncio.timeout(patience):
                    async for event in self.events(booking_id, after=len(steps)):
                        note(event)
                        if event["status"] == WAITS_FOR_TRAVELER:
                            break
            except TimeoutError as error:
                raise TripError(
                    f"the booking has not ended after {patience:.0f} s; it goes on without us:"
                    f" {booking_id}"
                ) from error
            answer = await self._ask_to_book(trip, card, key, "wait=60")
            watched = False
            if answer.get("state") == WAITS_FOR_TRAVELER and on_wait is not None:
                other = await on_wait(answer)
                watched, patience = other is not None, _TRAVELER_PATIENCE
                if other:
                    await self.send_card(booking_id, other, prefer="respond-async")
        while answer.get("state") in UNSETTLED and time.monotonic() < started + _PATIENCE:
            # The same key: the same booking, however often it is asked for.
            await asyncio.sleep(0.2)
            answer = await self._ask_to_book(trip, card, key, "wait=60")
        return Account(trip, answer, time.monotonic() - started, steps)

    async def events(self, booking_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Yield what happens to a booking until the system has nothing more to do about it.

        ``after`` is how many of its steps have been seen.

        Raises:
            TripError: the stream cannot be had.
        """
        url = f"{self.api}/booking/{booking_id}/events"
        seen = {"Last-Event-ID": str(after - 1)} if after else {}
        for pause in (*_PAUSES, None):
            try:
                async with self._http.stream("GET", url, headers=seen) as stream:
                    if stream.status_code == httpx.codes.SERVICE_UNAVAILABLE and pause:
                        await asyncio.sleep(pause)
                        continue
                    if stream.is_error:
                        await stream.aread()
                        raise refusal(stream)
                    async for event in _server_sent(stream):
                        yield event
                    return
            except httpx.HTTPError as error:
                raise TripError(f"{self.api} stopped answering ({type(error).__name__})") from error

    async def booking(self, booking_id: str) -> dict[str, Any]:
        """Return a booking whole. Raises TripError."""
        return _object(await self._call("GET", f"{self.api}/booking/{booking_id}"))

    async def cancel(
        self,
        booking_id: str,
        *,
        reason: str = "",
        components: list[str] | None = None,
        accepted_fee: int | None = None,
    ) -> dict[str, Any]:
        """Cancel a booking, or the components named, if no more is kept. Raises TripError."""
        body: dict[str, Any] = {"bookingId": booking_id}
        if reason:
            body["reason"] = reason
        if components:
            body["components"] = components
        if accepted_fee is not None:
            body["acceptedFee"] = accepted_fee
        return _object(await self._call("POST", f"{self.api}/booking/cancel", body=body))

    async def cancel_quote(
        self, booking_id: str, *, components: list[str] | None = None
    ) -> dict[str, Any]:
        """Ask what cancelling a booking, or the components named, would cost. Raises TripError."""
        return _object(
            await self._call(
                "POST",
                f"{self.api}/booking/cancel?dryRun=true",
                body={"bookingId": booking_id, "components": components or []},
            )
        )

    async def send_card(
        self, booking_id: str, card: str, *, prefer: str = "wait=60"
    ) -> dict[str, Any]:
        """Send another card for a booking whose card was refused. Raises TripError."""
        return _object(
            await self._call(
                "POST",
                f"{self.api}/booking/{booking_id}/payment-method",
                body={"paymentMethodId": card},
                headers={"Prefer": prefer},
            )
        )

    async def _ask_to_book(
        self, trip: dict[str, Any], card: str, key: str, prefer: str
    ) -> dict[str, Any]:
        answer = await self._call(
            "POST",
            f"{self.api}/booking/book",
            body=booking_request(trip, card),
            headers={"Idempotency-Key": key, "Prefer": prefer},
        )
        return _object(answer)

    async def _call(
        self, method: str, url: str, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        for pause in (*_PAUSES, None):
            try:
                answer = await self._http.request(method, url, json=body, headers=headers)
            except httpx.HTTPError as error:
                raise TripError(f"{url} does not answer ({type(error).__name__})") from error
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and pause:
                await asyncio.sleep(pause)
                continue
            break
        if answer.is_error:
            raise refusal(answer)
        return answer


def booking_request(trip: dict[str, Any], card: str = TEST_CARD) -> dict[str, Any]:
    """Return the body of ``POST /booking/book`` for a trip (contracts.md §1)."""
    return {
        "tripOptionId": trip["tripOptionId"],
        "paymentInfo": {
            "paymentMethodId": card,
            "billingDetails": {
                "name": "Ada Sample",
                "email": "ada@example.com",
                "phone": "+12025550123",
                "address": {
                    "line1": "1 Sample Street",
                    "city": "New York",
                    "state": "NY",
                    "postalCode": "10001",
                    "country": "US",
                },
            },
            "amount": trip["totalPrice"],
            "currency": trip["currency"],
        },
        "userContact": {"email": "ada@example.com", "phone": "+12025550123"},
    }


async def _server_sent(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON data of a server-sent event stream; comments (pings) are skipped."""
    data: list[str] = []
    async for line in stream.aiter_lines():
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            found = json.loads("\n".join(data))
            data = []
            if isinstance(found, dict) and "step" in found:
                yield found


def step_of(event: dict[str, Any], *, since: float) -> Step:
    """Return an event of the stream as a step of what was asked for at ``since``."""
    at = dt.datetime.fromisoformat(str(event["at"]))
    return Step(
        seconds=max(0.0, round(at.timestamp() - since, 3)),
        step=str(event["step"]),
        status=str(event["status"]),
        message=str(event["message"]),
    )


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TripError(f"{answer.request.url} answers something that is not a JSON object")
    return found
