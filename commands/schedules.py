"""The schedules that have money and suppliers watched: made, changed, looked at in Temporal."""

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
from models.operations.messages import WatchRequest
from models.suppliers.following import FollowRound
from settings import Settings
from workflows.operations.watch_money import WatchMoney
from workflows.operations.watch_suppliers import WatchSuppliers

RPC_TIMEOUT = dt.timedelta(seconds=10)
CATCH_UP = dt.timedelta(minutes=1)
"""Rounds missed longer ago are not made up for: the next one sees everything anyway."""


def watch_id(settings: Settings) -> str:
    """Return the id of the schedule, and the beginning of its workflows' ids."""
    return f"watch-money-{settings.task_queue}"


def follow_id(settings: Settings) -> str:
    """Return the id of the schedule of ``WatchSuppliers``, and the beginning of its workflows'."""
    return f"watch-suppliers-{settings.task_queue}"


def watch_schedule(settings: Settings) -> Schedule:
    """Return the schedule of ``WatchMoney`` as it should be."""
    action = ScheduleActionStartWorkflow(
        WatchMoney.run,
        WatchRequest(),
        id=watch_id(settings),
        task_queue=settings.task_queue,
        static_summary="Compare payments with the gateway, check the invariants",
    )
    return _every(settings.watch.seconds, action)


def follow_schedule(settings: Settings) -> Schedule:
    """Return the schedule of ``WatchSuppliers`` as it should be."""
    action = ScheduleActionStartWorkflow(
        WatchSuppliers.run,
        FollowRound(),
        id=follow_id(settings),
        task_queue=settings.task_queue,
        static_summary="Ask suppliers what has become of what was booked",
    )
    return _every(settings.follow.seconds, action)


def _every(seconds: float, action: ScheduleActionStartWorkflow) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=dt.timedelta(seconds=seconds))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


async def ensure_watching(client: Client, settings: Settings) -> bool:
    """Make the schedule of ``WatchMoney``, or bring it up to date; True when it is new.

    Whether somebody has paused it stays as it is.

    Raises:
        RPCError: Temporal refuses, or does not answer.
    """
    return await _ensure(client, watch_id(settings), watch_schedule(settings))


async def ensure_following(client: Client, settings: Settings) -> bool:
    """Do the same for the schedule of ``WatchSuppliers``."""
    return await _ensure(client, follow_id(settings), follow_schedule(settings))


async def _ensure(client: Client, name: str, schedule: Schedule) -> bool:
    try:
        await client.create_schedule(name, schedule, rpc_timeout=RPC_TIMEOUT)
    except ScheduleAlreadyRunningError:
        pass
    else:
        return True

    def bring_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        state = found.description.schedule.state
        return ScheduleUpdate(dataclasses.replace(schedule, state=state))

    handle = client.get_schedule_handle(name)
    await handle.update(bring_up_to_date, rpc_timeout=RPC_TIMEOUT)
    return False


async def finding(client: Client, settings: Settings) -> Finding:
    """Look at the schedule of ``WatchMoney``: is it there, does it run?"""
    nobody = "nobody looks at the money"
    name, every = watch_id(settings), settings.watch.seconds
    return await _finding(client, "money watch", name, every, nobody)


async def follow_finding(client: Client, settings: Settings) -> Finding:
    """Do the same for the schedule of ``WatchSuppliers``."""
    nobody = "nobody asks suppliers what has become of what was booked"
    name, every = follow_id(settings), settings.follow.seconds
    return await _finding(client, "supplier watch", name, every, nobody)


async def _finding(client: Client, name: str, schedule: str, every: float, nobody: str) -> Finding:
    handle = client.get_schedule_handle(schedule)
    try:
        found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Finding(name, "wrong", nobody, "tripsaga migrate")
        return Finding(name, "wrong", str(error), "see var/logs/temporal.log")
    state = found.schedule.state
    if state.paused:
        unpause = f"temporal schedule toggle --unpause --schedule-id {schedule}"
        return Finding(name, "warning", f"paused: {state.note or 'no reason given'}", unpause)
    rounds = found.info.recent_actions
    last = f"the last round began {rounds[-1].started_at:%Y-%m-%d %H:%M} UTC" if rounds else "soon"
    return Finding(name, "ok", f"every {every:g} s; {last}")
