"""The rate limiter: what is documented holds over all processes, and 429s hold for all of them."""

import asyncio
import datetime as dt
import re
import time
import uuid
from collections.abc import Iterator
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
from suppliers.core.limiter import FRESH_SECONDS, OVER_RATE, RateLimiter, RateLimits
from suppliers.registry import create_suppliers
from tests.suppliers.core import asking
from tests.suppliers.core.conftest import Make
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient


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
    suppliers = create_suppliers(
        Settings(amadeus={"api_key": "k"}, booking_com={"base_url": hotels}), noting
    )
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
    worker = create_activities(Settings(database={"url": database_url}, sandbox_url=sandbox.url))
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
