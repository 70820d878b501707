"""What else may happen while a booking is followed: requests to cancel, workers that die."""

import asyncio
import time

from activities.suppliers.following.beginning import begin_following
from models.bookings.lifecycle import BookingState
from temporal import patience
from tests.suppliers.following.world import World


async def test_a_request_to_cancel_waits_and_is_carried_out(world: World) -> None:
    booking, item = await world.awaited()
    await world.act(f"viator/bookings/{item.reference}/reject")
    await world.stack.sandbox.arm(
        "viator", "find", "slow", rate=1, seconds=0.8, reference=item.reference
    )
    stack = world.stack
    assert await begin_following(
        stack.client, patience(stack.settings), booking, "a test", items=[item.number]
    )
    while not await stack.sandbox.fired():
        await asyncio.sleep(0.05)
    cancelled = await stack.cancel(booking.id)
    assert cancelled.state is BookingState.CANCELLED
    assert cancelled.item(item.number).status == "FAILED"  # what the supplier answered came first
    facts = await world.judged(booking)
    assert (
        facts.payment["refunded"] + sum(i["fee"] for i in facts.items)
        == (facts.payment["captured"])
    )


async def test_only_one_follows_a_booking(world: World) -> None:
    booking, item = await world.booked("viator", activities=1)
    await world.stack.sandbox.arm("viator", "find", "slow", rate=1, seconds=0.8)
    stack = world.stack
    attempts = [
        begin_following(
            stack.client, patience(stack.settings), booking, "a test", items=[item.number]
        )
        for _ in range(4)
    ]
    assert sorted(await asyncio.gather(*attempts)) == [False, False, False, True]
    await world.at_rest(booking)
    assert world.row(booking)["version"] == booking.version


async def test_a_worker_dies_over_the_refund_and_it_is_made_once(world: World) -> None:
    booking, item = await world.booked("viator", activities=1)
    await world.act(f"viator/bookings/{item.reference}/cancel")
    await world.stack.sandbox.arm("stripe", "refund", "commit_then_hang", seconds=20)
    stack = world.stack
    assert await begin_following(
        stack.client, patience(stack.settings), booking, "a test", items=[item.number]
    )
    end = time.monotonic() + 20
    while not await stack.sandbox.fired():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    for worker in stack.workers:
        worker.kill()
    await stack.sandbox.clear()
    stack.ensure_worker()
    await world.until(booking, item.number, "CANCELLED", seconds=60)
    facts = await world.judged(booking)
    assert facts.payment["refunded"] == item.price
    assert len(facts.refunds) == 1
    assert world.cases(booking) == ["SUPPLIER"]


async def test_an_operator_may_pay_by_hand(world: World) -> None:
    booking, item = await world.awaited()
    await world.act(f"viator/bookings/{item.reference}/reject")
    await world.stack.sandbox.arm("stripe", "refund", "refuse", rate=1)
    await world.round()
    await world.until_case(booking)
    decided = await world.stack.resolve(booking.id, "resolved", paid_by_hand=True)
    assert not decided.needs_attention
    await world.stack.sandbox.clear()
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.booking["paid_by_hand"] == item.price
    assert facts.payment["refunded"] == 0


async def test_without_an_answer_the_next_round_looks_again(world: World) -> None:
    """The look of the workflow itself has no answer: it is not lost."""
    booking, item = await world.booked("viator", activities=1)
    await world.act(f"viator/bookings/{item.reference}/cancel")
    await world.stack.sandbox.arm("viator", "find", "error", rate=1, reference=item.reference)
    assert (await world.follow(booking, item.number)).version == booking.version
    [look] = world.look(booking, item.number)
    assert look["reason"] == "asked"
    await world.stack.sandbox.clear()
    await world.stack.sandbox.arm("viator", "changes", "error", rate=1)
    await world.round()
    await world.until(booking, item.number, "CANCELLED")
    await world.judged(booking)
    world.make_due(booking, item.number)
    await world.round()
    assert world.look(booking, item.number) == []
