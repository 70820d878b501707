"""Where a page of a list ends, for the next one to begin behind it.

A cursor is base64url of a version, microseconds since 1970, a booking's id and a digest of the list
it was made for: which one, whose, with which filters. Callers must not look inside.
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
    moment = (at - _EPOCH) // _MICROSECOND
    parts = _PARTS.pack(_VERSION, moment, uuid.UUID(booking_id).bytes, _list(request, caller))
    return base64.urlsafe_b64encode(parts).decode().rstrip("=")


def place_of(request: Request, caller: Principal, cursor: str) -> Place:
    """Return the place a cursor stands for.

    Raises:
        ApiProblem: 400, it was not made for this list with these filters.
    """
    version, moment, booking_id, of_list = _PARTS.unpack(base64.urlsafe_b64decode(cursor + "="))
    try:
        at = _EPOCH + moment * _MICROSECOND
    except OverflowError:
        at = None
    if version != _VERSION or at is None or of_list != _list(request, caller):
        detail = "This cursor was not made for this list: filters must stay as they were."
        raise ApiProblem(400, "CURSOR_INVALID", detail)
    return at, str(uuid.UUID(bytes=booking_id))


def _list(request: Request, caller: Principal) -> bytes:
    filters = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _PAGING)
    named = json.dumps([request.url.path, owner_of(caller), filters])
    return hashlib.sha256(named.encode()).digest()[:7]
