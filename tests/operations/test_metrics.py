"""What a Prometheus sees of the worker, and what it does not."""

import asyncio
import re
import uuid

import httpx
import pytest

from models.bookings.lifecycle import BookingState
from models.core.keys import booking_reference
from settings import Settings
from temporal import metrics_runtime
from tests.operations.conftest import watch
from tests.operations.metrics import figure, until_figure
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.reservations.places import request_for, start
from tests.support.stack import Stack


async def test_open_cases_and_differences_are_shown(
    stack: Stack, record: Record, outside: Outside
) -> None:
    name, kind = "tripsaga_open_cases", "RECONCILIATION"
    before = figure(stack, name, kind=kind)
    unknown = await outside.pay(4_000, booking="nobody-we-know", captured=False)
    await watch(stack)
    await until_figure(stack, name, before + 1, kind=kind)
    await outside.release(unknown)
    await watch(stack)
    await until_figure(stack, name, before, kind=kind)
    await record.do(
        "INSERT INTO reconciliations (day, gateway, currencies, differences, run_at)"
        " VALUES ('2999-01-01', 'test', '{}', '[1, 2, 3]', now())"
    )
    differences = "tripsaga_reconciliation_differences"
    await until_figure(stack, differences, 3, gateway="test")
    await record.do("DELETE FROM reconciliations WHERE gateway = 'test'")


async def test_every_invariant_and_kind_has_a_figure(stack: Stack) -> None:
    await watch(stack)
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"http://{stack.settings.metrics_address}/metrics")).text
    for invariant in ("I1", "I2", "I8", "I9", "I10"):
        assert f'invariant="{invariant}"' in text
    for kind in ("SAGA", "DISPUTE", "REFUND", "INVARIANT", "WEBHOOK", "RECONCILIATION"):
        assert f'kind="{kind}"' in text
    assert "temporal_workflow_completed_total" in text


def shown(stack: Stack) -> list[str]:
    url = f"http://{stack.settings.metrics_address}/metrics"
    return httpx.get(url, trust_env=False).text.splitlines()


async def test_places_are_counted_by_what_became_of_them(stack: Stack, record: Record) -> None:
    def counted() -> list[float]:
        outcomes = ("held", "resource", "expired")
        return [figure(stack, "tripsaga_places_total", outcome=one) for one in outcomes]

    before = counted()
    request = await request_for(stack, table="seat-1")
    request.approval = "manual"
    for state in (BookingState.HELD, BookingState.FAILED, BookingState.HELD):
        request.booking_id = str(uuid.uuid4())
        request.booking_reference = booking_reference(request.booking_id)
        request.guest_id = request.idempotency_key = request.booking_id
        assert (await (await start(stack, request)).result()).state is state
        if state is BookingState.FAILED:
            await record.do(
                "UPDATE inventory_claims SET expires_at = now() WHERE venue_id = %(venue)s",
                venue=request.venue_id,
            )
            # the inventory has another seat for this party
            request.slot = request.slot.model_copy(update={"resource_id": "seat-2"})
    grown = [now - then for now, then in zip(counted(), before, strict=True)]
    assert grown == [2, 1, 1]
    series = [line for line in shown(stack) if line.startswith("tripsaga_places_total{")]
    labels = {re.sub(r'"[^"]*"', "", line.split(" ")[0]) for line in series}
    assert len(labels) == 1, "activities and rounds count in one series an outcome"
    assert "activity_type" not in str(labels)


def test_an_address_that_cannot_be_used_is_reported_plainly(stack: Stack) -> None:
    taken = Settings(metrics_address=stack.settings.metrics_address)
    with pytest.raises(RuntimeError, match=r"METRICS_ADDRESS=127\.0\.0\.1"):
        metrics_runtime(taken)
    with pytest.raises(ValueError, match="metrics_address"):
        Settings(metrics_address="9464")
    assert metrics_runtime(Settings()) is None


async def test_a_webhook_that_waits_is_shown_with_its_age(stack: Stack, record: Record) -> None:
    age = "tripsaga_webhook_oldest_pending_seconds"
    assert figure(stack, age) == figure(stack, "tripsaga_webhook_overdue_seconds") == 0
    await record.do(
        "WITH caller AS (INSERT INTO callers (id, name, role)"
        "  VALUES (gen_random_uuid(), 'late', 'planner') RETURNING id),"
        " key AS (INSERT INTO caller_keys (key_hash, caller_id, name, prefix)"
        "  SELECT 'late', id, '1', 'ts_' FROM caller),"
        " endpoint AS (INSERT INTO webhook_endpoints (id, caller_id, url, types)"
        "  SELECT gen_random_uuid(), id, 'http://127.0.0.1:1/', '{}' FROM caller RETURNING id)"
        " INSERT INTO webhook_deliveries (endpoint_id, position, event_id, booking_id, type,"
        "  created_at, next_at)"
        " SELECT id, 0, id, id, 'late', now() - interval '1 day', now() + interval '1 day'"
        "  FROM endpoint"
    )
    async with asyncio.timeout(20):
        while figure(stack, age) < 86_400:
            await asyncio.sleep(0.2)
    await record.do("DELETE FROM webhook_deliveries WHERE type = 'late'")
    await until_figure(stack, age, 0)
