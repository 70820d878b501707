"""``POST /booking/{id}/payment-method``: another card for a booking that waits for one."""

import asyncio
from datetime import timedelta

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import House
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
    house: House, caller: KnownCaller, booking_id: str, payment_method_id: str, seconds: float
) -> Booking:
    """Go on with another card; returns the booking at its end, or where it waits again.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NoCardExpected: no card is waited for.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    booking = (await reading.find(house, caller, booking_id)).booking
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise NoCardExpected(booking)
    card = NewCard(payment_method_id=payment_method_id, who=f"{caller.role} {caller.name}")
    handle = await _send(house, booking, card)
    left = deadline - asyncio.get_running_loop().time()
    asked = await waiting.settled(
        house, booking_id, _asked(handle, booking), left, parked=frozenset()
    )
    if asked is None or waiting.is_settled(asked) or asked.state in waiting.PARKED_STATES:
        return asked or (await reading.find(house, caller, booking_id)).booking
    left = deadline - asyncio.get_running_loop().time()
    end = running.handle_of(house, booking_id).result()
    return await waiting.settled(house, booking_id, end, left) or asked


async def _send(house: House, booking: Booking, card: NewCard) -> WorkflowUpdateHandle[Booking]:
    try:
        return await running.handle_of(house, booking.id).start_update(
            PAYMENT_METHOD_UPDATE,
            card,
            result_type=Booking,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            rpc_timeout=ACCEPT_TIMEOUT,
        )
    except WorkflowUpdateFailedError as error:
        raise NoCardExpected(booking) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TemporalUnavailable from error
    except RPCError as error:
        if running.gone(error):
            raise NoCardExpected(booking) from error
        raise


async def _asked(handle: WorkflowUpdateHandle[Booking], booking: Booking) -> Booking | None:
    """Wait until the card has been asked; None when the workflow ended without an answer."""
    try:
        return await handle.result()
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        return None
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == (
            "AcceptedUpdateCompletedWorkflow"
        ):
            return None
        raise NoCardExpected(booking) from error
