"""Requests about reservations, as the API makes them."""

import datetime as dt
import uuid
from typing import Any

from models.bookings.messages import BookingRequest, RequestKind


def request_of(kind: RequestKind, body: dict[str, Any] | None = None) -> BookingRequest:
    return BookingRequest(
        id=str(uuid.uuid4()),
        kind=kind,
        requested_at=dt.datetime.now(dt.UTC),
        who="test",
        body=body or {},
    )
