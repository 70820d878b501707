"""From the gateway through the door and the worker to the record: what happens without a call."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowHandle

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.repository import load_booking
from models.core.database import create_engine, create_sessions
from tests.api.conftest import client
from tests.api.server import Served
from tests.support.checker import check
from tests.support.money import Gateway
from tests.support.stack import Stack
from tests.webhooks.desk import paid
from tests.webhooks.rows import Rows

pytestmark = pytest.mark.usefixtures("hooked")

Recorded = Callable[[str], Awaitable[Booking]]


@pytest.fixture
async def recorded(world: Stack) -> AsyncIterator[Recorded]:
    """Reads a booking as it is on record."""
    engine = create_engine(world.settings.database.sqlalchemy_url)
    sessions = create_sessions(engine)

    async def read(booking_id: str) -> Booking:
        async with sessions() as session:
            booking = await load_booking(session, booking_id)
        assert booking is not None
        return booking

    yield read
    await engine.dispose()


async def until(
    recorded: Recorded, booking_id: str, condition: Callable[[Booking], bool], seconds: float = 30
) -> Booking:
    """Wait until the record of a booking meets a condition."""
    try:
        async with asyncio.timeout(seconds):
            while not condition(booking := await recorded(booking_id)):
                await asyncio.sleep(0.05)
            return booking
    except TimeoutError:
        raise AssertionError(await recorded(booking_id)) from None


async def quiet(rows: Rows, booking: Booking, seconds: float = 30) -> list[dict[str, Any]]:
    """Wait until every event of a booking's payment is handled; returns them."""
    async with asyncio.timeout(seconds):
        while True:
            found = rows("SELECT * FROM webhook_events WHERE payment_id = %s", paid(booking))
            if found and all(row["status"] != "received" for row in found):
                return found
            await asyncio.sleep(0.1)


async def _signals(handle: WorkflowHandle[Any, Any]) -> list[str]:
    history = await handle.fetch_history()
    return [
        one.workflow_execution_signaled_event_attributes.signal_name
        for one in history.events
        if one.HasField("workflow_execution_signaled_event_attributes")
    ]


async def test_a_booking_in_peace_leaves_nothing_to_do(stack: Stack, rows: Rows) -> None:
    booking = await stack.book()
    events = await quiet(rows, booking)
    assert {row["status"] for row in events} <= {"done", "kept"}
    assert {row["type"] for row in events} >= {
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    }
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [row["to_state"] for row in facts.history][-1] == "CONFIRMED"


async def test_a_proof_is_told_of_and_not_only_asked_for(stack: Stack, rows: Rows) -> None:
    """The event comes before the workflow would ask again: it asks later and later."""
    request = await stack.request()
    request.patience = request.patience.model_copy(update={"authentication_deadline": 60})
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.payment.next_action is not None
    reads = 0
    async with asyncio.timeout(30):
        while reads < 3:  # it asks again after 1, 1.5, 2.25 and now 3.4 seconds
            await asyncio.sleep(0.05)
            log = await stack.sandbox.log(request.booking_id)
            reads = sum(row["operation"] == "retrieve" for row in log)
    before = len(await _signals(handle))
    proved = dt.datetime.now(dt.UTC)
    async with httpx.AsyncClient() as http:
        url = waiting.payment.next_action["redirect_to_url"]["url"]
        (await http.post(url, params={"outcome": "succeed"})).raise_for_status()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED
    assert len(await _signals(handle)) > before
    went_on = rows.one(
        "SELECT at FROM booking_history WHERE booking_id = %s AND from_state = 'PAYMENT_PENDING'",
        booking.id,
    )
    assert went_on["at"] - proved < dt.timedelta(seconds=3.3)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_payment_cancelled_elsewhere_ends_the_waiting(stack: Stack) -> None:
    request = await stack.request()
    request.patience = request.patience.model_copy(update={"authentication_deadline": 60})
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    answer = await stack.sandbox.http.post(
        f"/_sandbox/stripe/payment_intents/{paid(waiting)}/cancel"
    )
    answer.raise_for_status()
    booking = await asyncio.wait_for(handle.result(), 30)
    assert booking.state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refund_made_elsewhere_is_found_and_a_person_asked(
    stack: Stack, recorded: Recorded, rows: Rows, hooked: Served, operator_key: str
) -> None:
    booking = await stack.book()
    await quiet(rows, booking)
    await Gateway(stack).refund(paid(booking), 1_000)

    parked = await until(recorded, booking.id, lambda b: b.needs_attention)

    assert parked.state is BookingState.CONFIRMED, "the traveller still has the trip"
    assert (parked.payment.refunded, parked.owed) == (1_000, -1_000)
    handle = stack.client.get_workflow_handle(booking.id)
    assert (await handle.describe()).workflow_type == "SettlePayment"
    async with client(hooked.url, operator_key) as operator:
        [case] = [
            case
            for case in (await operator.get("/operator/cases?open=true")).json()["cases"]
            if case.get("bookingId") == booking.id
        ]
        assert case["kind"] == "SAGA"
        refused = await operator.post(
            f"/operator/cases/{case['id']}/resolve", json={"note": "done"}
        )
        assert refused.status_code == 409
        assert refused.json()["code"] == "DECIDE_AT_BOOKING"
        assert f"/booking/{booking.id}/resolve" in refused.json()["detail"]
        after = await stack.resolve(booking.id, "resolved")
        settled = (await operator.get(f"/operator/cases/{case['id']}")).json()
        assert settled["resolvedBy"] == "op"
    assert after.goodwill == 1_000
    await quiet(rows, booking)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # trips/saga/test_settling, once it is looked at
