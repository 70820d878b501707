"""Cases and events as operators see them, and what they may do about them."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, add_caller, serve
from tests.conftest import migrate

LARGEST = 2**53 - 1


class Tables:
    """A database of our own, so that lists hold what a test put there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, query: str, *values: object) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            answer = connection.execute(query, values)
            return answer.fetchall() if answer.description else []

    def case(self, kind: str = "DISPUTE", source: str = "", **changes: Any) -> int:
        [(number,)] = self(
            "INSERT INTO cases (kind, source, summary, details, resolved_at, resolved_by)"
            " VALUES (%s, %s, 'Something is unsettled.', %s, %s, %s) RETURNING id",
            kind,
            source or uuid.uuid4().hex,
            Jsonb({"amount": 700}),
            changes.get("resolved_at"),
            "me" if "resolved_at" in changes else None,
        )
        return int(number)

    def event(self, status: str = "kept", **changes: Any) -> int:
        [(number,)] = self(
            "INSERT INTO webhook_events (gateway, event_id, type, livemode, payment_id,"
            " created_at, payload, deliveries, status, attempts, outcome)"
            " VALUES ('stripe', %s, 'x', %s, 'pi_1', now(), %s, 1, %s, 3, 'as it was')"
            " RETURNING id",
            uuid.uuid4().hex,
            changes.get("livemode", False),
            Jsonb({"object": "event"}),
            status,
        )
        return int(number)


@pytest.fixture(scope="module")
def tables(shared_servers: Servers) -> Tables:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return Tables(url)


@pytest.fixture(scope="module")
def office(tables: Tables) -> Iterator[Served]:
    with serve(Settings(database={"url": tables.url}, temporal={"address": NOBODY})) as served:
        yield served


@pytest.fixture(scope="module")
def office_key(tables: Tables) -> str:
    return add_caller(tables.url, name="back office", role="operator")


@pytest.fixture
async def operator(
    office: Served, tables: Tables, office_key: str
) -> AsyncIterator[httpx.AsyncClient]:
    tables("DELETE FROM cases")
    tables("DELETE FROM webhook_events")
    async with client(office.url, office_key) as http:
        yield http


def _problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code


async def test_a_case_as_operators_see_it(operator: httpx.AsyncClient, tables: Tables) -> None:
    number = tables.case(source="dispute:du_1")
    answer = await operator.get(f"/operator/cases/{number}")
    assert answer.status_code == 200
    case = answer.json()
    assert case.pop("openedAt")
    assert case == {
        "id": number,
        "kind": "DISPUTE",
        "source": "dispute:du_1",
        "summary": "Something is unsettled.",
        "details": {"amount": 700},
        "decisions": [],
    }


@pytest.mark.parametrize("thing", ["cases", "webhooks"])
async def test_lists_are_paged_newest_first(
    operator: httpx.AsyncClient, tables: Tables, thing: str
) -> None:
    make = tables.case if thing == "cases" else tables.event
    numbers = [make() for _ in range(6)]
    seen: list[int] = []
    after: dict[str, int] = {}
    pages = 0
    while True:
        page = (await operator.get(f"/operator/{thing}", params={"limit": 2, **after})).json()
        rows = page["cases" if thing == "cases" else "events"]
        seen += [row["id"] for row in rows]
        pages += 1
        if "next" not in page:
            break
        after = {"after": page["next"]}
    assert seen == sorted(numbers, reverse=True)
    assert pages == 3


async def test_cases_are_open_settled_or_both(operator: httpx.AsyncClient, tables: Tables) -> None:
    waiting, settled = tables.case(), tables.case(resolved_at="2031-02-01T10:00:00Z")

    async def listed(**query: str) -> list[int]:
        page = (await operator.get("/operator/cases", params=query)).json()
        return [case["id"] for case in page["cases"]]

    assert await listed(open="true") == [waiting]
    assert await listed(open="false") == [settled]
    assert await listed() == [settled, waiting]


async def test_events_are_listed_by_status(operator: httpx.AsyncClient, tables: Tables) -> None:
    numbers = {status: tables.event(status) for status in ("received", "done", "kept", "dead")}
    for status, number in numbers.items():
        page = (await operator.get("/operator/webhooks", params={"status": status})).json()
        [found] = page["events"]
        assert found["id"] == number
        assert ("dueAt" in found) is (status == "received")
        assert "payload" not in found
    whole = (await operator.get(f"/operator/webhooks/{numbers['kept']}")).json()
    assert whole["payload"] == {"object": "event"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/operator/cases", {"limit": "101"}),
        ("/operator/cases", {"limit": "0"}),
        ("/operator/cases", {"after": "x"}),
        ("/operator/cases", {"after": str(LARGEST + 1)}),
        ("/operator/cases", {"open": "perhaps"}),
        ("/operator/webhooks", {"limit": "101"}),
        ("/operator/webhooks", {"status": "lost"}),
        ("/operator/cases/0", {}),
        ("/operator/cases/one", {}),
        (f"/operator/webhooks/{LARGEST + 1}", {}),
    ],
)
async def test_queries_out_of_bounds_are_refused(
    operator: httpx.AsyncClient, path: str, query: dict[str, str]
) -> None:
    _problem(await operator.get(path, params=query), 422, "INVALID_REQUEST")


