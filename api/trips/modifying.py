"""``POST /booking/{id}/modify``: ask what a change costs, then have it made, once.

One update under the booking's id starts ``ModifyBooking``, or joins it when the same request has
begun before. Whatever else runs there goes first.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import RPC_TIMEOUT, House
from api.core.problems import ApiProblem, temporal_away
from api.trips import putting, reading
from api.trips.presenters import words
from api.trips.schemas.changing import ModifyBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.database import DATABASE_AWAY
from models.core.keys import change_id
from models.trips.changes import ChangeOutcome, ChangeRequest
from models.trips.messages import MODIFY_UPDATE, ModifyBookingRequest, QuoteChangeRequest
from temporal import patience, under_booking
from workflows.trips.modify_booking import ModifyBooking
from workflows.trips.quote_change import QuoteChange

QUOTE_SECONDS = 40.0
BUSY_SECONDS = 5.0
"""How long something else may run for the booking before the caller is told to come again."""
PAUSE_SECONDS = 0.4
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Asked:
    """A change that was asked for, with its booking as it stands now."""

    booking: Booking
    outcome: ChangeOutcome | None
    """None: it is under way, or waits for somebody."""
    change_id: str = ""


async def quote(house: House, caller: KnownCaller, booking_id: str, body: ModifyBody) -> Asked:
    """Ask what a change would cost now; nothing is changed.

    Raises:
        ApiProblem: 404; 409 when the booking cannot be changed now; 503.
    """
    booking = _changeable((await reading.find(house, caller, booking_id)).booking)
    request = QuoteChangeRequest(
        booking_id=booking.id, wish=body.changes.to_wish(), patience=patience(house.settings)
    )
    try:
        async with asyncio.timeout(QUOTE_SECONDS):
            handle = await house.temporal.start_workflow(
                QuoteChange.run,
                request,
                id=f"{booking.id}:change-quote:{uuid.uuid4()}",
                task_queue=house.settings.task_queue,
                execution_timeout=timedelta(seconds=QUOTE_SECONDS),
                static_summary=f"What would a change of {booking.reference} cost?",
                rpc_timeout=RPC_TIMEOUT,
            )
            return Asked(booking, await handle.result())
    except (WorkflowFailureError, TimeoutError) as error:
        raise temporal_away() from error


async def change(
    house: House,
    caller: KnownCaller,
    booking_id: str,
    body: ModifyBody,
    key: str,
    fingerprint: str,
    seconds: float,
) -> Asked:
    """Have a change made, or find how the same request ended.

    Raises:
        ApiProblem: 404; 409 when the booking cannot be changed now, or something else is being
            done with it; 422 when the key was used for another change; 503.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    booking = (await reading.find(house, caller, booking_id)).booking
    assert body.accepted_total is not None, "a change without consent is a question"
    request = ChangeRequest(
        change_id=change_id(caller.id, booking.id, key),
        booking_id=booking.id,
        fingerprint=fingerprint,
        who=f"{caller.role} {caller.name}",
        wish=body.changes.to_wish(),
        accepted_total=body.accepted_total,
        payment_method_id=body.payment_info.payment_method_id if body.payment_info else None,
    )
    known = await house.record.change(request.change_id)
    if known is not None and known.fingerprint != fingerprint:
        raise _key_reused()
    if known is not None and known.outcome is not None:
        return Asked(booking, known.outcome, request.change_id)
    if known is None:
        _changeable(booking)
    outcome = await _made(house, booking, caller, request, deadline, repeated=known is not None)
    if outcome is not None and outcome.key_reused:
        raise _key_reused()
    now = (await reading.find(house, caller, booking_id)).booking
    return Asked(now, outcome, request.change_id)


class _TurnedAwayError(Exception):
    """Another workflow runs under the booking's id, or one that makes another change."""


