"""Requests about a booking: given to whatever workflow runs under its id, and waited for.

One signal with start: it reaches the workflow that runs, which carries the request out or goes on
with it at its end, or starts the one that carries it out (design.md, "Booking, requests, cases").
"""

import datetime as dt
import uuid
from contextlib import suppress

from pydantic import BaseModel
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from api.bookings import waiting
from api.core.context import RPC_TIMEOUT, AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.record import NOT_READ
from models.bookings.booking import Booking
from models.bookings.messages import REQUEST_SIGNAL, BookingRequest, RequestKind, RequestsRun
from models.bookings.repository import EndedRequest
from models.core.domain_errors import TemporalUnavailable
from temporal import patience, under_booking
from workflows.core.requests import WORKFLOWS

_WORDS = {
    RequestKind.CANCEL: "Cancel",
    RequestKind.CHANGE: "Change",
    RequestKind.REFUND: "Refund",
    RequestKind.RESOLVE: "Resolve a case of",
    RequestKind.APPROVE: "Approve",
    RequestKind.MOVE: "Move",
}


def request_of(
    kind: RequestKind, caller: Principal, body: BaseModel, request_id: str | None = None
) -> BookingRequest:
    """Return a request made now; without an id it is one that is never repeated."""
    return BookingRequest(
        id=request_id or str(uuid.uuid4()),
        kind=kind,
        requested_at=dt.datetime.now(dt.UTC),
        who=f"{caller.role} {caller.name}",
        body=body.model_dump(mode="json", by_alias=True),
    )


async def taken_before(context: AppContext, request: BookingRequest, operation: Operation) -> bool:
    """Tell whether an earlier attempt at the same operation had this request taken.

    Until it is begun to be carried out that is not known; sent again before, it waits once.
    """
    return operation.repeated and await context.record.request_begun(request.id)


async def send(
    context: AppContext, booking: Booking, caller: Principal, request: BookingRequest
) -> None:
    """Give a request to the booking's workflow. It is durable when this returns.

    Raises:
        TemporalUnavailable: nothing is promised.
    """
    try:
        await context.temporal.start_workflow(
            WORKFLOWS[request.kind],
            RequestsRun(booking_id=booking.id, patience=patience(context.settings)),
            **under_booking(booking, context.settings.task_queue, caller.id),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REQUEST_SIGNAL,
            start_signal_args=[request],
            static_summary=f"{_WORDS[request.kind]} {booking.reference}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except (RPCError, RuntimeError) as error:
        raise TemporalUnavailable from error


async def ended(
    context: AppContext, booking_id: str, request: BookingRequest, seconds: float
) -> EndedRequest | None:
    """Wait until a request has ended; None when time is up, and it goes on without us."""
    async for _ in waiting.looks(context, booking_id, seconds):
        with suppress(*NOT_READ):  # the workflow waits for the database as well
            found = await context.record.ended_request(request.id)
            if found is not None:
                return found
    return None
