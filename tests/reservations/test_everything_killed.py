"""R7: guests reserve, move and cancel while everything is killed, and nothing is halved."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localworld.ports import choose
from tests.api.server import add_caller
from tests.reservations.places import judge
from tests.reservations.test_api import PATH, SCOPES, wanted
from tests.support.databases import migrate
from tests.support.killable import Database, Outside, Program, a_database
from tests.support.stack import SOON_TAKEN_OVER, Stack, own_stack_of

PATIENCE = 120.0
"""Seconds until a guest must know how it stands."""
KILLS = 5
"""Of each, at least."""
pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(900)]


@pytest.fixture
def database() -> Iterator[Database]:
    with a_database() as made:
        migrate(made.url)
        yield made


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    made = Outside(tmp_path)
    yield made
    made.process.kill()


@pytest.fixture
async def own_stack(
    database: Database, outside: Outside, temporal_address: str
) -> AsyncIterator[Stack]:
    async with own_stack_of(
        "killed",
        database_url=database.url,
        temporal_address=temporal_address,
        sandbox_url=outside.url,
        # An undo waits for a PostgreSQL that starts again, seconds on a busy machine.
        UNDO_ATTEMPTS="20",
        **SOON_TAKEN_OVER,
    ) as stack:
        yield stack


class Guest:
    """One who asks until there is an answer, with the same key for the same wish."""

    def __init__(
        self, http: httpx.AsyncClient, wish: dict[str, Any], chance: random.Random
    ) -> None:
        self._http = http
        self._wish = wish
        self._chance = chance
        self.booking: dict[str, Any] | None = None
        """As it was told last; None: there was no room."""

    async def visit(self) -> None:
        made = await self._insist("POST", PATH, self._wish)
        if made.status_code == 409:
            return
        self.booking = made.json()
        where = f"{PATH}/{self.booking['id']}"
        for _ in range(2):
            when = f"{self._chance.choice([17, 18, 19, 20, 21])}:30"
            body = {"expected_version": self.booking["version"], "time": when}
            moved = await self._insist("PUT", where, body)
            self.booking = (await self._insist("GET", where)).json()
            assert self.booking["status"] == "CONFIRMED"
            if moved.is_success:
                assert self.booking["time"] == when, moved.text
        if self._chance.random() < 0.4:
            self.booking = (await self._insist("POST", f"{where}/cancel", {})).json()
            assert self.booking["status"] == "CANCELLED"

    async def _insist(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask until there is an answer that stays."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=20"}
        end, answer = time.monotonic() + PATIENCE, None
        while True:
            assert time.monotonic() < end, (method, path, answer, answer and answer.text)
            try:
                answer = await self._http.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code in {200, 201, 409} and "retry-after" not in answer.headers:
                return answer
            assert answer.status_code == 202 or answer.status_code >= 409, answer.text
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_whatever_is_killed_a_reservation_is_whole_or_not_at_all(
    own_stack: Stack, database: Database, outside: Outside, seed: int
) -> None:
    chance, port = random.Random(seed), choose(0)
    key = add_caller(database.url, scopes=SCOPES)
    api = Program("api", {**own_stack.env, "API_PORT": str(port)})
    worker = Program("worker", own_stack.env)
    victims: dict[str, Program | Database] = {
        "api": api,
        "worker": worker,
        "postgres": database,
        "sandbox": outside,
    }
    kills = Counter(dict.fromkeys(victims, 0))
    card = {"payment_method_id": "pm_card_visa"}
    guests: list[Guest] = []

    async def come(http: httpx.AsyncClient, like: str) -> None:
        """Have one guest after the other come to a venue of their own, as long as we kill."""
        venue = wanted(like)["venue"]
        while min(kills.values()) < KILLS:
            guest = Guest(http, wanted(venue=venue, payment=card), chance)
            guests.append(guest)
            await guest.visit()

    async def kill() -> None:
        while min(kills.values()) < KILLS:
            await asyncio.sleep(chance.uniform(1.0, 4.0))
            victim = min(victims, key=lambda name: kills[name] + chance.random() * 3)
            kills[victim] += 1
            victims[victim].kill()

    headers, url = {"X-API-Key": key}, f"http://127.0.0.1:{port}"
    try:
        async with (
            httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(kill())
            for like in ("kantine", "kantine", "kantine", "chefs-table", "chefs-table") * 2:
                tasks.create_task(come(http, like))
    finally:
        api.process.kill()
        worker.process.kill()
    told = [guest.booking for guest in guests if guest.booking is not None]
    print(f"killed: {dict(kills)}; told: {Counter(one['status'] for one in told)}")
    assert len(told) > 10
    for one in told:
        booking = await own_stack.recorded(one["id"])
        await judge(own_stack, booking)
        assert booking.cases == []
        assert booking.version == one["version"], "told before the end"
