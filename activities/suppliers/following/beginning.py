"""Beginning FollowBooking: the one way in which others have a booking's suppliers followed."""

from collections.abc import Sequence

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.bookings.booking import Booking
from models.core.patience import Patience
from models.suppliers.following import FollowRequest
from temporal import under_booking

FOLLOW_BOOKING = "FollowBooking"


async def begin_following(
    client: Client,
    patience: Patience,
    booking: Booking,
    why: str,
    *,
    items: Sequence[int],
    caller_id: str = "",
) -> bool:
    """Start FollowBooking under the booking's id; False when something else runs there.

    Nothing is lost by False: whoever runs there owns the booking now; look again later.
    ``caller_id`` is whose booking it is, for those who may follow the workflow.

    Raises:
        RPCError: Temporal does not answer.
    """
    try:
        await client.start_workflow(
            FOLLOW_BOOKING,
            FollowRequest(booking_id=booking.id, why=why, items=sorted(items), patience=patience),
            **under_booking(booking, patience.task_queue, caller_id),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"Follow what the suppliers of {booking.reference} say",
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
