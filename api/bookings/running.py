"""The newest workflow of a booking id: who started it, and with which request."""

from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from api.core.context import RPC_TIMEOUT, AppContext
from api.core.principals import Principal
from temporal import MEMO_CALLER, MEMO_FINGERPRINT


@dataclass(frozen=True)
class Run:
    """A workflow under a booking's id."""

    caller: str
    fingerprint: str | None
    """Of the request that started it; None for a cancellation."""

    def visible_to(self, caller: Principal) -> bool:
        """Tell whether ``caller`` may know of it."""
        return caller.is_operator or self.caller == caller.id


def handle_of(context: AppContext, booking_id: str) -> WorkflowHandle[Any, Any]:
    """Return the handle of the booking's newest workflow, whichever it is."""
    return context.temporal.get_workflow_handle(booking_id)


async def find_run(context: AppContext, booking_id: str) -> Run | None:
    """Return the newest workflow of a booking id; None when there never was one.

    Raises:
        RPCError, RuntimeError: Temporal does not answer.
    """
    try:
        description = await handle_of(context, booking_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    memo = await description.memo()
    return Run(
        caller=memo.get(MEMO_CALLER, ""),
        fingerprint=memo.get(MEMO_FINGERPRINT),
    )


def gone(error: Exception) -> bool:
    """Tell whether ``error`` says that no workflow of this id is running."""
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
