"""Events, and the webhook endpoints that are told of them."""

import json
import secrets
from typing import Any, Final

from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.objects import API_VERSION, Document, new_id
from sandbox.world import World

TYPES: Final = frozenset(
    {
        "charge.captured",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
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


class Events:
    """The account's events and webhook endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events = world.shelf("stripe.events")
        self.endpoints = world.shelf("stripe.webhook_endpoints")
        self._secrets = world.shelf("stripe.webhook_secrets")
        self.deliveries = Deliveries(world, self.events, self.endpoints, self._secrets)

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

    def ensure_endpoint(self, url: str, secret: str) -> None:
        """Register an endpoint for every event; one with this secret moves to another ``url``."""
        for name, endpoint in self.endpoints.documents.items():
            if self._secrets.documents[name]["secret"] == secret:
                self.endpoints.put(name, {**endpoint, "url": url})
                return
        self.add_endpoint(url, ["*"], secret=secret)

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
            self.deliveries.send(event, name)

    def _now(self) -> int:
        return int(self._world.now().timestamp())
