"""Every saved history replays on the current workflows: running bookings survive a deployment.

They are saved decrypted (docs/decisions/0024) and replay through the converter that every process
has.
"""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from codec.payloads import EncryptionCodec
from settings import Settings
from temporal import data_converter
from tests.support.histories import decrypted
from tests.support.processes import ROOT
from tests.support.selection import table
from tests.support.stack import Stack
from worker import WORKFLOWS, workflow_runner

FOLDER = ROOT / "tests" / "histories"
HISTORIES = sorted(FOLDER.glob("**/*.json"))
FIRST = {min(folder.glob("*.json")) for folder in FOLDER.iterdir() if folder.is_dir()}
"""One of each workflow: these are replayed in the determinism sandbox too, in every run."""
BOOKED = {"confirmed", "failed", "cancelled", "gone_on", "booked_before"}
"""How ``BookTrip`` ends: in one of three states, by going on with a request, or at once."""

RESERVED = {"confirmed_paid", "confirmed_free", "failed", "cancelled"}
"""How ``BookReservation`` ends."""


def test_every_workflow_has_a_history() -> None:
    started = [json.loads(path.read_text())["events"][0] for path in HISTORIES]
    types = {
        event["workflowExecutionStartedEventAttributes"]["workflowType"]["name"]
        for event in started
    }
    assert types == {workflow.__name__ for workflow in WORKFLOWS}
    for folder, ends in (("book_trip", BOOKED), ("book_reservation", RESERVED)):
        booked = [path.stem for path in HISTORIES if path.parent.name == folder]
        assert {end for end in ends for name in booked if name.startswith(end)} == ends


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_activity_says_what_it_does(path: Path) -> None:
    """For people who look at a workflow; a local activity is a marker."""
    activities = [
        event
        for event in json.loads(path.read_text())["events"]
        if "activityTaskScheduledEventAttributes" in event
        or event.get("markerRecordedEventAttributes", {}).get("markerName") == "core_local_activity"
    ]
    assert activities
    assert [
        one["eventId"] for one in activities if "summary" not in one.get("userMetadata", {})
    ] == []


@pytest.mark.parametrize(
    ("path", "sandboxed"),
    table(HISTORIES, [True, False], quick=lambda path, sandboxed: not sandboxed or path in FIRST),
    ids=lambda one: (
        str(one.relative_to(FOLDER))
        if isinstance(one, Path)
        else {True: "sandboxed", False: "plain"}[one]
    ),
)
async def test_history_replays(path: Path, sandboxed: bool) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(sandboxed=sandboxed),
        data_converter=data_converter(Settings().key_ring, plaintext=True),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


async def test_a_history_as_temporal_keeps_it_replays(stack: Stack) -> None:
    handle = await stack.start(await stack.request())
    await handle.result()
    ring = stack.settings.key_ring
    kept = await handle.fetch_history()
    assert "ada@example.org" not in kept.to_json()
    encrypted = Replayer(workflows=WORKFLOWS, data_converter=data_converter(ring))
    await encrypted.replay_workflow(kept)
    saved = await decrypted(kept, EncryptionCodec(ring, plaintext=True))
    plain = WorkflowHistory.from_json(handle.id, saved.to_json())
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(
        plain
    )
