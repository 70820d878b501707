"""The schedule that has the money watched: made, changed and looked at through Temporal."""

import dataclasses
import datetime as dt

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from commands.findings import Finding
from models.watching import WatchRequest
from settings import Settings
from workflows.watching import WatchMoney

RPC_TIMEOUT = dt.timedelta(seconds=10)
CATCH_UP = dt.timedelta(minutes=1)
"""Rounds missed longer ago are not made up for: the next one sees everything anyway."""


def watch_id(settings: Settings) -> str:
    """Return the id of the schedule, and the beginning of its workflows' ids."""
    return f"watch-money-{settings.task_queue}"


def watch_schedule(settings: Settings) -> Schedule:
    """Return the schedule as it should be."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WatchMoney.run,
            WatchRequest(),
            id=watch_id(settings),
            task_queue=settings.task_queue,
            static_summary="Compare payments with the gateway, check the invariants",
        ),
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=dt.timedelta(seconds=settings.watch_seconds))]
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


async def ensure_watching(client: Client, settings: Settings) -> bool:
    """Make the schedule, or bring it up to date; True when it is new.

    Whether somebody has paused it stays as it is.

    Raises:
        RPCError: Temporal refuses, or does not answer.
    """
    wanted = watch_schedule(settings)
    try:
        await client.create_schedule(watch_id(settings), wanted, rpc_timeout=RPC_TIMEOUT)
    except ScheduleAlreadyRunningError:
        pass
    else:
        return True

    def bring_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        state = found.description.schedule.state
        return ScheduleUpdate(dataclasses.replace(wanted, state=state))

    handle = client.get_schedule_handle(watch_id(settings))
    await handle.update(bring_up_to_date, rpc_timeout=RPC_TIMEOUT)
    return False


async def finding(client: Client, settings: Settings) -> Finding:
    """Look at the schedule: is it there, does it run?"""
    name = "money watch"
    handle = client.get_schedule_handle(watch_id(settings))
    try:
        found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Finding(name, "wrong", "nobody looks at the money", "tripsaga migrate")
        return Finding(name, "wrong", str(error), "see var/logs/temporal.log")
    state = found.schedule.state
    if state.paused:
        unpause = f"temporal schedule toggle --unpause --schedule-id {watch_id(settings)}"
        return Finding(name, "warning", f"paused: {state.note or 'no reason given'}", unpause)
    rounds = found.info.recent_actions
    last = f"the last round began {rounds[-1].started_at:%Y-%m-%d %H:%M} UTC" if rounds else "soon"
    return Finding(name, "ok", f"every {settings.watch_seconds:g} s; {last}")
