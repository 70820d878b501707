"""``POST /booking/book``: check the request against the trip, start the saga, wait for its end.

The workflow is started first and its first step writes the row: there is no moment in which one
knows of the booking and the other never will (design.md, "No dual writes").
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.core.callers import KnownCaller
from api.core.context import RPC_TIMEOUT, AppContext
from api.core.idempotency import Operation
from api.core.load import Pressure
from api.core.problems import is_temporal_away
from api.core.rate_limits import Allowance
from api.core.record import NOT_READ
from api.trips import running, waiting
from api.trips.details import details, summary
from api.trips.options import accepted_trip
from api.trips.schemas.requests import BookRequest
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import (
    DomainError,
    Keyed,
    RateLimited,
    TemporalUnavailable,
    TooManyBookings,
)
from models.core.keys import booking_id, booking_reference, traveler_id
from models.core.patience import Patience
from models.core.search_attributes import BOOKING_REFERENCE, BOOKING_STATE, TRAVELER_ID
from models.trips.errors import TripOptionUnbookable
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption
from temporal import MEMO_CALLER, MEMO_FINGERPRINT, MEMO_REFERENCE
from workflows.trips.book_trip import BookTrip

RECORDED_SECONDS = 0.5
"""How long an answer waits for the booking to be written down at all."""


@dataclass(frozen=True)
class IdempotentRequest:
    """One request to book."""

    caller: KnownCaller
    operation: Operation
    body: BookRequest
    allowances: list[Allowance] = field(default_factory=list)
    """What limits left of their quotas: told with the answer."""

    @property
    def booking_id(self) -> str:
        """The booking this request is about: the same for every repeat."""
        return booking_id(self.caller.id, self.operation.key)


@dataclass(frozen=True)
class Taken:
    """A booking that has been taken, and of which the record tells no more this moment."""

    booking_id: str
    reference: str
    currency: str
    state: BookingState
    """The last one that was seen."""
    soon: bool = True
    """Whether it is begun soon; False: much else comes first."""


async def book(context: AppContext, asked: IdempotentRequest, seconds: float) -> Booking | Taken:
    """Book a trip, or find the booking that the same request made before.

    Returns the booking once it has ended or waits for its traveller, or as it stands when
    ``seconds`` are over.

    Raises:
        DomainError: of the trip option (``options.accepted_trip``), KeyReused, TooManyBookings,
            RateLimited, TemporalUnavailable; then nothing has been booked by this request.
    """
    stored = await context.record.find(asked.booking_id, owner=asked.caller.id)
    if stored is not None:
        asked.operation.expect_same(stored.fingerprint, Keyed.BOOKING)
    elif not await _started_once(context, asked):
        return _taken(asked, BookingState.PENDING, soon=False)
    return await _until_settled(context, asked, seconds)


async def _started_once(context: AppContext, asked: IdempotentRequest) -> bool:
    """Start the booking, or join the start that an equal request has under way.

    Returns whether it is begun soon.

    Temporal alone sees to it that there is one booking; this spares the planner and Temporal
    the other ninety-nine of a hundred equal requests at once.
    """
    key = (asked.booking_id, asked.operation.fingerprint)
    start = context.starts.get(key)
    if start is None:
        start = asyncio.create_task(_started(context, asked, _refusal(context, asked)))
        context.starts[key] = start
        start.add_done_callback(lambda _: context.starts.pop(key, None))
    return await asyncio.shield(start)  # the others wait for it too, whoever gives up


def _refusal(context: AppContext, asked: IdempotentRequest) -> RateLimited | None:
    """Count a new booking; return why there may not be another one now, or None."""
    limits, traveler = context.limits, _traveler_id(context, asked)
    try:  # in this order: what a traveller asks too much does not use up the caller's quota
        limits.traveler_bookings.spend(traveler, asked.allowances, key=traveler.encode())
        limits.bookings.spend(asked.caller.id, asked.allowances)
    except RateLimited as refusal:
        return refusal
    return None


async def _started(
    context: AppContext, asked: IdempotentRequest, refusal: DomainError | None
) -> bool:
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
            await _start(context, asked)
    except WorkflowAlreadyStartedError:
        await _joined(context, asked)
    except Exception as error:
        context.load.turn_away(asked.booking_id)
        if is_temporal_away(error):
            # It may have been taken all the same: the same key leads to the same booking.
            raise TemporalUnavailable(key=asked.operation.key) from error
        raise
    return pressure is Pressure.FREE


async def _joined(context: AppContext, asked: IdempotentRequest) -> None:
    """Make sure that the workflow met under our id was started by the same request."""
    run = await running.find_run(context, asked.booking_id)
    if run is not None and run.fingerprint is not None:
        asked.operation.expect_same(run.fingerprint, Keyed.BOOKING)
        return
    # A cancellation, or nothing any more: then there is a row, and it knows the request.
    stored = await context.record.find(asked.booking_id, owner=asked.caller.id)
    asked.operation.expect_same(stored.fingerprint if stored else None, Keyed.BOOKING)


async def _start(context: AppContext, asked: IdempotentRequest) -> None:
    trip = await accepted_trip(context, asked.caller, asked.booking_id, asked.body)
    request = book_trip_request(context, asked, trip, await context.dispatch.patience())
    try:
        await _start_workflow(context, asked, request)
    except RPCError as error:
        # The limit on what a workflow is given is the server's (limit.blobSize.error): 2 MiB.
        if error.status is RPCStatusCode.INVALID_ARGUMENT and "size" in error.message.lower():
            raise TripOptionUnbookable("its offers are larger than can be processed") from error
        raise


async def _start_workflow(
    context: AppContext, asked: IdempotentRequest, request: BookTripRequest
) -> None:
    await context.temporal.start_workflow(
        BookTrip.run,
        request,
        id=request.booking_id,
        task_queue=context.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        memo={
            MEMO_FINGERPRINT: asked.operation.fingerprint,
            MEMO_CALLER: asked.caller.id,
            MEMO_REFERENCE: request.booking_reference,
        },
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(BOOKING_STATE, "PENDING"),
                SearchAttributePair(BOOKING_REFERENCE, request.booking_reference),
                SearchAttributePair(TRAVELER_ID, request.traveler_id),
            ]
        ),
        static_summary=summary(request),
        static_details=details(request),
        rpc_timeout=RPC_TIMEOUT,
    )


def book_trip_request(
    context: AppContext, asked: IdempotentRequest, trip: TripOption, patience: Patience
) -> BookTripRequest:
    """Return what the saga needs, with every id made before anything happens."""
    payment = asked.body.payment_info
    billing = payment.billing_details
    contact = asked.body.contact
    return BookTripRequest(
        booking_id=asked.booking_id,
        booking_reference=booking_reference(asked.booking_id),
        caller_id=asked.caller.id,
        idempotency_key=asked.operation.key,
        fingerprint=asked.operation.fingerprint,
        trip=trip,
        travelers=asked.body.travelers or trip.travelers,
        contact=contact,
        payment_method_id=payment.payment_method_id,
        billing_details=billing.model_dump(mode="json", by_alias=True, exclude_none=True),
        amount=payment.amount,
        currency=payment.currency,
        traveler_id=_traveler_id(context, asked),
        patience=patience,
    )


def _traveler_id(context: AppContext, asked: IdempotentRequest) -> str:
    key = context.settings.traveler_key
    return traveler_id(key, asked.caller.id, asked.body.contact.email)


async def _until_settled(
    context: AppContext, asked: IdempotentRequest, seconds: float
) -> Booking | Taken:
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


def _taken(asked: IdempotentRequest, state: BookingState, *, soon: bool = True) -> Taken:
    return Taken(
        booking_id=asked.booking_id,
        reference=booking_reference(asked.booking_id),
        currency=asked.body.payment_info.currency,
        state=state,
        soon=soon,
    )
