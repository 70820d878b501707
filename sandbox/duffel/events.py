"""Webhooks of Duffel: what is told, how it is signed, and what was told before."""

import hashlib
import hmac
import json
from typing import Any, Final

from sandbox.announcements import announce
from sandbox.duffel.messages import SUPPLIER, new_id, stamp
from sandbox.world import World

Json = dict[str, Any]

_MOST: Final = 5_000
"""Events that can still be read back."""


def tell(world: World, kind: str, about: Json, key: str) -> Json:
    """Announce an event and keep it; ``key`` is its ``idempotency_key``."""
    event: Json = {
        "id": new_id("wev_"),
        "api_version": "v2",
        "type": kind,
        "data": {"object": json.loads(json.dumps(about))},  # as it is now
        "live_mode": False,
        "idempotency_key": key,
        "created_at": stamp(world.now()),
        "identity_organisation_id": "org_sandbox",
    }
    kept = world.shelf("duffel_events")
    kept.put(event["id"], event)
    if len(kept.documents) > _MOST:
        kept.drop(next(iter(kept.documents)))
    announce(world, SUPPLIER, event, lambda body, secret: signed(world, body, secret))
    return event


def signed(world: World, body: bytes, secret: str) -> dict[str, str]:
    """Return the signature's header: HMAC-SHA256 of time, full stop and body."""
    moment = str(int(world.now().timestamp()))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Duffel-Signature": f"t={moment},v2={digest}"}


def deliveries(world: World, kind: str | None, after: str | None) -> list[Json]:
    """Return what was sent, newest first, as if one endpoint had always been registered."""
    return [
        {
            "id": event["id"].replace("wev_", "del_"),
            "event_id": event["id"],
            "endpoint_id": "end_sandbox",
            "type": event["type"],
            "url": "https://example.com/webhooks",
            "delivery_success": True,
            "response_status_code": 200,
            "response_body": "",
            "live_mode": False,
            "created_at": event["created_at"],
        }
        for event in world.shelf("duffel_events").newest_first()
        if kind in (None, event["type"]) and (after is None or event["created_at"] > after)
    ]
