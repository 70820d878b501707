"""Handling events, on real PostgreSQL, Temporal and gateway, one step at a time."""

import asyncio

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.inbox.inbox import LEASE
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.webhooks.desk import Desk, handle_next, paid

DAY = 86_400


async def _running(desk: Desk, booking: Booking) -> str | None:
    """The type of the workflow that runs for a booking."""
    try:
        found = await desk.stack.client.get_workflow_handle(booking.id).describe()
    except RPCError:
        return None
    return found.workflow_type if found.status and found.status.name == "RUNNING" else None


async def _occupied(desk: Desk, booking: Booking) -> WorkflowHandle[object, object]:
    """Have a workflow run for the booking; nobody works on its queue."""
    return await desk.stack.client.start_workflow(
        "CancelBooking", id=booking.id, task_queue=desk.stack.settings.task_queue
    )


# -- what an event leads to ----------------------------------------------------------------


async def test_nothing_due_is_nothing_to_do(desk: Desk) -> None:
    assert await handle_next(desk.inbox()) is False


async def test_where_record_and_gateway_agree_nothing_is_done(desk: Desk) -> None:
    booking = await desk.booking()
    event = await desk.event(booking)

    assert await handle_next(desk.inbox()) is True

    row = desk.row(event)
    assert (row["status"], row["outcome"]) == ("done", "the record and the gateway agree")
    assert row["handled_at"] is not None
    assert row["attempts"] == 1
    assert await _running(desk, booking) is None


async def test_what_differs_is_settled_by_a_workflow(desk: Desk) -> None:
    booking = await desk.booking()
    await desk.elsewhere.refund(paid(booking), 700)
    event = await desk.event(booking)

    await handle_next(desk.inbox())

    row = desk.row(event)
    assert row["status"] == "done"
    assert row["outcome"].startswith("settling: ")
    assert "refunded is 700 at the gateway and 0 on record" in row["outcome"]
    assert await _running(desk, booking) == "SettlePayment"


async def test_it_waits_for_the_workflow_that_runs(desk: Desk) -> None:
    booking = await desk.booking()
    await desk.elsewhere.refund(paid(booking), 700)
    handle = await _occupied(desk, booking)
    event = await desk.event(booking)

    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "received"
    assert row["outcome"] == "a workflow of the booking runs: it owns the money"
    assert row["attempts"] == 0
    assert 0.5 < row["due_in"] <= 1

    await handle.terminate()
    desk.make_due(event)
    await handle_next(desk.inbox())
    assert desk.row(event)["status"] == "done"
    assert await _running(desk, booking) == "SettlePayment"


@pytest.mark.parametrize(("age", "pause"), [(0, 1), (40, 40), (3_600, 300), (2 * DAY, 300)])
async def test_a_booking_in_the_making_is_left_alone(desk: Desk, age: float, pause: float) -> None:
    """For as long as it takes: that it waits is no failure."""
    booking = await desk.booking(BookingState.PROCESSING)
    event = await desk.event(booking, age=age)

    await handle_next(desk.inbox())

    row = desk.row(event)
    assert row["status"] == "received"
    assert row["outcome"] == "the booking is PROCESSING: its workflow owns the money"
    assert pause - 1 < row["due_in"] <= pause + 2
    assert await desk.looks(booking) == 0


async def test_a_booking_that_is_held_is_left_to_whoever_decides(desk: Desk) -> None:
    """No workflow runs for it, and none is started: approving and giving up ask the gateway."""
    event = await desk.event(await desk.booking(BookingState.HELD))

    await handle_next(desk.inbox())

    row = desk.row(event)
    assert row["status"] == "done"
    assert row["outcome"] == "whoever decides about the booking asks the gateway"


