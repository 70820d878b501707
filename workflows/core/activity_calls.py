"""The way from a workflow to an activity: as a local activity, or as an ordinary one."""

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
    """Run a call to ``provider`` as an ordinary activity, or as a local one when it answers fast.

    Which of the two was fixed when the workflow started (docs/decisions/0039).
    """
    if provider in patience.local:
        return await perform_local(call, message, policy, summary)
    return await perform_ordinary(provider, patience, call, message, policy, summary)


async def perform_ordinary(
    provider: str,
    patience: Patience,
    call: Call[Input, Output],
    message: Input,
    policy: Policy,
    summary: str,
) -> Output:
    """Run a call to ``provider`` as an ordinary activity.

    Who answers fast needs no queue of its own: on the workflow's, the server hands the activity to
    this worker in its answer to the end of the workflow task (eager activity execution). The
    decision to make it is durable before it is made, which a local activity's is not: until
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


async def end_task() -> None:
    """End the workflow task: what was decided in it, or came to it, is durable from then on.

    A timer does, however short.
    """
    await workflow.sleep(timedelta(milliseconds=1))
