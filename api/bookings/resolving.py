"""``POST /booking/{id}/resolve``: an operator's decision about what could not be settled."""

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from api.bookings import reading, running, waiting
from api.callers import KnownCaller
from api.house import House
from api.problems import ApiProblem, temporal_away
from models.booking import Booking
from models.lifecycle import BookingState
from models.messages import RESOLVE_UPDATE, Resolution


async def resolve(
    house: House, caller: KnownCaller, booking_id: str, resolution: Resolution, seconds: float
) -> Booking:
    """Carry out a decision; returns the booking after it, or as it stands when time is up.

    Raises:
        ApiProblem: 404, 409 nothing to resolve or the decision does not fit, 503.
    """
    found = await reading.find(house, caller, booking_id)
    if found.booking.state is not BookingState.NEEDS_ATTENTION:
        raise _nothing(f"The booking is {found.booking.state}: there is nothing to resolve.")
    ended = await waiting.settled(
        house, booking_id, _decide(house, booking_id, resolution), seconds, parked=frozenset()
    )
    return ended or (await reading.find(house, caller, booking_id)).booking


async def _decide(house: House, booking_id: str, resolution: Resolution) -> Booking:
    try:
        return await running.handle_of(house, booking_id).execute_update(
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


def _nothing(detail: str) -> ApiProblem:
    return ApiProblem(409, "NOTHING_TO_RESOLVE", detail)
