"""The rate limiter: what is documented holds over all processes, and 429s hold for all of them."""

import asyncio
import datetime as dt
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from activities.registry import create_activities
from models.core.database import autocommit, create_engine, create_sessions
from models.core.errors import Retryable
from models.suppliers.rate_limits import Rate, lease_slots, paused_suppliers
from settings import Settings
from suppliers.amadeus.client import AmadeusApi
from suppliers.core.http import JsonClient
from suppliers.core.limiter import FRESH_SECONDS, OVER_RATE, RateLimiter, RateLimits
from suppliers.registry import create_suppliers
from tests.suppliers.core import asking
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient


@pytest.fixture
def someone() -> str:
    """A supplier that nobody else asks."""
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
async def process(database_url: str) -> AsyncIterator[Callable[[], RateLimits]]:
    """Make what one process has: limiters on a pool of its own; several make several processes."""
    engines = []

    def make() -> RateLimits:
        engines.append(create_engine(Settings(database_url=database_url).sqlalchemy_url))
        return RateLimits(create_sessions(engines[-1]))

    yield make
    for engine in engines:
        await engine.dispose()


Make = Callable[[], RateLimits]


@pytest.fixture(scope="session")
async def four(process: Make) -> list[RateLimits]:
    """Four processes, for many examples."""
    return [process() for _ in range(4)]


@contextmanager
def statements(limits: RateLimits) -> Iterator[list[str]]:
    """Note the statements that limiters send meanwhile."""
    assert limits._sessions is not None
    engine = limits._sessions.kw["bind"].sync_engine
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


async def turns(limiter: RateLimiter, count: int) -> list[float]:
    """Have so many requests wait at once; returns when each was let through."""

    async def one() -> float:
        await limiter.turn("quote")
        return time.monotonic()

    return list(await asyncio.gather(*(one() for _ in range(count))))


def assert_kept(rate: Rate, times: list[float]) -> None:
    """One request more than documented never falls within the documented time."""
    times = sorted(times)
    for first, last in zip(times, times[rate.requests :], strict=False):
        assert last - first >= rate.seconds - 0.0005, f"{rate.requests + 1} in {last - first} s"


# -- the rate ------------------------------------------------------------------------------------

