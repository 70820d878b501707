"""How a booking ends that cannot be: every step taken is undone, last first."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState, ItemStatus
    from models.bookings.messages import CancelRequest
    from workflows.core.compensations import Compensations
    from workflows.core.outcomes import TripCancelledError, end_of
    from workflows.core.record import UNDO, BookingRecord


async def undo_booking(
    record: BookingRecord,
    compensations: Compensations,
    reason: BaseException,
    *,
    ends: BookingState | None = None,
    who: str = "saga",
    why: str | None = None,
) -> None:
    """Undo every step and record the end; what cannot be undone becomes a case.

    ``ends`` is the state it ends in, and ``why`` what the history says, where the reason alone
    does not tell.
    """
    state, problem = end_of(reason)
    booking = record.booking
    booking.problem = problem
    if isinstance(reason, TripCancelledError):
        _note_cancellation(booking, reason.cancel)
        record.end_request(reason.request)
    left = await compensations.run()
    for item in booking.items:
        if item.status is ItemStatus.PENDING:
            item.status = ItemStatus.CANCELLED  # it was never begun
    for unsettled in left:
        record.open_case(unsettled, details=UNDO)
    done = f"{len(left)} of it for an operator" if left else "everything is undone"
    why = why or f"{problem.code} at {problem.step}"
    await record.write(ends or state, f"{why}: {done}", who=who)


def _note_cancellation(booking: Booking, cancel: CancelRequest) -> None:
    booking.cancelled_by = cancel.by
    booking.cancel_reason = cancel.reason or None
    booking.cancelled_at = workflow.now()
