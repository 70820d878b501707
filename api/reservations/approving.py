"""``POST …/status {CONFIRMED}`` of a reservation that waits for the venue: a request, carried out
by ``ConfirmHeld`` under the booking's id."""

from api.bookings import requests
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.reservations import finding, moving
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind
from models.reservations.errors import StateConflict
from models.reservations.messages import ApproveRequest

_BEING_APPROVED = frozenset({BookingState.HELD, BookingState.PROCESSING})


async def confirm(
    context: AppContext,
    caller: Principal,
    operation: Operation,
    booking_id: str,
    reason: str,
    check: moving.Check,
    seconds: float,
) -> bool:
    """Approve a reservation, or undo a check-in; returns whether that has ended.

    Approving twice is the same answer: the second finds what the first has done.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        StateConflict: it cannot be confirmed (any more).
        VersionConflict, ChangeUnderWay: as :func:`moving.move`.
    """
    found, stored = await finding.find(context, caller, booking_id)
    booking = found.booking
    approval = ApproveRequest(reason=reason)
    request = requests.request_of(RequestKind.APPROVE, caller, approval, operation.on(booking_id))
    if not await requests.taken_before(context, request, operation):
        if booking.state not in _BEING_APPROVED:
            await moving.move(context, caller, booking_id, BookingState.CONFIRMED, reason, check)
            return True
        if booking.state is BookingState.HELD:
            check(found, stored)
        await requests.send(context, booking, caller, request)
    ended = await requests.ended(context, booking_id, request, seconds)
    if ended is not None and ended.problem is not None:
        booking = (await finding.find(context, caller, booking_id))[0].booking
        raise StateConflict(booking, moving.allowed(booking))
    return ended is not None
