"""A booking's first step: it is written down, with what only one booking can have."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import OpenedBooking
    from models.core.calls import Call
    from models.core.search_attributes import BOOKING_REFERENCE
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local
    from workflows.core.outcomes import TripFailedError
    from workflows.core.record import BookingRecord


async def open_booking(
    record: BookingRecord, call: Call[Any, OpenedBooking], opening: Any, summary: str
) -> bool:
    """Write a booking down, VALIDATING; False: it was made long ago, and is in ``record``.

    Raises:
        TripFailedError: another booking has what it needs.
    """
    opened = await perform_local(call, opening, policies.record(), summary)
    if opened.existing is not None:
        record.booking = opened.existing
        return False
    asked = record.booking.reference
    reference = opened.reference or asked
    record.booking = record.booking.model_copy(
        update={
            "state": BookingState.VALIDATING,
            "version": opened.version,
            "reference": reference,
        }
    )
    if reference != asked:
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(reference)])
    record.show()
    if opened.refusal is not None:
        raise TripFailedError(opened.refusal)
    return True
