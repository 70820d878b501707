"""The API dies between the claim of a key and its answer, or seems to: the repeat is answered."""

import asyncio
import re
import threading
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest

from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.keyed_scenes import ALONE, WITH_WORKFLOWS, Scene, Sent, refund, resolve_case
from tests.api.server import Served, add_caller, serve
from tests.api.test_repeats import DECLARED, Route, patiently
from tests.api.test_webhooks_operators import Tables
from tests.conftest import migrate
from tests.reservations.test_api import SCOPES
from tests.support.environment import changed
from tests.support.processes import Process
from tests.support.stack import Stack

LEASE = {"IDEMPOTENCY_LEASE_SECONDS": "1"}
"""So that a dead process's requests need not be waited for as long as in production."""
POINTS = ("claimed", "worked", "finished")
STORED = sorted(route for route in ALONE if not DECLARED[route].rebuilt)
WAITS = 40
"""More often than that no request to the database alone waits for something."""


@pytest.fixture(scope="module")
def desk(shared_servers: Servers) -> Tables:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return Tables(url)


@pytest.fixture(scope="module")
def settings(desk: Tables) -> Settings:
    return Settings(
        database={"url": desk.url},
        temporal={"address": NOBODY},
        idempotency={"lease_seconds": 1},
    )


@pytest.fixture(scope="module")
def office(settings: Settings) -> Iterator[Served]:
    """An API that lives on."""
    with serve(settings) as served:
        yield served


@pytest.fixture(scope="module")
def desk_key(desk: Tables) -> str:
    return add_caller(desk.url, role="operator")


@pytest.fixture
async def scene(office: Served, desk: Tables, desk_key: str) -> AsyncIterator[Scene]:
    async with client(office.url, desk_key) as http, client(office.url, desk_key) as rival:
        yield Scene(planner=http, operator=http, rival=rival, tables=desk)


def _doomed(env: dict[str, str], at: str, signal: str = "SIGKILL") -> Process:
    whole = {**env, **LEASE, "DIE_AT": at, "DIE_SIGNAL": signal}
    return Process("-m", "tests.support.dying_api", "--port", "0", env=whole)


def _of_desk(desk: Tables) -> dict[str, str]:
    return {"DATABASE_URL": desk.url, "TEMPORAL_ADDRESS": NOBODY}


def _url(process: Process) -> str:
    process.wait_for_line("Uvicorn running on")
    found = re.search(r"Uvicorn running on (http://[\d.:]+)", process.log())
    assert found
    return found.group(1)


async def killed_then_repeated(
    sent: Sent, env: dict[str, str], at: str, headers: dict[str, str]
) -> httpx.Response:
    """Send it to an API that dies at ``at``, then to one that lives; returns what that says."""
    doomed = _doomed(env, at)
    url = await asyncio.to_thread(_url, doomed)
    async with client(url) as http:
        for name in ("X-API-Key", "Authorization"):
            if name in sent.who.headers:
                http.headers[name] = sent.who.headers[name]
        first = Sent(**{**vars(sent), "who": http})
        (answer,) = await asyncio.gather(first.send(**headers), return_exceptions=True)
    if at.isdecimal() and isinstance(answer, httpx.Response):  # it never waited so often
        doomed.kill()
    elif at == str(WAITS):
        raise AssertionError(f"it waits more than {WAITS} times: not each of them is tried")
    else:
        assert isinstance(answer, httpx.TransportError), answer
        await asyncio.to_thread(doomed.wait_until_dead, 10)
    return await patiently(sent, **headers)


async def _as_if_nothing_had_happened(
    sent: Sent, env: dict[str, str], at: str, *, rebuilt: bool = False
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answer = await killed_then_repeated(sent, env, at, headers)
    assert answer.status_code == sent.done, answer.text
    assert await sent.effects() == 1
    again = await sent.send(**headers)
    assert (again.status_code, again.content) == (sent.done, answer.content)
    assert again.headers.get("idempotency-replayed") == (None if rebuilt else "true")
    assert await sent.effects() == 1


# -- K2: killed --------------------------------------------------------------------------------


@pytest.mark.parametrize("at", POINTS)
@pytest.mark.parametrize("route", STORED, ids=lambda route: route[1])
async def test_k2_killed_at_each_step(scene: Scene, desk: Tables, route: Route, at: str) -> None:
    await _as_if_nothing_had_happened(await ALONE[route](scene), _of_desk(desk), at)


@pytest.mark.exhaustive
@pytest.mark.parametrize("at", range(1, WAITS + 1))
@pytest.mark.parametrize("route", STORED, ids=lambda route: route[1])
async def test_k2_killed_at_every_await(scene: Scene, desk: Tables, route: Route, at: int) -> None:
    await _as_if_nothing_had_happened(await ALONE[route](scene), _of_desk(desk), str(at))


@pytest.fixture(scope="module")
def survivor(world: Stack) -> Iterator[Served]:
    with serve(changed(world.settings, idempotency={"lease_seconds": 1})) as served:
        yield served


@pytest.fixture(scope="module")
def reserving_key(database_url: str) -> str:
    return add_caller(database_url, name="reserves and dies", scopes=SCOPES)


@pytest.fixture
async def world_scene(
    request: pytest.FixtureRequest,
    survivor: Served,
    stack: Stack,
    key: str,
    operator_key: str,
    reserving_key: str,
    database_url: str,
) -> AsyncIterator[Scene]:
    asked = getattr(request.node, "callspec", None)
    if asked is not None and asked.params["route"][1].startswith("/api/v1/"):
        key = reserving_key
    async with client(survivor.url, key) as planner, client(survivor.url, operator_key) as one:
        yield Scene(planner, one, one, Tables(database_url), stack)


async def test_k2_killed_when_money_was_given_back(world_scene: Scene, stack: Stack) -> None:
    await _as_if_nothing_had_happened(await refund(world_scene), stack.env, "worked")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("route", "at"),
    [
        pytest.param(route, at, id=f"{route[1]}-{at}")
        for route in sorted(WITH_WORKFLOWS)
        if route[1].split("/")[-1] not in {"book", "modify"}
        for at in [*POINTS, *map(str, range(1, WAITS + 1, 3))]
        # an answer that is rebuilt is not kept in the table: its points are never reached
        if not (DECLARED[route].rebuilt and at in POINTS)
    ],
)
async def test_k2_killed_while_a_workflow_works(
    world_scene: Scene, stack: Stack, route: Route, at: str
) -> None:
    sent = await WITH_WORKFLOWS[route](world_scene)
    await _as_if_nothing_had_happened(sent, stack.env, at, rebuilt=DECLARED[route].rebuilt)


