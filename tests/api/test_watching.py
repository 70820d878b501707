"""Progress as server-sent events."""

from typing import Any

import httpx

from tests.api.conftest import CONTRACT, body, read_events
from tests.support.sandbox_client import SandboxClient


async def test_progress_is_streamed_as_it_happens(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.7)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()

    events = await read_events(api, taken["eventsUrl"])

    steps = [(int(number), data) for kind, number, data in events if kind == "step"]
    assert [number for number, _ in steps] == list(range(len(steps)))
    told = [(data["step"], data["status"]) for _, data in steps]
    for step in ("flight", "hotel", "activity"):
        assert told.index((step, "started")) < told.index((step, "done"))
    assert told.index(("authorise", "done")) < told.index(("capture", "done"))
    assert [status for step, status in told if step == "booking"] == [
        "PENDING",
        "VALIDATING",
        "PROCESSING",
        "CONFIRMED",
    ]
    states = [data["state"] for kind, _, data in events if kind == "state"]
    assert states[-1] == "CONFIRMED"
    assert len(states) > 1, "only the end was told"
    assert events[-1][:2] == ("end", f"{len(steps) - 1}.end")
    assert set(events[-1][2]) == CONTRACT

    back = await api.get(taken["eventsUrl"], headers={"Last-Event-ID": events[-1][1]})
    assert back.status_code == 204
    ended = await read_events(api, taken["eventsUrl"])
    assert [(int(number), data) for kind, number, data in ended if kind == "step"] == steps
    assert ended[-1][0] == "end"


async def test_a_watcher_that_comes_back_misses_and_repeats_nothing(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.9)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()

    events = await read_events(api, taken["eventsUrl"], last="1")

    numbers = [int(number) for kind, number, _ in events if kind == "step"]
    assert numbers[0] == 2
    assert numbers == list(range(2, 2 + len(numbers)))


async def test_an_id_that_was_never_sent_counts_as_none(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    url = f"/booking/{booked['bookingId']}/events"
    whole = await read_events(api, url)
    for beyond in ("99999", "99999.end"):
        assert await read_events(api, url, last=beyond) == whole


async def test_a_booking_that_lives_on_is_told_from_where_the_watcher_left_off(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    url = f"/booking/{booked['bookingId']}/events"
    before = await read_events(api, url)
    ended = before[-1][1]
    last_step = ended.removesuffix(".end")
    assert [kind for kind, _, _ in await read_events(api, url, last=last_step)] == ["state", "end"]

    await api.post("/booking/cancel", json={"bookingId": booked["bookingId"]})
    after = await read_events(api, url, last=ended)

    numbers = [int(number) for kind, number, _ in after if kind == "step"]
    assert numbers == list(range(int(last_step) + 1, int(last_step) + 1 + len(numbers)))
    assert numbers
    assert after[-1][0] == "end"
    assert after[-1][2]["state"] == "CANCELLED"
    whole = [event for event in await read_events(api, url) if event[0] == "step"]
    assert whole == [event for event in [*before, *after] if event[0] == "step"]
