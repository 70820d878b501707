"""The circuit: when it opens and closes, who is let through, and what it costs."""

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event

from activities.suppliers import health as module
from activities.suppliers.health import SupplierHealth, is_outage, look_after_outages, watched
from models.core.database import Sessions, create_engine, create_sessions
from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from settings import Settings
from suppliers.core.limiter import OVER_RATE
from tests.suppliers.health.conftest import DOWN_AFTER, TRIAL_SECONDS, Query

Process = Callable[..., SupplierHealth]
CONTEXT: dict[str, Any] = {"provider": "duffel", "operation": "quote"}


def fault(status: int | None = 503, code: str | None = None) -> ProviderError:
    return Retryable("no", status=status, code=code, **CONTEXT)


async def call(health: SupplierHealth, error: BaseException | None = None) -> None:
    """Make a call that ends like this."""
    with suppress(ProviderError):
        async with health.watching("duffel"):
            if error is not None:
                raise error


async def down(health: SupplierHealth) -> None:
    for _ in range(DOWN_AFTER):
        await call(health, fault())


@pytest.fixture(autouse=True)
def _always_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (fault(500), True),
        (fault(503), True),
        (fault(504), True),
        (UnknownOutcome("x", status=502, **CONTEXT), True),
        (UnknownOutcome("x", code="no_answer", **CONTEXT), True),
        (fault(None, "no_answer"), True),
        (fault(None, "not_sent"), True),
        (fault(429), False),
        (fault(429, "not_sent"), False),
        (fault(None, OVER_RATE), False),
        (fault(200, "malformed_answer"), False),
        (Retryable("another worker is at this step", **CONTEXT), False),
        (UnknownOutcome("x", code="unsettled", **CONTEXT), False),
        (Duplicate("x", status=409, **CONTEXT), False),
        (Unavailable("x", status=500, **CONTEXT), False),
        (PriceChanged("x", **CONTEXT), False),
        (InvalidRequest("x", **CONTEXT), False),
        (Declined("x", **CONTEXT), False),
        (NotCancellable("x", **CONTEXT), False),
        (AuthConfig("x", status=403, **CONTEXT), False),
        (TypeError("a mistake"), False),
    ],
    ids=repr,
)
def test_what_counts_as_an_outage(error: Exception, counts: bool) -> None:
    assert is_outage(error) is counts


async def test_it_opens_after_so_many_faults_in_a_row(process: Process) -> None:
    health = process()
    assert await health.turned_away({"duffel"}) is None
    for _ in range(DOWN_AFTER - 1):
        await call(health, fault())
    assert await health.turned_away({"duffel"}) is None
    await call(health, fault())
    turned_away = await health.turned_away({"duffel", "viator"})
    assert turned_away is not None
    assert turned_away.supplier == "duffel"
    assert turned_away.retry_after >= 1
    assert await health.turned_away({"viator"}) is None, "others are not meant"


async def test_faults_of_all_workers_count_together(process: Process) -> None:
    first, second = process(), process()
    for number in range(DOWN_AFTER):
        await call([first, second][number % 2], fault())
    assert await first.turned_away({"duffel"}) is not None
    assert await second.turned_away({"duffel"}) is not None


@pytest.mark.parametrize("error", [None, Unavailable("sold out", status=404, **CONTEXT)])
async def test_an_answer_in_between_starts_the_count_anew(
    process: Process, error: ProviderError | None
) -> None:
    health = process()
    for _ in range(2 * DOWN_AFTER):
        await call(health, fault())
        await call(health, error)
    assert await health.turned_away({"duffel"}) is None


async def test_a_429_neither_counts_nor_starts_anew(process: Process, sql: Query) -> None:
    health = process()
    await call(health, fault())
    await call(health, fault(429))
    assert sql("SELECT state, faults FROM supplier_health") == [{"state": "up", "faults": 1}]


async def test_after_a_pause_exactly_one_is_let_through(process: Process) -> None:
    workers = [process() for _ in range(4)]
    await down(workers[0])
    assert all([await one.turned_away({"duffel"}) for one in workers])
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    answers = await asyncio.gather(*(one.turned_away({"duffel"}) for one in workers * 5))
    assert sum(answer is None for answer in answers) == 1


async def test_a_trial_that_is_answered_closes_it_for_all(process: Process, sql: Query) -> None:
    trying, other = process(), process()
    await down(other)
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await trying.turned_away({"duffel"}) is None
    assert sql("SELECT state FROM supplier_health") == [{"state": "trying"}]
    await call(trying)
    assert await other.turned_away({"duffel"}) is None
    (row,) = sql("SELECT state, faults FROM supplier_health")
    assert row == {"state": "up", "faults": 0}


async def test_a_trial_that_fails_waits_for_another_pause(process: Process, sql: Query) -> None:
    health = process()
    await down(health)
    (opened,) = sql("SELECT since FROM supplier_health")
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await health.turned_away({"duffel"}) is None
    await call(health, fault())
    assert await health.turned_away({"duffel"}) is not None
    assert sql("SELECT since FROM supplier_health") == [opened], "down since the beginning"
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await health.turned_away({"duffel"}) is None