async def test_a_refund_that_comes_back_is_a_persons(
    stack: Stack, recorded: Recorded, rows: Rows
) -> None:
    booking = await stack.book()
    cancelled = await stack.cancel(booking.id)
    await quiet(rows, booking)
    await Gateway(stack).fail_refund(cancelled.payment.refunds[0].id)
    parked = await until(recorded, booking.id, lambda b: b.needs_attention)
    assert parked.owed == booking.payment.captured
    after = await stack.resolve(booking.id)
    assert (after.state, after.owed, after.cases) == (BookingState.CANCELLED, 0, [])
    await quiet(rows, booking)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # test_handling, and one comes in any order below
async def test_a_dispute_is_recorded_and_a_case(
    stack: Stack, recorded: Recorded, rows: Rows
) -> None:
    booking = await stack.book()
    gateway = Gateway(stack)
    dispute = await gateway.dispute(paid(booking))
    disputed = await until(recorded, booking.id, lambda b: bool(b.payment.disputes))
    assert disputed.state is BookingState.CONFIRMED, "the traveller still has the trip"
    [case] = rows.cases(f"dispute:{dispute}")
    assert (case["kind"], case["resolved_at"]) == ("DISPUTE", None)
    await gateway.close_dispute(dispute, "lost")
    await until(recorded, booking.id, lambda b: b.payment.disputes[0].status == "lost")
    [case] = rows.cases(f"dispute:{dispute}")
    assert case["resolution"] == "the dispute is lost"
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # trips/saga/test_settling, once it is looked at
async def test_a_payment_nobody_asked_for_is_given_back(stack: Stack, recorded: Recorded) -> None:
    booking = await stack.book(payment_method="pm_card_visa_chargeDeclinedStolenCard")
    assert booking.state is BookingState.FAILED
    await Gateway(stack).stray(booking.id, capture=True)
    await until(recorded, booking.id, lambda b: b.version > booking.version)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert all(row["captured"] == row["refunded"] for row in facts.payments)


async def test_events_in_any_order_and_number_lead_to_the_same(
    stack: Stack, recorded: Recorded, rows: Rows
) -> None:
    await stack.sandbox.http.post(
        "/_sandbox/stripe/webhooks", json={"duplicate": 5, "shuffle": True, "delay": 0.5, "seed": 7}
    )
    booking = await stack.book()
    cancelled = await stack.cancel(booking.id)
    dispute = await stack.book()
    await Gateway(stack).dispute(paid(dispute))
    await until(recorded, dispute.id, lambda b: bool(b.payment.disputes))
    events = await quiet(rows, booking)
    async with asyncio.timeout(30):
        while any(row["deliveries"] < 5 for row in events):
            await asyncio.sleep(0.1)
            events = await quiet(rows, booking)
    assert {row["deliveries"] for row in events} == {5}
    after = await recorded(booking.id)
    assert after == cancelled, "what our own calls led to was on record before its events came"
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # test_handling: a worker that dies loses nothing
async def test_a_killed_workers_events_are_anothers(
    stack: Stack, recorded: Recorded, rows: Rows
) -> None:
    booking = await stack.book()
    await quiet(rows, booking)
    await stack.sandbox.arm("stripe", "retrieve", "slow", rate=1, seconds=0.9, reference=booking.id)
    await Gateway(stack).dispute(paid(booking))
    async with asyncio.timeout(20):
        while not (taken := _taken(rows, booking)):
            await asyncio.sleep(0.02)
    for worker in stack.workers:
        worker.kill()
    stack.workers.clear()
    await stack.sandbox.clear()
    assert _taken(rows, booking) == taken, "they are still the dead worker's"
    # Its lease is not waited for here.
    rows("UPDATE webhook_events SET due_at = now() WHERE status = 'received'")
    stack.ensure_worker()
    await until(recorded, booking.id, lambda b: bool(b.payment.disputes))
    events = await quiet(rows, booking)
    assert max(row["attempts"] for row in events) >= 2


def _taken(rows: Rows, booking: Booking) -> list[Any]:
    """Events of a booking that somebody is handling."""
    return [
        row["id"]
        for row in rows(
            "SELECT id FROM webhook_events WHERE payment_id = %s AND status = 'received'"
            " AND attempts > 0 AND due_at > now() + %s ORDER BY id",
            paid(booking),
            dt.timedelta(seconds=30),
        )
    ]
