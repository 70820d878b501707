"""A walk through all pages sees each booking once, whatever is written meanwhile."""

import datetime as dt
import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from benchmarks.crowd import NEWEST, SAME_MOMENT
from tests.api.conftest import client
from tests.api.server import Served, add_caller

pytestmark = pytest.mark.xdist_group("crowd")

SINCE = NEWEST - dt.timedelta(minutes=6)
"""Later than that 3,500 were made, at seven moments."""
_NEW = """
INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object('id', %(id)s::text,
    'reference', %(id)s::text, 'idempotency_key', %(id)s::text, 'state', 'PENDING',
    'created_at', b.created_at + %(later)s * interval '1 hour'))).* FROM bookings b
WHERE id = (SELECT id FROM bookings WHERE created_at > %(since)s AND kind = 'TRIP'
    ORDER BY random() LIMIT 1)
"""
_MOVE = """
UPDATE bookings SET state = CASE state WHEN 'CONFIRMED' THEN 'CANCELLED' ELSE state END,
    version = version + 1, updated_at = now()
WHERE id = (SELECT id FROM bookings WHERE created_at > %(since)s AND kind = 'TRIP'
    ORDER BY random() LIMIT 1)
"""


@pytest.fixture(scope="module")
def operator(crowd_url: str) -> str:
    return add_caller(crowd_url, name="walks", role="operator")


@contextmanager
def writing(url: str) -> Iterator[list[int]]:
    """Make bookings, at moments that others have and at later ones, and move those there are."""
    stop, written = threading.Event(), [0]

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for number in itertools.count():
                if stop.is_set():
                    return
                values = {"id": uuid.uuid4().hex, "since": SINCE, "later": number % 2}
                connection.execute(_NEW, values)
                connection.execute(_MOVE, values)
                written[0] += 1

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        try:
            yield written
        finally:
            stop.set()
        running.result()


async def _recent(http: httpx.AsyncClient) -> list[str]:
    seen: list[str] = []
    path = "/api/bookings?limit=100"
    while path:
        answer = await http.get(path)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        new = [one for one in told if dt.datetime.fromisoformat(one["created_at"]) > SINCE]
        seen += [one["id"] for one in new]
        path = answer.links["next"]["url"] if len(new) == len(told) else ""
    return seen


async def _trips(http: httpx.AsyncClient) -> list[str]:
    seen: list[str] = []
    query = {"limit": "100", "since": SINCE.isoformat()}
    while True:
        page = (await http.get("/booking", params=query)).json()
        seen += [one["bookingId"] for one in page["bookings"]]
        if "next" not in page:
            return seen
        query["after"] = page["next"]


@pytest.mark.parametrize("walk", [_recent, _trips])
async def test_each_is_seen_once(
    crowd_url: str,
    crowded: Served,
    operator: str,
    walk: Callable[[httpx.AsyncClient], Awaitable[list[str]]],
) -> None:
    with psycopg.connect(crowd_url) as connection:
        rows = connection.execute(
            "SELECT id::text, created_at FROM bookings WHERE created_at > %s AND kind = 'TRIP'",
            [SINCE],
        ).fetchall()
    there = {row[0] for row in rows}
    assert max(Counter(row[1] for row in rows).values()) > SAME_MOMENT / 2
    async with client(crowded.url, operator) as http:
        with writing(crowd_url) as written:
            seen = await walk(http)
    assert written[0] > 10
    times = Counter(seen)
    assert [one for one, count in times.items() if count > 1] == []
    assert there - times.keys() == set()


async def test_a_long_list_is_counted_up_to_a_thousand(crowded: Served, operator: str) -> None:
    async with client(crowded.url, operator) as http:
        answer = await http.get("/api/bookings", params={"limit": 1, "count": "true"})
    headers = answer.headers
    assert (headers["x-total-count"], headers["x-total-count-exceeded"]) == ("1000", "true")


async def test_a_page_that_takes_long_is_given_up(
    crowd_url: str, crowded: Served, operator: str
) -> None:
    with psycopg.connect(crowd_url) as connection:
        connection.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
        async with client(crowded.url, operator) as http:
            for path in ("/api/bookings", "/booking"):
                answer = await http.get(path)
                assert answer.status_code == 503, answer.text
                assert "retry-after" in answer.headers
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        ).fetchone()
    assert waiting == (0,), "PostgreSQL has given it up, too"