async def test_what_is_not_there_is_unknown(operator: httpx.AsyncClient) -> None:
    note = {"note": "done"}
    _problem(await operator.get(f"/operator/cases/{LARGEST}"), 404, "CASE_UNKNOWN")
    _problem(await operator.post("/operator/cases/1/resolve", json=note), 404, "CASE_UNKNOWN")
    _problem(await operator.get("/operator/webhooks/1"), 404, "EVENT_UNKNOWN")
    _problem(await operator.post("/operator/webhooks/1/retry"), 404, "EVENT_UNKNOWN")


async def test_a_case_is_settled_once(operator: httpx.AsyncClient, tables: Tables) -> None:
    number = tables.case()
    where = f"/operator/cases/{number}/resolve"
    answer = await operator.post(where, json={"note": "Evidence sent."})
    assert answer.status_code == 200, answer.text
    case = answer.json()
    assert case["resolvedBy"].startswith("operator back office")
    assert case["resolution"] == "Evidence sent."
    assert case["resolvedAt"] >= case["openedAt"]
    _problem(await operator.post(where, json={"note": "again"}), 409, "ALREADY_RESOLVED")
    assert (await operator.get(f"/operator/cases/{number}")).json() == case | {"decisions": []}


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": "x" * 1_001}, {"note": "x", "by": 1}])
async def test_a_case_is_not_settled_without_a_word(
    operator: httpx.AsyncClient, tables: Tables, body: dict[str, Any]
) -> None:
    where = f"/operator/cases/{tables.case()}/resolve"
    _problem(await operator.post(where, json=body), 422, "INVALID_REQUEST")


async def test_a_case_that_a_workflow_waits_for_is_decided_there(
    operator: httpx.AsyncClient, tables: Tables
) -> None:
    number = tables.case("SAGA")
    answer = await operator.post(f"/operator/cases/{number}/resolve", json={"note": "done"})
    _problem(answer, 409, "DECIDE_AT_BOOKING")
    assert "resolvedAt" not in (await operator.get(f"/operator/cases/{number}")).json()


@pytest.mark.parametrize("status", ["kept", "dead"])
async def test_an_ended_event_is_handled_again(
    operator: httpx.AsyncClient, tables: Tables, status: str
) -> None:
    number = tables.event(status)
    case = tables.case("WEBHOOK", f"webhook:{number}")
    answer = await operator.post(f"/operator/webhooks/{number}/retry")
    assert answer.status_code == 200, answer.text
    event = answer.json()
    assert (event["status"], event["attempts"]) == ("received", 0)
    assert "handledAt" not in event
    settled = (await operator.get(f"/operator/cases/{case}")).json()
    assert (settled["resolvedBy"], settled["resolution"]) == (
        "operator back office",
        "handled again",
    )
    again = await operator.post(f"/operator/webhooks/{number}/retry")
    _problem(again, 409, "NOT_ENDED")


async def test_what_is_done_or_of_another_mode_is_not_handled_again(
    operator: httpx.AsyncClient, tables: Tables
) -> None:
    done, live = tables.event("done"), tables.event("kept", livemode=True)
    _problem(await operator.post(f"/operator/webhooks/{done}/retry"), 409, "NOT_ENDED")
    _problem(await operator.post(f"/operator/webhooks/{live}/retry"), 409, "OTHER_MODE")


async def test_an_index_stands_behind_each_list(tables: Tables) -> None:
    tables(
        "INSERT INTO cases (kind, source, summary, details, resolved_at, resolved_by)"
        " SELECT 'DISPUTE', 's' || i, 's', '{}', now(), 'me' FROM generate_series(1, 3000) i"
    )
    tables(
        "INSERT INTO webhook_events (gateway, event_id, type, livemode, created_at, payload,"
        " deliveries, status, attempts) SELECT 'g', 'e' || i, 'x', false, now(), '{}', 1, 'done',"
        " 0 FROM generate_series(1, 3000) i"
    )
    tables("ANALYZE cases, webhook_events")
    for query in (
        "SELECT * FROM cases WHERE resolved_at IS NULL ORDER BY id DESC LIMIT 20",
        "SELECT * FROM cases WHERE id < 2000 ORDER BY id DESC LIMIT 20",
        "SELECT * FROM webhook_events WHERE status = 'dead' ORDER BY id DESC LIMIT 20",
        "SELECT id FROM webhook_events WHERE status = 'received' ORDER BY due_at, id LIMIT 1",
        "SELECT id FROM webhook_events WHERE status = 'received' AND payment_id = 'pi_1'",
    ):
        plan = "\n".join(line for (line,) in tables(f"EXPLAIN {query}"))
        assert "Seq Scan" not in plan, plan
