"""``POST /booking/{id}/resolve``: an operator's decision about one case of a booking."""

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem
from api.trips import reading, requests
from models.bookings.booking import Booking
from models.bookings.messages import UNSETTLED_CASE, RequestKind, Resolution
from models.bookings.problems import Code

SHORTEST_SECONDS = 1.0
"""A decision is always waited for a moment: whether it is refused is told at once."""


async def resolve(
    house: House, caller: KnownCaller, booking_id: str, resolution: Resolution, seconds: float
) -> tuple[Booking, bool]:
    """Carry out a decision; returns the booking, and whether the decision has ended.

    Raises:
        ApiProblem: 404, 409 the case is not open for a decision, 503.
    """
    booking = (await reading.find(house, caller, booking_id)).booking
    case = next((case for case in booking.cases if case.id == resolution.case_id), None)
    if case is None or case.kind != UNSETTLED_CASE:
        raise _settled(booking, resolution.case_id)
    request = requests.request_of(RequestKind.RESOLVE, caller, resolution)
    await requests.send(house, booking, caller, request)
    ended = await requests.ended(house, booking_id, request, max(seconds, SHORTEST_SECONDS))
    booking = (await reading.find(house, caller, booking_id)).booking
    if ended is not None and ended.problem and ended.problem.code is Code.CASE_SETTLED:
        raise _settled(booking, resolution.case_id)
    return booking, ended is not None


def _settled(booking: Booking, case_id: int) -> ApiProblem:
    return ApiProblem(
        409,
        "NOTHING_TO_RESOLVE",
        f"The case {case_id} of this booking is not open for a decision: nothing was decided.",
        field="caseId",
        details={
            "bookingId": booking.id,
            "openCases": [case.id for case in booking.cases if case.kind == UNSETTLED_CASE],
        },
    )
