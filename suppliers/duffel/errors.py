"""Errors of Duffel, classified by the table of providers.md §7."""

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    PriceChanged,
    ProviderError,
    Refusal,
    Retryable,
    Unavailable,
)
from suppliers.core.answers import JsonAnswer, Loose, Message


class _Source(Message):
    pointer: Loose[str] = None


class _Error(Message):
    type: Loose[str] = None
    code: Loose[str] = None
    title: Loose[str] = None
    message: Loose[str] = None
    source: Loose[_Source] = None


class _ErrorMeta(Message):
    request_id: Loose[str] = None


class _Errors(Message):
    errors: Annotated[list[_Error], Field(min_length=1)]
    meta: Loose[_ErrorMeta] = None


_BY_CODE: Final[dict[str, type[Refusal] | type[Duplicate]]] = {
    "offer_no_longer_available": Unavailable,
    "offer_expired": Unavailable,
    "rate_unavailable": Unavailable,
    "order_not_created": Unavailable,
    "ancillary_service_not_available": Unavailable,
    "schedule_changed": Unavailable,
    "past_payment_required_by_date": Unavailable,
    "already_cancelled": Unavailable,
    "not_found": Unavailable,
    "price_changed": PriceChanged,
    "payment_amount_does_not_match_order_amount": PriceChanged,
    "offer_request_already_booked": Duplicate,
    "order_creation_already_attempted": Duplicate,
    "duplicate_booking": Duplicate,
    "payment_declined": Declined,
    # Our balance at Duffel is empty: nothing that another card of the traveller's would mend.
    "insufficient_balance": AuthConfig,
    "insufficient_permissions": AuthConfig,
    "unavailable_feature": AuthConfig,
}
"""The error list of providers.md §7 and of Duffel's reference, as far as the code decides."""

_BY_TYPE: Final[dict[str, type[Refusal]]] = {
    "authentication_error": AuthConfig,
    "validation_error": InvalidRequest,
    "invalid_request_error": InvalidRequest,
    "invalid_state_error": InvalidRequest,
}
"""What an unknown code of these types means. ``airline_error`` is not among them: the airline may
have done it all the same."""


def error_of(answer: JsonAnswer) -> tuple[str, str, str]:
    """Return type, code and words of an error answer; empty where it says none."""
    found = answer.peek(_Errors)
    if found is None:
        return "", "", f"Duffel answered {answer.status}"
    first = found.errors[0]
    words = first.message or first.title or f"answered {answer.status}"
    return first.type or "", first.code or "", f"Duffel: {words}"


def pointer_of(answer: JsonAnswer) -> str | None:
    """Return what an error answer is about in our request: a JSON Pointer; None: it names none."""
    found = answer.peek(_Errors)
    source = found.errors[0].source if found is not None else None
    return source.pointer if source is not None else None


def with_request_id(answer: JsonAnswer) -> JsonAnswer:
    """Return an error answer with the request id that Duffel's support wants to know."""
    found = answer.peek(_Errors)
    named = found.meta.request_id if found is not None and found.meta is not None else None
    return replace(answer, request_id=named or answer.request_id)


def failure(answer: JsonAnswer) -> ProviderError:
    """Classify an error answer: by status where that says all, by code, then by type."""
    kind, code, words = error_of(answer)
    known = _BY_CODE.get(code)
    match answer.status:
        case 429 | 503:
            # 503: "no booking was created"; 429: turned away at the door.
            wait = answer.retry_after
            return answer.failure(Retryable, words, code=code or None, retry_after=wait)
        case 502 if code == "order_not_created":
            return answer.failure(Unavailable, words, code=code)
        case 400 | 402 | 404 | 409 | 410 | 422 if known is not None:
            return answer.failure(known, words, code=code)
        case 400 | 402 | 404 | 409 | 410 | 422 if kind in _BY_TYPE:
            return answer.failure(_BY_TYPE[kind], words, code=code or None)
        case _:
            return answer.by_status(words, code=code or None)


def read_failure(answer: JsonAnswer) -> ProviderError:
    """Classify an error answer to a look at what is known: no "no" is one about the order."""
    error = failure(answer)
    if isinstance(error, AuthConfig | Retryable):
        return error
    return answer.failure(Retryable, str(error), code=error.code, retry_after=answer.retry_after)
