"""The record: all SQL about bookings, in one place. Callers own the transaction."""

from models.bookings.repository.changes import load_without, note_change
from models.bookings.repository.reading import (
    BookingIdentity,
    load_booking,
    load_history,
    load_identity,
    load_run,
)
from models.bookings.repository.requests import EndedRequest, end_requests, load_ended_request
from models.bookings.repository.writing import (
    OPENED,
    StaleVersionError,
    insert_booking,
    lock_trip_option,
    record_transition,
    save_quotes,
)

__all__ = [
    "OPENED",
    "BookingIdentity",
    "EndedRequest",
    "StaleVersionError",
    "end_requests",
    "insert_booking",
    "load_booking",
    "load_ended_request",
    "load_history",
    "load_identity",
    "load_run",
    "load_without",
    "lock_trip_option",
    "note_change",
    "record_transition",
    "save_quotes",
]
