"""How much may be asked a minute, and what callers are told of it."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.core import rate_limits
from api.core.audience import KEYLESS, GuardedRoute
from api.core.rate_limits import RateLimit, network
from settings import Settings
from tests.api.conftest import NOBODY, body, client
from tests.api.server import Served, add_caller, serve
from tests.support.environment import changed, settings_from
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack

OF_A_REFUSAL = {"Retry-After", "RateLimit", "RateLimit-Policy"}
NOWHERE = "/booking/00000000-0000-4000-8000-000000000000"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_whole_quota_at_once_and_then_one_after_the_other() -> None:
    clock = Clock()
    limit = RateLimit("bookings", 10, clock=clock)
    left = [limit.take("ada") for _ in range(11)]
    assert [one and one.remaining for one in left] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [one and one.exceeded for one in left] == [False] * 10 + [True]
    assert [one and one.reset for one in left] == [6] * 11
    other = limit.take("bob")
    assert other is not None
    assert not other.exceeded, "another's quota is its own"
    for seconds, allowed in ((5.9, False), (0.2, True), (0.1, False), (5.9, True)):
        clock.now += seconds
        again = limit.take("ada")
        assert again is not None
        assert again.exceeded is not allowed
    clock.now += 60
    assert (rested := limit.take("ada")) is not None
    assert rested.remaining == 9


@pytest.mark.parametrize("quota", [1, 7, 60, 30_000])
def test_what_is_told_holds(quota: int) -> None:
    clock = Clock()
    limit = RateLimit("requests", quota, clock=clock)
    taken = 0
    for _ in range(3 * quota):
        told = limit.take("ada")
        assert told is not None
        taken += not told.exceeded
        assert told.remaining == max(0, quota - taken)
        assert told.reset >= 1
        if told.exceeded:
            clock.now += told.reset
            retried = limit.take("ada")
            assert retried is not None
            assert not retried.exceeded
            return
    pytest.fail("never exceeded")


def test_no_limit_and_no_end_of_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RateLimit("searches", 0).take("ada") is None
    monkeypatch.setattr(rate_limits, "_MOST_PARTITIONS", 3)
    limit = RateLimit("searches", 1)
    for number in range(10):
        limit.take(f"caller {number}")
    assert len(limit._whole_again) == 3


def test_what_counts_as_one_address() -> None:
    assert network("2001:db8::1:2:3:4") == network("2001:db8::9") == "2001:db8::/64"
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("") == ""


def test_limits_that_are_set() -> None:
    limit = settings_from({"LIMIT_TRAVELER_BOOKINGS": "7", "LIMIT_HEAD_SECONDS": "3"}).limit
    assert (limit.traveler_bookings, limit.head_seconds) == (7, 3)


def test_every_answer_beyond_a_limit_is_described() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            described = operation["responses"].get("429", {}).get("headers", {})
            expected = set() if path in {"/healthz", "/readyz"} else OF_A_REFUSAL
            assert set(described) == expected, path


@pytest.fixture(scope="module")
def limited(database_url: str, sandbox_url: str) -> Iterator[Served]:
    """An API whose Temporal is away, with low limits."""
    with serve(
        Settings(
            database={"url": database_url},
            temporal={"address": NOBODY},
            sandbox_url=sandbox_url,
            limit={
                "caller_requests": 20,
                "caller_searches": 3,
                "address_requests": 4,
                "address_wrong_keys": 5,
            },
        )
    ) as served:
        yield served


@pytest.fixture
async def caller(limited: Served, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller who has asked for nothing yet."""
    async with client(limited.url, add_caller(database_url, name="frugal")) as http:
        yield http


