"""``POST /booking/{id}/payment-method``: another card for a booking that waits for one."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.bookings import finding, running, waiting
from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.trips import modifying
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import TemporalUnavailable
from models.payments.errors import CardInUse, NoCardExpected
from models.payments.messages import CARD_IN_USE, PAYMENT_METHOD_UPDATE, RUN_BEHIND, NewCard

ACCEPT_TIMEOUT = timedelta(seconds=6)
"""How long a worker may take to accept the card. After that nothing is promised."""
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between the attempts to have the card accepted by a run behind the record."""


async def use_card(
    context: AppContext,
    caller: KnownCaller,
    booking_id: str,
    payment_method_id: str,
    seconds: float,
    operation: Operation,
) -> Booking | modifying.Asked:
    """Go on with another card; returns the booking at its end, or where it waits again.

    Where a change of the booking waited for the card, returns how that went.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NoCardExpected: no card is waited for.
        CardInUse: another card was sent a moment ago.
    """
    booking = (await finding.find(context, caller, booking_id)).booking
    update_id = operation.on(booking.id)
    if operation.repeated and await _taken_before(context, booking.id, update_id):
        return await _went(context, caller, booking, seconds, heard=-1)
    waits = booking.state is BookingState.PAYMENT_PENDING or booking.change_waits
    if not waits or booking.problem is None:
        raise NoCardExpected(booking)
    await _send(
        context,
        booking,
        NewCard(
            payment_method_id=payment_method_id,
            who=f"{caller.role} {caller.name}",
            version=booking.version,
        ),
        update_id,
    )
    return await _went(context, caller, booking, seconds, heard=booking.version)


async def _went(
    context: AppContext, caller: KnownCaller, booking: Booking, seconds: float, *, heard: int
) -> Booking | modifying.Asked:
    """Return what came of a card; ``heard`` is the version of the record that is no news."""
    change = next((p.change for p in booking.payments if p.change and p.waits_until), None)
    if change is not None:
        outcome = await modifying.ended(context, booking.id, change, seconds, heard)
        now = (await finding.find(context, caller, booking.id)).booking
        return modifying.Asked(now, outcome, change)
    await waiting.settled(context, booking.id, seconds, after=heard)
    return (await finding.find(context, caller, booking.id)).booking


async def _taken_before(context: AppContext, booking_id: str, update_id: str) -> bool:
    """Tell whether the booking's newest workflow has taken the card of this very operation."""
    update = running.handle_of(context, booking_id).get_update_handle(update_id)
    try:
        await update.result(rpc_timeout=ACCEPT_TIMEOUT)
    except (WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return False
    except RPCError as error:
        if running.gone(error):
            return False
        raise
    return True


async def _send(context: AppContext, booking: Booking, card: NewCard, update_id: str) -> None:
    try:
        await offer(running.handle_of(context, booking.id), card, update_id)
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
) -> None:
    """Hand the card to a run, which may be a moment behind the record that asks for one.

    A worker that died when it had recorded that a card is waited for leaves a run that does not
    know it until another worker has gone over the last step again. A card that was taken under
    ``update_id`` is not asked again.

    Raises:
        WorkflowUpdateFailedError: the run refuses the card, and goes on refusing it.
        WorkflowUpdateRPCTimeoutOrCancelledError: no worker answers.
    """
    for pause in (*PAUSES, None):
        try:
            await handle.execute_update(
                PAYMENT_METHOD_UPDATE, card, id=update_id, rpc_timeout=ACCEPT_TIMEOUT
            )
            return
        except WorkflowUpdateFailedError as error:
            if pause is None or refusal_type(error) != RUN_BEHIND:
                raise
        await asyncio.sleep(pause)


def refusal_type(error: WorkflowUpdateFailedError) -> str | None:
    """Return the type of failure by which the run refused."""
    return error.cause.type if isinstance(error.cause, ApplicationError) else None
