"""Errors of Booking.com, classified by the table of providers.md §4."""

from typing import Final

from pydantic import Field

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    ProviderError,
    Refusal,
    Unavailable,
)
from suppliers.core.answers import JsonAnswer, Loose, Message
from suppliers.core.pointers import about

_BY_ERROR: Final[dict[str, type[Refusal] | type[Duplicate]]] = {
    "order_unavailable": Unavailable,
    "occupancy_mismatch": InvalidRequest,
    "duplicate_request": Duplicate,
    "missing_parameter": InvalidRequest,
    "invalid_parameter": InvalidRequest,
    "unknown_parameter": InvalidRequest,
    "conflicting_parameters": InvalidRequest,
    "malformed_request": InvalidRequest,
    "unauthorized": AuthConfig,
    "sandbox_blocked": AuthConfig,
}
"""The error table of providers.md §4, as far as the error's id decides."""

BLOCKED: Final = "sandbox_blocked"

TOKEN_GONE: Final = frozenset({"expired_token", "invalid_token"})
"""The order token has expired or is unknown: nothing was ordered with it by this request."""


class _Error(Message):
    id: str
    message: Loose[str] = None


class _Errors(Message):
    errors: list[_Error] = Field(min_length=1)


def error_of(answer: JsonAnswer) -> tuple[str, str]:
    """Return the id and the message of an error answer; the id is empty when it has none."""
    envelope = answer.peek(_Errors)
    if envelope is None:
        return "", f"Booking.com answered {answer.status}"
    first = envelope.errors[0]
    return first.id, f"Booking.com: {first.message or first.id}"


def failure(answer: JsonAnswer) -> ProviderError:
    """Return the error that an error answer is."""
    code, message = error_of(answer)
    if code.startswith("payment_refused"):
        return answer.failure(Declined, message, code=code)
    if answer.status < 500 and code in _BY_ERROR:
        error = answer.failure(_BY_ERROR[code], message, code=code)
        return about(error, "travelers") if code == "occupancy_mismatch" else error
    if answer.status == 404 and not answer.changes:
        return answer.failure(Unavailable, message, code=code or None)
    return answer.by_status(message, code=code or None)
