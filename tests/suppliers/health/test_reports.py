"""What operators read about suppliers: counts, times, errors, attempts, orders; nobody's data."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, add_caller, serve
from tests.suppliers.health import planting
from tests.suppliers.health.conftest import Query

DAY, HOUR = 86_400, 3_600


@pytest.fixture(autouse=True)
def _empty(sql: Query) -> Iterator[None]:
    planting.clear(sql)
    yield
    planting.clear(sql)


@pytest.fixture(scope="module")
def served(health_database_url: str) -> Iterator[Served]:
    with serve(
        Settings(database={"url": health_database_url}, temporal={"address": NOBODY})
    ) as api:
        yield api


@pytest.fixture
async def operator(served: Served, health_database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    key = add_caller(health_database_url, role="operator", name=uuid.uuid4().hex)
    async with client(served.url, key) as http:
        yield http


async def ask(operator: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await operator.get(f"/operator/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def report(operator: httpx.AsyncClient, supplier: str) -> dict[str, Any]:
    found = (await ask(operator, "suppliers"))["suppliers"]
    return next(one for one in found if one["supplier"] == supplier)


# -- suppliers ------------------------------------------------------------------------------------


async def test_a_supplier_nobody_asked_is_up_and_has_no_figures(
    operator: httpx.AsyncClient,
) -> None:
    found = (await ask(operator, "suppliers"))["suppliers"]
    assert [one["supplier"] for one in found] == [
        "amadeus",
        "duffel",
        "booking_com",
        "ratehawk",
        "viator",
        "getyourguide",
    ]
    for one in found:
        assert one["circuit"] == "up"
        assert one["sandbox"] is True
        assert one["lastDay"]["calls"] == 0
        assert one["lastDay"]["successRate"] is None
        assert one["lastDay"]["p95"] is None


async def test_calls_are_counted_by_how_they_ended(operator: httpx.AsyncClient, sql: Query) -> None:
    booking = planting.booking(sql)
    for seconds in range(1, 101):
        planting.attempt(sql, booking, ago=120, took=seconds / 10)
    for _ in range(20):
        planting.attempt(sql, booking, outcome="refused", code="sold_out", status=422, took=5.0)
    planting.attempt(sql, booking, outcome="not_done", code="not_sent")
    planting.attempt(sql, booking, outcome="unknown", code="no_answer")
    planting.attempt(sql, booking, outcome=None, took=None, ago=600)
    planting.attempt(sql, booking, outcome=None, took=None, ago=5)  # under way
    planting.attempt(sql, booking, outcome="done", settled="found", took=40.0)
    planting.attempt(sql, booking, outcome="repeated", settled="repeated", took=20.0)
    planting.attempt(sql, booking, outcome="not_done", settled="not_done", took=10.0)
    planting.attempt(sql, booking, outcome="tombstone", took=0.0)
    planting.attempt(sql, booking, ago=2 * HOUR)
    planting.attempt(sql, booking, ago=2 * DAY)
    planting.attempt(sql, booking, provider="viator")
    one = await report(operator, "duffel")
    hour, day = one["lastHour"], one["lastDay"]
    assert hour["calls"] == 127
    assert day["calls"] == 128
    assert hour["done"] == 101
    assert day["done"] == 102
    assert hour["refused"] == 20
    assert hour["notDone"] == 2
    assert hour["unknown"] == 2
    assert (hour["found"], hour["repeated"], hour["absent"]) == (1, 1, 1)
    assert hour["successRate"] == pytest.approx(101 / 124, abs=1e-4)
    # of the 100 answers of 0.1 to 10.0 s and the 20 of 5.0 s; settled ones do not distort it
    assert hour["p50"] == pytest.approx(5.0)
    assert hour["p95"] == pytest.approx(9.405)
    assert hour["settledP50"] == 20
    assert hour["settledMax"] == 40
    assert (await report(operator, "viator"))["lastDay"]["calls"] == 1


async def test_common_errors_are_named_most_common_first(
    operator: httpx.AsyncClient, sql: Query
) -> None:
    booking = planting.booking(sql)
    for number in range(12):
        for _ in range(number + 1):
            planting.attempt(sql, booking, outcome="refused", code=f"code-{number:02}", status=422)
    planting.attempt(sql, booking, outcome="refused", code="old", ago=2 * DAY)
    planting.attempt(sql, booking)
    errors = (await report(operator, "duffel"))["errors"]
    assert len(errors) == 10
    assert errors[0] == {
        "operation": "book",
        "outcome": "refused",
        "code": "code-11",
        "httpStatus": 422,
        "calls": 12,
    }
    assert [error["calls"] for error in errors] == list(range(12, 2, -1))


async def test_quotes_that_ended_a_booking_are_among_the_errors(
    operator: httpx.AsyncClient, sql: Query
) -> None:
    def failed(problem: str) -> None:
        booking = planting.booking(sql, "FAILED")
        planting.item(sql, booking, 1, supplier="viator")
        planting.item(sql, booking, 2, supplier="duffel")
        sql(
            "SET session_replication_role = replica; UPDATE bookings SET created_at = now(),"
            f" problem = '{problem}' WHERE id = '{booking}'"
        )

    step = '"step": "validate", "message": "x"'
    for _ in range(3):
        failed(f'{{"code": "UNAVAILABLE", {step}, "item": 2, "provider_code": "sold_out"}}')
    failed(f'{{"code": "SUPPLIER_DOWN", {step}, "item": 2, "provider_code": null}}')
    failed(f'{{"code": "PRICE_CHANGED", {step}, "item": null, "provider_code": null}}')
    failed('{"code": "UNAVAILABLE", "step": "flight", "message": "x", "item": 2}')
    errors = (await report(operator, "duffel"))["errors"]
    assert [(e["operation"], e["outcome"], e["code"], e["calls"]) for e in errors] == [
        ("quote", "refused", "sold_out", 3),
        ("quote", "not_done", "SUPPLIER_DOWN", 1),
    ]
    assert (await report(operator, "viator"))["errors"] == []


# -- attempts -------------------------------------------------------------------------------------


async def test_attempts_are_found_by_what_is_asked_for(
    operator: httpx.AsyncClient, sql: Query
) -> None:
    first, second = planting.booking(sql), planting.booking(sql)
    planting.attempt(sql, first, outcome="unknown", code="no_answer")
    planting.attempt(sql, first, outcome="done")
    planting.attempt(sql, second, provider="viator", outcome=None, took=None)
    planting.attempt(sql, second, provider="viator", outcome="tombstone")
    planting.attempt(sql, second, provider="stripe", operation="capture")

    async def count(**query: Any) -> int:
        return len((await ask(operator, "attempts", **query))["attempts"])

    assert await count() == 4, "tombstones are no calls"
    assert await count(bookingId=first) == 2
    assert await count(bookingId=first, outcome="unknown") == 1
    assert await count(supplier="viator") == 1
    assert await count(supplier="viator", outcome="running") == 1
    assert await count(supplier="stripe") == 1
    assert await count(outcome="refused") == 0
    assert await count(bookingId="nothing") == await count(bookingId=str(uuid.uuid4())) == 0
    (one,) = (await ask(operator, "attempts", outcome="unknown"))["attempts"]
    assert one["bookingId"] == first
    assert (one["orderId"], one["requestId"], one["code"]) == ("order-1", "req-1", "no_answer")
    assert one["startedAt"] < one["finishedAt"]


async def test_attempts_come_in_pages(operator: httpx.AsyncClient, sql: Query) -> None:
    booking = planting.booking(sql)
    for _ in range(7):
        planting.attempt(sql, booking)
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = await ask(operator, "attempts", **query)
        seen += [one["id"] for one in page["attempts"]]
        if "next" not in page:
            break
        query["after"] = page["next"]
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_nothing_personal_is_shown(operator: httpx.AsyncClient, sql: Query) -> None:
    booking = planting.booking(sql)
    planting.item(sql, booking, 1)
    planting.attempt(
        sql,
        booking,
        outcome="refused",
        message="traveller Ada ada@example.com is not of age",
        result='{"kind": "InvalidRequest", "name": "Ada"}',
    )
    for path in ("suppliers", "attempts", "orders"):
        answer = await operator.get(f"/operator/{path}")
        assert "ada" not in answer.text.lower().replace("amadeus", "").replace("canada", ""), path


# -- orders (contracts.md §4) ---------------------------------------------------------------------


async def test_orders_are_found_by_traveller_hash_order_id_and_status(
    operator: httpx.AsyncClient, sql: Query
) -> None:
    mine, theirs = planting.booking(sql, traveler="me"), planting.booking(sql, traveler="them")
    reference = planting.item(sql, mine, 1, hash="h-mine")
    planting.item(sql, mine, 2, supplier="viator", status="CANCELLED", hash=None)
    planting.item(sql, theirs, 1, hash="h-theirs")

    async def found(**query: Any) -> set[str]:
        listed = (await ask(operator, "orders", **query))["orders"]
        return {one["reference"] for one in listed}

    assert len(await found()) == 3
    assert await found(travelerId="me") == {reference, f"{mine}-2"}
    assert await found(travelerId="me", supplier="viator") == {f"{mine}-2"}
    assert await found(status="CANCELLED") == {f"{mine}-2"}
    assert await found(orderId=f"order-{reference}") == {reference}
    assert await found(reference=reference) == {reference}
    assert await found(hash="h-mine") == await found(hash="p-h-mine") == {reference}
    assert await found(travelerId="them", hash="h-mine") == set()
    (one,) = (await ask(operator, "orders", hash="h-mine"))["orders"]
    assert (one["searchHash"], one["bookHash"]) == ("h-mine", "p-h-mine")
    assert (one["startsAt"], one["status"]) == ("2031-03-01T15:00:00Z", "CONFIRMED")
    assert one["travelerId"] == "me"


async def test_orders_come_in_pages(operator: httpx.AsyncClient, sql: Query) -> None:
    booking = planting.booking(sql)
    for number in range(1, 8):
        planting.item(sql, booking, number)
    sql("UPDATE booking_items SET created_at = now() WHERE number > 3")  # equal times
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = await ask(operator, "orders", **query)
        seen += [one["reference"] for one in page["orders"]]
        if "next" not in page:
            break
        query["after"] = page["next"]
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "a~b~c",
        "2031-01-01T00:00:00~x~1",
        "2031-01-01~9f0c1f6e-3c58-4be0-9d0b-0f2f4f0f9b11~1",
    ],
)
async def test_a_place_nobody_gave_is_refused(operator: httpx.AsyncClient, after: str) -> None:
    answer = await operator.get("/operator/orders", params={"after": after})
    assert answer.status_code == 422
    assert answer.json()["field"] == "after"


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("supplier IN ('amadeus','viator') AND supplier_id = 'o7'", "ix_booking_items_supplier_id"),
        ("reference = 'r7'", "booking_items_reference_key"),
        ("(offer -> 'offer' ->> 'book_hash') = 'h7'", "ix_booking_items_searched_hash"),
        ("(quote -> 'offer' ->> 'book_hash') = 'p7'", "ix_booking_items_booked_hash"),
        (
            "supplier = 'ratehawk' AND status = 'CONFIRMED'",
            "ix_booking_items_supplier_status",
        ),
    ],
)
def test_a_filter_has_its_index(sql: Query, condition: str, index: str) -> None:
    planting.item(sql, planting.booking(sql), 1)
    sql(
        "SET session_replication_role = replica;"
        " INSERT INTO booking_items (booking_id, number, trip_option_id, type, supplier,"
        " component_ref, title, status, saga_state, reference, supplier_id, payment_number, amount,"
        " currency, fee, offer, quote, created_at, updated_at)"
        " SELECT gen_random_uuid(), 1, 't', 'HOTEL',"
        " (ARRAY['amadeus','viator'])[1 + g % 2], 'c', 't', 'CANCELLED', 'UNDONE', 'r' || g,"
        " 'o' || g, 1, 1, 'USD', 0, jsonb_build_object('offer', jsonb_build_object('book_hash',"
        " 'h' || g)), jsonb_build_object('offer', jsonb_build_object('book_hash', 'p' || g)),"
        " now(), now() FROM generate_series(1, 5000) g; ANALYZE booking_items"
    )
    rows = sql(f"EXPLAIN SELECT * FROM booking_items WHERE {condition}")
    assert index in "\n".join(row["QUERY PLAN"] for row in rows)
