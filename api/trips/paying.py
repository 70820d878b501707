"""``POST /booking/{id}/payment-method``: another card for a booking that waits for one."""

from datetime import timedelta

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.trips import reading, running, waiting
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import TemporalUnavailable
from models.payments.errors import NoCardExpected
from models.payments.messages import (
    PAYMENT_METHOD_UPDATE,
    NewCard,
)

ACCEPT_TIMEOUT = timedelta(seconds=6)
"""How long a worker may take to accept the card. After that nothing is promised."""


async def use_card(
    context: AppContext,
    caller: KnownCaller,
    booking_id: str,
    payment_method_id: str,
    seconds: float,
) -> Booking:
    """Go on with another card; returns the booking at its end, or where it waits again.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NoCardExpected: no card is waited for.
    """
    booking = (await reading.find(context, caller, booking_id)).booking
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise NoCardExpected(booking)
    await _send(
        context,
        booking,
        NewCard(payment_method_id=payment_method_id, who=f"{caller.role} {caller.name}"),
    )
    await waiting.settled(context, booking_id, seconds, after=booking.version)
    return (await reading.find(context, caller, booking_id)).booking


async def _send(context: AppContext, booking: Booking, card: NewCard) -> None:
    try:
        await running.handle_of(context, booking.id).execute_update(
            PAYMENT_METHOD_UPDATE, card, rpc_timeout=ACCEPT_TIMEOUT
        )
    except WorkflowUpdateFailedError as error:
        raise NoCardExpected(booking) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TemporalUnavailable from error
    except RPCError as error:
        if running.gone(error):
            raise NoCardExpected(booking) from error
        raise
