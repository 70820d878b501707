"""``POST /booking/cancel``: one update under the booking's id, whoever is running there.

It reaches the ``cancel`` of a BookTrip still on its way, joins a cancellation under way, or
starts ``CancelBooking``: no race and no lock table (design.md, "One booking, one workflow id").
"""

import asyncio

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem, temporal_away
from api.trips import putting, reading, waiting
from api.trips.presenters import words
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
from models.bookings.messages import CANCEL_UPDATE, CancelOutcome, CancelRequest
from models.trips.messages import CancelBookingRequest
from temporal import patience, under_booking
from workflows.trips.cancel_booking import CancelBooking

ATTEMPTS = 4
"""How often a wish is put again after it came too late for the run it met."""

NEVER_CANCELLABLE = frozenset(
    {BookingState.FAILED, BookingState.EXPIRED, BookingState.COMPLETED, BookingState.NO_SHOW}
)
_NEEDS_ATTENTION = BookingState.NEEDS_ATTENTION


async def cancel(
    house: House, caller: KnownCaller, booking_id: str, wish: CancelRequest, seconds: float
) -> tuple[Booking, bool]:
    """Cancel a booking or some components; returns it, and whether that is the end of it.

    Raises:
        ApiProblem: 404, 409 nothing to cancel, 422 unknown component, 503.
    """
    found = await reading.find(house, caller, booking_id)
    booking = found.booking
    check_components(booking, wish.components)
    if booking.state in NEVER_CANCELLABLE:
        raise refused(booking)
    if not found.live and is_done(booking, wish.components):
        return booking, True
    if booking.state is _NEEDS_ATTENTION and _stands(booking):
        raise ApiProblem(
            409,
            "NEEDS_ATTENTION",
            "A person is settling a part of this booking right now, so nothing was cancelled;"
            f" ask again when that is done. {words.money(booking)}",
            field="bookingId",
            details={"bookingId": booking.id, "state": booking.state},
        )
    if booking.state is _NEEDS_ATTENTION:
        return booking, False  # a person decides; another wish would only wait for them
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    for _ in range(ATTEMPTS):
        handle = await _put(house, booking, caller, wish)
        if handle is None:
            continue
        left = deadline - loop.time()
        ended = await waiting.settled(
            house, booking_id, _outcome(handle), left, parked=frozenset({_NEEDS_ATTENTION})
        )
        if ended is None:
            found = await reading.find(house, caller, booking_id)
            return found.booking, not found.live and is_done(found.booking, wish.components)
        if ended.state in NEVER_CANCELLABLE:
            raise refused(ended)
        if ended.state is _NEEDS_ATTENTION:
            return ended, False
        if is_done(ended, wish.components):
            return ended, True
        booking = ended  # confirmed before the wish could be honoured: cancel the booking
    raise temporal_away()


def _stands(booking: Booking) -> bool:
    """Tell whether a parked booking is confirmed, and parked for something it goes without."""
    begun = any(item.cancelled_at for item in booking.items) or any(
        item.live and (item.saga_state is SagaState.UNDO_FAILED or (item.awaited and item.problem))
        for item in booking.items
    )
    return booking.confirmed_at is not None and not begun


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


async def _put(
    house: House, booking: Booking, caller: KnownCaller, wish: CancelRequest
) -> WorkflowUpdateHandle[CancelOutcome] | None:
    """Put the wish to whatever runs under the booking's id; None when it is to be put again."""
    start = WithStartWorkflowOperation(
        CancelBooking.run,
        CancelBookingRequest(booking_id=booking.id, cancel=wish, patience=patience(house.settings)),
        **under_booking(booking, house.settings.task_queue, caller.id),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Cancel {booking.reference}",
    )
    try:
        return await putting.put(house, CANCEL_UPDATE, wish, CancelOutcome, start)
    except putting.JustEndedError:
        return None


async def _outcome(handle: WorkflowUpdateHandle[CancelOutcome]) -> Booking | None:
    """Wait for the answer to a wish; None when the workflow ended without giving one.

    Raises:
        ApiProblem: 409, the workflow refused the wish.
    """
    try:
        return (await handle.result()).booking
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        return None
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if putting.was_too_late(error):
            return None
        raise ApiProblem(
            409,
            "NOT_CANCELLABLE",
            f"The booking cannot be cancelled: {getattr(cause, 'message', 'it was refused')}.",
            field="bookingId",
        ) from error
