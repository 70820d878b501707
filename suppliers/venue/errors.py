"""Errors of both services, classified by their code (docs/inventory-and-pricing.md)."""

from typing import Final

from pydantic import Field

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    Unavailable,
)
from models.core.venues import TIME_DOES_NOT_EXIST
from suppliers.core.answers import JsonAnswer, Message

UNKNOWN_REFERENCE: Final = "unknown_reference"
REFERENCE_RELEASED: Final = "reference_released"
REFERENCE_REUSED: Final = "reference_reused"
NOT_RELEASABLE: Final = "not_releasable"

NOT_TO_BE_HAD: Final = frozenset(
    {
        "full",
        "resource_taken",
        "venue_closed",
        "outside_shift",
        "not_a_start_time",
        "party_too_large",
        "party_too_small",
        "duration_not_offered",
        "in_the_past",
        "too_far_ahead",
        TIME_DOES_NOT_EXIST,
        REFERENCE_RELEASED,
    }
)
"""Nothing was reserved: that slot is not to be had."""

_FIELDS: Final = {
    "unknown_venue": ("venue.id", "there is no such venue"),
    "venue_type_mismatch": ("venue.type", "the venue is of another type"),
    "unknown_resource": ("resource_id", "the venue has no such table, room or other resource"),
    "utc_offset_wrong": ("utc_offset", "the venue's clock has another offset at that time"),
}
"""Codes about a part of the caller's request, and what is said of it in our words."""


class _Error(Message):
    code: str = Field(min_length=1, max_length=100)
    message: str = ""


class _Failure(Message):
    error: _Error


def code_of(answer: JsonAnswer) -> str:
    """Return the stable code of an error answer; empty when it has none."""
    failure = answer.peek(_Failure)
    return failure.error.code if failure else ""


def expect_ok(answer: JsonAnswer) -> JsonAnswer:
    """Return the answer if it is a success.

    Raises:
        ProviderError: it is none. A 4xx with the documented body says that nothing was done.
    """
    if answer.ok:
        return answer
    raise _failure(answer)


def _failure(answer: JsonAnswer) -> ProviderError:
    failure = answer.peek(_Failure)
    code = failure.error.code if failure else None
    message = f"the service answered {answer.status}"
    if failure:
        message = (failure.error.message or failure.error.code)[:300]
    if code is None or answer.status in (401, 403, 429) or not 400 <= answer.status < 500:
        return answer.by_status(message, code=code)
    if code in NOT_TO_BE_HAD:
        return answer.failure(Unavailable, message, code=code)
    if code == NOT_RELEASABLE:
        return answer.failure(NotCancellable, message, code=code)
    if code == REFERENCE_REUSED:
        # Something may stand under our reference that is not what was asked for now.
        return answer.failure(Duplicate, message, code=code)
    if code in _FIELDS:
        field, words = _FIELDS[code]
        return answer.failure(InvalidRequest, words, code=code, field=field, plain=True)
    if answer.status in (408, 409, 425):
        # Another request about the same reference is being worked on: nothing was done by this one.
        return answer.failure(Retryable, message, code=code, retry_after=answer.retry_after)
    return answer.failure(InvalidRequest, message, code=code)
