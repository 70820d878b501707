"""The fencing token of a workflow task, on a real Temporal server."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.core.fencing import Fence
from workflows.core.fence import fence

ATTEMPTS = 3  # the server pauses for 10 s between the second and the third
seen: dict[str, list[Fence]] = {}


@activity.defn
async def nap() -> None:
    await asyncio.sleep(0.3)


@workflow.defn
class FailsItsTasks:
    """Fails its first workflow task a few times, then sleeps, and continues as a new run."""

    @workflow.run
    async def run(self, name: str, runs: int) -> None:
        tokens = seen.setdefault(name, [])
        before = fence()
        tokens.append(before)
        await workflow.execute_local_activity(
            nap,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        assert fence() == before, "the clock has moved on, and the token with it"
        if len(tokens) < ATTEMPTS:
            raise RuntimeError("this fails the task, not the workflow")
        await asyncio.sleep(0.01)
        tokens.append(fence())
        if runs > 1:
            workflow.continue_as_new(args=[name, runs - 1])


async def test_every_attempt_at_a_task_and_every_later_task_has_a_higher_token(
    temporal_address: str,
) -> None:
    client = await Client.connect(temporal_address)
    name = f"fence-{uuid.uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=name,
        workflows=[FailsItsTasks],
        activities=[nap],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=0,  # every task is replayed from the history's start
    ):
        handle = await client.start_workflow(
            FailsItsTasks.run, args=[name, 2], id=name, task_queue=name
        )
        await asyncio.wait_for(handle.result(), 60)
    written: list[Fence] = []
    for token in seen[name]:  # a replay runs earlier tasks again, with the tokens they had
        if token not in written:
            written.append(token)
    assert written == sorted(written)
    assert len(written) >= ATTEMPTS + 3
    second, third = written[1], written[2]
    assert second[:2] == third[:2], "attempts after the second see an equal history"
    assert second[2] < third[2]
