"""Webhooks: told to every endpoint, signed, again and again until a 2xx.

Signature: ``Payment-Signature: t=<unix>,v1=<HMAC-SHA256(secret, "{t}.{body}")>``.
"""

import json
import secrets
from typing import Any, Final

import httpx

from sandbox.stripe.deliveries import signature_header
from sandbox.world import World

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_ATTEMPTS: Final = 25
_TIMEOUT: Final = 10.0


class Events:
    """Endpoints, and what they are told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints = world.shelf("payment_service.webhooks")
        self._client: httpx.AsyncClient | None = None
        world.closers.append(self._close)

    def add_endpoint(self, url: str, secret: str) -> None:
        """Tell ``url`` from now on, signed with ``secret``; the last secret of a URL counts."""
        self._endpoints.put(url, {"secret": secret})

    def drop_endpoint(self, url: str) -> None:
        """Tell it no more."""
        self._endpoints.drop(url)

    def emit(self, kind: str, intent_id: str, reference: str | None) -> None:
        """Tell that something happened to an intent."""
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "type": kind,
            "livemode": False,
            "created_at": self._world.now().isoformat().replace("+00:00", "Z"),
            "intent_id": intent_id,
            "reference": reference,
        }
        for url in self._endpoints.documents:
            self._world.spawn(self._deliver(event, url))

    async def _deliver(self, event: dict[str, Any], url: str) -> None:
        body = json.dumps(event).encode()
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS):
            endpoint = self._endpoints.get(url)
            if endpoint is None or self._world.closing.is_set():
                return
            # Signed anew for every attempt, as the time is checked.
            now = int(self._world.now().timestamp())
            headers = {
                "Content-Type": "application/json",
                "Payment-Signature": signature_header(endpoint["secret"], now, body),
            }
            try:
                answer = await self._http().post(url, content=body, headers=headers)
                if answer.is_success:
                    return
            except (httpx.HTTPError, httpx.InvalidURL):
                pass
            await self._world.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)
        return self._client

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
