"""What others are told of a booking: its events, made of a transition and of nothing else.

Types and content are those of CloudEvents in record-and-marketplace.md §5.3. No event holds
personal data: no name, no e-mail address, no phone number.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.statuses import status_of

SCHEMA_VERSION = 1
"""Of the content of all event types; fields may be added to a version, never changed."""

CREATED = "booking.created"
UPDATED = "booking.updated"
"""Something of it has changed, and its status has not."""
STATUS_CHANGED = "booking.status_changed"
"""Comes with every change of the status that callers see, before the status's own event."""

ATTENTION_NEEDED = "booking.attention_needed"
"""A case is opened: a person must settle something. The last event of its version."""

_S = BookingState
_OF_STATE = {
    _S.HELD: "booking.held",
    _S.CONFIRMED: "booking.confirmed",
    _S.CHECKED_IN: "booking.checked_in",
    _S.COMPLETED: "booking.completed",
    _S.CANCELLED: "booking.cancelled",
    _S.EXPIRED: "booking.expired",
    _S.NO_SHOW: "booking.no_show",
    _S.FAILED: "booking.failed",
}


class BookingEvent(BaseModel):
    """One event of a booking."""

    id: str
    """The same whenever the event is made: of the booking, its version and the type."""
    booking_id: str
    booking_version: int
    ordinal: int
    """0, 1, …: its place among the events of one version."""
    type: str
    occurred_at: AwareDatetime
    data: dict[str, Any]
    schema_version: int = SCHEMA_VERSION


def events_of(
    booking: Booking,
    from_state: BookingState | None,
    version: int,
    changed: Mapping[str, bool],
    *,
    attention: bool = False,
) -> list[BookingEvent]:
    """Return the events of a transition, in their order; none for progress that nobody sees.

    Args:
        booking: as it is stored.
        from_state: as it was stored before; None for a booking that is new.
        version: of the record, after the transition.
        changed: which fields differ from what was stored, the status aside.
        attention: whether a case is opened with it.
    """
    kind, by = booking.kind, booking.cancelled_by
    status = status_of(booking.state, kind, by)
    previous = None if from_state is None else status_of(from_state, kind, by)
    types: list[str] = []
    if from_state is None:
        types.append(CREATED)
    elif from_state is booking.state:
        types.append(UPDATED)
    else:
        if status != previous:
            types.append(STATUS_CHANGED)
        if booking.state in _OF_STATE:
            types.append(_OF_STATE[booking.state])
    if attention:
        types.append(ATTENTION_NEEDED)
    fields = [name for name, differs in changed.items() if differs]
    if previous is not None and status != previous:
        fields.insert(0, "status")
    data: dict[str, Any] = {
        "kind": booking.kind,
        "reference": booking.reference,
        "status": status,
        "previous_status": previous,
        "total": booking.accepted_total,
        "currency": booking.currency,
        "changed": fields,
    }
    if booking.trip_option_id is not None:
        data["trip_option_id"] = booking.trip_option_id
    if booking.visit is not None:
        data |= booking.visit.model_dump(mode="json")
    return [
        BookingEvent(
            id=str(uuid.uuid5(uuid.UUID(booking.id), f"{version}\n{name}")),
            booking_id=booking.id,
            booking_version=version,
            ordinal=ordinal,
            type=name,
            occurred_at=booking.updated_at,
            data=data,
        )
        for ordinal, name in enumerate(types)
    ]
