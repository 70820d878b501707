"""Checking that a webhook comes from the payment service, now (reliability.md S9).

Header ``Payment-Signature: t=<unix seconds>,v1=<hex>``, where ``v1`` is the HMAC-SHA256 of
``{t}.{raw body}`` with a shared secret; several ``v1`` while secrets are rotated.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from pydantic import ValidationError

from models.core.errors import InvalidRequest
from payments.core.protocol import PaymentEvent
from payments.core.webhooks import TOLERANCE
from payments.payment_service.http import PROVIDER
from payments.payment_service.shapes import Event

HEADER: Final = "payment-signature"

KNOWN: Final = frozenset(
    {
        "intent.requires_action",
        "intent.processing",
        "intent.authorised",
        "intent.declined",
        "intent.captured",
        "intent.canceled",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "dispute.created",
        "dispute.updated",
        "dispute.closed",
    }
)
"""Types that tell of money or of a hold; others are only kept."""

_PART: Final = re.compile(r"\s*(t|v[0-9]+)=([0-9A-Za-z]*)\s*", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def verify(payload: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> PaymentEvent:
    """Return the event that ``payload`` carries.

    Args:
        payload: the raw body, before anybody parsed it.
        headers: of the request, with names in any case.
        secrets: the endpoint's secrets, several while they are being rotated.

    Raises:
        InvalidRequest: no secret is set, no secret fits, more than :data:`TOLERANCE` old or
            early, or not an event.
    """
    if not secrets:
        _refuse("no webhook secret is set", "webhook_secret_missing")
    header = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    stamp, signatures = _parts(header)
    signed = stamp.encode() + b"." + payload
    fits = [
        hmac.compare_digest(
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(), signature
        )
        for secret in secrets
        for signature in signatures
    ]
    if not any(fits):
        _refuse("the signature does not fit the body", "bad_signature")
    if abs(int(time.time()) - int(stamp)) > TOLERANCE:
        _refuse("the signature's time is not now", "signature_expired")
    return _event(payload)


def _parts(header: str) -> tuple[str, list[str]]:
    """Return the signed time as it is written and the signatures."""
    found = [match.groups() for part in header.split(",") if (match := _PART.fullmatch(part))]
    stamps = [value for name, value in found if name == "t" and _TIME.fullmatch(value)]
    if len(stamps) != 1:
        # Two times would leave it open which of them was signed.
        _refuse("the signature has no time", "bad_signature")
    return stamps[0], [value.lower() for name, value in found if name == "v1"]


def _event(payload: bytes) -> PaymentEvent:
    try:
        event = Event.model_validate_json(payload)
    except (ValidationError, RecursionError):
        _refuse("the body is not an event", "not_an_event")
    return PaymentEvent(
        gateway=PROVIDER,
        id=event.id,
        type=event.type,
        livemode=event.livemode,
        created_at=event.created_at,
        payment_id=event.intent_id,
        booking_id=event.reference,
        known=event.type in KNOWN,
        # Only what is published: a service may write more than an operator should read.
        payload=event.model_dump(mode="json"),
    )


def _refuse(message: str, code: str) -> NoReturn:
    raise InvalidRequest(message, provider=PROVIDER, operation="webhook", code=code)
