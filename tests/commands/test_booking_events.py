"""`tripsaga events`, and the operators' routes behind it, against a real API and record."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import psycopg
import pytest

from models.bookings.lifecycle import BookingState
from models.core.outbox import sequence
from tests.api.conftest import key as key
from tests.api.conftest import lonely as lonely
from tests.api.conftest import operator_key as operator_key
from tests.api.server import Served
from tests.commands.conftest import Tripsaga, pointed
from tests.commands.test_operators_day import Ask, made
from tests.ledger.conftest import Books

S = BookingState


@pytest.fixture
def ask(
    tripsaga: Tripsaga, lonely: Served, operator_key: str, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    return pointed(tripsaga, lonely.url, operator_key, monkeypatch, width=200)


def on_record(database_url: str, work: Callable[[Books], Awaitable[None]]) -> None:
    async def run() -> None:
        books = Books(database_url)
        try:
            await work(books)
        finally:
            await books.engine.dispose()

    asyncio.run(run())


async def _placed(books: Books) -> None:
    async with books.sessions.begin() as session:
        while await sequence(session):
            pass


def test_what_happens_is_followed(ask: Ask, database_url: str) -> None:
    on_record(database_url, _placed)
    start = json.loads(ask("events", "sinks", "--json").output)
    planner = next(one for one in start if one["name"] == "planner")
    after = str(planner["position"] + planner["behind"])
    booking = made(database_url)
    on_record(database_url, _placed)
    told = ask("events", "tail", "--after", after, "--no-follow")
    assert told.exit_code == 0, told.output
    lines = [line for line in told.output.splitlines() if booking.reference in line]
    assert [line.split()[4] for line in lines] == [
        "booking.created",
        "booking.status_changed",
        "booking.confirmed",
    ]
    assert lines[-1].endswith("CONFIRMED  (status, captured)")
    one = ask(
        *("events", "tail", "--after", after, "--no-follow", "--json"),
        *("--types", "booking.confirmed"),
    )
    events = [json.loads(line) for line in one.output.splitlines()]
    assert booking.id in [event["subject"] for event in events]
    assert {event["type"] for event in events} == {"booking.confirmed"}
    assert "planner" in ask("events", "sinks").output
    refused = ask("events", "tail", "--types", "booking.unheard_of")
    assert refused.exit_code == 3
    assert "INVALID_REQUEST, types" in refused.output


def test_what_was_refused_is_sent_again(
    ask: Ask, database_url: str, lonely: Served, key: str
) -> None:
    booking = made(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM event_dead_letters")  # of other tests
        row = connection.execute(
            "INSERT INTO event_dead_letters (sink, position, event_id, error)"
            " SELECT 'rabbitmq', 7, id, 'ValueError: no' FROM outbox_events"
            " WHERE booking_id = %s AND type = 'booking.created' RETURNING id",
            [booking.id],
        ).fetchone()
    assert row is not None
    number = str(row[0])
    listed = ask("events", "dead")
    assert f"next: tripsaga events replay {number}" in listed.output
    assert "ValueError: no" in listed.output
    (letter,) = json.loads(ask("events", "dead", "--json").output)
    assert letter["bookingId"] == booking.id
    again = ask("events", "replay", number)
    assert again.exit_code == 0, again.output
    assert "booking.created is sent to rabbitmq again" in again.output
    (letter,) = json.loads(ask("events", "dead", "--json").output)
    assert "replayAskedAt" in letter
    planner = {"X-API-Key": key}
    for method, path in (("GET", ""), ("POST", f"/{number}/replay")):
        url = f"{lonely.url}/operator/dead-letters{path}"
        assert httpx.request(method, url, headers=planner).status_code == 403
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE event_dead_letters SET replayed_at = now()")
    assert "nothing was refused" in ask("events", "dead").output
    assert json.loads(ask("events", "dead", "--all", "--json").output)[0]["replayedAt"]
    accepted = ask("events", "replay", number)
    assert accepted.exit_code == 3
    assert "ALREADY_RESOLVED" in accepted.output
    assert "DEAD_LETTER_UNKNOWN" in ask("events", "replay", "999999").output
