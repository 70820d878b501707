"""Liveness and readiness checks of running services."""

import datetime as dt
import functools
import ssl
from typing import NamedTuple

import httpx
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the one TLS context: reading all certificates takes 20 ms each time."""
    return ssl.create_default_context()


async def answers(url: str, *, seconds: float = 2) -> bool:
    """Tell whether ``GET url`` is answered with a success."""
    try:
        async with httpx.AsyncClient(timeout=seconds, trust_env=False, verify=_tls()) as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False


class Poller(NamedTuple):
    """Who asks a task queue for work."""

    identity: str
    """The SDK names itself ``pid@host``."""
    last: dt.datetime
    """When it last asked."""
    version: str
    """``deployment:build``; empty for a worker that takes no part in versioning."""


async def pollers(client: Client, namespace: str, task_queue: str) -> list[Poller]:
    """Return who asks the task queue for workflow tasks.

    Temporal forgets a poller five minutes after its last question.

    Raises:
        RPCError: the server does not answer.
    """
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=dt.timedelta(seconds=5),
    )
    return [
        Poller(
            poller.identity,
            poller.last_access_time.ToDatetime(tzinfo=dt.UTC),
            f"{options.deployment_name}:{options.build_id}"
            if (options := poller.deployment_options).worker_versioning_mode
            == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
            else "",
        )
        for poller in answer.pollers
    ]


async def worker_polls(address: str, namespace: str, task_queue: str, *, since: float) -> bool:
    """Tell whether a worker has asked the task queue since a moment (seconds of the epoch)."""
    try:
        client = await Client.connect(address, namespace=namespace)
        found = await pollers(client, namespace, task_queue)
    except (RuntimeError, OSError, RPCError):
        return False
    return any(one.last.timestamp() >= since for one in found)
