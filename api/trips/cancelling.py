"""``POST /booking/cancel``: a request that is carried out whatever runs for the booking."""

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem
from api.trips import reading, requests
from api.trips.presenters import words
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code, Problem

NEVER_CANCELLABLE = frozenset(
    {BookingState.FAILED, BookingState.EXPIRED, BookingState.COMPLETED, BookingState.NO_SHOW}
)


async def cancel(
    house: House, caller: KnownCaller, booking_id: str, cancel: CancelRequest, seconds: float
) -> tuple[Booking, bool]:
    """Cancel a booking or some components; returns it, and whether the request has ended.

    Raises:
        ApiProblem: 404, 409 nothing to cancel or another fee than accepted, 422 unknown
            component, 503.
    """
    found = await reading.find(house, caller, booking_id)
    booking = found.booking
    check_components(booking, cancel.components)
    if booking.state in NEVER_CANCELLABLE:
        raise refused(booking)
    if not found.live and is_done(booking, cancel.components):
        return booking, True
    request = requests.request_of(RequestKind.CANCEL, caller, cancel)
    await requests.send(house, booking, caller, request)
    ended = await requests.ended(house, booking_id, request, seconds)
    booking = (await reading.find(house, caller, booking_id)).booking
    if ended is not None and ended.problem is not None:
        raise _not_carried_out(booking, ended.problem)
    return booking, ended is not None


def is_done(booking: Booking, components: list[str]) -> bool:
    """Tell whether nothing is left to cancel of what is named."""
    if booking.state is BookingState.CANCELLED:
        return True
    return bool(components) and all(
        item.status in {ItemStatus.CANCELLED, ItemStatus.FAILED}
        for item in booking.items
        if item.component_id in components
    )


def check_components(booking: Booking, components: list[str]) -> None:
    """Raise a 422 for a component the booking does not have."""
    known = {item.component_id for item in booking.items}
    for place, component in enumerate(components):
        if component not in known:
            raise ApiProblem(
                422,
                "COMPONENT_UNKNOWN",
                "The booking has no component with this id.",
                field=f"components[{place}]",
            )


def refused(booking: Booking) -> ApiProblem:
    """Return the 409 for a booking that cannot be cancelled (any more)."""
    return ApiProblem(
        409,
        "NOT_CANCELLABLE",
        f"{words.not_cancellable(booking.state)} {words.money(booking)}",
        field="bookingId",
        details={"bookingId": booking.id, "state": booking.state},
    )


def _not_carried_out(booking: Booking, problem: Problem) -> ApiProblem:
    if problem.code is not Code.FEE_CHANGED:
        return refused(booking)
    return ApiProblem(
        409,
        problem.code,
        f"{words.sentence(problem.message)} Nothing was cancelled. {words.money(booking)}",
        field="acceptedFee",
        details={"bookingId": booking.id, **problem.details},
    )
