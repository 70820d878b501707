"""Beginning SettlePayment: the one way in which others have a booking's money put right."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.bookings.booking import Booking
from models.core.patience import Patience
from models.payments.messages import SettlePaymentRequest
from temporal import under_booking

SETTLE_PAYMENT = "SettlePayment"


async def begin_settling(
    client: Client,
    patience: Patience,
    booking: Booking,
    why: str,
    *,
    caller_id: str = "",
    stray: str | None = None,
) -> bool:
    """Start SettlePayment under the booking's id; False when something else runs there.

    Nothing is lost by False: whoever runs there owns the money now; look again later.
    ``caller_id`` is whose booking it is, for those who may follow the workflow. ``stray`` is a
    payment under the booking's id that is not the one on record (``PaymentActivities.is_stray``).

    Raises:
        RPCError: Temporal does not answer.
    """
    try:
        await client.start_workflow(
            SETTLE_PAYMENT,
            SettlePaymentRequest(booking_id=booking.id, why=why, stray=stray, patience=patience),
            **under_booking(booking, patience.task_queue, caller_id),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"Settle the payment of {booking.reference}",
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
