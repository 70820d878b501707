"""Putting a wish to whatever runs under a booking's id, or starting what carries it out.

One update with start: no race and no lock table (design.md, "One booking, one workflow id").
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.core.context import House
from api.core.problems import temporal_away
from api.trips import running

ACCEPT_TIMEOUT = timedelta(seconds=6)
"""How long a worker may take to accept the wish. After that nothing is promised."""

_TOO_LATE = "AcceptedUpdateCompletedWorkflow"
"""Temporal's own answer when a workflow ended before it handled an accepted update."""


class JustEndedError(Exception):
    """What ran under the booking's id has ended this moment: put the wish again."""


async def put(
    house: House,
    update: str,
    wish: Any,
    answer: type[Any],
    start: WithStartWorkflowOperation[Any, Any],
) -> WorkflowUpdateHandle[Any]:
    """Put ``wish`` to the running workflow, or to the one that ``start`` begins.

    Raises:
        JustEndedError: put it again.
        WorkflowUpdateFailedError: the running workflow does not take it.
        ApiProblem: 503, nobody has accepted it in time.
    """
    try:
        handle: WorkflowUpdateHandle[Any] = await house.temporal.start_update_with_start_workflow(
            update,
            wish,
            result_type=answer,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            start_workflow_operation=start,
            rpc_timeout=ACCEPT_TIMEOUT,
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from error
        raise temporal_away() from error
    except RPCError as error:
        if running.gone(error) or running.dropped(error):
            raise JustEndedError from error
        raise
    return handle


def was_too_late(error: WorkflowUpdateFailedError) -> bool:
    """Tell whether the workflow ended before it handled the update it had accepted."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == _TOO_LATE
