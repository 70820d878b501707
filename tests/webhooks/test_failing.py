"""Events whose handling fails: tried again later and later, through outages, then a case."""

import asyncio
import uuid

import pytest
from temporalio.client import Client

from activities.inbox.inbox import ATTEMPTS
from models.bookings.booking import Booking
from temporal import connect
from tests.api.line import Line
from tests.support.environment import changed
from tests.webhooks.desk import Desk, handle_next, paid

DAY = 86_400


@pytest.fixture
async def lost(desk: Desk) -> Booking:
    """A booking whose payment the gateway does not know: looking at it always fails."""
    booking = await desk.booking()
    booking.payment.id = f"pi_{uuid.uuid4().hex}"
    desk.rows(
        "UPDATE payments SET payment_intent_id = %s WHERE booking_id = %s",
        booking.payment.id,
        booking.id,
    )
    return booking


@pytest.mark.parametrize(("attempts", "pause"), [(0, 1), (1, 2), (4, 16), (12, 300)])
async def test_what_fails_is_tried_again_later_and_later(
    desk: Desk, lost: Booking, attempts: int, pause: float
) -> None:
    event = await desk.event(lost, attempts=attempts)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert (row["status"], row["attempts"]) == ("received", attempts + 1)
    assert row["last_error"].startswith("InvalidRequest: ")
    assert pause - 0.9 < row["due_in"] <= pause


async def test_what_keeps_failing_becomes_a_case(desk: Desk, lost: Booking) -> None:
    event = await desk.event(lost, attempts=ATTEMPTS - 1)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "dead"
    assert row["outcome"].startswith("given up: InvalidRequest: ")
    [case] = desk.rows.cases(f"webhook:{row['id']}")
    assert str(case["booking_id"]) == lost.id
    assert event in case["summary"]
    assert await handle_next(desk.inbox()) is False


async def test_an_event_over_which_workers_die_becomes_a_case(desk: Desk) -> None:
    event = await desk.event(await desk.booking(), attempts=ATTEMPTS)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "dead"
    assert "none came to an end" in row["outcome"]
    assert len(desk.rows.cases(f"webhook:{row['id']}")) == 1


async def test_an_outage_of_the_gateway_is_waited_for(desk: Desk) -> None:
    booking = await desk.booking()
    event = await desk.event(booking, attempts=ATTEMPTS - 1, age=100)
    await desk.stack.sandbox.arm("stripe", "retrieve", "error", rate=1, reference=booking.id)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert (row["status"], row["attempts"]) == ("received", 0)
    assert row["outcome"].startswith("Retryable: ")
    assert 95 < row["due_in"] < 105

    await desk.stack.sandbox.clear()
    desk.make_due(event)
    await handle_next(desk.inbox())
    assert desk.row(event)["status"] == "done"


async def test_an_outage_of_a_day_becomes_a_case(desk: Desk) -> None:
    booking = await desk.booking()
    event = await desk.event(booking, age=DAY + 1)
    await desk.stack.sandbox.arm("stripe", "retrieve", "error", rate=1, reference=booking.id)
    await handle_next(desk.inbox())
    assert desk.row(event)["status"] == "dead"
    assert len(desk.rows.cases(f"webhook:{desk.row(event)['id']}")) == 1


async def test_an_outage_of_temporal_is_waited_for(desk: Desk, temporal_address: str) -> None:
    host, _, port = temporal_address.partition(":")
    line = Line(lambda: asyncio.open_connection(host, int(port)))
    await line.mend()
    settings = changed(desk.stack.settings, temporal={"address": f"127.0.0.1:{line.port}"})
    client: Client = await connect(settings)
    booking = await desk.booking()
    await desk.elsewhere.refund(paid(booking), 100)
    event = await desk.event(booking)
    await line.cut()
    inbox = desk.inbox(client)
    await handle_next(inbox)
    row = desk.row(event)
    assert (row["status"], row["attempts"]) == ("received", 0)
    assert "RPCError" in row["outcome"]

    await line.mend()
    desk.make_due(event)
    await handle_next(inbox)
    assert desk.row(event)["status"] == "done"
    await line.cut()