async def _made(
    house: House,
    booking: Booking,
    caller: KnownCaller,
    request: ChangeRequest,
    deadline: float,
    *,
    repeated: bool,
) -> ChangeOutcome | None:
    """Have the change made once nothing else runs; None when it goes on without us."""
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + BUSY_SECONDS
    # What it waited for when it was asked about again is known: news is what comes after that.
    heard = booking.version if repeated else -1
    while True:
        try:
            handle = await _put(house, booking, caller, request)
            end = _outcome(handle)
            return await _ended(house, request, end, deadline - loop.time(), heard)
        except _TurnedAwayError as error:
            if loop.time() >= patient_until:
                raise _busy(booking) from error
        await asyncio.sleep(PAUSE_SECONDS)


async def _put(
    house: House, booking: Booking, caller: KnownCaller, request: ChangeRequest
) -> WorkflowUpdateHandle[ChangeOutcome]:
    """Put the change to the workflow under the booking's id.

    Raises:
        _TurnedAwayError: something else runs there, or has just ended; put it again.
    """
    start = WithStartWorkflowOperation(
        ModifyBooking.run,
        ModifyBookingRequest(
            booking_id=booking.id, change=request, patience=patience(house.settings)
        ),
        **under_booking(booking, house.settings.task_queue, caller.id),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Change {booking.reference}",
    )
    try:
        return await putting.put(house, MODIFY_UPDATE, request, ChangeOutcome, start)
    except (putting.JustEndedError, WorkflowUpdateFailedError) as error:
        raise _TurnedAwayError from error


async def _outcome(handle: WorkflowUpdateHandle[ChangeOutcome]) -> ChangeOutcome | None:
    """Wait for the end of a change; None when nobody will tell.

    Raises:
        _TurnedAwayError: the workflow does something else.
    """
    try:
        return await handle.result()
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError):
        return None
    except WorkflowUpdateFailedError as error:
        if putting.was_too_late(error):
            return None
        raise _TurnedAwayError from error


async def _ended(
    house: House,
    request: ChangeRequest,
    end: Coroutine[Any, Any, ChangeOutcome | None],
    seconds: float,
    heard: int,
) -> ChangeOutcome | None:
    """Return how a change ended; None when time is up or it waits for somebody."""
    ending = asyncio.create_task(end)
    waiting = asyncio.create_task(_waits(house, request, heard))
    try:
        done, _ = await asyncio.wait(
            {ending, waiting}, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED
        )
        if ending in done and (outcome := ending.result()) is not None:
            return outcome
    finally:
        for task in (ending, waiting):
            task.cancel()
        await asyncio.gather(ending, waiting, return_exceptions=True)
    known = await house.record.change(request.change_id)
    return known.outcome if known else None


async def _waits(house: House, request: ChangeRequest, heard: int) -> None:
    """Return once the change waits for the traveller, or for an operator.

    ``heard`` is the version of the record that is no news.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            stored = await house.record.booking(request.booking_id, owner=None)
        except DATABASE_AWAY:
            continue
        if stored is None or stored.booking.state is BookingState.NEEDS_ATTENTION:
            return
        if stored.booking.version <= heard:
            continue
        mine = [p for p in stored.booking.payments if p.change == request.change_id]
        if any(payment.waits_until for payment in mine):
            return


def _changeable(booking: Booking) -> Booking:
    if booking.state is BookingState.CONFIRMED:
        return booking
    raise ApiProblem(
        409,
        "NOT_CHANGEABLE",
        f"This booking cannot be changed now: it is {booking.state}. {words.money(booking)}",
        field="bookingId",
        details={"bookingId": booking.id, "state": booking.state},
    )


def _busy(booking: Booking) -> ApiProblem:
    return ApiProblem(
        409,
        "BOOKING_BUSY",
        "Something else is changing this booking right now. Nothing was changed or charged by this"
        " request; ask again in a moment.",
        field="bookingId",
        details={"bookingId": booking.id},
    )


def _key_reused() -> ApiProblem:
    return ApiProblem(
        422,
        "IDEMPOTENCY_KEY_REUSED",
        "This Idempotency-Key was used before with another change. Use a new key for a new one."
        " Nothing was changed or charged by this request.",
        field="Idempotency-Key",
    )
