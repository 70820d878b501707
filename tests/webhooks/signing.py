"""Events as Stripe would send them, written and signed by the test itself."""

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

OLD, NEW = "whsec_0ld", "whsec_n3w"
"""Both are good: a secret is being rotated."""


def event(kind: str = "charge.refunded", **changes: Any) -> dict[str, Any]:
    """An event about a payment nobody knows, unless told otherwise."""
    identity = uuid.uuid4().hex[:24]
    payment = changes.pop("payment", f"pi_{identity}")
    booking = changes.pop("booking", None)
    return {
        "id": f"evt_{identity}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {
            "object": {
                "id": f"ch_{identity}",
                "object": "charge",
                "payment_intent": payment,
                "metadata": {"booking_id": booking} if booking else {},
                "billing_details": {"name": "Ada Moreno", "email": "ada@example.com"},
            }
        },
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **changes,
    }


def encoded(content: Any) -> bytes:
    return json.dumps(content, indent=2).encode()


def signature(body: bytes, *, secret: str = NEW, age: float = 0) -> str:
    """The value of ``Stripe-Signature``, made ``age`` seconds ago."""
    stamp = str(int(time.time() - age))
    return f"t={stamp},v1={mac(body, stamp, secret)}"


def mac(body: bytes, stamp: str, secret: str = NEW) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
