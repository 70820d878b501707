"""The loop that empties the inbox: it starts, waits, stops, and no outage ends it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from activities.inbox.inbox import Inbox
from activities.inbox.loop import AT_ONCE, InboxLoop
from models.core.database import create_engine, create_sessions
from settings import Settings
from tests.api.line import Line
from tests.webhooks.desk import Desk

POLL = 0.05


@contextlib.asynccontextmanager
async def emptied(inbox: Inbox, grace: float = 5) -> AsyncIterator[asyncio.Task[None]]:
    """The loop, running; it stops cleanly."""
    stop = asyncio.Event()
    running = asyncio.create_task(InboxLoop(inbox, POLL).run(stop, grace))
    try:
        yield running
    finally:
        stop.set()
        await asyncio.wait_for(running, grace + 5)


async def _until(desk: Desk, event: str, status: str) -> None:
    async with asyncio.timeout(20):
        while desk.row(event)["status"] != status:
            await asyncio.sleep(0.02)


async def test_it_handles_what_comes_soon(desk: Desk) -> None:
    async with emptied(desk.inbox()):
        event = await desk.event(age=400)
        async with asyncio.timeout(2):
            await _until(desk, event, "kept")


async def test_a_slow_gateway_holds_up_only_what_asks_it(desk: Desk) -> None:
    slow = [await desk.booking() for _ in range(2)]
    for booking in slow:
        await desk.stack.sandbox.arm(
            "stripe", "retrieve", "slow", rate=1, seconds=4, reference=booking.id
        )
        await desk.event(booking)
    quick = [await desk.event(await desk.booking()) for _ in range(3)]
    async with emptied(desk.inbox(), grace=0), asyncio.timeout(4):
        for event in quick:
            await _until(desk, event, "done")


async def test_it_never_does_more_than_so_much_at_once(desk: Desk) -> None:
    """And when it is stopped, what is being handled comes to its end."""
    bookings = [await desk.booking() for _ in range(AT_ONCE + 2)]
    events = []
    for booking in bookings:
        await desk.stack.sandbox.arm(
            "stripe", "retrieve", "slow", rate=1, seconds=3, reference=booking.id
        )
        events.append(await desk.event(booking))

    def taken() -> int:
        return [desk.row(event)["attempts"] for event in events].count(1)

    async with emptied(desk.inbox()):
        async with asyncio.timeout(2.5):
            while await asyncio.to_thread(taken) < AT_ONCE:  # reading must not hold the loop up
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert taken() == AT_ONCE
    assert [desk.row(event)["status"] for event in events].count("done") == AT_ONCE


async def test_it_does_not_wait_for_ever_when_stopped(desk: Desk) -> None:
    booking = await desk.booking()
    await desk.stack.sandbox.arm(
        "stripe", "retrieve", "hang", rate=1, seconds=20, reference=booking.id
    )
    event = await desk.event(booking)
    started = asyncio.get_running_loop().time()
    async with emptied(desk.inbox(), grace=0.2):
        await asyncio.sleep(0.3)
    assert asyncio.get_running_loop().time() - started < 1
    assert desk.row(event)["status"] == "received"


async def test_the_database_goes_away_and_comes_back(
    desk: Desk, database_line: tuple[Line, str], caplog: pytest.LogCaptureFixture
) -> None:
    line, url = database_line
    settings = Settings(database={"url": url})
    engine = create_engine(settings.database.sqlalchemy_url)
    inbox = Inbox(
        create_sessions(engine),
        desk.activities.payments,
        desk.activities.items,
        desk.stack.client,
        desk.stack.settings,
    )
    with caplog.at_level(logging.INFO, "tripsaga.inbox"):
        async with emptied(inbox) as running:
            await asyncio.sleep(0.2)
            await line.cut()
            event = await desk.event(age=400)
            await asyncio.sleep(1)
            assert desk.row(event)["status"] == "received"
            assert not running.done()
            await line.mend()
            await _until(desk, event, "kept")
    await engine.dispose()
    lines = [record.getMessage() for record in caplog.records if record.name == "tripsaga.inbox"]
    assert sum("cannot be read" in line for line in lines) == 1
    assert lines[-1] == "the inbox can be read again"
