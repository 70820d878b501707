"""Takes the sandbox's events to our door: in any order, at any moment, any number of times.

The sandbox itself delivers nothing here. Events are read from ``GET /v1/events`` and signed with
Stripe's own SDK.
"""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from stripe import WebhookSignature

from tests.payments.any_order.outside import HEADERS

AT_ONCE = 3
"""Deliveries of one booking under way together."""


class Postman:
    """Knows every event so far, by booking, and how often each was delivered."""

    def __init__(self, stripe: httpx.AsyncClient, door: httpx.AsyncClient, secret: str) -> None:
        self._stripe = stripe
        self._door = door
        self._secret = secret
        self._newest: str | None = None
        self._reading = asyncio.Lock()
        self._bookings: dict[str, str] = {}
        """Booking of each payment."""
        self.events: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        """Events by booking and id."""
        self.delivered: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """How often, by booking and event."""

    async def collect(self) -> None:
        """Read the events that are new."""
        async with self._reading:
            new: list[dict[str, Any]] = []
            after: dict[str, str] = {}
            while True:
                answer = await self._stripe.get(
                    "/stripe/v1/events", params={"limit": "100", **after}, headers=HEADERS
                )
                page = answer.raise_for_status().json()
                for event in page["data"]:
                    if event["id"] == self._newest:
                        break
                    new.append(event)
                else:
                    if page["has_more"]:
                        after = {"starting_after": new[-1]["id"]}
                        continue
                break
            for event in reversed(new):
                self._sort_in(event)
                self._newest = event["id"]

    def _sort_in(self, event: dict[str, Any]) -> None:
        subject = event["data"]["object"]
        if subject["object"] == "payment_intent":
            payment = subject["id"]
            self._bookings.setdefault(payment, subject["metadata"].get("booking_id", ""))
        else:
            payment = subject.get("payment_intent")
        self.events[self._bookings.get(payment, "")][event["id"]] = event

    async def deliver(self, booking_id: str, event_id: str) -> None:
        """Deliver an event once; it is taken, whatever has come before."""
        payload = json.dumps(self.events[booking_id][event_id], indent=2)
        signature = WebhookSignature.generate_signature_header(payload, self._secret)
        answer = await self._door.post(
            "/webhooks/stripe",
            content=payload.encode(),
            headers={"Content-Type": "application/json", "Stripe-Signature": signature},
        )
        assert answer.status_code == 200, answer.text
        self.delivered[booking_id][event_id] += 1


class Round:
    """The postman's round for one booking, ruled by dice."""

    def __init__(self, postman: Postman, booking_id: str, dice: random.Random) -> None:
        self._postman = postman
        self._booking_id = booking_id
        self._dice = dice

    @property
    def deliveries(self) -> Counter[str]:
        return self._postman.delivered[self._booking_id]

    async def some(self) -> None:
        """Deliver some of the events there are, known ones among them."""
        known = await self._known()
        number = self._dice.randint(0, min(len(known), 4))
        await self._bring(self._dice.sample(known, number), 1, 2)

    async def new(self) -> bool:
        """Deliver what was never delivered, and not only once; tells whether there was any."""
        new = [one for one in await self._known() if not self.deliveries[one]]
        await self._bring(new, 1, 5)
        return bool(new)

    async def everything(self) -> None:
        """Deliver all there is once more."""
        await self._bring(await self._known(), 1, 2)

    @asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """Deliver some now and then while the block runs."""
        stop = asyncio.Event()

        async def walk() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._dice.uniform(0, 1.5))
                await self.some()

        async with asyncio.TaskGroup() as walking:
            walking.create_task(walk())
            try:
                yield
            finally:
                stop.set()

    async def _known(self) -> list[str]:
        await self._postman.collect()
        return list(self._postman.events[self._booking_id])

    async def _bring(self, events: list[str], least: int, most: int) -> None:
        copies = [one for one in events for _ in range(self._dice.randint(least, most))]
        self._dice.shuffle(copies)
        left = iter(copies)

        async def carry() -> None:
            for event in left:
                await self._postman.deliver(self._booking_id, event)

        async with asyncio.TaskGroup() as carriers:
            for _ in range(AT_ONCE):
                carriers.create_task(carry())
