"""``POST /booking/{id}/payment-method``: another card for a booking that waits for one."""

from datetime import timedelta

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import ApiProblem, temporal_away
from api.trips import reading, running, waiting
from api.trips.presenters import words
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
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
        ApiProblem: 404; 409 when no card is waited for; 503.
    """
    booking = (await reading.find(house, caller, booking_id)).booking
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise _not_wanted(booking)
    await _send(
        house,
        booking,
        NewCard(payment_method_id=payment_method_id, who=f"{caller.role} {caller.name}"),
    )
    await waiting.settled(house, booking_id, seconds, after=booking.version)
    return (await reading.find(house, caller, booking_id)).booking


async def _send(house: House, booking: Booking, card: NewCard) -> None:
    try:
        await running.handle_of(house, booking.id).execute_update(
            PAYMENT_METHOD_UPDATE, card, rpc_timeout=ACCEPT_TIMEOUT
        )
    except WorkflowUpdateFailedError as error:
        raise _not_wanted(booking) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise temporal_away() from error
    except RPCError as error:
        if running.gone(error):
            raise _not_wanted(booking) from error
        raise


def _not_wanted(booking: Booking) -> ApiProblem:
    return ApiProblem(
        409,
        "NO_CARD_WANTED",
        f"This booking does not wait for another card: it is {booking.state}."
        f" {words.money(booking)}",
        field="paymentMethodId",
        details={"bookingId": booking.id, "state": booking.state},
    )
