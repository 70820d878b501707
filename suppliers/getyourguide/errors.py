"""Errors of GetYourGuide, classified by status (providers.md §6): codes are not published."""

from typing import Literal

from pydantic import Field, StrictInt

from models.core.errors import InvalidRequest, ProviderError, Unavailable
from suppliers.core.answers import JsonAnswer, Message


class _Issue(Message):
    errorCode: StrictInt  # noqa: N815 - as published
    errorMessage: str = ""  # noqa: N815


class _Errors(Message):
    status: Literal["ERROR"]
    errors: list[_Issue] = Field(min_length=1)


def error_of(answer: JsonAnswer) -> tuple[str, str]:
    """Return the code and the message of an error answer; the code is empty when it has none."""
    envelope = answer.peek(_Errors)
    if envelope is None:
        return "", f"GetYourGuide answered {answer.status}"
    first = envelope.errors[0]
    return str(first.errorCode), f"GetYourGuide: {first.errorMessage or first.errorCode}"


def refused(answer: JsonAnswer) -> bool:
    """Tell whether it is GetYourGuide's own "no": nothing was done. 401 is the key's fault."""
    return (
        400 <= answer.status < 500
        and answer.status not in (401, 403, 408, 429)
        and error_of(answer)[0] != ""
    )


def expect_ok(answer: JsonAnswer) -> JsonAnswer:
    """Return the answer if it is a success.

    Raises:
        ProviderError: it is none; see :func:`failure`.
    """
    if answer.ok:
        return answer
    raise failure(answer)


def failure(answer: JsonAnswer) -> ProviderError:
    """Return the error for an answer that is no success."""
    code, message = error_of(answer)
    if refused(answer):
        kind = Unavailable if answer.status == 404 else InvalidRequest
        return answer.failure(kind, message, code=code)
    return answer.by_status(message, code=code or None)
