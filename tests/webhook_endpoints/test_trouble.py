"""What becomes of a delivery that fails, and of its endpoint."""

import datetime as dt
from email.utils import format_datetime

import pytest

from api.webhook_endpoints.schemas import EndpointAnswer
from models.webhook_endpoints import repository
from models.webhook_endpoints.claiming import KEYLESS
from models.webhook_endpoints.deliveries import delivery_figures, retry_delivery
from models.webhook_endpoints.fanning_out import lock_cursor, recover
from models.webhook_endpoints.repository import (
    delete_endpoint,
    load_endpoint,
    set_active,
    suspend,
)
from models.webhook_endpoints.schedule import SCHEDULE, SPREAD
from models.webhook_endpoints.tables import EndpointRow, EndpointStatus
from tests.webhook_endpoints.conftest import World
from tests.webhook_endpoints.receiver import OK, Receiver, Reply

SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)
CONFIRMED = "booking.confirmed"


def status(number: int, **headers: str) -> Reply:
    return Reply(number, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def waits(world: World) -> dt.timedelta:
    """How long until the next attempt of the one delivery that is pending first."""
    [(found,)] = await world.rows(
        "SELECT next_at - clock_timestamp() FROM webhook_deliveries WHERE state = 'PENDING'"
        " ORDER BY position LIMIT 1"
    )
    assert isinstance(found, dt.timedelta)
    return found


async def recovered(
    world: World, endpoint: EndpointRow, *, batch: int = 5000, delivered: bool = False
) -> int:
    """Have it active, and what it missed delivered; returns how many deliveries that makes."""
    made = 0
    async with world.books.sessions.begin() as session:
        await set_active(session, world.caller, endpoint.id)
    more, after = True, (await world.standing(endpoint))[2] or 0
    while more:
        async with world.books.sessions.begin() as session:
            last = await lock_cursor(session)
            row = await load_endpoint(session, world.caller, endpoint.id, lock=True)
            step = await recover(session, row, last, after=after, batch=batch, delivered=delivered)
        made, more, after = made + step.deliveries, step.more, step.through
    return made


async def test_the_schedule(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    receiver.answer = lambda _: Reply(500, b"\0no" + b"!" * 5000)
    booking = await world.booking()
    await world.fan_out()
    for number, pause in enumerate(SCHEDULE[1:], 1):
        assert await world.send() == 1, number
        assert len(receiver.received) == number
        assert await world.send() == 0
        waiting = await waits(world)
        slack = 10 * SECOND  # of this machine
        assert pause * (1 - SPREAD) - slack <= waiting <= pause * (1 + SPREAD)
        await world.pass_time(waiting + slack)
        receiver.answer = lambda _: Reply(503)
    receiver.answer = lambda request: Reply(500 if request.told[2] == "booking.created" else 204)
    await world.send()
    assert await world.states(endpoint) == ["FAILED", "DELIVERED", "DELIVERED"]
    assert [kind for _, kind in receiver.of(booking.id)][-2:] == [
        "booking.status_changed",
        CONFIRMED,
    ]
    log = await world.rows("SELECT attempt, status, answer FROM webhook_attempts ORDER BY id")
    assert log[0] == (1, 500, "no" + "!" * 2045)
    assert [(number, code) for number, code, _ in log[1:11]] == [
        *((number, 503) for number in range(2, 10)),
        (10, 500),
        (1, 204),
    ]


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        (status(429, Retry_After="3600"), 3590, 3600),
        (status(503, Retry_After="7200"), 7190, 7200),
        (status(503, Retry_After="9999999"), 86_390, 86_400),
        (status(429, Retry_After="1"), 3, 6),
        (status(429, Retry_After="soon"), 3, 6),
        (status(503, Retry_After="-5"), 3, 6),
        (status(500, Retry_After="3600"), 3, 6),
        (status(429), 3, 6),
    ],
)
async def test_what_a_receiver_asks_for(
    world: World, receiver: Receiver, answer: Reply, least: float, most: float
) -> None:
    await world.endpoint(receiver.url(), CONFIRMED)
    receiver.answer = lambda _: answer
    await world.booking()
    await world.deliver()
    assert least * SECOND - SECOND <= await waits(world) <= most * SECOND


