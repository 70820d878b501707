"""Events of bookings for callers: the feed, the stream, and what describes them."""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import event, text

from api.core.record import Record
from docs.event_schemas import broken, file_of, published
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import record_transition
from models.core.outbox import events_after, sequence
from models.events.cloudevent import encode
from models.events.content import CONTENTS
from models.events.feed import purge_feed
from models.events.schemas import changes_that_break, schema_of
from models.kinds import HOOKS
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, add_caller, serve
from tests.ledger.bookings import confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url

S = BookingState
FEED = "/api/v1/events"


@dataclasses.dataclass
class Owner:
    """A caller with bookings of its own."""

    books: Books
    http: httpx.AsyncClient
    id: str

    async def book(self) -> Booking:
        """A confirmed booking: created, status_changed, confirmed."""
        asked = request().model_copy(update={"caller_id": self.id})
        booking = await self.books.begin(asked)
        booking = await self.books.record(booking, S.PROCESSING)
        return await self.books.record(confirm(booking), S.CONFIRMED)

    async def feed(self, **asked: Any) -> dict[str, Any]:
        answer = await self.http.get(FEED, params=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def feeding(scratch_url: str) -> Iterator[Served]:
    """An API of the module's own database."""
    settings = Settings(database={"url": scratch_url}, temporal={"address": NOBODY})
    with serve(settings) as served:
        yield served


async def owner_of(books: Books, served: Served, stack: AsyncExitStack, **kind: Any) -> Owner:
    key = add_caller(books.url, name="owner", **kind)
    digest = hashlib.sha256(key.encode()).hexdigest()
    with psycopg.connect(books.url) as connection:
        row = connection.execute(
            "SELECT caller_id::text FROM caller_keys WHERE key_hash = %s", [digest]
        ).fetchone()
    assert row
    http = await stack.enter_async_context(client(served.url, key))
    return Owner(books, http, row[0])


@pytest.fixture
async def owners(scratch: Books, feeding: Served) -> AsyncIterator[tuple[Owner, Owner, Owner]]:
    """Two planners and an operator, behind whatever was there before."""
    async with AsyncExitStack() as stack:
        made = [await owner_of(scratch, feeding, stack) for _ in range(2)]
        operator = await owner_of(scratch, feeding, stack, role="operator")
        await placed(scratch)
        yield made[0], made[1], operator


async def placed(books: Books) -> None:
    async with books.sessions.begin() as session:
        while await sequence(session):
            pass


def types_of(page: dict[str, Any]) -> list[str]:
    return [event["type"].removeprefix("booking.") for event in page["events"]]


WHOLE = ["created", "status_changed", "confirmed"]


async def test_callers_read_their_own_events(
    owners: tuple[Owner, Owner, Owner], scratch: Books
) -> None:
    mine, other, operator = owners
    start = (await operator.feed(after="latest"))["next"]
    booking = await mine.book()
    theirs = await other.book()
    await placed(scratch)

    page = await mine.feed(after=start)
    assert types_of(page) == WHOLE
    assert {event["subject"] for event in page["events"]} == {booking.id}
    assert page["caught_up"] is True
    assert (await mine.feed(after=page["next"])) == {**page, "events": []}
    assert types_of(await other.feed(after=start)) == WHOLE
    everything = await operator.feed(after=start)
    assert {event["subject"] for event in everything["events"]} == {booking.id, theirs.id}

    first = await mine.feed(after=start, limit=2)
    assert types_of(first) == WHOLE[:2]
    assert first["caught_up"] is False
    assert types_of(await mine.feed(after=first["next"])) == WHOLE[2:]


async def test_the_feed_has_the_bytes_that_others_get(
    owners: tuple[Owner, Owner, Owner], scratch: Books
) -> None:
    start = (await owners[2].feed(after="latest"))["next"]
    await owners[0].book()
    await placed(scratch)
    async with scratch.sessions() as session:
        bodies = [encode(event) for event in await events_after(session, start, 10)]
    answer = await owners[0].http.get(FEED, params={"after": start})
    assert b",".join(bodies) in answer.content


async def test_only_the_types_that_are_asked_for(
    owners: tuple[Owner, Owner, Owner], scratch: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _, operator = owners
    start = (await operator.feed(after="latest"))["next"]
    for _ in range(3):
        await mine.book()
    await placed(scratch)
    wanted = "booking.confirmed,booking.created"
    assert types_of(await mine.feed(after=start, types=wanted)) == ["created", "confirmed"] * 3
    monkeypatch.setattr("models.events.feed.SCANNED", 4)  # a page looks no further
    page, seen, pages = await mine.feed(after=start, types="booking.confirmed"), [], 1
    while not page["caught_up"]:
        seen += types_of(page)
        page = await mine.feed(after=page["next"], types="booking.confirmed")
        pages += 1
    assert seen + types_of(page) == ["confirmed"] * 3
    assert pages == 3
    for wrong in ("booking.unheard_of", "confirmed", "booking.confirmed,"):
        refused = await mine.http.get(FEED, params={"types": wrong})
        assert refused.status_code == 422, wrong
        assert refused.json()["field"] == "types"


async def test_what_the_feed_is_not_asked_for(owners: tuple[Owner, Owner, Owner]) -> None:
    http = owners[0].http
    latest = (await owners[0].feed(after="latest"))["next"]
    for params in ({"after": latest + 1}, {"after": -1}, {"limit": 501}, {"limit": 0}):
        refused = await http.get(FEED, params=params)
        assert refused.status_code == 422, params
    assert (await http.get(FEED, headers={"X-API-Key": "wrong"})).status_code == 401


async def test_nothing_is_missed_that_commits_late(
    owners: tuple[Owner, Owner, Owner], scratch: Books
) -> None:
    """E2: a transaction with a low number that stays open, while others commit."""
    mine, _, operator = owners
    asked = request().model_copy(update={"caller_id": mine.id})
    late = await scratch.record(await scratch.begin(asked), S.PROCESSING)
    await placed(scratch)
    start = (await operator.feed(after="latest"))["next"]
    async with scratch.sessions() as open_for_long:
        following = confirm(late.model_copy(deep=True))
        following.state = S.CONFIRMED
        transition = Transition(booking=following, from_state=late.state, who="test", why="late")
        await record_transition(open_for_long, transition, HOOKS)
        early = await mine.book()
        await placed(scratch)
        page = await mine.feed(after=start)
        assert {event["subject"] for event in page["events"]} == {early.id}
        await open_for_long.commit()
    await placed(scratch)
    rest = await mine.feed(after=page["next"])
    assert types_of(rest) == WHOLE[1:]
    assert {event["subject"] for event in rest["events"]} == {late.id}


# -- retention -----------------------------------------------------------------------------------


async def test_old_events_go_and_who_is_too_late_is_told(
    owners: tuple[Owner, Owner, Owner], scratch: Books
) -> None:
    mine, _, operator = owners
    booking = await mine.book()
    await placed(scratch)
    end = (await operator.feed(after="latest"))["next"]

    async def purge() -> int:
        async with scratch.sessions.begin() as session:
            return await purge_feed(session, 30, batch=1_000)

    async def run(statement: str, **values: Any) -> None:
        async with scratch.sessions.begin() as session:
            await session.execute(text(statement), values)

    await run("UPDATE event_sinks SET position = :p", p=end)
    # Transitions of tests carry a date far ahead.
    await run("UPDATE outbox_events SET occurred_at = now()")
    assert await purge() == 0, "nothing is old"
    await run(
        "UPDATE outbox_events SET occurred_at = now() - interval '31 days'"
        " WHERE id IN (SELECT event_id FROM event_feed WHERE position < :p)",
        p=end,
    )
    await run("UPDATE event_sinks SET position = :p", p=end - 2)
    assert await purge() > 0
    kept = await operator.feed()
    assert len(kept["events"]) == 2, "what a sink has not had is kept, whatever its age"
    await run("UPDATE event_sinks SET position = :p", p=end)
    assert await purge() == 1
    page = await operator.feed(after=end - 1)
    assert types_of(page) == ["confirmed"]
    assert page["events"][0]["previousversion"] == 1, "known although that event is gone"

    gone = await mine.http.get(FEED, params={"after": end - 2})
    assert gone.status_code == 410
    assert gone.json()["code"] == "EVENTS_GONE"
    assert gone.json()["details"] == {"oldest": end - 1}
    assert (await mine.http.get(f"{FEED}/stream", params={"after": 0})).status_code == 410
    assert types_of(await mine.feed()) == ["confirmed"]

    await run("UPDATE outbox_events SET occurred_at = now() - interval '31 days'")
    assert await purge() == 1
    assert (await mine.feed(after=end)) == {"events": [], "next": end, "caught_up": True}
    again = await scratch.record(booking, S.CONFIRMED)
    await placed(scratch)
    page = await mine.feed(after=end)
    assert [(one["bookingversion"], one["previousversion"]) for one in page["events"]] == [
        (again.version, booking.version)
    ]


# -- the stream ----------------------------------------------------------------------------------


@asynccontextmanager
async def streaming(
    owner: Owner, last: int | str | None = None, **asked: Any
) -> AsyncIterator[AsyncIterator[tuple[int, dict[str, Any]]]]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    stream = owner.http.stream("GET", f"{FEED}/stream", params=asked, headers=headers)
    async with stream as answer:
        assert answer.status_code == 200, await answer.aread()

        async def events() -> AsyncIterator[tuple[int, dict[str, Any]]]:
            number = 0
            async for line in answer.aiter_lines():
                if line.startswith("id:"):
                    number = int(line[3:])
                elif line.startswith("data:"):
                    yield number, json.loads(line[5:])

        yield events()


async def take(
    events: AsyncIterator[tuple[int, dict[str, Any]]], count: int
) -> list[tuple[int, dict[str, Any]]]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


async def test_a_stream_goes_on_from_where_it_was_left(
    owners: tuple[Owner, Owner, Owner], scratch: Books
) -> None:
    mine, other, operator = owners
    start = (await operator.feed(after="latest"))["next"]
    first = await mine.book()
    await placed(scratch)
    async with streaming(mine, after=start) as events:
        before = await take(events, 3)
        await other.book()
        second = await mine.book()
        await placed(scratch)
        after = await take(events, 3)
    assert [event["subject"] for _, event in before] == [first.id] * 3
    assert [event["subject"] for _, event in after] == [second.id] * 3
    assert [number for number, _ in before] == [start + 1, start + 2, start + 3]
    assert after[0][0] >= start + 4
    async with streaming(mine, last=before[1][0]) as events:
        assert await take(events, 4) == before[2:] + after
    async with streaming(mine, after=start, types="booking.confirmed") as events:
        confirmed = [event["subject"] for _, event in await take(events, 2)]
        third = await mine.book()
        await placed(scratch)
        confirmed += [event["subject"] for _, event in await take(events, 1)]
    assert confirmed == [first.id, second.id, third.id]


async def test_a_caller_has_some_streams_and_no_more(
    owners: tuple[Owner, Owner, Owner], feeding: Served
) -> None:
    mine, other, _ = owners
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(streaming(mine, last="latest"))
        refused = await mine.http.get(f"{FEED}/stream", params={"after": "latest"})
        assert refused.status_code == 429
        assert refused.json()["code"] == "TOO_MANY_STREAMS"
        async with streaming(other, last="latest"):
            pass
    async with asyncio.timeout(20):
        while feeding.app.state.context.tail.streams:
            await asyncio.sleep(0.05)
    async with streaming(mine, last="latest"):
        pass


def counted(record: Record) -> list[str]:
    """A list that the statements of a record will be in."""
    found: list[str] = []
    engine = record._sessions.kw["bind"].sync_engine
    event.listen(
        engine, "before_cursor_execute", lambda _c, _u, statement, *_: found.append(statement)
    )
    return found


async def test_many_streams_cost_one_look(
    scratch: Books, scratch_url: str, owners: tuple[Owner, Owner, Owner]
) -> None:
    """200 streams that wait: others are answered, and what happens reaches all of them."""
    settings = Settings(
        database={"url": scratch_url},
        temporal={"address": NOBODY},
        events={"streams_per_caller": 200},
        limit={"address_connections": 0},
    )
    with serve(settings) as served:
        async with AsyncExitStack() as stack:
            operator = await owner_of(scratch, served, stack, role="operator")
            operator.http._transport._pool._max_connections = 300  # type: ignore[attr-defined]
            streams = [
                await stack.enter_async_context(streaming(operator, last="latest"))
                for _ in range(200)
            ]
            context = served.app.state.context
            looks, reads = counted(context.vitals), counted(context.record)
            await asyncio.sleep(1)
            assert len(looks) < 40
            booking = await owners[0].book()
            await placed(scratch)
            got = await asyncio.gather(*(take(one, 3) for one in streams))
            assert {event["subject"] for one in got for _, event in one} == {booking.id}
            assert len(reads) < 20, "the streams read what the one look has found"
            assert await operator.feed(after="latest")


# -- what describes them ---------------------------------------------------------------------------


async def test_schemas_are_served(owners: tuple[Owner, Owner, Owner], feeding: Served) -> None:
    async with client(feeding.url) as anybody:
        served = await anybody.get("/schemas/booking.confirmed/1")
        assert served.headers["content-type"] == "application/schema+json"
        assert served.json() == json.loads(file_of("booking.confirmed", 1).read_text())
        for unknown in ("booking.confirmed/2", "booking.unheard_of/1"):
            assert (await anybody.get(f"/schemas/{unknown}")).status_code == 404


async def test_what_is_sent_is_as_described(
    owners: tuple[Owner, Owner, Owner], feeding: Served, scratch: Books
) -> None:
    async with client(feeding.url) as anybody:
        document = (await anybody.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    messages = document["components"]["messages"]
    assert {(one["name"], 1) for one in messages.values()} == set(CONTENTS)
    for channel in document["channels"].values():
        assert channel["messages"].keys() == messages.keys()
    await owners[0].book()
    await placed(scratch)
    told = (await owners[2].feed(limit=500))["events"]
    assert {one["type"] for one in told} >= {"booking.created", "booking.confirmed"}
    for one in told:
        payload = {**messages[f"{one['type']}.1"]["payload"], "components": document["components"]}
        Draft202012Validator.check_schema(payload)
        Draft202012Validator(payload).validate(one)
        Draft202012Validator(schema_of(one["type"], 1) or {}).validate(one["data"])
        assert not Draft202012Validator(payload).is_valid({**one, "type": "booking.other"})
        data = {key: value for key, value in one["data"].items() if key != "total"}
        assert not Draft202012Validator(payload).is_valid({**one, "data": data})


def test_published_schemas_are_only_added_to() -> None:
    assert broken() == []
    # `python -m docs.event_schemas` publishes what was added
    assert {(type_, version): text for type_, version, text in published()} == {
        key: schema_of(*key) for key in CONTENTS
    }


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("total", {"type": "number"}),
        ("total", {"minimum": 1}),
        ("currency", {"pattern": "^[A-Z]+$"}),
        ("changed", {"items": {"type": "integer"}}),
    ],
)
def test_what_breaks_a_schema_is_found(field: str, change: dict[str, Any]) -> None:
    old = schema_of("booking.confirmed", 1) or {}
    new = json.loads(json.dumps(old))
    new["properties"]["added"] = {"type": "string"}
    new["required"] = [*new["required"], "added"]
    new["properties"][field]["description"] = "in other words"
    assert [*changes_that_break(old, new)] == []
    new["properties"][field] |= change
    assert len([*changes_that_break(old, new)]) == 1
    del new["properties"][field]
    assert [*changes_that_break(old, new)] == [f"{field} is gone"]
    optional = {**old, "required": [name for name in old["required"] if name != field]}
    assert [*changes_that_break(old, optional)] == [f"{field} may be absent"]