async def test_a_booking_that_waits_for_its_payment_is_told(desk: Desk) -> None:
    booking = await desk.booking(BookingState.PAYMENT_PENDING)
    handle = await _occupied(desk, booking)
    event = await desk.event(booking)

    await handle_next(desk.inbox())

    row = desk.row(event)
    assert row["status"] == "done"
    assert row["outcome"] == "the booking, which waited for its payment, was told"
    history = await handle.fetch_history()
    signals = [
        one.workflow_execution_signaled_event_attributes
        for one in history.events
        if one.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert [signal.signal_name for signal in signals] == ["payment_changed"]


async def test_a_booking_whose_workflow_is_gone_is_not_forgotten(desk: Desk) -> None:
    event = await desk.event(await desk.booking(BookingState.PAYMENT_PENDING))
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "received"
    assert row["outcome"] == "the booking is PAYMENT_PENDING, but no workflow of it runs"


async def test_an_event_about_nobody_is_kept_in_the_end(desk: Desk) -> None:
    event = await desk.event()
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "received"
    assert row["outcome"] == "no booking is known for it yet"

    old = await desk.event(age=301)
    await handle_next(desk.inbox())
    row = desk.row(old)
    assert (row["status"], row["outcome"]) == ("kept", "no booking is known for it")


async def test_the_payment_on_record_counts_not_what_the_event_says(desk: Desk) -> None:
    mine, other = await desk.booking(), await desk.booking()
    await desk.elsewhere.refund(paid(mine), 100)
    await desk.event(other, payment=paid(mine))
    await handle_next(desk.inbox())
    assert await _running(desk, mine) == "SettlePayment"
    assert await _running(desk, other) is None


async def test_a_payment_that_is_not_on_record_is_settled_too(desk: Desk) -> None:
    booking = await desk.booking()
    stray = await desk.elsewhere.stray(booking.id, capture=True)
    event = await desk.event(booking, payment=stray)
    await handle_next(desk.inbox())
    assert desk.row(event)["outcome"] == f"settling: {stray} is not the payment on record"
    assert await _running(desk, booking) == "SettlePayment"


async def test_it_is_over_when_that_payment_is_gone_and_not_before(desk: Desk) -> None:
    """What was begun may end in a case about other money: then it is begun again."""
    booking = await desk.booking()
    stray = await desk.elsewhere.stray(booking.id, capture=True)
    event = await desk.event(booking, payment=stray)
    await handle_next(desk.inbox())
    assert desk.row(event)["status"] == "received"
    await desk.stack.client.get_workflow_handle(booking.id).terminate()
    desk.make_due(event)
    await handle_next(desk.inbox())
    assert await _running(desk, booking) == "SettlePayment"
    await desk.elsewhere.refund(stray)
    desk.make_due(event)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert (row["status"], row["outcome"]) == ("done", "the record and the gateway agree")


async def test_the_payment_on_record_is_settled_before_another_one(desk: Desk) -> None:
    booking = await desk.booking()
    stray = await desk.elsewhere.stray(booking.id, capture=True)
    await desk.elsewhere.refund(paid(booking), 100)
    event = await desk.event(booking, payment=stray)
    await handle_next(desk.inbox())
    assert desk.row(event)["outcome"] == "the payment on record is settled first"
    assert await _running(desk, booking) == "SettlePayment"


async def test_a_record_that_does_not_add_up_gives_nothing_back(desk: Desk) -> None:
    """It may be an old one, restored: then the payment nobody knows is the right one."""
    booking = await desk.booking()
    stray = await desk.elsewhere.stray(booking.id, capture=True)
    desk.rows(
        "UPDATE bookings SET paid_by_hand = 100, version = version + 1 WHERE id = %s", booking.id
    )
    event = await desk.event(booking, payment=stray)
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "kept"
    assert row["outcome"] == f"{stray} is not on record, which is not sound"
    assert await _running(desk, booking) is None


async def test_a_gateway_that_is_not_in_use_needs_a_person(desk: Desk) -> None:
    event = await desk.event(gateway="payment_service")
    await handle_next(desk.inbox())
    row = desk.row(event)
    assert row["status"] == "dead"
    [case] = desk.rows.cases(f"webhook:{row['id']}")
    assert (case["kind"], case["resolved_at"]) == ("WEBHOOK", None)


# -- disputes ------------------------------------------------------------------------------


async def test_a_dispute_is_a_case_until_it_is_over(desk: Desk) -> None:
    booking = await desk.booking()
    dispute = await desk.elsewhere.dispute(paid(booking))
    source = f"dispute:{dispute}"
    for _ in range(2):
        await desk.event(booking)
        await desk.empty()
    [case] = desk.rows.cases(source)
    assert (case["kind"], str(case["booking_id"])) == ("DISPUTE", booking.id)
    assert booking.reference in case["summary"]
    assert case["details"]["amount"] == booking.accepted_total
    assert case["resolved_at"] is None
    assert await _running(desk, booking) == "SettlePayment"

    await desk.elsewhere.close_dispute(dispute, "won")
    desk.rows("UPDATE webhook_events SET due_at = now()")
    await desk.event(booking)
    await desk.empty()
    [case] = desk.rows.cases(source)
    assert (case["resolved_by"], case["resolution"]) == ("gateway", "the dispute is won")


async def test_a_disputes_case_that_a_person_closed_stays_closed(desk: Desk) -> None:
    booking = await desk.booking()
    dispute = await desk.elsewhere.dispute(paid(booking))
    source = f"dispute:{dispute}"
    await desk.event(booking)
    await desk.empty()
    desk.rows("UPDATE cases SET resolved_at = now(), resolved_by = 'me' WHERE source = %s", source)
    await desk.event(booking)
    await desk.empty()
    assert len(desk.rows.cases(source)) == 1


# -- several at once -----------------------------------------------------------------------


async def test_one_look_answers_all_events_of_a_payment(desk: Desk) -> None:
    booking = await desk.booking()
    events = [await desk.event(booking) for _ in range(5)]
    unknown = await desk.event()
    assert await desk.looks(booking) == 0

    await desk.empty()

    assert {desk.row(event)["status"] for event in events} == {"done"}
    assert await desk.looks(booking) == 1
    assert desk.row(unknown)["status"] == "received"


async def test_an_event_that_comes_during_the_look_needs_its_own(desk: Desk) -> None:
    booking = await desk.booking()
    await desk.stack.sandbox.arm(
        "stripe", "retrieve", "slow", nth=1, seconds=0.8, reference=booking.id
    )
    first = await desk.event(booking)
    looking = asyncio.create_task(handle_next(desk.inbox()))
    async with asyncio.timeout(10):
        while desk.row(first)["attempts"] == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    second = await desk.event(booking)
    await looking
    assert desk.row(first)["status"] == "done"
    assert desk.row(second)["status"] == "received"

    await handle_next(desk.inbox())
    assert desk.row(second)["status"] == "done"


async def test_two_workers_never_handle_one_event(desk: Desk) -> None:
    events = [await desk.event(age=400) for _ in range(40)]

    async def work() -> int:
        inbox = desk.inbox()
        handled = 0
        while await handle_next(inbox):
            handled += 1
        return handled

    shares = await asyncio.gather(*(work() for _ in range(4)))

    assert sum(shares) == 40
    assert {desk.row(event)["attempts"] for event in events} == {1}
    assert {desk.row(event)["status"] for event in events} == {"kept"}


async def test_a_worker_that_dies_loses_nothing(desk: Desk) -> None:
    booking = await desk.booking()
    event = await desk.event(booking)
    [claimed] = await desk.inbox().claim()  # and dies

    assert await handle_next(desk.inbox()) is False
    row = desk.row(event)
    assert (row["status"], row["attempts"]) == ("received", 1)
    assert LEASE.total_seconds() - 5 < row["due_in"] <= LEASE.total_seconds()

    desk.make_due(event)
    assert await handle_next(desk.inbox()) is True
    assert (desk.row(event)["status"], desk.row(event)["attempts"]) == ("done", 2)

    # The first was not dead but slow: what it has to say comes too late to change anything.
    desk.rows("UPDATE webhook_events SET outcome = 'as it was' WHERE event_id = %s", event)
    await desk.inbox().handle([claimed])
    assert desk.row(event)["outcome"] == "as it was"