async def test_a_receiver_may_name_the_moment(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url(), CONFIRMED)
    until = format_datetime(dt.datetime.now(dt.UTC) + DAY / 2, usegmt=True)
    receiver.answer = lambda _: status(503, Retry_After=until)
    await world.booking()
    await world.deliver()
    assert DAY / 2 - 30 * SECOND <= await waits(world) <= DAY / 2


async def test_what_is_sent_again_by_hand_takes_those_behind_it_along(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    receiver.answer = lambda _: status(503, Retry_After="3600")
    await world.booking()
    await world.deliver()
    receiver.answer = lambda _: OK
    assert await world.send() == 0
    [(position,)] = await world.rows("SELECT min(position) FROM webhook_deliveries")
    async with world.books.sessions.begin() as session:
        await retry_delivery(session, endpoint.id, position)
    assert await world.send() == 3
    assert await world.states(endpoint) == ["DELIVERED"] * 3


async def test_redirects_are_not_followed(world: World, receiver: Receiver) -> None:
    await world.endpoint(receiver.url(), CONFIRMED)
    elsewhere = receiver.url() + "/elsewhere"
    receiver.answer = lambda _: status(307, Location=elsewhere)
    await world.booking()
    await world.deliver()
    assert [one.path for one in receiver.received] == ["/hooks"]
    assert await world.rows("SELECT status, location, error FROM webhook_attempts") == [
        (307, elsewhere, "the receiver answers 307")
    ]


async def test_one_that_does_not_answer_in_time(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url(), CONFIRMED)
    receiver.answer = lambda _: Reply(seconds=5)
    await world.booking()
    await world.fan_out()
    await world.send(world.worker(timeout=0.2))
    assert await world.rows("SELECT status, error FROM webhook_attempts") == [
        (None, "no answer within 0.2 s")
    ]
    assert await world.states(endpoint) == ["PENDING"]


async def test_nobody_listens(world: World) -> None:
    await world.endpoint("http://127.0.0.1:1/", CONFIRMED)
    await world.booking()
    await world.deliver()
    [(code, error)] = await world.rows("SELECT status, error FROM webhook_attempts")
    assert code is None
    assert error.startswith("ConnectError")


async def test_one_that_is_gone_is_disabled_and_misses_nothing(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    receiver.answer = lambda _: Reply(410)
    first, second = await world.booking(), await world.booking()
    await world.deliver()
    standing, reason, missing = await world.standing(endpoint)
    assert (standing, reason) == ("DISABLED", "the receiver answers 410: it is gone")
    assert await world.states(endpoint) == ["DROPPED"] * 6
    third = await world.booking()
    await world.deliver()
    assert len(await world.states(endpoint)) == 6, "of the third it is not told"
    asked = len(receiver.received)

    receiver.answer = lambda _: OK
    assert missing is not None
    assert await recovered(world, endpoint, batch=2) == 9
    await world.send()
    told = {one.told for one in receiver.received[asked:]}
    assert {booking for booking, *_ in told} == {first.id, second.id, third.id}
    assert len(told) == len(receiver.received) - asked == 9
    assert await world.standing(endpoint) == ("ACTIVE", None, None)
    assert await recovered(world, endpoint) == 0, "nothing is delivered twice"
    assert await recovered(world, endpoint, delivered=True) == 9, "unless it is asked for"


async def test_one_that_fails_for_days_is_disabled_with_a_case(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    receiver.answer = lambda _: Reply(500)
    booking = await world.booking()
    await world.deliver()
    await world.run(
        "UPDATE webhook_deliveries SET attempts = 9 WHERE position = ("
        "SELECT min(position) FROM webhook_deliveries)"
    )
    days = 0.0
    while (await world.standing(endpoint))[0] == "ACTIVE":
        booking = await world.update(booking)
        await world.pass_time(DAY / 2)
        days += 0.5
        assert days < 7
        await world.deliver()
    assert days >= 5
    assert (await world.standing(endpoint))[:2] == (
        "DISABLED",
        "every attempt has failed for 5 days",
    )
    assert "PENDING" not in await world.states(endpoint)
    missing = (await world.standing(endpoint))[2]
    assert await world.rows(
        "SELECT state FROM webhook_deliveries WHERE position = :p", p=(missing or 0) + 1
    ) == [("FAILED",)], "the first that failed for good is the first that is missing"
    source = f"webhook_endpoint:{endpoint.id}"
    cases = "SELECT kind, source, resolved_by FROM cases"
    assert await world.rows(cases) == [("EVENT", source, None)]
    async with world.books.sessions.begin() as session:
        await set_active(session, world.caller, endpoint.id)
    assert await world.rows(cases) == [("EVENT", source, "webhooks")]


@pytest.mark.parametrize("arrives", [False, True])
async def test_its_caller_reads_that_it_is_disabled_since_when_and_why(
    world: World, receiver: Receiver, arrives: bool
) -> None:
    """That is the notice (decision 102). What was under way, and arrives, changes none of it."""
    endpoint = await world.endpoint(receiver.url(), CONFIRMED)
    receiver.answer = lambda _: Reply(410)
    await world.booking()
    await world.booking()
    await world.fan_out()
    gone, under_way = await world.webhooks.claim(2)
    await world.webhooks.deliver(gone)
    if arrives:
        receiver.answer = lambda _: OK
        await world.webhooks.deliver(under_way)
    async with world.books.sessions() as session:
        told = EndpointAnswer.of(await load_endpoint(session, world.caller, endpoint.id))
    [(failed,)] = await world.rows("SELECT min(at) FROM webhook_attempts")
    assert told.status is EndpointStatus.DISABLED
    assert told.disabled_reason == "the receiver answers 410: it is gone"
    assert told.disabled_at is not None
    assert abs(told.disabled_at - failed) < 10 * SECOND
    assert told.failing_since is not None
    assert told.missing_after is not None
    async with world.books.sessions.begin() as session:
        await set_active(session, world.caller, endpoint.id)
    async with world.books.sessions() as session:
        told = EndpointAnswer.of(await load_endpoint(session, world.caller, endpoint.id))
    assert (told.disabled_reason, told.disabled_at, told.failing_since) == (None, None, None)


async def test_two_failures_with_nothing_between_disable_nothing(
    world: World, receiver: Receiver
) -> None:
    """Nobody knows that it was away all the time."""
    endpoint = await world.endpoint(receiver.url())
    receiver.answer = lambda _: Reply(500)
    booking = await world.booking()
    await world.deliver()
    await world.pass_time(6 * DAY)
    await world.update(booking)
    await world.deliver()
    assert (await world.standing(endpoint))[0] == "ACTIVE"


async def test_a_success_begins_the_count_anew(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    booking = await world.booking()
    for day in range(12):
        receiver.answer = lambda _, fine=day % 4 == 3: OK if fine else Reply(500)  # type: ignore[misc]
        booking = await world.update(booking)
        await world.pass_time(2 * DAY)
        await world.deliver()
    assert (await world.standing(endpoint))[0] == "ACTIVE"


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_caller_without_a_key_is_told_nothing_more(
    world: World, receiver: Receiver, column: str
) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.fan_out()
    await world.run(f"UPDATE caller_keys SET {column} = now() WHERE key_hash = :k", k=world.caller)
    assert await world.send() == 0, "at once"
    await world.webhooks.look_after()
    standing, reason, _ = await world.standing(endpoint)
    assert (standing, reason) == ("PAUSED", KEYLESS)
    assert await world.rows(
        "SELECT DISTINCT state, last_error FROM webhook_deliveries WHERE endpoint_id = :id",
        id=endpoint.id,
    ) == [("DROPPED", KEYLESS)]
    await world.booking()
    assert await world.fan_out() == 0
    assert receiver.received == []

    await world.run(f"UPDATE caller_keys SET {column} = NULL WHERE key_hash = :k", k=world.caller)
    assert await recovered(world, endpoint) == 6
    await world.webhooks.look_after()
    await world.send()
    assert len(receiver.received) == 6


async def test_another_valid_key_is_enough(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.run(
        "INSERT INTO caller_keys (key_hash, caller_id, name, prefix, revoked_at)"
        " VALUES (:hash, :id, 'old', 'ts_', now())",
        hash=f"{world.caller} old",
        id=world.caller,
    )
    await world.webhooks.look_after()
    await world.booking()
    await world.deliver()
    assert await world.states(endpoint) == ["DELIVERED"] * 3


async def test_what_arrives_while_it_is_paused_counts_as_delivered(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.fan_out()
    [claimed] = await world.webhooks.claim(32)
    async with world.books.sessions.begin() as session:
        await load_endpoint(session, world.caller, endpoint.id, lock=True)
        await suspend(session, endpoint.id, EndpointStatus.PAUSED, "a test wants it")
    await world.webhooks.deliver(claimed)
    assert await world.states(endpoint) == ["DELIVERED", "DROPPED", "DROPPED"]


async def test_a_deleted_endpoint_is_sent_nothing(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.fan_out()
    [claimed] = await world.webhooks.claim(1)
    async with world.books.sessions.begin() as session:
        await delete_endpoint(session, world.caller, endpoint.id)
    receiver.answer = lambda _: Reply(500)
    await world.webhooks.deliver(claimed)  # it was under way
    assert await world.send() == 0
    assert await world.states(endpoint) == ["DROPPED"] * 3


async def test_an_event_that_cannot_be_sent_holds_up_nothing(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    booking = await world.booking()
    await world.run(
        "UPDATE outbox_events SET data = data || jsonb_build_object('changed',"
        " jsonb_build_array(repeat('x', 20480))) WHERE booking_id = :id AND ordinal = 0"
        " AND booking_version = 4",
        id=booking.id,
    )
    await world.deliver()
    assert receiver.of(booking.id) == [(1, "booking.created"), (4, CONFIRMED)]
    assert await world.states(endpoint) == ["DELIVERED", "FAILED", "DELIVERED"]
    [(kind, about)] = await world.rows("SELECT kind, booking_id::text FROM cases")
    assert (kind, about) == ("EVENT", booking.id)


async def test_an_event_that_is_not_kept_any_more(world: World, receiver: Receiver) -> None:
    endpoint = await world.endpoint(receiver.url(), CONFIRMED)
    booking = await world.booking()
    await world.fan_out()
    await world.run("DELETE FROM event_feed WHERE booking_id = :id", id=booking.id)
    await world.send()
    assert receiver.received == []
    assert await world.rows("SELECT state, last_error FROM webhook_deliveries") == [
        ("DROPPED", "the event is not kept any more")
    ]
    assert await world.states(endpoint) == ["DROPPED"]


async def test_old_deliveries_are_forgotten_and_pending_ones_are_not(
    world: World, receiver: Receiver
) -> None:
    endpoint = await world.endpoint(receiver.url())
    await world.booking()
    await world.deliver()
    receiver.answer = lambda _: Reply(500)
    await world.booking()
    await world.deliver()
    await world.pass_time(29 * DAY)
    await world.webhooks.forget()
    assert len(await world.states(endpoint)) == 6
    await world.pass_time(2 * DAY)
    await world.webhooks.forget()
    assert await world.states(endpoint) == ["PENDING"] * 3
    assert await world.rows("SELECT 1 FROM webhook_attempts") == []


async def test_how_far_behind_we_are(world: World, receiver: Receiver) -> None:
    async def figures() -> tuple[int, int]:
        found = await world.books.read(delivery_figures)
        return round(found.oldest_seconds / 60), round(found.overdue_seconds / 60)

    assert await figures() == (0, 0)
    await world.endpoint(receiver.url())
    booking = await world.booking()
    await world.fan_out()
    await world.pass_time(dt.timedelta(minutes=10))
    assert await figures() == (10, 10)
    receiver.answer = lambda _: status(503, Retry_After="3600")
    await world.send()
    await world.update(booking)
    await world.fan_out()
    await world.pass_time(dt.timedelta(minutes=50))
    assert await figures() == (60, 0), "nobody may be asked before"
    await world.pass_time(dt.timedelta(minutes=15))
    assert await figures() == (75, 5)


async def test_more_than_is_given_up_at_once_is_given_up_by_workers(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "DROPPED_AT_ONCE", 2)
    paused, active, deleted = [
        await world.endpoint(f"{receiver.url()}/{name}") for name in ("paused", "on", "deleted")
    ]
    await world.booking()
    await world.booking()
    await world.fan_out()
    async with world.books.sessions.begin() as session:
        await load_endpoint(session, world.caller, paused.id, lock=True)
        await suspend(session, paused.id, EndpointStatus.PAUSED, "a test wants it")
        await delete_endpoint(session, world.caller, deleted.id)
    assert (await world.states(paused)).count("DROPPED") == 2
    assert (await world.states(deleted)).count("DROPPED") == 2
    await world.send()
    assert {one.path for one in receiver.received} == {"/hooks/on"}
    await world.webhooks.look_after()
    assert await world.states(paused) == await world.states(deleted) == ["DROPPED"] * 6
    assert await world.states(active) == ["DELIVERED"] * 6
