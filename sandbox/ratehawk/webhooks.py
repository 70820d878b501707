"""The booking status webhook: signed within its body, over timestamp and token only."""

import hashlib
import hmac
import secrets
import time
from typing import Any

from sandbox.announcements import announce
from sandbox.world import World


def tell(world: World, supplier: str, partner_order_id: str, status: str) -> None:
    """Announce that an order is ``completed`` or ``failed``; all attempts have the same token."""
    token = secrets.token_urlsafe(38)[:50]

    def document(secret: str) -> dict[str, Any]:
        return webhook(partner_order_id, status, secret, token, int(time.time()))

    announce(world, supplier, document, lambda _body, _secret: {})


def webhook(
    partner_order_id: str, status: str, secret: str, token: str, timestamp: int
) -> dict[str, Any]:
    """Return a signed webhook."""
    signed = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    return {
        "data": {"partner_order_id": partner_order_id, "status": status},
        "signature": {"signature": signed.hexdigest(), "timestamp": timestamp, "token": token},
    }
