"""The payment service's errors as those of :mod:`models.errors`; classified here, once.

The table is published in docs/payment-service.md.
"""

from typing import Any, Final

from pydantic import ValidationError

from models.core.errors import AuthConfig, Declined, InvalidRequest, ProviderError, Retryable
from payments.core.protocol import PaymentState
from payments.payment_service.http import PROVIDER, Answered, Asked
from payments.payment_service.shapes import ErrorAnswer, Failure

WRONG_STATE: Final = "wrong_state"
"""The intent is not in a state for this; reading it tells in which it is."""

NOT_FOUND: Final = "not_found"
"""The route is there, the object is not."""

_IN_OUR_WORDS: Final = {
    NOT_FOUND: "resource_missing",
    "exceeds_captured": "charge_already_refunded",
    "idempotency_key_reused": "idempotency_error",
}
"""Codes the saga knows under the name that Stripe gave them."""

_LONGEST_MESSAGE: Final = 300


def refused(asked: Asked, answered: Answered) -> ProviderError:
    """Return what an answer other than 2xx means for the saga."""
    failure = failure_in(answered)
    context: dict[str, Any] = answered.context
    if failure is None:
        message = f"the payment service answered HTTP {answered.status} without its error body"
    else:
        message = failure.message[:_LONGEST_MESSAGE] or failure.code
        context["code"] = _IN_OUR_WORDS.get(failure.code, failure.code)
    match answered.status:
        case 401 | 403:
            return asked.failed(AuthConfig, message, **context)
        case 402:
            return asked.failed(Declined, message, **context)
        case 409 if failure is None or failure.code != WRONG_STATE:
            # Somebody else's lock, or our own earlier request under the same key: nothing was
            # done by this one.
            return asked.failed(Retryable, message, retry_after=answered.retry_after, **context)
        case 408 | 429:
            # 408: the service gave up reading the request.
            return asked.failed(Retryable, message, retry_after=answered.retry_after, **context)
    if asked.changes and no_such_route(answered.status, failure):
        return unsupported(asked, f"it has no {asked.method} {asked.path}")
    if 400 <= answered.status < 500 and (failure is not None or asked.changes):
        # Without the error body some gate before the service refused: it did not get through.
        return asked.failed(InvalidRequest, message, **context)
    # 5xx, a redirect, or a read refused by something that is not the service.
    return asked.unsettled(message, **context)


def no_such_route(status: int, failure: Failure | None) -> bool:
    """Tell whether an answer means that the service does not have the route at all."""
    if status == 404:
        return failure is None or failure.code != NOT_FOUND
    return status in (405, 501)


def failure_in(answered: Answered) -> Failure | None:
    """Return the published error body, or None when there is none."""
    try:
        return ErrorAnswer.model_validate_json(answered.content).error
    except (ValidationError, RecursionError):
        return None


def malformed(asked: Asked, problem: Exception) -> ProviderError:
    """Return what a 2xx answer means that is not the published object."""
    fields = (
        ", ".join(".".join(map(str, detail["loc"])) or "body" for detail in problem.errors())
        if isinstance(problem, ValidationError)
        else str(problem) or type(problem).__name__
    )
    return asked.unsettled(
        f"the payment service's answer is not as published: {fields[:_LONGEST_MESSAGE]}",
        code="malformed_answer",
    )


def unsupported(asked: Asked, why: str) -> ProviderError:
    """Return the error for a service that lacks what holding money before taking it needs."""
    return asked.failed(
        AuthConfig,
        "PAYMENT_SERVICE_URL names a service that cannot hold money first and take it once the"
        f" trip is booked: {why}. docs/payment-service.md says what it must do.",
        code="unsupported_service",
    )


def wrong_state(refusal: ProviderError, state: PaymentState) -> ProviderError:
    """Return what it means that the payment is in another ``state`` than the call wants."""
    context: dict[str, Any] = {
        "provider": PROVIDER,
        "operation": refusal.operation,
        "status": refusal.status,
        "request_id": refusal.request_id,
    }
    match refusal.operation, state:
        case "capture" | "confirm", PaymentState.RELEASED:
            # The hold has lapsed or was released: there is nothing left to take.
            return Declined(str(refusal), code="authorisation_expired", **context)
        case "cancel", PaymentState.CAPTURED:
            return InvalidRequest(str(refusal), code="captured", **context)
    return refusal
