"""``POST /booking/{id}/resolve``: an operator's decision about one case of a booking."""

from api.bookings import finding, requests
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from models.bookings.booking import Booking
from models.bookings.errors import CaseNotOpen
from models.bookings.messages import UNSETTLED_CASE, RequestKind, Resolution
from models.bookings.problems import Code

SHORTEST_SECONDS = 1.0
"""A decision is always waited for a moment: whether it is refused is told at once."""


async def resolve(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    resolution: Resolution,
    seconds: float,
    operation: Operation,
) -> tuple[Booking, bool]:
    """Carry out a decision; returns the booking, and whether the decision has ended.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        CaseNotOpen: nothing was decided.
    """
    booking = (await finding.find(context, caller, booking_id)).booking
    request = requests.request_of(RequestKind.RESOLVE, caller, resolution, operation.on(booking.id))
    if not await requests.taken_before(context, request, operation):
        _expect_open(booking, resolution.case_id)
        await requests.send(context, booking, caller, request)
    ended = await requests.ended(context, booking_id, request, max(seconds, SHORTEST_SECONDS))
    booking = (await finding.find(context, caller, booking_id)).booking
    if ended is not None and ended.problem and ended.problem.code is Code.CASE_SETTLED:
        raise _not_open(booking, resolution.case_id)
    return booking, ended is not None


def _expect_open(booking: Booking, case_id: int) -> None:
    case = next((case for case in booking.cases if case.id == case_id), None)
    if case is None or case.kind != UNSETTLED_CASE:
        raise _not_open(booking, case_id)


def _not_open(booking: Booking, case_id: int) -> CaseNotOpen:
    still_open = [case.id for case in booking.cases if case.kind == UNSETTLED_CASE]
    return CaseNotOpen(booking.id, case_id, still_open)
