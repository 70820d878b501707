"""Delivery of events to webhook endpoints, signed, again and again until a 2xx.

Signature: ``t=<unix>,v1=<HMAC-SHA256(secret, "{t}.{body}")>`` (providers.md §1, "Webhooks").
"""

import hashlib
import hmac
import json
import random
from dataclasses import dataclass, field
from typing import Final

import httpx

from sandbox.stripe.objects import Document
from sandbox.world import Shelf, World

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_ATTEMPTS: Final = 25
_TIMEOUT: Final = 10.0
_SHUFFLE_SECONDS: Final = 0.5
"""Over which time events are mixed when no delay says otherwise."""


def signature_header(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``Stripe-Signature``."""
    signed = b"%d." % timestamp + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@dataclass
class Disturbance:
    """How deliveries deviate from one each, at once, in the order of events."""

    duplicate: int = 1
    """How often every event is delivered."""
    shuffle: bool = False
    """Each copy waits a time of its own, so that they arrive in any order."""
    delay: float = 0.0
    """Seconds that every delivery waits; with ``shuffle`` the longest of them."""
    seed: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def pauses(self) -> list[float]:
        """Return how long each copy of one event waits."""
        if not self.shuffle:
            return [self.delay] * self.duplicate
        longest = self.delay or _SHUFFLE_SECONDS
        return [self._dice.uniform(0, longest) for _ in range(self.duplicate)]


class Deliveries:
    """What is on its way to the endpoints."""

    def __init__(self, world: World, events: Shelf, endpoints: Shelf, secrets: Shelf) -> None:
        self._world = world
        self._events = events
        self._endpoints = endpoints
        self._secrets = secrets
        self._client: httpx.AsyncClient | None = None
        self.disturbance = Disturbance()
        world.closers.append(self._close)
        world.calmers.append(self.calm)

    def calm(self) -> None:
        """Deliver as usual from now on."""
        self.disturbance = Disturbance()

    def send(self, event: Document, endpoint: str) -> None:
        """Deliver an event to one endpoint, in the background."""
        arrived: set[str] = set()
        for pause in self.disturbance.pauses():
            self._world.spawn(self._deliver(event, endpoint, pause, arrived))

    async def _deliver(self, event: Document, name: str, before: float, arrived: set[str]) -> None:
        await self._world.pause(before)
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS):
            endpoint, secret = self._endpoints.get(name), self._secrets.get(name)
            if endpoint is None or secret is None or self._world.closing.is_set():
                return
            if await self._delivered(event, endpoint["url"], secret["secret"]):
                if name not in arrived:  # copies count once
                    arrived.add(name)
                    event["pending_webhooks"] -= 1
                    self._events.put(event["id"], event)
                return
            await self._world.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _delivered(self, event: Document, url: str, secret: str) -> bool:
        body = json.dumps(event, indent=2).encode()
        now = int(self._world.now().timestamp())
        try:
            answer = await self._http().post(
                url,
                content=body,
                headers={
                    "Content-Type": "application/json; charset=utf-8",
                    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                    # Signed anew for every attempt, as the timestamp is checked.
                    "Stripe-Signature": signature_header(secret, now, body),
                },
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.is_success

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)
        return self._client

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
