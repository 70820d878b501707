"""Another card for a booking that waits for one: handed to the workflow that waits."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.bookings import running
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import TemporalUnavailable
from models.payments.errors import CardInUse, NoCardExpected
from models.payments.messages import CARD_IN_USE, PAYMENT_METHOD_UPDATE, RUN_BEHIND, NewCard

ACCEPT_TIMEOUT = timedelta(seconds=6)
"""How long a worker may take to accept the card. After that nothing is promised."""
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between the attempts to have the card accepted by a run behind the record."""


@dataclass(frozen=True)
class Sent:
    """A card that the booking's workflow has taken."""

    booking: Booking
    """As it was found."""
    heard: int
    """The version of the record that is no news of the card."""
    change: str | None
    """The id of the change that is paid with it; None: the booking itself is."""


async def send_card(
    context: AppContext,
    caller: Principal,
    booking: Booking,
    payment_method_id: str,
    operation: Operation,
) -> Sent:
    """Have another card asked; what comes of it is the booking's next transition.

    ``booking`` is as its caller has just found it.

    Raises:
        TemporalUnavailable: nothing is promised.
        NoCardExpected: no card is waited for.
        CardInUse: another card was sent a moment ago.
    """
    update_id = operation.on(booking.id)
    if operation.repeated:
        sent = await _sent_before(context, booking, update_id)
        if sent is not None:
            return sent
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise NoCardExpected(booking)
    card = NewCard(
        payment_method_id=payment_method_id,
        who=f"{caller.role} {caller.name}",
        version=booking.version,
    )
    change = await _send(context, booking, card, update_id)
    return Sent(booking, booking.version, change)


async def _sent_before(context: AppContext, booking: Booking, update_id: str) -> Sent | None:
    """Return what the booking's newest workflow has taken of this very operation, if it has."""
    update = running.handle_of(context, booking.id).get_update_handle(update_id)
    try:
        change = await update.result(rpc_timeout=ACCEPT_TIMEOUT)
    except (WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return None
    except RPCError as error:
        if running.gone(error):
            return None
        raise
    return Sent(booking, -1, change)


async def _send(context: AppContext, booking: Booking, card: NewCard, update_id: str) -> str | None:
    try:
        return await offer(running.handle_of(context, booking.id), card, update_id)
    except WorkflowUpdateFailedError as error:
        if refusal_type(error) == CARD_IN_USE:
            raise CardInUse(booking) from error
        raise NoCardExpected(booking) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TemporalUnavailable from error
    except RPCError as error:
        if running.gone(error):
            raise NoCardExpected(booking) from error
        raise


async def offer(
    handle: WorkflowHandle[Any, Any], card: NewCard, update_id: str | None = None
) -> str | None:
    """Hand the card to a run, which may be a moment behind the record that asks for one.

    A worker that died when it had recorded that a card is waited for leaves a run that does not
    know it until another worker has gone over the last step again. A card that was taken under
    ``update_id`` is not asked again. Returns which change it pays; None: the booking itself.

    Raises:
        WorkflowUpdateFailedError: the run refuses the card, and goes on refusing it.
        WorkflowUpdateRPCTimeoutOrCancelledError: no worker answers.
    """
    for pause in (*PAUSES, None):
        try:
            change: str | None = await handle.execute_update(
                PAYMENT_METHOD_UPDATE, card, id=update_id, rpc_timeout=ACCEPT_TIMEOUT
            )
            return change
        except WorkflowUpdateFailedError as error:
            if pause is None or refusal_type(error) != RUN_BEHIND:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def refusal_type(error: WorkflowUpdateFailedError) -> str | None:
    """Return the type of failure by which the run refused."""
    return error.cause.type if isinstance(error.cause, ApplicationError) else None
