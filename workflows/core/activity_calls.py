"""The way from a workflow to an activity: as a local activity, or on the supplier's own queue."""

from datetime import timedelta

from temporalio import workflow

from models.core.calls import Call, Input, Output
from models.core.patience import Patience
from workflows.core.fence import fence
from workflows.core.policies import Policy

LOCAL_RETRY_THRESHOLD = timedelta(seconds=5)
"""Longer pauses become timers: a local activity that waits would hold up signals and updates."""


async def perform_local(
    call: Call[Input, Output], message: Input, policy: Policy, summary: str
) -> Output:
    """Run a call in this worker, within the workflow task (reads, records, fast providers).

    ``summary`` is for people who read the history.
    """
    fence()  # of this task, before the first local activity moves the clock on
    answer: Output = await workflow.execute_local_activity(
        call.name,
        message,
        result_type=call.output,
        start_to_close_timeout=policy.start_to_close,
        schedule_to_close_timeout=policy.schedule_to_close,
        retry_policy=policy.retry,
        local_retry_threshold=LOCAL_RETRY_THRESHOLD,
        summary=summary,
    )
    return answer


async def perform_at(
    provider: str,
    patience: Patience,
    call: Call[Input, Output],
    message: Input,
    policy: Policy,
    summary: str,
) -> Output:
    """Run a call to ``provider``: on its own queue, where its rate limit holds, or locally.

    Which of the two was fixed when the workflow started (docs/decisions/0039).
    """
    if provider in patience.local:
        return await perform_local(call, message, policy, summary)
    return await perform_on_queue(provider, patience, call, message, policy, summary)


async def perform_on_queue(
    provider: str,
    patience: Patience,
    call: Call[Input, Output],
    message: Input,
    policy: Policy,
    summary: str,
) -> Output:
    """Run a call to ``provider`` as an ordinary activity.

    The decision to make it is durable before it is made, which a local activity's is not: until
    the workflow task ends, a dead worker's successor decides again.
    """
    answer: Output = await workflow.execute_activity(
        call.name,
        message,
        result_type=call.output,
        task_queue=None if provider in patience.quick else patience.queue(provider),
        start_to_close_timeout=policy.start_to_close,
        schedule_to_close_timeout=policy.schedule_to_close,
        heartbeat_timeout=timedelta(seconds=patience.heartbeat),
        retry_policy=policy.retry,
        summary=summary,
    )
    return answer
