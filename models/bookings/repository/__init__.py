"""The record: all SQL about bookings, in one place. Callers own the transaction."""

from models.bookings.repository.reading import (
    BookingIdentity,
    Found,
    count_under_way,
    find_booking,
    load_booking,
    load_identity,
    load_people,
    load_run,
)
from models.bookings.repository.requests import (
    Decision,
    EndedRequest,
    begin_request,
    end_requests,
    is_begun,
    load_decisions,
    load_ended_request,
)
from models.bookings.repository.rows import new_item_columns
from models.bookings.repository.standings import Standing, standings
from models.bookings.repository.writing import (
    NewBooking,
    StaleVersionError,
    claim_booking,
    insert_booking,
    is_busy,
    record_transition,
    save_quotes,
)

__all__ = [
    "BookingIdentity",
    "Decision",
    "EndedRequest",
    "Found",
    "NewBooking",
    "StaleVersionError",
    "Standing",
    "begin_request",
    "claim_booking",
    "count_under_way",
    "end_requests",
    "find_booking",
    "insert_booking",
    "is_begun",
    "is_busy",
    "load_booking",
    "load_decisions",
    "load_ended_request",
    "load_identity",
    "load_people",
    "load_run",
    "new_item_columns",
    "record_transition",
    "save_quotes",
    "standings",
]