def refused(answer: httpx.Response, limit: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (429, "RATE_LIMITED")
    assert problem["details"] == {"violatedPolicies": [limit]}
    assert "nothing was charged" in problem["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    (left,) = re.findall(rf'"{limit}";r=0;t=(\d+)', answer.headers["RateLimit"])
    assert left == answer.headers["Retry-After"]


async def test_a_caller_is_told_what_is_left(caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/booking")
    assert answer.status_code == 200
    policy = '"requests";q=20;w=60, "searches";q=3;w=60'
    assert answer.headers["RateLimit-Policy"] == policy
    assert answer.headers["RateLimit"] == '"requests";r=19;t=3, "searches";r=2;t=20'


def test_every_list_and_report_counts_as_a_search(limited: Served) -> None:
    routes = [one.original_route for one in iter_route_contexts(limited.app.routes)]
    guarded = [route for route in routes if isinstance(route, GuardedRoute)]
    keyed = [route for route in guarded if route.policy not in KEYLESS]
    searches = {route.path for route in keyed if route.listing}
    assert {"/booking", "/operator/cases", "/operator/ledger/check"} <= searches
    # Whoever adds one of many things adds its parameter; what names none of them lists them.
    lists = {one.path for one in keyed if one.methods == {"GET"} and "{" not in one.path}
    lists |= {f"/api/v1/bookings/{whose}" for whose in ("guest/{guest_id}", "venue/{venue_id}")}
    of_provider = "/market/v1/providers/{provider_id}"
    lists |= {f"{of_provider}/{what}" for what in ("listings", "packages", "tours")}
    lists |= {"/market/v1/tours/{tour_id}/departures"}
    # Events are read by position, again and again: a page of them is no search.
    lists -= {"/api/v1/events", "/api/v1/events/stream"}
    lists -= {"/market/v1/me"}  # one user
    assert searches == lists


async def test_searches_have_a_limit_of_their_own(caller: httpx.AsyncClient) -> None:
    answers = [await caller.get("/booking") for _ in range(4)]
    assert [one.status_code for one in answers[:3]] == [200] * 3
    refused(answers[3], "searches")
    # one booking may be asked for all the same, here of a Temporal that is away
    assert (await caller.get(NOWHERE)).status_code == 503


async def test_a_callers_requests_are_its_own(
    caller: httpx.AsyncClient, limited: Served, database_url: str
) -> None:
    for _ in range(20):
        assert (await caller.get(NOWHERE)).status_code == 503
    refused(await caller.get(NOWHERE), "requests")
    async with client(limited.url, add_caller(database_url, name="other")) as http:
        assert (await http.get("/booking")).status_code == 200


async def test_wrong_keys_lock_nobody_out(
    limited: Served, caller: httpx.AsyncClient, database_url: str
) -> None:
    assert (await caller.get("/booking")).status_code == 200
    async with client(limited.url) as http:
        answers = [
            await http.get(NOWHERE, headers={"X-API-Key": f"ts_{uuid.uuid4()}"}) for _ in range(6)
        ]
    assert [one.status_code for one in answers[:5]] == [401] * 5
    refused(answers[5], "wrong-keys")
    # the same address: a key that has been used, and one that nobody has used yet
    assert (await caller.get("/booking")).status_code == 200
    async with client(limited.url, add_caller(database_url, name="late")) as http:
        assert (await http.get("/booking")).status_code == 200


async def test_what_needs_no_key_is_limited_by_address(limited: Served) -> None:
    async with client(limited.url) as http:
        answers = [await http.post("/webhooks/stripe", content=b"{}") for _ in range(5)]
        assert {one.status_code for one in answers[:4]} == {404}, "no secret is set"
        refused(answers[4], "keyless")
        assert (await http.get("/docs")).status_code == 200, "counted apart"
        for _ in range(10):  # whoever watches this process may share its address
            assert (await http.get("/healthz")).status_code == 200


async def test_an_address_behind_a_proxy_is_its_own(limited: Served) -> None:
    """uvicorn believes proxies of FORWARDED_ALLOW_IPS, by default those of this machine."""
    async with client(limited.url) as http:
        for number in range(6):
            headers = {"X-Forwarded-For": f"192.0.2.{number}", "X-API-Key": "wrong"}
            assert (await http.get(NOWHERE, headers=headers)).status_code == 401


async def test_a_traveller_books_so_many_times_a_minute(
    world: Stack, stack: Stack, sandbox: SandboxClient, database_url: str
) -> None:
    settings = changed(world.settings, limit={"traveler_bookings": 2, "caller_bookings": 3})
    keys = [f"again-{uuid.uuid4()}" for _ in range(3)]
    ada = {"email": "ada.limited@example.com", "phone": "+12125550123"}

    async def book(http: httpx.AsyncClient, key: str, **changes: Any) -> httpx.Response:
        return await http.post(
            "/booking/book?wait=0",
            json=body(trips[key], **changes),
            headers={"Idempotency-Key": key},
        )

    with serve(settings) as served:
        async with client(served.url, add_caller(database_url, name="agency")) as http:
            trips = {key: await sandbox.trip() for key in [*keys, "bob", "eve"]}
            # equal requests at once are one booking
            taken = await asyncio.gather(*(book(http, keys[0], userContact=ada) for _ in range(8)))
            taken.append(await book(http, keys[1], userContact=ada))
            assert {one.status_code for one in taken} == {202}, [one.text for one in taken]
            assert re.search(
                r'"traveler-bookings";r=0;t=\d+;pk=:\S+:, "bookings";r=1;t=\d+',
                taken[-1].headers["RateLimit"],
            )
            answer = await book(http, keys[2], userContact=ada)
            refused_booking(answer, "traveler-bookings")
            # what was taken is found again by its key
            again = await book(http, keys[1], userContact=ada)
            assert again.json()["bookingId"] == taken[-1].json()["bookingId"]
            bob = await book(http, "bob")  # another traveller
            assert bob.status_code == 202, (bob.text, bob.headers)
            eve = {"email": "eve@example.com", "phone": "+12125550123"}
            refused_booking(await book(http, "eve", userContact=eve), "bookings")


def refused_booking(answer: httpx.Response, limit: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (429, "RATE_LIMITED"), problem
    assert problem["details"] == {"violatedPolicies": [limit]}
    assert "Nothing was booked and nothing was charged" in problem["detail"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
