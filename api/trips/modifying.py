"""``POST /booking/{id}/modify``: ask what a change costs, then have it made, once.

A request under the booking's id: whatever else runs there goes first. The same request sent again
is told how the first one ended.
"""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    WorkflowFailureError,
)

from api.bookings import finding, requests, waiting
from api.core.context import RPC_TIMEOUT, AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.record import NOT_READ
from api.trips.fitting import expect_change_fit
from api.trips.schemas.changing import ModifyBody
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingKind, BookingState
from models.bookings.messages import RequestKind
from models.bookings.problems import Code, Problem
from models.bookings.repository import load_people
from models.core.domain_errors import Keyed, KeyReused, TemporalUnavailable
from models.core.keys import change_id
from models.trips.changes import ChangeOutcome, ChangeQuote, ChangeRequest, TripChanges
from models.trips.errors import ChangeRefused, NotChangeable
from models.trips.messages import QuoteChangeRequest
from temporal import patience
from workflows.trips.quote_change import QuoteChange

QUOTE_SECONDS = 40.0

CONFLICTS = frozenset({Code.PRICE_CHANGED, Code.NOT_CHANGEABLE, Code.AMOUNT_TOO_SMALL})
"""What the caller can mend: asked for otherwise, it may be done."""

_UNKNOWN = Problem(code=Code.INTERNAL, step="modify", message="")


@dataclass(frozen=True)
class Quoted:
    """What a change of a booking would cost."""

    booking: Booking
    quote: ChangeQuote


@dataclass(frozen=True)
class Asked:
    """A change that was asked for, with its booking as it stands now."""

    booking: Booking
    outcome: ChangeOutcome | None
    """None: it is under way, or waits for somebody."""
    change_id: str


async def quote(
    context: AppContext, caller: Principal, booking_id: str, body: ModifyBody
) -> Quoted:
    """Ask what a change would cost now; nothing is changed.

    Raises:
        ComponentRepeated: a component would go twice.
        BookingNotFound, TemporalUnavailable: nobody can tell.
        NotChangeable, ChangeRefused: the booking cannot be changed, or not like this.
        InvalidTrip: what comes does not fit those who travel.
    """
    requested = body.changes.to_trip_changes()
    booking = _changeable((await finding.find(context, caller, booking_id)).booking)
    await _fit(context, booking, requested)
    request = QuoteChangeRequest(
        booking_id=booking.id,
        requested=requested,
        patience=patience(context.settings),
    )
    try:
        async with asyncio.timeout(QUOTE_SECONDS):
            handle = await context.temporal.start_workflow(
                QuoteChange.run,
                request,
                id=f"{booking.id}:change-quote:{uuid.uuid4()}",
                task_queue=context.settings.task_queue,
                execution_timeout=timedelta(seconds=QUOTE_SECONDS),
                static_summary=f"What would a change of {booking.reference} cost?",
                rpc_timeout=RPC_TIMEOUT,
            )
            outcome = await handle.result()
    except (WorkflowFailureError, TimeoutError) as error:
        raise TemporalUnavailable from error
    if outcome.quote is None:
        raise ChangeRefused(booking, outcome.problem or _UNKNOWN)
    return Quoted(booking, outcome.quote)


async def change(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    body: ModifyBody,
    operation: Operation,
    seconds: float,
) -> Asked:
    """Have a change made, or find how the same request ended.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NotChangeable: the booking cannot be changed now.
        InvalidTrip: what comes does not fit those who travel.
        ChangeRefused: it was not made, for a reason that the caller can mend.
        KeyReused: the key was used for another change.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    requested = body.changes.to_trip_changes()
    booking = (await finding.find(context, caller, booking_id)).booking
    assert body.accepted_total is not None, "a change without consent is a question"
    request = ChangeRequest(
        change_id=change_id(caller.id, booking.id, operation.key),
        booking_id=booking.id,
        fingerprint=operation.fingerprint,
        who=f"{caller.role} {caller.name}",
        requested=requested,
        accepted_total=body.accepted_total,
        payment_method_id=body.payment_info.payment_method_id if body.payment_info else None,
    )
    known = await context.record.change(request.change_id)
    if known is not None:
        operation.expect_same(known.fingerprint, Keyed.CHANGE)
    if known is not None and known.outcome is not None:
        return _asked(booking, known.outcome, request.change_id)
    if known is None:
        await _fit(context, _changeable(booking), requested)
    # What it waited for when it was asked about again is known: news is what comes after that.
    heard = booking.version if known is not None else -1
    await requests.send(
        context,
        booking,
        caller,
        requests.request_of(RequestKind.CHANGE, caller, request, request.change_id),
    )
    left = deadline - asyncio.get_running_loop().time()
    outcome = await ended(context, booking.id, request.change_id, left, heard, operation)
    if outcome is not None and outcome.key_reused:
        raise KeyReused(Keyed.CHANGE)
    now = (await finding.find(context, caller, booking_id)).booking
    return _asked(now, outcome, request.change_id)


def _asked(booking: Booking, outcome: ChangeOutcome | None, change_id: str) -> Asked:
    if outcome is not None and not outcome.carried_out:
        problem = outcome.problem or _UNKNOWN
        if problem.code in CONFLICTS:
            raise ChangeRefused(booking, problem, change_id=change_id, quote=outcome.quote)
    return Asked(booking, outcome, change_id)


async def ended(
    context: AppContext,
    booking_id: str,
    change_id: str,
    seconds: float,
    heard: int,
    operation: Operation | None = None,
) -> ChangeOutcome | None:
    """Return how a change ended; None when time is up or it waits for the traveller.

    ``heard`` is the version of the record that is no news.

    Raises:
        KeyReused: the change is another one than that of ``operation``.
    """
    async for _ in waiting.looks(context, booking_id, seconds):
        with suppress(*NOT_READ):  # the workflow waits for the database as well
            known = await context.record.change(change_id)
            if known is not None and operation is not None:
                operation.expect_same(known.fingerprint, Keyed.CHANGE)
            if known is not None and known.outcome is not None:
                return known.outcome
            if known is not None and await _waits(context, booking_id, change_id, heard):
                return None
    return None


async def _waits(context: AppContext, booking_id: str, change_id: str, heard: int) -> bool:
    """Tell whether the change waits for the traveller: for 3-D Secure, or another card."""
    found = await context.record.find(booking_id, owner=None)
    if found is None or found.booking.version <= heard:
        return False
    return any(p.waits_until for p in found.booking.payments if p.change == change_id)


async def _fit(context: AppContext, booking: Booking, requested: TripChanges) -> None:
    if requested.new:
        people = await context.record.read(lambda session: load_people(session, booking.id))
        expect_change_fit(requested, people, context.settings)


def _changeable(booking: Booking) -> Booking:
    if booking.kind is BookingKind.TRIP and booking.state is BookingState.CONFIRMED:
        return booking
    raise NotChangeable(booking)
