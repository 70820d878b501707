"""Stripe's failures as the errors of :mod:`models.errors`; classified here, once.

Source: providers.md §1 (last table), reliability.md pitfall 9.
"""

import datetime as dt
from typing import Any, Final

import stripe
from pydantic import ValidationError

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    PaymentMethodRefused,
    ProviderError,
    Retryable,
    UnknownOutcome,
)
from models.core.http import NoAddressError, NotSentError
from models.core.pauses import asked_pause
from payments.core.declines import telling_code
from payments.core.protocol import PaymentState
from payments.stripe.shapes import STATES

PROVIDER: Final = "stripe"

READS: Final = frozenset({"retrieve", "find", "refunds", "disputes", "payments", "payment_method"})
"""Operations that change nothing: no answer means ask again."""


def classify(error: stripe.StripeError, operation: str) -> ProviderError:
    """Return what a failed call means for the saga.

    ``operation`` is one of create, confirm, capture, cancel, refund or of :data:`READS`.
    """
    context: dict[str, Any] = {
        "provider": PROVIDER,
        "operation": operation,
        "code": error.code or _detail(error, "code"),
        "status": error.http_status,
        "request_id": error.request_id,
    }
    if _detail(error, "type") is None and error.http_status is not None:
        # The SDK quotes the whole body, and that may hold anything.
        message = f"Stripe answered HTTP {error.http_status} with a body that is not its own"
    else:
        message = error.user_message or "Stripe gave no reason"
    match error:
        case stripe.APIConnectionError():
            return _unanswered(error, operation, context)
        case stripe.CardError():
            code = telling_code(
                context["code"], _detail(error, "decline_code"), _detail(error, "advice_code")
            )
            return Declined(message, **{**context, "code": code})
        case stripe.RateLimitError():
            return Retryable(message, retry_after=_pause(error), **context)
        case stripe.AuthenticationError() | stripe.PermissionError():
            return AuthConfig(message, **context)
        case stripe.IdempotencyError():
            # Our keys name one operation with one content: another content is our own mistake.
            return InvalidRequest(message, **{**context, "code": "idempotency_error"})
        case stripe.InvalidRequestError():
            return _refused(error, message, operation, context)
    if error.http_status == 409:
        # Somebody else's lock, or our own earlier request under the same key: nothing was done
        # by this one.
        return Retryable(message, retry_after=_pause(error), **context)
    if operation in READS:
        return Retryable(message, **context)
    # A 5xx, or an answer that is none: it may have been done. Stripe keeps a 500 under its key
    # and replays it, so that only a look-up tells (reliability.md, "Stripe guidance").
    return UnknownOutcome(message, **context)


def unusable(operation: str, problem: Exception) -> ProviderError:
    """Return what an answer means that is JSON but not the published object."""
    fields = (
        ", ".join(".".join(map(str, detail["loc"])) for detail in problem.errors())
        if isinstance(problem, ValidationError)
        else type(problem).__name__
    )
    kind = Retryable if operation in READS else UnknownOutcome
    return kind(
        f"Stripe's answer is not as it publishes it: {fields}",
        provider=PROVIDER,
        operation=operation,
        code="malformed_answer",
    )


def state_in(error: stripe.StripeError) -> PaymentState | None:
    """Return the payment's state that a wrong-state error tells of; None for other errors."""
    if _detail(error, "code") != "payment_intent_unexpected_state":
        return None
    intent = _error_body(error).get("payment_intent")
    status = intent.get("status") if isinstance(intent, dict) else None
    return STATES.get(status) if isinstance(status, str) else None


def wrong_state(error: stripe.StripeError, operation: str, state: PaymentState) -> ProviderError:
    """Return what it means that the payment is in another ``state`` than the call wants."""
    known = classify(error, operation)
    context: dict[str, Any] = {
        "provider": PROVIDER,
        "operation": operation,
        "status": known.status,
        "request_id": known.request_id,
    }
    match operation, state:
        case "capture" | "confirm", PaymentState.RELEASED:
            # The hold has lapsed or was released: there is nothing left to take.
            return Declined(str(known), code="authorisation_expired", **context)
        case "cancel", PaymentState.CAPTURED:
            return InvalidRequest(str(known), code="captured", **context)
        case _, PaymentState.PROCESSING:
            # The bank is still at an earlier call: its end is not known yet, so this is no "no".
            return Retryable(str(known), code="processing", **context)
    return known


def _unanswered(
    error: stripe.StripeError, operation: str, context: dict[str, Any]
) -> ProviderError:
    cause = error.__cause__
    if isinstance(cause, NoAddressError):
        return AuthConfig(f"Stripe's address is no address: {cause!r}", **context)
    if isinstance(cause, NotSentError) or operation in READS:
        return Retryable(f"Stripe was not reached: {cause!r}", **context)
    return UnknownOutcome(f"Stripe did not answer: {cause!r}", **context)


def _refused(
    error: stripe.InvalidRequestError, message: str, operation: str, context: dict[str, Any]
) -> ProviderError:
    if context["code"] in ("charge_expired_for_capture", "capture_charge_authorization_expired"):
        return Declined(message, **{**context, "code": "authorisation_expired"})
    if operation == "refund" and error.param == "amount" and not error.code:
        # "Refund amount is greater than unrefunded amount" comes without a code of its own.
        context["code"] = "charge_already_refunded"
    about = (error.param or "", context["code"] or "")
    if operation == "confirm" and any(name.startswith("payment_method") for name in about):
        return PaymentMethodRefused(message, **context)
    return InvalidRequest(message, **context)


def _error_body(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def _detail(error: stripe.StripeError, name: str) -> str | None:
    value = _error_body(error).get(name)
    return value if isinstance(value, str) else None


def _pause(error: stripe.StripeError) -> dt.timedelta | None:
    return asked_pause(error.http_status or 0, error.headers or {})
