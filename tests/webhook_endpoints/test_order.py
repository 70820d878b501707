"""Every event arrives once at each endpoint, in its booking's order, whoever dies or fails."""

import asyncio
import datetime as dt

import pytest

from activities.outbox.loop import OutboxLoop
from activities.webhook_endpoints import loop
from activities.webhook_endpoints.loop import WebhookLoop
from models.core.guarded_http import Reply as Answered
from models.webhook_endpoints.claiming import AT_ONCE, LEASE, claim, record_attempt
from models.webhook_endpoints.fanning_out import fan_out
from models.webhook_endpoints.repository import load_endpoint, suspend
from models.webhook_endpoints.tables import EndpointStatus
from tests.webhook_endpoints.conftest import World
from tests.webhook_endpoints.receiver import OK, Receiver, Reply

EVERYTHING = [
    (1, "booking.created"),
    (4, "booking.status_changed"),
    (4, "booking.confirmed"),
]
HOUR = dt.timedelta(hours=1)


async def test_a_failing_booking_holds_up_no_other_and_arrives_in_order(
    world: World, receiver: Receiver
) -> None:
    """E6."""
    endpoint = await world.endpoint(receiver.url())
    broken = await world.booking()
    others = [await world.booking() for _ in range(5)]
    failing = True

    def answer(request: object) -> Reply:
        told = receiver.received[-1].event["subject"]
        return Reply(500) if failing and told == broken.id else OK

    receiver.answer = answer
    await world.deliver()
    for other in others:
        assert receiver.of(other.id) == EVERYTHING
    assert receiver.of(broken.id) == EVERYTHING[:1]
    broken = await world.update(broken)
    await world.deliver()
    await world.pass_time(dt.timedelta(seconds=6))
    assert await world.send() == 1, "the first one again, and none behind it"
    assert receiver.of(broken.id) == EVERYTHING[:1] * 2

    failing = False
    await world.pass_time(HOUR)
    await world.send()
    assert receiver.of(broken.id) == EVERYTHING[:1] * 2 + [*EVERYTHING, (5, "booking.updated")]
    assert set(await world.states(endpoint)) == {"DELIVERED"}


async def test_only_a_callers_own_events_of_the_types_it_wants(
    world: World, receiver: Receiver
) -> None:
    other = await world.add_caller()
    await world.endpoint(receiver.url(), "booking.confirmed", "booking.cancelled")
    await world.endpoint(receiver.url() + "/other", caller=other)
    mine, theirs = await world.booking(), await world.booking(other)
    await world.deliver()
    assert receiver.of(mine.id) == EVERYTHING[2:]
    assert receiver.of(theirs.id) == EVERYTHING
    assert {one.path for one in receiver.received if one.told[0] == theirs.id} == {"/hooks/other"}


async def test_an_operators_endpoint_is_told_of_its_own_bookings_only(
    world: World, receiver: Receiver
) -> None:
    await world.run("UPDATE callers SET role = 'operator' WHERE id = :id", id=world.caller)
    await world.endpoint(receiver.url())
    await world.booking(await world.add_caller())
    await world.deliver()
    assert receiver.received == []


