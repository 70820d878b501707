"""What the doctor looks at: whether every booking, open or new, has workers of its version."""

import datetime as dt
from collections import Counter

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from commands.findings import Finding
from localworld import health
from settings import Settings

_VERSION = "TemporalWorkerDeploymentVersion"
_MOST = 1_000
"""So many bookings are looked at for the names of their versions."""


async def stranded(client: Client, settings: Settings, since: dt.datetime) -> Finding:
    """Find open bookings that are pinned to a worker version of which nobody asks for work.

    Workers count that have asked ``since``. What such bookings hold (rooms, money) stays held until
    a worker of their version comes back, or they are moved. New bookings wait where nobody asks for
    work on the version that is current.
    """
    try:
        asking = await health.pollers(client, settings.temporal.namespace, settings.task_queue)
        asked = {one.version for one in asking if one.last >= since}
        served = sorted(version for version in asked if version)
        current = await _current(client, settings)
        query = (
            f'ExecutionStatus="Running" AND TaskQueue="{settings.task_queue}"'
            f" AND {_VERSION} IS NOT NULL"
        )
        if served:
            query += f" AND {_VERSION} NOT IN ({', '.join(map(_quoted, served))})"
        open_on = Counter[str]()
        async for run in client.list_workflows(query, limit=_MOST):
            open_on[str(run.search_attributes[_VERSION][0])] += 1
    except RPCError as error:
        return Finding("worker versions", "wrong", str(error), "see var/logs/temporal.log")
    if current not in asked:
        return Finding(
            "worker versions",
            "wrong",
            f"new bookings wait for workers {f'of {current}' if current else 'without a version'}",
            "start one, or make current a version that has some (docs/operating.md, Rolling out)",
        )
    if not open_on:
        return Finding("worker versions", "ok", "every open booking has workers of its version")
    what = ", ".join(f"{count} on {version}" for version, count in sorted(open_on.items()))
    return Finding(
        "worker versions",
        "wrong",
        f"open bookings wait for workers that have gone, and so does the money they hold: {what}",
        "start workers with that WORKER_BUILD_ID, or pin the bookings to another version"
        " (docs/operating.md, Rolling out)",
    )


async def _current(client: Client, settings: Settings) -> str:
    """Return the version that new bookings go to; empty: to workers without one."""
    about = DescribeWorkerDeploymentRequest(
        namespace=settings.temporal.namespace, deployment_name=settings.worker.deployment
    )
    try:
        found = await client.workflow_service.describe_worker_deployment(about)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ""
        raise
    version = found.worker_deployment_info.routing_config.current_deployment_version
    return f"{version.deployment_name}:{version.build_id}" if version.build_id else ""


def _quoted(version: str) -> str:
    return '"' + version.replace('"', '\\"') + '"'
