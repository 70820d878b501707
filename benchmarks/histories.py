"""What a booking leaves in Temporal: events, bytes, tasks, and where its time went."""

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

LOCAL_ACTIVITY = "core_local_activity"
"""The name of the markers in which the SDK keeps the results of local activities."""


@dataclass(frozen=True)
class Step:
    """One activity of a history. Seconds since the workflow began."""

    name: str
    local: bool
    began: float
    until_next: float
    """Until the next step began or the workflow ended: the step itself and what lies between."""
    waited: float | None = None
    """Until a worker took it up; None for local ones."""
    took: float | None = None
    """From then until its result was known; None for local ones, whose markers do not say."""


@dataclass(frozen=True)
class History:
    """One booking's history, counted."""

    events: int
    bytes: int
    """As the server counts them for its limits."""
    workflow_tasks: int
    activities: int
    """Ordinary ones."""
    local_activities: int
    timers: int
    kinds: dict[str, int]
    """Events by type."""
    steps: list[Step]
    seconds: float
    """From the first event to the last."""


async def read(client: Client, booking_id: str) -> History:
    """Read and count the history of a booking."""
    handle = client.get_workflow_handle(booking_id)
    events = list((await handle.fetch_history()).events)
    description = await handle.describe()
    kinds = Counter(_kind(event) for event in events)
    steps = _steps(events)
    return History(
        events=len(events),
        bytes=description.raw_description.workflow_execution_info.history_size_bytes,
        workflow_tasks=kinds["WORKFLOW_TASK_COMPLETED"],
        activities=kinds["ACTIVITY_TASK_SCHEDULED"],
        local_activities=sum(step.local for step in steps),
        timers=kinds["TIMER_STARTED"],
        kinds=dict(sorted(kinds.items())),
        steps=steps,
        seconds=(_at(events[-1]) - _at(events[0])).total_seconds(),
    )


def _kind(event: HistoryEvent) -> str:
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


def _at(event: HistoryEvent) -> dt.datetime:
    moment: dt.datetime = event.event_time.ToDatetime(tzinfo=dt.UTC)
    return moment


def _steps(events: list[HistoryEvent]) -> list[Step]:
    """Return the activities in the order of their beginning."""
    first = _at(events[0])
    by_id = {event.event_id: event for event in events}
    found: list[tuple[float, str, tuple[float, float] | None]] = []

    def since(moment: dt.datetime) -> float:
        return (moment - first).total_seconds()

    for event in events:
        match _kind(event):
            case "MARKER_RECORDED":
                marker = event.marker_recorded_event_attributes
                if marker.marker_name == LOCAL_ACTIVITY:
                    data = json.loads(marker.details["data"].payloads[0].data)
                    began = since(_moment(data["original_schedule_time"]))
                    found.append((began, data["activity_type"], None))
            case "ACTIVITY_TASK_COMPLETED":
                done = event.activity_task_completed_event_attributes
                asked = by_id[done.scheduled_event_id]
                name = asked.activity_task_scheduled_event_attributes.activity_type.name
                began, taken = since(_at(asked)), since(_at(by_id[done.started_event_id]))
                found.append((began, name, (taken - began, since(_at(event)) - taken)))
    found.sort(key=lambda step: step[0])
    ends = [began for began, _, _ in found[1:]] + [since(_at(events[-1]))]
    return [
        Step(name, times is None, began, end - began, *(times or ()))
        for (began, name, times), end in zip(found, ends, strict=True)
    ]


def _moment(value: Any) -> dt.datetime:
    seconds = value["seconds"] + value["nanos"] / 1e9
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
