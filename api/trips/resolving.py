"""``POST /booking/{id}/resolve``: an operator's decision about what could not be settled."""

import asyncio
import datetime as dt

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem, temporal_away
from api.trips import reading, running, waiting
from models.bookings.booking import Booking, Case
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, Resolution

LOOK_SECONDS = 0.2
SHORTEST_SECONDS = 1.0
"""A decision is always waited for a moment: whether it is refused is told at once."""


async def resolve(
    house: House, caller: KnownCaller, booking_id: str, resolution: Resolution, seconds: float
) -> Booking:
    """Carry out a decision; returns the booking after it, or as it stands when time is up.

    Raises:
        ApiProblem: 404, 409 nothing to resolve or the decision does not fit, 503.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(seconds, SHORTEST_SECONDS)
    booking = (await reading.find(house, caller, booking_id)).booking
    if booking.state is not BookingState.NEEDS_ATTENTION:
        raise _nothing(f"The booking is {booking.state}: there is nothing to resolve.")
    case = booking.case
    decided = await waiting.settled(
        house,
        booking_id,
        _decide(house, booking_id, resolution),
        deadline - loop.time(),
        parked=frozenset(),
    )
    # The decision is taken before what follows from it is recorded: wait for that as well, up to
    # the end or to the next case.
    while decided is not None and loop.time() < deadline:
        booking = (await reading.find(house, caller, booking_id)).booking
        if booking.state is not BookingState.NEEDS_ATTENTION or _opened(booking.case) != _opened(
            case
        ):
            return booking
        await asyncio.sleep(LOOK_SECONDS)
    return booking


def _opened(case: Case | None) -> dt.datetime | None:
    return case.opened_at if case else None


async def _decide(house: House, booking_id: str, resolution: Resolution) -> Booking:
    try:
        decided: Booking = await running.handle_of(house, booking_id).execute_update(
            RESOLVE_UPDATE, resolution, result_type=Booking
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise temporal_away() from error
    except WorkflowUpdateFailedError as error:
        reason = getattr(error.cause, "message", "it was refused")
        raise _nothing(f"The decision cannot be carried out: {reason}.") from error
    except RPCError as error:
        if running.gone(error):
            raise _nothing(
                "No workflow waits for a decision about this booking; it was ended from outside."
            ) from error
        raise temporal_away() from error
    return decided


def _nothing(detail: str) -> ApiProblem:
    return ApiProblem(409, "NOTHING_TO_RESOLVE", detail)
