"""``POST /booking/cancel``: a request that is carried out whatever runs for the booking."""

from api.bookings import finding, requests
from api.core.context import AppContext
from api.core.principals import Principal
from models.bookings.booking import Booking
from models.bookings.errors import ComponentUnknown, FeeChanged, NotCancellable
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code

NEVER_CANCELLABLE = frozenset(
    {BookingState.FAILED, BookingState.EXPIRED, BookingState.COMPLETED, BookingState.NO_SHOW}
)


async def cancel(
    context: AppContext, caller: Principal, booking_id: str, cancel: CancelRequest, seconds: float
) -> tuple[Booking, bool]:
    """Cancel a booking or some components; returns it, and whether the request has ended.

    Raises:
        BookingNotFound, ComponentUnknown, TemporalUnavailable: nothing is promised.
        NotCancellable: it cannot be cancelled (any more).
        FeeChanged: more would be kept than ``cancel`` accepts; nothing was cancelled.
    """
    found = await finding.find(context, caller, booking_id)
    booking = found.booking
    check_components(booking, cancel.components)
    if booking.state in NEVER_CANCELLABLE:
        raise NotCancellable(booking)
    if not found.live and is_done(booking, cancel.components):
        return booking, True
    request = requests.request_of(RequestKind.CANCEL, caller, cancel)
    await requests.send(context, booking, caller, request)
    ended = await requests.ended(context, booking_id, request, seconds)
    booking = (await finding.find(context, caller, booking_id)).booking
    if ended is not None and ended.problem is not None:
        if ended.problem.code is Code.FEE_CHANGED:
            raise FeeChanged(booking, ended.problem)
        raise NotCancellable(booking)
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
    """Look for components the booking does not have.

    Raises:
        ComponentUnknown: for the first of them.
    """
    known = {item.component_id for item in booking.items}
    for place, component in enumerate(components):
        if component not in known:
            raise ComponentUnknown(booking.id, place=place)
