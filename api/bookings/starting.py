"""Starting a booking of any kind, or finding the one that the same request started.

The workflow is started first and its first step writes the row: there is no moment in which one
knows of the booking and the other never will (design.md, "No dual writes").
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.bookings import running, waiting
from api.core.context import RPC_TIMEOUT, AppContext
from api.core.idempotency import Operation
from api.core.load import Pressure
from api.core.principals import Principal
from api.core.problems import is_temporal_away
from api.core.rate_limits import Allowance
from api.core.record import NOT_READ
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import (
    DomainError,
    Keyed,
    RateLimited,
    TemporalUnavailable,
    TooManyBookings,
)
from models.core.keys import booking_reference
from models.core.search_attributes import BOOKING_REFERENCE, BOOKING_STATE, TRAVELER_ID
from temporal import MEMO_CALLER, MEMO_FINGERPRINT, MEMO_REFERENCE

RECORDED_SECONDS = 0.5
"""How long an answer waits for the booking to be written down at all."""


@dataclass(frozen=True)
class Asked:
    """One request for a new booking."""

    caller: Principal
    operation: Operation
    booking_id: str
    """Of the caller and the operation's key: the same for every repeat."""
    traveler_id: str
    """Of whoever it is for (``models.core.keys.traveler_id``)."""
    start: Callable[[], Awaitable[None]]
    """Looks at what is asked for, and starts the workflow. Raises DomainError, ApiProblem."""
    allowances: list[Allowance] = field(default_factory=list)
    """What limits left of their quotas: told with the answer."""

    @property
    def reference(self) -> str:
        """The human reference, unless another booking has it."""
        return booking_reference(self.booking_id)


@dataclass(frozen=True)
class Taken:
    """A booking that has been taken, and of which the record tells no more this moment."""

    booking_id: str
    reference: str
    state: BookingState
    """The last one that was seen."""
    soon: bool = True
    """Whether it is begun soon; False: much else comes first."""


async def book(context: AppContext, asked: Asked, seconds: float) -> Booking | Taken:
    """Book, or find the booking that the same request made before.

    Returns the booking once it has ended or waits for its traveller, or as it stands when
    ``seconds`` are over.

    Raises:
        DomainError, ApiProblem: of ``asked.start``; KeyReused, TooManyBookings, RateLimited,
            TemporalUnavailable: nothing has been booked by this request.
    """
    stored = await context.record.find(asked.booking_id, owner=asked.caller.id)
    if stored is not None:
        asked.operation.expect_same(stored.fingerprint, Keyed.BOOKING)
    elif not await _started_once(context, asked):
        return _taken(asked, BookingState.PENDING, soon=False)
    return await _until_settled(context, asked, seconds)


async def start_workflow(
    context: AppContext,
    asked: Asked,
    run: Callable[..., Any],
    request: Any,
    *,
    summary: str,
    details: str,
) -> None:
    """Start the workflow that makes a booking; there is one for its id at most, ever."""
    await context.temporal.start_workflow(
        run,
        request,
        id=asked.booking_id,
        task_queue=context.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        memo={
            MEMO_FINGERPRINT: asked.operation.fingerprint,
            MEMO_CALLER: asked.caller.id,
            MEMO_REFERENCE: asked.reference,
        },
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(BOOKING_STATE, "PENDING"),
                SearchAttributePair(BOOKING_REFERENCE, asked.reference),
                SearchAttributePair(TRAVELER_ID, asked.traveler_id),
            ]
        ),
        static_summary=summary,
        static_details=details,
        rpc_timeout=RPC_TIMEOUT,
    )


async def _started_once(context: AppContext, asked: Asked) -> bool:
    """Start the booking, or join the start that an equal request has under way.

    Returns whether it is begun soon.

    Temporal alone sees to it that there is one booking; this spares everybody who is asked before
    the other ninety-nine of a hundred equal requests at once.
    """
    key = (asked.booking_id, asked.operation.fingerprint)
    start = context.starts.get(key)
    if start is None:
        start = asyncio.create_task(_started(context, asked, _refusal(context, asked)))
        context.starts[key] = start
        start.add_done_callback(lambda _: context.starts.pop(key, None))
    return await asyncio.shield(start)  # the others wait for it too, whoever gives up


def _refusal(context: AppContext, asked: Asked) -> RateLimited | None:
    """Count a new booking; return why there may not be another one now, or None."""
    limits, traveler = context.limits, asked.traveler_id
    try:  # in this order: what a traveller asks too much does not use up the caller's quota
        limits.traveler_bookings.spend(traveler, asked.allowances, key=traveler.encode())
        limits.bookings.spend(asked.caller.id, asked.allowances)
    except RateLimited as refusal:
        return refusal
    return None


async def _started(context: AppContext, asked: Asked, refusal: DomainError | None) -> bool:
    pressure = Pressure.FREE
    try:
        if refusal is None:
            pressure = await context.load.let_in(asked.booking_id)
            if pressure is Pressure.FULL:
                refusal = TooManyBookings(context.load.pause)
        if refusal is not None:  # a new booking, not one that was taken before
            if await running.find_run(context, asked.booking_id) is None:
                raise refusal
            await _joined(context, asked)
        else:
            await asked.start()
    except WorkflowAlreadyStartedError:
        await _joined(context, asked)
    except Exception as error:
        context.load.turn_away(asked.booking_id)
        if is_temporal_away(error):
            # It may have been taken all the same: the same key leads to the same booking.
            raise TemporalUnavailable(key=asked.operation.key) from error
        raise
    return pressure is Pressure.FREE


async def _joined(context: AppContext, asked: Asked) -> None:
    """Make sure that the workflow met under our id was started by the same request."""
    run = await running.find_run(context, asked.booking_id)
    if run is not None and run.fingerprint is not None:
        asked.operation.expect_same(run.fingerprint, Keyed.BOOKING)
        return
    # A cancellation, or nothing any more: then there is a row, and it knows the request.
    stored = await context.record.find(asked.booking_id, owner=asked.caller.id)
    asked.operation.expect_same(stored.fingerprint if stored else None, Keyed.BOOKING)


async def _until_settled(context: AppContext, asked: Asked, seconds: float) -> Booking | Taken:
    standing = await waiting.settled(context, asked.booking_id, seconds)
    if standing is None:  # who did not want to wait is told how it stands, if that is soon known
        standing = await context.watch.changed(asked.booking_id, None, RECORDED_SECONDS)
    if standing is not None:
        # It was there a moment ago, and the booking goes on without us.
        with suppress(*NOT_READ):
            found = await context.record.find(asked.booking_id, owner=asked.caller.id)
            if found is not None:
                return found.booking
    return _taken(asked, standing.state if standing else BookingState.PENDING)


def _taken(asked: Asked, state: BookingState, *, soon: bool = True) -> Taken:
    return Taken(asked.booking_id, asked.reference, state, soon)
