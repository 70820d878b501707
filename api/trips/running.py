"""The workflow of a booking: whose it is, how it stands, what it has told."""

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

from api.core.callers import KnownCaller
from api.core.context import QUERY_TIMEOUT, RPC_TIMEOUT, House
from models.bookings.booking import Booking, Event
from models.bookings.messages import BOOKING_QUERY, EVENTS_QUERY
from temporal import MEMO_CALLER, MEMO_FINGERPRINT, MEMO_REFERENCE

NO_ANSWER = (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError, RuntimeError)
"""What a query ends with when nobody answers it."""


@dataclass(frozen=True)
class Run:
    """A workflow under a booking's id."""

    running: bool
    caller: str
    fingerprint: str | None
    """Of the request that started it; None for a cancellation."""
    reference: str

    def visible_to(self, caller: KnownCaller) -> bool:
        """Tell whether ``caller`` may know of it."""
        return caller.is_operator or self.caller == caller.id


def handle_of(house: House, booking_id: str) -> WorkflowHandle[Any, Booking]:
    """Return the handle of the booking's newest workflow, whichever it is."""
    return house.temporal.get_workflow_handle(booking_id, result_type=Booking)


async def find_run(house: House, booking_id: str) -> Run | None:
    """Return the newest workflow of a booking id; None when there never was one.

    Raises:
        RPCError, RuntimeError: Temporal does not answer.
    """
    try:
        description = await handle_of(house, booking_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    memo = await description.memo()
    return Run(
        running=description.status is WorkflowExecutionStatus.RUNNING,
        caller=memo.get(MEMO_CALLER, ""),
        fingerprint=memo.get(MEMO_FINGERPRINT),
        reference=memo.get(MEMO_REFERENCE, ""),
    )


async def ask_booking(house: House, booking_id: str) -> Booking | None:
    """Return the booking as its workflow sees it now; None when nobody answers in time."""
    try:
        async with asyncio.timeout(QUERY_TIMEOUT.total_seconds() + 1):
            # Temporal cannot tell an Optional result from its query: validated here instead.
            answer = await handle_of(house, booking_id).query(
                BOOKING_QUERY, rpc_timeout=QUERY_TIMEOUT
            )
    except (*NO_ANSWER, TimeoutError):
        return None
    return Booking.model_validate(answer) if answer is not None else None


async def ask_events(house: House, booking_id: str) -> list[Event] | None:
    """Return what the workflow has told so far; None when nobody answers in time."""
    try:
        async with asyncio.timeout(QUERY_TIMEOUT.total_seconds() + 1):
            answer = await handle_of(house, booking_id).query(
                EVENTS_QUERY, rpc_timeout=QUERY_TIMEOUT
            )
    except (*NO_ANSWER, TimeoutError):
        return None
    return [Event.model_validate(event) for event in answer]


async def result_of(house: House, booking_id: str) -> Booking | None:
    """Return what the newest workflow ended with, once it has; None when it was cut short."""
    try:
        return await handle_of(house, booking_id).result()
    except WorkflowFailureError:
        return None


def gone(error: Exception) -> bool:
    """Tell whether ``error`` says that no workflow of this id is running."""
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


def dropped(error: Exception) -> bool:
    """Tell whether ``error`` says that a workflow's task failed, and an update with it.

    It was not taken, as if it had never been sent: something else reached the workflow just when
    the task ended (Temporal's ``UnhandledCommand``).
    """
    return isinstance(error, RPCError) and error.status is RPCStatusCode.FAILED_PRECONDITION
