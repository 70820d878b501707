"""Where a page of a list ends, for the next one to begin behind it.

A cursor is base64url of a version, a number (mostly microseconds since 1970), a row's id and a
digest of the list it was made for: which one, whose, with which filters. Callers must not look
inside.
"""

import base64
import datetime as dt
import hashlib
import json
import struct
import uuid
from collections.abc import Sequence
from typing import TypeVar

from fastapi import Request

from api.core.named import owner_of
from api.core.principals import Principal
from api.core.problems import ApiProblem
from models.bookings.listing import Place

Row = TypeVar("Row")

_PAGING = {"limit", "after", "cursor", "count"}
"""Parameters that may be others for the next page."""
_PARTS = struct.Struct(">Bq16s7s")
_VERSION = 1
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def page_of(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """Return the first ``limit`` rows, and the last of them if there is one more."""
    return rows[:limit], rows[limit - 1] if len(rows) > limit else None


def cursor_of(request: Request, caller: Principal, place: Place) -> str:
    """Return the cursor of a place in the list that is asked for."""
    at, booking_id = place
    return numbered_cursor(request, caller, (at - _EPOCH) // _MICROSECOND, booking_id)


def place_of(request: Request, caller: Principal, cursor: str) -> Place:
    """Return the place a cursor stands for.

    Raises:
        ApiProblem: 400, it was not made for this list with these filters.
    """
    moment, booking_id = number_of(request, caller, cursor)
    try:
        return _EPOCH + moment * _MICROSECOND, booking_id
    except OverflowError:
        raise _other_list() from None


def numbered_cursor(request: Request, caller: Principal, number: int, row_id: str) -> str:
    """Return the cursor of a place in the list that is asked for, which a number and an id are."""
    parts = _PARTS.pack(_VERSION, number, uuid.UUID(row_id).bytes, _list(request, caller))
    return base64.urlsafe_b64encode(parts).decode().rstrip("=")


def number_of(request: Request, caller: Principal, cursor: str) -> tuple[int, str]:
    """Return the place a cursor of :func:`numbered_cursor` stands for.

    Raises:
        ApiProblem: 400, it was not made for this list with these filters.
    """
    version, number, row_id, of_list = _PARTS.unpack(base64.urlsafe_b64decode(cursor + "="))
    if version != _VERSION or of_list != _list(request, caller):
        raise _other_list()
    return number, str(uuid.UUID(bytes=row_id))


def _other_list() -> ApiProblem:
    detail = "This cursor was not made for this list: filters must stay as they were."
    return ApiProblem(400, "CURSOR_INVALID", detail)


def _list(request: Request, caller: Principal) -> bytes:
    filters = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _PAGING)
    named = json.dumps([request.url.path, owner_of(caller), filters])
    return hashlib.sha256(named.encode()).digest()[:7]
