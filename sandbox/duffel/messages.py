"""Answers of Duffel: envelope, errors, times, amounts, ids."""

import datetime as dt
import secrets
import string
from dataclasses import replace
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Final

from sandbox.amounts import digits
from sandbox.world import Answer

Json = dict[str, Any]

SUPPLIER: Final = "duffel"
REFERENCE: Final = "trip_reference"
"""The metadata key under which callers keep their reference; the log shows it."""
_LETTERS: Final = string.ascii_letters + string.digits
_TYPES: Final = {
    401: "authentication_error",
    403: "authentication_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
}


class Refused(Exception):
    """A request that Duffel answers with an error; carries that answer."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 422,
        kind: str = "validation_error",
        pointer: str | None = None,
    ) -> None:
        super().__init__(message)
        self.answer = failed(code, message, status=status, kind=kind, pointer=pointer)


def failed(
    code: str,
    message: str,
    *,
    status: int = 422,
    kind: str | None = None,
    pointer: str | None = None,
) -> Answer:
    """Return an error answer; its type follows from the status where none is given.

    ``pointer`` is the JSON Pointer of the field it is about, without the ``data`` around it.
    """
    request_id = new_id("")
    error: Json = {
        "type": kind or _TYPES.get(status, "validation_error"),
        "code": code,
        "title": code.replace("_", " ").capitalize(),
        "message": message,
        "documentation_url": "https://duffel.com/docs/api/overview/errors",
    }
    if pointer is not None:
        error["source"] = {"field": pointer.rpartition("/")[2], "pointer": pointer}
    return Answer(
        status,
        {"errors": [error], "meta": {"status": status, "request_id": request_id}},
        headers={"x-request-id": request_id},
    )


def success(status: int, data: Any, *, meta: Json | None = None, **more: Any) -> Answer:
    """Return a successful answer."""
    body = {"data": data} if meta is None else {"data": data, "meta": meta}
    return Answer(status, body, headers={"x-request-id": new_id("")}, **more)


def internal_error() -> Answer:
    """Return the 500 that Duffel answers when it fails."""
    return failed("internal_server_error", "There was something wrong on our end", status=500)


def not_found() -> Answer:
    """Return the answer about what does not exist."""
    return failed("not_found", "The resource you are trying to access does not exist", status=404)


def gone() -> Answer:
    """Return the airline's answer about an offer that cannot be sold any more."""
    return failed(
        "offer_no_longer_available",
        "The provided offer is no longer available",
        kind="airline_error",
    )


def too_many() -> Answer:
    """Return the answer to somebody who asks too often; it says when as an HTTP date."""
    answer = failed("rate_limit_exceeded", "Too many requests", status=429)
    reset = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), usegmt=True)
    limits = {"ratelimit-limit": "60", "ratelimit-remaining": "0", "ratelimit-reset": reset}
    return replace(answer, headers={**answer.headers, **limits})


def new_id(prefix: str) -> str:
    """Return an id as Duffel makes them: ``off_0000Abc…``."""
    return f"{prefix}0000" + "".join(secrets.choice(_LETTERS) for _ in range(18))


def stamp(moment: dt.datetime) -> str:
    """Write a time (UTC)."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def amount(minor: int, currency: str) -> str:
    """Write minor units: major units in a string, with all decimals."""
    return str(Decimal(minor).scaleb(-digits(currency)))
