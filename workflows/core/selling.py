"""Having what is held for good: recorded in the transaction that sells the claim on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import HOLD_LOST
    from models.bookings.problems import Code, Problem
    from workflows.core.outcomes import TripFailedError
    from workflows.core.policies import HOLD_RESERVE
    from workflows.core.record import BookingRecord


LOST = Problem(code=Code.HOLD_EXPIRED, step="claim", message="it was not held long enough")


@contextmanager
def selling(lost: Problem = LOST) -> Iterator[None]:
    """Record a state that sells what is held; ``lost`` is the problem where that is gone.

    Raises:
        TripFailedError: it is not held any more.
    """
    try:
        yield
    except ApplicationError as error:
        if error.type != HOLD_LOST:
            raise
        raise TripFailedError(lost) from error


async def confirm(
    record: BookingRecord, why: str, *, who: str = "saga", lost: Problem = LOST
) -> None:
    """Record a booking as CONFIRMED; ``lost`` as in :func:`selling`.

    Raises:
        TripFailedError: it is not held any more; the booking is as it was.
    """
    before = record.booking
    confirmed = {"confirmed_at": workflow.now(), "hold_expires_at": None}
    record.booking = before.model_copy(update=confirmed)
    try:
        with selling(lost):
            await record.write(BookingState.CONFIRMED, why, who=who)
    except TripFailedError:
        record.booking = before
        raise


def end_of_hold(booking: Booking, reason: BaseException) -> BookingState | None:
    """Return EXPIRED where a booking was held in vain; None where the reason tells the end."""
    if not isinstance(reason, TripFailedError):
        return None
    ends = booking.hold_expires_at
    over = ends is not None and workflow.now() >= ends - HOLD_RESERVE
    if over or reason.problem.code is Code.HOLD_EXPIRED:
        return BookingState.EXPIRED
    return None
