"""Checking that a webhook comes from Stripe, now (reliability.md S9); opens no connection."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import stripe

from models.core.errors import InvalidRequest
from payments.core.errors import PROVIDER
from payments.core.protocol import PaymentEvent
from payments.stripe.events import payment_event

TOLERANCE: Final = 300
"""Seconds by which the signature's time may differ from our clock, before or after."""

HEADER: Final = "stripe-signature"

_BAD_SIGNATURE: Final = (stripe.StripeError, ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises over headers and bodies that are none; measured on 16.1."""


def secrets_in(setting: str) -> list[str]:
    """Return the signing secrets of a setting that names them, separated by commas."""
    return [secret for part in setting.split(",") if (secret := part.strip())]


def verify(payload: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> PaymentEvent:
    """Return what the event in ``payload`` tells.

    Args:
        payload: the raw body, before anybody parsed it.
        headers: the request's headers, in any case.
        secrets: the endpoint's secrets, several while they are being rotated.

    Raises:
        InvalidRequest: no secret is set (``webhook_secret_missing``), no secret fits
            (``bad_signature``), more than :data:`TOLERANCE` old or early (``signature_expired``),
            or not an event (``not_an_event``). Nothing else, whatever is sent.
    """
    if not secrets:
        _refuse("no webhook secret is set", "webhook_secret_missing")
    signature = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    if not any(_signed(payload, signature, secret) for secret in secrets):
        _refuse("the signature does not fit the body", "bad_signature")
    if abs(int(time.time()) - _timestamp(signature)) > TOLERANCE:
        # The SDK lets times in the future pass.
        _refuse("the signature's time is not now", "signature_expired")
    try:
        return payment_event(PROVIDER, _parsed(payload))
    except (ValueError, RecursionError):  # pydantic's errors are ValueErrors
        _refuse("the body is not an event", "not_an_event")


def _signed(payload: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(
            stripe.WebhookSignature.verify_header(
                payload.decode("utf-8"), signature, secret, tolerance=None
            )
        )
    except _BAD_SIGNATURE:
        return False


def _timestamp(signature: str) -> int:
    """Return the time that was signed: the first ``t``, as the SDK reads it."""
    for part in signature.split(","):
        name, _, value = part.partition("=")
        if name == "t":
            return int(value)
    raise AssertionError("a signature without a time is never valid")


def _parsed(payload: bytes) -> dict[str, Any]:
    # As text: bytes would be taken for UTF-16 where they look like it.
    content = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse(message: str, code: str) -> NoReturn:
    raise InvalidRequest(message, provider=PROVIDER, operation="webhook", code=code)