PLANS = st.lists(  # by process: pause before it, requests at once
    st.lists(st.tuples(st.floats(0, 0.1), st.integers(1, 4)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@given(
    plan=PLANS,
    rate=st.sampled_from([Rate(1, 0.03), Rate(5, 0.1), Rate(10, 0.2), Rate(40, 0.5)]),
)
@example_settings(max_examples=10, deadline=None)
async def test_no_window_sees_more_requests_than_documented(
    four: list[RateLimits], plan: list[list[tuple[float, int]]], rate: Rate
) -> None:
    supplier = f"s-{uuid.uuid4().hex[:12]}"
    passed: list[float] = []

    async def play(limiter: RateLimiter, steps: list[tuple[float, int]]) -> None:
        waiting = []
        for pause, count in steps:
            await asyncio.sleep(pause)
            waiting.append(asyncio.create_task(turns(limiter, count)))
        for task in waiting:
            passed.extend(await task)

    await asyncio.gather(
        *(
            play(limits.limiter(supplier, rate, timeout=120), steps)
            for limits, steps in zip(four, plan, strict=False)
        )
    )
    assert len(passed) == sum(count for steps in plan for _, count in steps)
    assert_kept(rate, passed)


async def test_a_saturated_supplier_is_asked_at_four_fifths_of_its_rate(
    process: Make, someone: str
) -> None:
    rate = Rate(20, 0.5)
    both = [process().limiter(someone, rate, timeout=120) for _ in range(2)]
    passed = [
        at for times in await asyncio.gather(*(turns(one, 25) for one in both)) for at in times
    ]
    assert_kept(rate, passed)
    assert max(passed) - min(passed) >= 47 * rate.spacing
    assert max(passed) - min(passed) < 50 * rate.spacing * 2.5


async def test_two_processes_keep_one_rate(
    database_url: str, sandbox: SandboxClient, someone: str, tmp_path: Path
) -> None:
    before = (await sandbox.http.get("/_sandbox/log")).json()
    arguments = ("-m", asking.__name__, sandbox.url, database_url, someone, "20", str(tmp_path))
    both = [Process(*arguments, env={}) for _ in range(2)]
    for asker in both:
        assert await asyncio.to_thread(asker._popen.wait, 60) == 0, asker.log()
    log = (await sandbox.http.get("/_sandbox/log", params={"after": len(before)})).json()
    sent = [[float(at) for at in re.findall(r"sent (\S+)", asker.log())] for asker in both]
    assert [len(times) for times in sent] == [20, 20]
    assert len(log) == 40
    assert max(map(min, sent)) < min(map(max, sent)), "they were at it at the same time"
    assert_kept(asking.RATE, sent[0] + sent[1])


async def test_slots_that_nobody_took_are_not_saved_up(process: Make, someone: str) -> None:
    rate, sessions = Rate(40, 1), process()._sessions
    assert sessions is not None
    async with autocommit(sessions) as session:
        await lease_slots(session, someone, rate, waiting=1, within=10)
        await asyncio.sleep(0.5)
        idle = await lease_slots(session, someone, rate, waiting=1, within=10)
        busy = await lease_slots(session, someone, rate, waiting=12, within=10)
    assert idle.slots == rate.spare
    assert -rate.backlog - 0.001 <= idle.first <= 0
    assert busy.slots == 12
    assert busy.first > -rate.spacing


@pytest.mark.parametrize(
    ("rate", "spacing", "spare"),
    [(Rate(1, 0.1), 0.125, 0), (Rate(40, 1), 0.03125, 5), (Rate(50, 60), 1.5, 0)],
)
def test_slots_follow_from_what_is_documented(rate: Rate, spacing: float, spare: int) -> None:
    assert (rate.spacing, rate.spare) == (spacing, spare)


class Noting(RateLimits):
    """Notes who is limited, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[str, Rate | None] = {}

    def limiter(self, supplier: str, rate: Rate | None, *, timeout: float) -> RateLimiter:
        self.rates[supplier] = rate
        return super().limiter(supplier, rate, timeout=timeout)


async def test_every_supplier_is_limited_as_its_host_documents() -> None:
    noting = Noting()
    hotels = "https://demandapi-sandbox.booking.com/3.2"
    suppliers = create_suppliers(Settings(amadeus_api_key="k", booking_com_base_url=hotels), noting)
    for supplier in suppliers.values():
        await supplier.close()
    assert noting.rates == {
        **dict.fromkeys(suppliers),
        "amadeus": Rate(1, 0.1),
        "booking_com": Rate(50, 60),
    }


async def test_what_a_worker_is_told_reaches_the_other_processes(
    database_url: str, sandbox: SandboxClient
) -> None:
    worker = create_activities(Settings(database_url=database_url, sandbox_url=sandbox.url))
    await sandbox.arm("viator", "find", "refuse")
    with pytest.raises(Retryable):
        await worker.suppliers["viator"].find("nothing", since=dt.datetime.now(dt.UTC))
    async with worker.engine.connect() as connection:
        assert "viator" in await paused_suppliers(AsyncSession(connection))
    await worker.close()


# -- what it costs -------------------------------------------------------------------------------


async def test_requests_that_wait_together_cost_one_statement(process: Make, someone: str) -> None:
    limits = process()
    limiter = limits.limiter(someone, Rate(100, 1), timeout=60)
    await turns(limiter, 1)  # its row is made
    with statements(limits) as sent:
        await turns(limiter, 30)
    assert len([statement for statement in sent if "UPDATE" in statement]) <= 3


async def test_a_high_rate_far_from_used_up_costs_less_than_a_statement_a_request(
    process: Make, someone: str
) -> None:
    limits = process()
    limiter = limits.limiter(someone, Rate(200, 1), timeout=60)
    await turns(limiter, 1)
    with statements(limits) as sent:
        for _ in range(20):
            await limiter.turn("quote")
            await asyncio.sleep(0.01)
    assert len([statement for statement in sent if "UPDATE" in statement]) <= 10


async def test_without_a_documented_rate_nobody_waits_and_no_request_costs_a_statement(
    process: Make, someone: str
) -> None:
    limits = process()
    limiter = limits.limiter(someone, None, timeout=20)
    began = time.monotonic()
    with statements(limits) as sent:
        for _ in range(10):
            await turns(limiter, 20)
    reads = 1 + (time.monotonic() - began) / FRESH_SECONDS
    assert len(sent) <= reads, "whether anybody is paused is read once a second"


# -- who may not be asked now --------------------------------------------------------------------


async def test_who_would_wait_too_long_is_told_when_to_come_back(
    process: Make, someone: str
) -> None:
    limits = process()
    limiter = limits.limiter(someone, Rate(1, 1), timeout=6)  # a slot each 1.25 s, 1.5 s to wait
    ends = await asyncio.gather(*(limiter.turn("book") for _ in range(5)), return_exceptions=True)
    refused = [end for end in ends if isinstance(end, Retryable)]
    assert len(ends) - len(refused) == 2
    assert {end.code for end in refused} == {OVER_RATE}
    assert all(end.retry_after is not None for end in refused)
    assert all(dt.timedelta(seconds=1) < (end.retry_after or dt.timedelta()) for end in refused)


async def test_refusing_takes_no_slot_and_soon_no_statement(process: Make, someone: str) -> None:
    limits = process()
    limiter = limits.limiter(someone, Rate(1, 30), timeout=4)
    await limiter.turn("book")
    with statements(limits) as sent:
        for _ in range(20):
            with pytest.raises(Retryable):
                await limiter.turn("book")
    assert len([statement for statement in sent if "UPDATE" in statement]) <= 1
    assert limits._sessions is not None
    async with autocommit(limits._sessions) as session:
        lease = await lease_slots(session, someone, Rate(1, 30), waiting=0, within=0)
    assert lease.first < 37.5, "the next slot is the one after the first"


async def test_a_turn_given_up_is_free_for_the_next(process: Make, someone: str) -> None:
    limiter = process().limiter(someone, Rate(1, 0.4), timeout=20)
    await limiter.turn("quote")
    waiting = asyncio.create_task(limiter.turn("quote"))
    await asyncio.sleep(0.1)
    waiting.cancel()
    began = time.monotonic()
    await limiter.turn("quote")
    assert time.monotonic() - began < 0.5


async def test_a_pause_of_one_process_is_kept_by_all(process: Make, someone: str) -> None:
    told, other, fresh = (
        process().limiter(someone, rate, timeout=8) for rate in (None, None, Rate(40, 1))
    )
    await other.turn("quote")  # it has read just now that nobody is paused
    await told.pause(dt.timedelta(seconds=60))
    await asyncio.sleep(FRESH_SECONDS)
    for limiter in (told, other, fresh):
        with pytest.raises(Retryable, match="asked us to wait") as caught:
            await limiter.turn("book")
        assert caught.value.code == OVER_RATE
        assert caught.value.retry_after is not None
        assert 50 < caught.value.retry_after.total_seconds() <= 60


async def test_a_short_pause_is_waited_for_and_a_shorter_one_does_not_end_it(
    process: Make, someone: str
) -> None:
    told, other = (process().limiter(someone, Rate(40, 1), timeout=20) for _ in range(2))
    began = time.monotonic()
    await told.pause(dt.timedelta(seconds=1))
    await told.pause(dt.timedelta(seconds=0.2))
    assert min(await turns(other, 3)) - began >= 0.95


async def test_while_the_database_is_away_only_what_needs_it_is_held_back(someone: str) -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    limits = RateLimits(create_sessions(engine))
    await limits.limiter(someone, None, timeout=8).turn("quote")
    with pytest.raises(Retryable, match="database is away") as caught:
        await limits.limiter(someone, Rate(40, 1), timeout=8).turn("quote")
    assert caught.value.retry_after is not None
    await engine.dispose()


async def test_a_documented_rate_is_not_kept_by_one_process_alone(someone: str) -> None:
    await RateLimits().limiter(someone, None, timeout=8).turn("quote")
    with pytest.raises(RuntimeError, match="kept in the database"):
        await RateLimits().limiter(someone, Rate(40, 1), timeout=8).turn("quote")


# -- over HTTP -----------------------------------------------------------------------------------


class Server:
    """Notes when requests arrive; says what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.arrivals: list[float] = []
        self.says: list[str] = ["200 OK\r\n"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                length = 0
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                await reader.readexactly(length)
                if b"/oauth2/" in line:
                    said, body = "200 OK\r\n", b'{"access_token":"t","expires_in":1799}'
                else:
                    self.arrivals.append(time.monotonic())
                    said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
                    body = b"{}"
                writer.write(
                    f"HTTP/1.1 {said}Content-Length: {len(body)}\r\n"
                    "Content-Type: application/json\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield told
    listening.close()


def client(url: str, limits: RateLimits, supplier: str, rate: Rate | None) -> JsonClient:
    return JsonClient(
        provider=supplier, base_url=url, headers={}, timeout=20, rate=rate, limits=limits
    )


async def test_requests_over_http_keep_the_rate(
    server: Server, process: Make, someone: str
) -> None:
    rate = Rate(10, 0.5)
    http = client(server.url, process(), someone, rate)
    await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for _ in range(25))
    )
    await http.close()
    assert len(server.arrivals) == 25
    assert server.arrivals[-1] - server.arrivals[0] >= 22 * rate.spacing


async def test_amadeus_keeps_it_too_its_tokens_included(server: Server, process: Make) -> None:
    limits, rate = process(), Rate(1, 0.1)
    api = AmadeusApi(server.url, key="k", secret="s", timeout=20, rate=rate, limits=limits)
    began = time.monotonic()
    await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    assert time.monotonic() - began >= rate.spacing, "a turn for the token, and one for the call"
    await asyncio.gather(
        *(
            api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
            for _ in range(9)
        )
    )
    api.close()
    assert len(server.arrivals) == 10
    assert server.arrivals[-1] - server.arrivals[0] >= 8 * rate.spacing


async def test_a_429_keeps_the_requests_of_other_processes_back(
    server: Server, process: Make, someone: str
) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 1\r\n", "200 OK\r\n"]
    told, other = (client(server.url, process(), someone, None) for _ in range(2))
    assert (await told.call("GET", "/x", operation="quote", changes=False)).status == 429
    answers = await asyncio.gather(
        *(http.call("GET", "/x", operation="quote", changes=False) for http in (told, other) * 2)
    )
    for http in (told, other):
        await http.close()
    assert {answer.status for answer in answers} == {200}
    assert server.arrivals[1] - server.arrivals[0] >= 0.9


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: 1\r\n", True),
        ("RateLimit-Remaining: 1\r\nRateLimit-Reset: 1\r\n", False),
        ("RateLimit-Remaining: 0\r\nRateLimit-Reset: Thu, 18 Dec 2031 10:00:00 GMT\r\n", False),
        ("RateLimit-Remaining: 0\r\n", False),
    ],
)
async def test_a_rate_that_is_used_up_is_not_tried(
    server: Server, headers: str, waits: bool
) -> None:
    server.says = [f"200 OK\r\n{headers}", "200 OK\r\n"]
    http = client(server.url, RateLimits(), "someone", None)
    for _ in range(2):
        answer = await http.call("GET", "/x", operation="quote", changes=False)
        assert answer.status == 200
    await http.close()
    assert (server.arrivals[1] - server.arrivals[0] >= 0.95) is waits


async def test_a_long_429_is_not_waited_for(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 60\r\n", "200 OK\r\n"]
    http = client(server.url, RateLimits(), "someone", None)
    await http.call("GET", "/x", operation="quote", changes=False)
    began = time.monotonic()
    with pytest.raises(Retryable) as caught:
        await http.call("POST", "/x", operation="book", changes=True, body={})
    await http.close()
    assert time.monotonic() - began < 1
    assert caught.value.code == OVER_RATE
    assert caught.value.retry_after is not None
    assert dt.timedelta(seconds=55) < caught.value.retry_after <= dt.timedelta(seconds=60)
    assert len(server.arrivals) == 1


async def test_amadeus_keeps_quiet_after_a_429(server: Server) -> None:
    server.says = ["429 Too Many Requests\r\nRetry-After: 60\r\n", "200 OK\r\n"]
    api = AmadeusApi(server.url, key="k", secret="s", timeout=8)
    await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    with pytest.raises(Retryable, match="asked us to wait"):
        await api.call(lambda sdk: sdk.get("/v1/x"), operation="quote", changes=False)
    api.close()
    assert len(server.arrivals) == 1
