"""Answers of Amadeus: media type, errors, amounts."""

from decimal import Decimal
from typing import Any, Final

from sandbox.amounts import digits
from sandbox.world import Answer

JSON: Final = "application/vnd.amadeus+json"
HEADERS: Final = {"Content-Type": JSON}

TITLES: Final = {
    425: "INVALID DATE",
    477: "INVALID FORMAT",
    1797: "NOT FOUND",
    2668: "PARAMETER COMBINATION INVALID/RESTRICTED",
    4926: "INVALID DATA RECEIVED",
    32171: "MANDATORY DATA MISSING",
    34651: "SEGMENT SELL FAILURE",
    37200: "PRICE DISCREPANCY",
    38034: "ONE OR MORE SERVICES ARE NOT AVAILABLE",
    38189: "Internal error",
    38190: "Invalid access token",
    38191: "Invalid HTTP header",
    38192: "Access token expired",
    38194: "Too many requests",
    38196: "Resource not found",
}
"""Titles of the error codes this sandbox uses."""


class Refused(Exception):
    """A request that Amadeus answers with an error; carries that answer."""

    def __init__(
        self, code: int, detail: str, *, status: int = 400, pointer: str | None = None
    ) -> None:
        super().__init__(detail)
        self.answer = failed(code, detail, status=status, pointer=pointer)


def failed(
    code: int,
    detail: str,
    *,
    status: int = 400,
    pointer: str | None = None,
    parameter: str | None = None,
) -> Answer:
    """Return an error answer; ``pointer`` and ``parameter`` say what it is about."""
    error: dict[str, Any] = {
        "status": status,
        "code": code,
        "title": TITLES[code],
        "detail": detail,
    }
    if pointer is not None:
        error["source"] = {"pointer": pointer}
    elif parameter is not None:
        error["source"] = {"parameter": parameter}
    return Answer(status, {"errors": [error]}, headers=HEADERS)


def success(status: int, body: Any, **more: Any) -> Answer:
    """Return a successful answer in Amadeus' media type."""
    return Answer(status, body, headers=HEADERS if body is not None else {}, **more)


def internal_error() -> Answer:
    """Return the 500 that Amadeus answers when it fails."""
    return failed(
        38189, "An internal error occurred, please contact your administrator", status=500
    )


def amount(minor: int, currency: str) -> str:
    """Write minor units as Amadeus does: major units in a string, with all decimals."""
    return str(Decimal(minor).scaleb(-digits(currency)))
