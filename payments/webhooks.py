"""Checking that a webhook comes from Stripe, now (reliability.md S9)."""

import json
import time
from typing import Any, Final, NoReturn

import stripe
from pydantic import ValidationError

from models.errors import InvalidRequest
from payments.errors import PROVIDER
from payments.stripe_shapes import EventAnswer

TOLERANCE: Final = 300
"""Seconds by which the signature's time may differ from ours, before or after."""

_BAD_SIGNATURE: Final = (stripe.StripeError, ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises over headers and bodies that are none; measured on 16.1."""


def verify(payload: bytes, signature: str, secrets: list[str]) -> dict[str, Any]:
    """Return the event that ``payload`` carries.

    Args:
        payload: the raw body, before anybody parsed it.
        signature: the header ``Stripe-Signature``.
        secrets: the endpoint's secrets, several while they are being rotated.

    Raises:
        InvalidRequest: no secret is set, no secret fits, more than :data:`TOLERANCE` old or
            early, or not an event.
    """
    if not secrets:
        _refuse("no webhook secret is set", "webhook_secret_missing")
    if not any(_signed(payload, signature, secret) for secret in secrets):
        _refuse("the signature does not fit the body", "bad_signature")
    if abs(int(time.time()) - _timestamp(signature)) > TOLERANCE:
        # The SDK lets times in the future pass.
        _refuse("the signature's time is not now", "signature_expired")
    try:
        event = json.loads(payload, parse_constant=_no_constant)
        EventAnswer.model_validate(event)
    except (ValueError, ValidationError, RecursionError):
        _refuse("the body is not an event", "not_an_event")
    if not isinstance(event, dict):
        _refuse("the body is not an event", "not_an_event")
    return event


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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse(message: str, code: str) -> NoReturn:
    raise InvalidRequest(message, provider=PROVIDER, operation="webhook", code=code)