async def test_a_trial_whose_worker_dies_is_followed_by_another(process: Process) -> None:
    await down(process())
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await process().turned_away({"duffel"}) is None
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await process().turned_away({"duffel"}) is None


async def test_an_answer_from_before_a_fault_does_not_close_it(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other = process(), process()
    slow._told_at = asyncio.get_running_loop().time() + 3600  # it tells late
    await call(slow)
    await down(other)
    await slow.close()
    assert await other.turned_away({"duffel"}) is not None


async def test_a_look_up_of_a_booking_under_way_closes_it_too(process: Process) -> None:
    health = process()
    await down(health)
    await call(health)
    assert await health.turned_away({"duffel"}) is None


async def test_every_call_of_a_supplier_is_watched(process: Process) -> None:
    class Sick:
        name = "duffel"
        capabilities = "whatever"

        async def quote(self, _: str) -> str:
            raise fault()

        async def changes(self, since: int) -> list[int]:
            return [since]

        async def close(self) -> None:
            raise fault()

    health = process()
    sick: Any = watched(Sick(), health)  # type: ignore[type-var]
    assert (sick.name, sick.capabilities) == ("duffel", "whatever")
    for _ in range(DOWN_AFTER):
        with pytest.raises(Retryable):
            await sick.quote("x")
    assert await health.turned_away({"duffel"}) is not None
    with pytest.raises(Retryable):
        await sick.close()
    assert await sick.changes(7) == [7]
    assert await health.turned_away({"duffel"}) is None


async def test_healthy_calls_cost_next_to_nothing(
    process: Process, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 2.0)
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note)
    health = process()
    for _ in range(50):
        assert await health.turned_away({"duffel", "viator"}) is None
        await asyncio.gather(*(call(health) for _ in range(20)))
    event.remove(engine, "before_cursor_execute", note)
    # one look at the others, one note of all answers
    assert len(statements) <= 2, statements


async def test_a_database_that_is_away_stops_no_call(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(database={"url": "postgresql://nobody@127.0.0.1:1/none"})
    engine = create_engine(settings.database.sqlalchemy_url)
    health = SupplierHealth(create_sessions(engine), settings)
    assert await health.turned_away({"duffel"}) is None
    await call(health, fault())
    await call(health)
    await health.close()
    await engine.dispose()
    assert "could not be noted" in caplog.text


async def test_opening_and_closing_are_logged(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tripsaga.suppliers")
    health = process()
    await down(health)
    assert "duffel is down after 3 faults in a row" in caplog.text
    await call(health, fault())
    assert caplog.text.count("is down after") == 1
    await call(health)
    assert "duffel is up again after" in caplog.text


async def test_a_long_outage_is_a_case_until_it_ends(
    process: Process, sessions: Sessions, sql: Query
) -> None:
    health = process(supplier_down_case_seconds=900)
    await down(health)
    await look_after_outages(sessions, 900)
    assert sql("SELECT * FROM cases") == []
    sql("UPDATE supplier_health SET since = since - interval '20 minutes'")
    await look_after_outages(sessions, 900)
    await look_after_outages(sessions, 900)
    (case,) = sql("SELECT * FROM cases")
    assert case["kind"] == "SUPPLIER"
    assert case["source"] == "supplier-down:duffel"
    assert "Duffel has not answered since" in case["summary"]
    assert case["resolved_at"] is None
    await call(health)
    (case,) = sql("SELECT * FROM cases")
    assert case["resolution"] == "it answers again"


async def test_a_further_fault_of_a_long_outage_opens_the_case_at_once(
    process: Process, sql: Query
) -> None:
    health = process(supplier_down_case_seconds=900)
    await down(health)
    sql("UPDATE supplier_health SET since = since - interval '20 minutes'")
    await call(health, fault())
    assert len(sql("SELECT * FROM cases")) == 1


async def test_what_is_kept_of_a_fault(process: Process, sql: Query) -> None:
    health = process()
    await call(health, UnknownOutcome("w" * 2000, code="no_answer", **CONTEXT))
    (row,) = sql("SELECT * FROM supplier_health")
    assert row["last_fault_code"] == "no_answer"
    assert row["last_fault"] == "w" * 500
    age = dt.datetime.now(dt.UTC) - row["last_fault_at"]
    assert age < dt.timedelta(seconds=30)


async def test_with_two_suppliers_down_both_must_be_due(process: Process, sql: Query) -> None:
    health = process()
    await down(health)
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    for _ in range(DOWN_AFTER):  # the other one goes down now
        with suppress(ProviderError):
            async with health.watching("viator"):
                raise fault()
    turned_away = await health.turned_away({"duffel", "viator"})
    assert turned_away is not None
    assert turned_away.supplier == "viator"
    assert {row["state"] for row in sql("SELECT state FROM supplier_health")} == {"down"}
    await asyncio.sleep(TRIAL_SECONDS + 0.05)
    assert await health.turned_away({"duffel", "viator"}) is None
    assert {row["state"] for row in sql("SELECT state FROM supplier_health")} == {"trying"}
