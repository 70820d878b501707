"""RateHawk's booking status webhooks (providers.md §3), verified.

The signature is an HMAC-SHA256 over timestamp and token, written one after the other, with the
API key (†: "API key token" in the guide) as the key. It does **not** cover ``data``: whoever has
seen one genuine webhook can put another order and another status under its signature for as long
as its timestamp is fresh. An event is therefore a hint to look and nothing more; what became of
the order, ``finish/status`` tells. The event's id is made of token, order and status together, so
that a forged repeat cannot keep the genuine event from being taken up.
"""

import datetime as dt
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.core.supply import SupplierEvent
from suppliers.ratehawk.requests import reference_of

_TOLERANCE: Final = 300
"""Seconds that a webhook may be old, or ahead."""
_MAX_BODY: Final = 64 * 1024

_Printable = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Data(_Strict):
    partner_order_id: _Printable
    status: _Printable
    """"completed" or "failed" as published; another word is a reason to look as well."""


class _Signature(_Strict):
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    timestamp: int
    token: _Printable


class _Webhook(_Strict):
    data: _Data
    signature: _Signature


def verify(
    body: bytes,
    headers: Mapping[str, str],  # noqa: ARG001 - the signature is in the body
    *,
    secrets: Sequence[str],
) -> SupplierEvent:
    """Return the event of a genuine webhook.

    Raises:
        ValueError: it is not genuine, too old or from the future, or not the published shape.
    """
    if len(body) > _MAX_BODY:
        raise ValueError("the body is too long")
    try:
        webhook = _Webhook.model_validate_json(body)
    except (ValidationError, RecursionError) as error:
        # Without pydantic's words: they quote what was sent.
        raise ValueError("the body is not a booking status webhook") from error
    signed = webhook.signature
    expected = (_signed(signed.timestamp, signed.token, secret) for secret in secrets)
    if not any(hmac.compare_digest(one, signed.signature) for one in expected):
        raise ValueError("the signature does not match")
    if abs(int(time.time()) - signed.timestamp) > _TOLERANCE:
        raise ValueError("the timestamp is not of the last minutes")
    data = webhook.data
    facts = f"{signed.token}\n{data.partner_order_id}\n{data.status}"
    return SupplierEvent(
        id=f"ratehawk_{hashlib.sha256(facts.encode()).hexdigest()[:40]}",
        type=f"booking.{data.status}",
        at=dt.datetime.fromtimestamp(signed.timestamp, dt.UTC),
        reference=reference_of(data.partner_order_id),
        supplier_id=data.partner_order_id,
    )


def _signed(timestamp: int, token: str, secret: str) -> str:
    message = f"{timestamp}{token}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