async def test_fan_out_is_done_or_not_done(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.feed()
    async with world.books.sessions() as dying:
        assert await fan_out(dying) == (3, 3)
        assert await asyncio.wait_for(world.webhooks.fan_out(), 2) == (0, 0), "one at a time"
        await dying.rollback()
    assert await world.states(endpoint) == []
    assert await world.webhooks.fan_out() == (3, 3)
    assert await world.webhooks.fan_out() == (0, 0)
    assert await world.states(endpoint) == ["PENDING"] * 3


async def test_what_follows_one_that_ends_meanwhile_is_due_at_once(
    world: World, receiver: Receiver
) -> None:
    """And not when the lease of the one in front would have run out."""
    await world.endpoint(receiver.url(), "booking.confirmed", "booking.updated")
    booking = await world.booking()
    await world.fan_out()
    [front] = await world.webhooks.claim(1)
    await world.update(booking)
    await world.feed()
    async with world.books.sessions() as ending:
        await record_attempt(ending, front, Answered(204, None, b"", {}, 1))
        fanning = asyncio.create_task(world.webhooks.fan_out())
        await asyncio.wait([fanning], timeout=0.5)  # it waits for the other
        await ending.commit()
    assert await fanning == (1, 1)
    assert await world.send() == 1
    assert [kind for _, kind in receiver.of(booking.id)] == ["booking.updated"]


async def test_many_workers_fan_out_each_event_once(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    for _ in range(4):
        await world.booking()
    await world.feed()

    async def step() -> int:
        async with world.books.sessions.begin() as session:
            return (await fan_out(session, batch=2))[1]

    made = 0
    while round_ := sum(await asyncio.gather(*(step() for _ in range(4)))):
        made += round_
    assert made == 12
    assert len(await world.states(endpoint)) == 12


async def test_what_a_dead_worker_had_is_sent_by_another(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url())
    booking = await world.booking()
    await world.fan_out()
    dead, heir = world.worker(), world.worker()
    [claimed] = await dead.claim(32)  # and dies before it sends, or before it notes anything
    assert await world.send(heir) == 0
    await world.pass_time(LEASE)
    await world.send(heir)
    assert receiver.of(booking.id) == EVERYTHING

    late = Answered(500, None, b"", {}, 1)  # it was only paused
    async with world.books.sessions.begin() as session:
        await record_attempt(session, claimed, late)
    [(state, status, attempts)] = await world.rows(
        "SELECT state, last_status, attempts FROM webhook_deliveries WHERE position = :p",
        p=claimed.position,
    )
    assert (state, status, attempts) == ("DELIVERED", 204, 2)


async def test_a_late_outcome_changes_nothing_of_what_another_worker_does(
    world: World, receiver: Receiver
) -> None:
    await world.endpoint(receiver.url(), "booking.confirmed")
    await world.booking()
    await world.fan_out()
    [late] = await world.worker().claim(32)
    await world.pass_time(LEASE)
    [claimed] = await world.webhooks.claim(32)
    query = "SELECT attempts, next_at, leased_until, last_status, state FROM webhook_deliveries"
    before = await world.rows(query)
    for status in (500, 204):
        async with world.books.sessions.begin() as session:
            await record_attempt(session, late, Answered(status, None, b"", {}, 1))
        assert await world.rows(query) == before
    await world.webhooks.deliver(claimed)
    assert [(row[0], row[4]) for row in await world.rows(query)] == [(2, "DELIVERED")]


async def test_one_that_was_sent_and_not_noted_comes_again_with_the_same_id(
    world: World, receiver: Receiver
) -> None:
    await world.endpoint(receiver.url(), "booking.confirmed")
    booking = await world.booking()
    await world.fan_out()
    [claimed] = await world.webhooks.claim(32)
    noted = asyncio.Event()

    def answer(_: object) -> Reply:
        noted.set()
        return Reply(seconds=0.2)

    receiver.answer = answer
    sending = asyncio.create_task(world.webhooks.deliver(claimed))
    await noted.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await world.pass_time(LEASE)
    await world.send(world.worker())
    assert receiver.of(booking.id) == EVERYTHING[2:] * 2
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.event["id"]


async def test_two_workers_send_each_once_in_order_and_few_at_once(
    world: World, receiver: Receiver
) -> None:
    await world.endpoint(receiver.url())
    bookings = [await world.booking() for _ in range(8)]
    await world.fan_out()
    receiver.answer = lambda _: Reply(seconds=0.02)
    busy = [world.worker() for _ in range(2)]
    while await world.send(*busy):
        pass
    assert 1 < receiver.most_at_once <= AT_ONCE
    assert len(receiver.received) == 24
    for booking in bookings:
        assert receiver.of(booking.id) == EVERYTHING


async def test_claims_of_two_workers_count_together(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url())
    for _ in range(8):
        await world.booking()
    await world.fan_out()
    claims = await asyncio.gather(*(world.worker().claim(3) for _ in range(4)))
    claims += [await world.worker().claim(32)]
    taken = [(one.endpoint_id, one.position) for claimed in claims for one in claimed]
    assert len(taken) == len(set(taken)) == AT_ONCE


async def test_a_claim_waits_for_no_other(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url())
    await world.booking()
    await world.fan_out()
    async with world.books.sessions() as first:
        assert len(await claim(first, 32)) == 1
        assert list(await asyncio.wait_for(world.webhooks.claim(32), 2)) == []
        await first.rollback()


async def test_loops_of_two_workers_deliver_everything(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url())
    stop = asyncio.Event()
    loops = [WebhookLoop(world.worker()) for _ in range(2)]
    running = [asyncio.create_task(loop.run(stop, 5)) for loop in loops]
    running.append(asyncio.create_task(OutboxLoop(world.books.sessions, []).run(stop, 5)))
    bookings = [await world.booking() for _ in range(3)]
    async with asyncio.timeout(60):
        while len(receiver.received) < 9:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*running)
    for booking in bookings:
        assert receiver.of(booking.id) == EVERYTHING


async def test_a_loop_is_told_of_what_is_new(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for its next look, which here is tomorrow's."""
    monkeypatch.setattr(loop, "POLL_SECONDS", 86_400)
    await world.endpoint(receiver.url(), "booking.confirmed")
    stop, sends = asyncio.Event(), WebhookLoop(world.worker())
    outbox = OutboxLoop(world.books.sessions, [], placed=sends.nudge)
    running = [asyncio.create_task(one.run(stop, 5)) for one in (sends, outbox)]
    for told in (1, 2, 3):
        await world.booking()
        async with asyncio.timeout(20):
            while len(receiver.received) < told:
                await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*running)


async def test_what_is_fanned_out_while_an_endpoint_is_paused_is_dropped_with_the_rest(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.feed()

    async def pause() -> None:
        async with world.books.sessions.begin() as session:
            await load_endpoint(session, world.caller, endpoint.id, lock=True)
            await suspend(session, endpoint.id, EndpointStatus.PAUSED, "a test wants it")

    async with world.books.sessions() as fanning:
        assert await fan_out(fanning) == (3, 3)
        pausing = asyncio.create_task(pause())
        await asyncio.wait([pausing], timeout=0.3)  # it waits for the other
        await fanning.commit()
    await pausing
    assert await world.states(endpoint) == ["DROPPED"] * 3
