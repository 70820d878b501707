"""A supplier that goes down and comes back, seen from bookings, operators and Prometheus."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from localworld import ports
from localworld.shared import Servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.problems import Code
from tests.api.conftest import body, client
from tests.api.server import Served, add_caller, serve
from tests.operations.conftest import watch
from tests.operations.metrics import figure, until_figure
from tests.support.checker import check
from tests.support.databases import migrated_database
from tests.support.sandbox_client import running_sandbox
from tests.support.selection import table
from tests.support.stack import Stack, create_stack

DOWN_AFTER = 3
TRIAL_SECONDS = 2.5


@pytest.fixture(scope="module")
def own_sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("health")) as url:
        yield url


@pytest.fixture(scope="module")
async def fragile(
    shared_servers: Servers, temporal_address: str, own_sandbox_url: str
) -> AsyncIterator[Stack]:
    """A world of its own in which suppliers are soon given up for the moment."""
    stack = await create_stack(
        database_url=migrated_database(shared_servers),
        temporal_address=temporal_address,
        sandbox_url=own_sandbox_url,
        name=f"health-{uuid.uuid4().hex[:8]}",
        SUPPLIER_DOWN_AFTER=str(DOWN_AFTER),
        SUPPLIER_TRIAL_SECONDS=str(TRIAL_SECONDS),
        METRICS_ADDRESS=f"127.0.0.1:{ports.choose(0)}",
    )
    stack.start_worker()
    yield stack
    await stack.close()


@pytest.fixture
async def stack(fragile: Stack) -> AsyncIterator[Stack]:
    await fragile.sandbox.clear()
    write(fragile, "DELETE FROM supplier_health")
    await asyncio.sleep(2.1)  # what the worker has read is forgotten
    yield fragile
    await fragile.sandbox.clear()


@pytest.fixture(scope="module")
def served(fragile: Stack) -> Iterator[Served]:
    with serve(fragile.settings) as api:
        yield api


@pytest.fixture
async def operator(served: Served, fragile: Stack) -> AsyncIterator[httpx.AsyncClient]:
    key = add_caller(fragile.settings.database.url, role="operator", name=uuid.uuid4().hex)
    async with client(served.url, key) as http:
        yield http


@pytest.fixture
async def planner(served: Served, fragile: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with client(served.url, add_caller(fragile.settings.database.url)) as http:
        yield http


def write(stack: Stack, statement: str, *values: Any) -> None:
    with psycopg.connect(stack.settings.database.url) as connection:
        connection.execute(statement, values)


def circuit(stack: Stack, supplier: str) -> str:
    with psycopg.connect(stack.settings.database.url) as connection:
        row = connection.execute(
            "SELECT state FROM supplier_health WHERE supplier = %s", [supplier]
        ).fetchone()
    return str(row[0]) if row else "up"


async def go_down(stack: Stack, supplier: str = "booking_com") -> Booking:
    """Have a supplier answer nothing but errors until it is given up."""
    await stack.sandbox.arm(supplier, "quote", "error", rate=1.0)
    booking = await stack.book()
    assert circuit(stack, supplier) == "down"
    return booking


def _calls(rows: list[dict[str, Any]], supplier: str) -> int:
    return sum(row["supplier"] == supplier for row in rows)


async def log(stack: Stack) -> list[dict[str, Any]]:
    rows = (await stack.sandbox.http.get("/_sandbox/log")).json()
    return list(rows["log"] if isinstance(rows, dict) else rows)


async def test_a_supplier_that_is_down_turns_new_bookings_away_at_once(stack: Stack) -> None:
    began = time.monotonic()
    first = await go_down(stack)
    assert time.monotonic() - began < 10, "not only at the step's deadline"
    before = await log(stack)
    second = await stack.book()
    after = await log(stack)
    for booking in (first, second):
        assert booking.state is BookingState.FAILED
        assert booking.problem is not None
        assert booking.problem.code is Code.SUPPLIER_DOWN
        assert booking.payment.status in (PaymentStatus.PENDING, PaymentStatus.FAILED)
        assert booking.payment.id is None
    assert second.problem is not None
    assert second.problem.message.startswith("Booking.com is not answering at the moment")
    assert second.problem.item == 2
    assert 1 <= second.problem.details["retryAfter"] <= TRIAL_SECONDS + 1
    asked = {row["supplier"] for row in after[len(before) :]}
    assert asked <= {"planner"}, f"nobody is asked, nothing is held: {asked}"
    await check(stack.sandbox, stack.settings.database.url, second.id)


async def test_the_caller_is_told_plainly(planner: httpx.AsyncClient, stack: Stack) -> None:
    await go_down(stack, "viator")
    answer = await planner.post("/booking/book?wait=30", json=body(await stack.sandbox.trip()))
    told = answer.json()
    assert told["state"] == "FAILED"
    assert told["error"]["code"] == "SUPPLIER_DOWN"
    assert told["error"]["message"] == (
        "Viator is not answering at the moment; nothing was booked or charged, try again in a few"
        " minutes."
    )
    assert told["error"]["details"]["retryAfter"] >= 1
    assert told["error"]["money"] == "Your card was not charged."


async def test_trips_without_that_supplier_are_booked(stack: Stack) -> None:
    await go_down(stack, "viator")
    booking = await stack.book(activities=0)
    assert booking.state is BookingState.CONFIRMED, booking.problem


async def test_a_trial_brings_it_up_again(stack: Stack) -> None:
    await go_down(stack)
    await stack.sandbox.clear()
    assert (await stack.book()).state is BookingState.FAILED, "the pause is not over"
    await asyncio.sleep(TRIAL_SECONDS)
    booking = await stack.book()
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert circuit(stack, "booking_com") == "up"
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_trial_in_vain_is_told_plainly_too(stack: Stack) -> None:
    await go_down(stack)
    await asyncio.sleep(TRIAL_SECONDS)
    before = _calls(await log(stack), "booking_com")
    booking = await stack.book()
    assert _calls(await log(stack), "booking_com") > before, "it was tried"
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.SUPPLIER_DOWN
    assert circuit(stack, "booking_com") == "down"


async def test_bookings_under_way_go_on_with_it(stack: Stack) -> None:
    await stack.sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.8)
    handle = await stack.start(await stack.request())
    async with asyncio.timeout(20):
        while (
            not any(
                row["supplier"] == "amadeus" and row["operation"] == "book"
                for row in await stack.sandbox.log(handle.id)
            )
            and (await stack.now(handle)).state is not BookingState.PROCESSING
        ):
            await asyncio.sleep(0.05)
    write(
        stack,
        "INSERT INTO supplier_health (supplier, state, since, faults, last_fault_at, tried_at)"
        " VALUES ('booking_com', 'down', now(), 9, now(), now()) ON CONFLICT (supplier) DO UPDATE"
        " SET state = 'down', faults = 9, last_fault_at = now(), tried_at = now()",
    )
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    async with asyncio.timeout(15):  # its answer is an answer; told within seconds
        while circuit(stack, "booking_com") != "up":
            await asyncio.sleep(0.2)


async def test_cancelling_asks_a_supplier_that_is_down(stack: Stack) -> None:
    booking = await stack.book()
    assert booking.state is BookingState.CONFIRMED
    await go_down(stack)
    after = await stack.cancel(booking.id)
    assert after.state is BookingState.CANCELLED
    assert circuit(stack, "booking_com") == "up", "and it has answered"
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_refusals_do_not_bring_it_down(stack: Stack) -> None:
    for _ in range(DOWN_AFTER + 1):
        await stack.sandbox.arm("booking_com", "quote", "refuse", nth=1)
        booking = await stack.book()
        assert booking.problem is not None
        assert booking.problem.code is Code.UNAVAILABLE
    assert circuit(stack, "booking_com") == "up"


async def test_operators_and_prometheus_see_it(operator: httpx.AsyncClient, stack: Stack) -> None:
    await go_down(stack)
    found = (await operator.get("/operator/suppliers")).json()["suppliers"]
    by_name = {one["supplier"]: one for one in found}
    hotel = by_name["booking_com"]
    assert hotel["circuit"] == "down"
    assert hotel["faultsInARow"] >= DOWN_AFTER
    assert hotel["lastFaultCode"] == "500" or hotel["lastFaultCode"].startswith("5")
    assert hotel["lastFault"]
    assert by_name["amadeus"]["circuit"] == "up"
    await until_figure(stack, "tripsaga_supplier_down", 2, supplier="booking_com")
    assert figure(stack, "tripsaga_supplier_faults", supplier="booking_com") >= DOWN_AFTER
    await stack.sandbox.clear()
    await asyncio.sleep(TRIAL_SECONDS)
    await stack.book()
    await until_figure(stack, "tripsaga_supplier_down", 0, supplier="booking_com")


async def test_a_long_outage_is_a_case(operator: httpx.AsyncClient, stack: Stack) -> None:
    await go_down(stack)

    async def cases() -> list[dict[str, Any]]:
        listed = (await operator.get("/operator/cases?limit=100")).json()["cases"]
        return [c for c in listed if c["source"] == "supplier-down:booking_com"]

    await watch(stack)
    assert await cases() == []
    write(stack, "UPDATE supplier_health SET since = now() - interval '16 minutes'")
    await watch(stack)
    (case,) = await cases()
    assert case["kind"] == "SUPPLIER"
    assert "resolvedAt" not in case
    await stack.sandbox.clear()
    await asyncio.sleep(TRIAL_SECONDS)
    await stack.book()
    (case,) = await cases()
    assert case["resolution"] == "it answers again"


@pytest.mark.parametrize(
    ("kind", "settled"),
    table(
        [("commit_then_hang", "found"), ("commit_then_error", "found"), ("error", "repeated")],
        quick=[("commit_then_hang", "found"), ("error", "repeated")],
    ),
)
async def test_how_an_unknown_outcome_was_settled_is_counted(
    operator: httpx.AsyncClient, stack: Stack, kind: str, settled: str
) -> None:
    write(stack, "DELETE FROM attempts")
    await stack.sandbox.arm("booking_com", "book", kind, nth=1, seconds=20)
    booking = await stack.book()
    assert await stack.sandbox.fired() >= 1
    assert booking.state is BookingState.CONFIRMED, booking.problem
    listed = await operator.get(
        "/operator/attempts", params={"bookingId": booking.id, "supplier": "booking_com"}
    )
    attempts = listed.json()["attempts"]
    assert settled in {one["settled"] for one in attempts}
    found = (await operator.get("/operator/suppliers")).json()["suppliers"]
    hour = next(one for one in found if one["supplier"] == "booking_com")["lastHour"]
    assert hour[settled] == 1
    assert hour["unknown"] == 0
    assert hour["settledMax"] > 0
    assert hour["done"] == 1
