"""Events, and their delivery to webhook endpoints, signed, again and again until a 2xx.

Signature: ``t=<unix>,v1=<HMAC-SHA256(secret, "{t}.{body}")>`` (providers.md §1, "Webhooks").
"""

import hashlib
import hmac
import json
import secrets
from typing import Any, Final

import httpx

from sandbox.stripe.objects import API_VERSION, Document, new_id
from sandbox.world import World

TYPES: Final = frozenset(
    {
        "charge.captured",
        "charge.dispute.created",
        "charge.expired",
        "charge.failed",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "customer.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.partially_funded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "refund.created",
        "refund.failed",
        "refund.updated",
    }
)
"""What an endpoint may subscribe to."""

_KEPT: Final = 10_000
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_ATTEMPTS: Final = 25
_TIMEOUT: Final = 10.0


def signature_header(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``Stripe-Signature``."""
    signed = b"%d." % timestamp + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Events:
    """The account's events and webhook endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events = world.shelf("stripe.events")
        self.endpoints = world.shelf("stripe.webhook_endpoints")
        self._secrets = world.shelf("stripe.webhook_secrets")
        self._client: httpx.AsyncClient | None = None
        world.closers.append(self._close)

    def add_endpoint(
        self,
        url: str,
        enabled: list[str],
        *,
        secret: str | None = None,
        **given: Any,
    ) -> Document:
        """Register an endpoint and return it with its secret, which is shown only now."""
        secret = secret or f"whsec_{secrets.token_urlsafe(24)}"
        endpoint: Document = {
            "id": new_id("we"),
            "object": "webhook_endpoint",
            "api_version": None,
            "application": None,
            "created": self._now(),
            "description": None,
            "enabled_events": enabled,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            **given,
        }
        self.endpoints.put(endpoint["id"], endpoint)
        self._secrets.put(endpoint["id"], {"secret": secret})
        return {**endpoint, "secret": secret}

    def has_endpoint(self, url: str, secret: str) -> bool:
        """Tell whether such an endpoint is registered already."""
        return any(
            endpoint["url"] == url and self._secrets.documents[name]["secret"] == secret
            for name, endpoint in self.endpoints.documents.items()
        )

    def drop_endpoint(self, identifier: str) -> None:
        """Remove an endpoint; deliveries under way to it stop."""
        self.endpoints.drop(identifier)
        self._secrets.drop(identifier)

    def emit(
        self, kind: str, subject: Document, *, request_id: str | None, key: str | None
    ) -> None:
        """Record that something happened to ``subject`` and tell the endpoints."""
        listeners = [
            name
            for name, endpoint in self.endpoints.documents.items()
            if {"*", kind} & set(endpoint["enabled_events"])
        ]
        event: Document = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self._now(),
            # A copy as it is now: what happens later is another event.
            "data": {"object": json.loads(json.dumps(subject))},
            "livemode": False,
            "pending_webhooks": len(listeners),
            "request": {"id": request_id, "idempotency_key": key},
            "type": kind,
        }
        self.events.put(event["id"], event)
        while len(self.events.documents) > _KEPT:
            self.events.drop(next(iter(self.events.documents)))
        for name in listeners:
            self._world.spawn(self._deliver(event, name))

    async def _deliver(self, event: Document, name: str) -> None:
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS):
            endpoint, secret = self.endpoints.get(name), self._secrets.get(name)
            if endpoint is None or secret is None or self._world.closing.is_set():
                return
            body = json.dumps(event, indent=2).encode()
            try:
                answer = await self._http().post(
                    endpoint["url"],
                    content=body,
                    headers={
                        "Content-Type": "application/json; charset=utf-8",
                        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                        # Signed anew for every attempt, as the timestamp is checked.
                        "Stripe-Signature": signature_header(secret["secret"], self._now(), body),
                    },
                )
                delivered = answer.is_success
            except (httpx.HTTPError, httpx.InvalidURL):
                delivered = False
            if delivered:
                event["pending_webhooks"] -= 1
                self.events.put(event["id"], event)
                return
            await self._world.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)
        return self._client

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _now(self) -> int:
        return int(self._world.now().timestamp())