# -- K3: believed dead -------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["claimed", "worked"])
async def test_k3_who_comes_back_after_its_lease_is_fenced(
    scene: Scene, desk: Tables, at: str
) -> None:
    sent, headers = await resolve_case(scene), {"Idempotency-Key": uuid.uuid4().hex}
    sleeper = _doomed(_of_desk(desk), at, "SIGSTOP")
    url = await asyncio.to_thread(_url, sleeper)
    async with client(url, sent.who.headers["X-API-Key"]) as http:
        late = asyncio.create_task(Sent(**{**vars(sent), "who": http}).send(**headers))
        row = "SELECT state, attempt, holder, body FROM idempotency_keys"
        while not desk(f"{row} WHERE key_hash IS NOT NULL AND state = 'RUNNING'"):
            await asyncio.sleep(0.02)
        heir = await patiently(sent, **headers)
        stored = desk(f"{row} ORDER BY created_at DESC LIMIT 1")
        sleeper.resume()
        woken = await late
    sleeper.stop()
    assert (heir.status_code, woken.status_code) == (200, 200), woken.text
    assert stored[0][:2] == ("DONE", 2)
    assert bytes(stored[0][3]) == heir.content == woken.content
    assert woken.headers["idempotency-replayed"] == "true"
    assert desk(f"{row} ORDER BY created_at DESC LIMIT 1") == stored


# -- K4: purged all the time -------------------------------------------------------------------


@pytest.fixture
def purging(desk: Tables) -> Iterator[None]:
    """Everything that may be purged is, every millisecond: as if all had expired long ago."""
    stop = threading.Event()
    purge = """DELETE FROM idempotency_keys WHERE locked_until < clock_timestamp()"""

    def run() -> None:
        with psycopg.connect(desk.url, autocommit=True) as connection:
            while not stop.wait(0.001):
                connection.execute(purge)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.exhaustive)])
async def test_k4_a_purge_that_never_ends_makes_no_second_effect(
    scene: Scene, desk: Tables, purging: None, rounds: int
) -> None:
    """What it takes are answers; what was done is found by what is there."""
    for _ in range(rounds):
        sent, headers = await resolve_case(scene), {"Idempotency-Key": uuid.uuid4().hex}
        answers = await asyncio.gather(*(sent.send(**headers) for _ in range(10)))
        codes = [a.json().get("code") for a in answers if a.status_code != 200]
        assert len(codes) < 10
        assert set(codes) <= {"ALREADY_RESOLVED"}  # never IN_PROGRESS of what nobody does
        assert await sent.effects() == 1


# -- K5: the clock is set ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["1 hour", "-1 hour", "400 days", "-400 days"])
async def test_k5_a_clock_that_is_set_neither_loses_an_answer_nor_holds_a_key(
    scene: Scene, desk: Tables, by: str
) -> None:
    """To set the database's clock forward is to have all moments in the rows lie further back."""
    shift = """UPDATE idempotency_keys SET locked_until = locked_until - %s::interval,
        created_at = created_at - %s::interval, expires_at = expires_at - %s::interval"""
    sent, headers = await resolve_case(scene), {"Idempotency-Key": uuid.uuid4().hex}
    first = await sent.send(**headers)
    dead = await resolve_case(scene)
    doomed = _doomed(_of_desk(desk), "claimed")
    async with client(await asyncio.to_thread(_url, doomed), sent.who.headers["X-API-Key"]) as http:
        with pytest.raises(httpx.TransportError):
            await Sent(**{**vars(dead), "who": http}).send(**headers)
    desk(shift, by, by, by)
    again = await sent.send(**headers)
    assert (again.content, again.headers.get("idempotency-replayed")) == (first.content, "true")
    assert (await patiently(dead, **headers)).status_code == 200
