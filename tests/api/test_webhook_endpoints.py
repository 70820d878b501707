"""A caller's webhook endpoints through the API: made, tested, rotated, followed, and its own."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, add_caller, serve
from tests.webhook_endpoints.receiver import Receiver, Reply

HOOKS = "/api/v1/webhook-endpoints"
URL = "https://hooks.example/in"


@pytest.fixture
async def mine(lonely: Served, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without endpoints."""
    async with client(lonely.url, add_caller(database_url, name="subscriber")) as http:
        yield http


@pytest.fixture(scope="module")
def production(database_url: str) -> Iterator[Served]:
    """An API that is not of the local world."""
    settings = Settings(database={"url": database_url}, temporal={"address": NOBODY})
    with serve(settings.model_copy(update={"environment": "production"})) as served:
        yield served


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running


class Tables:
    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, statement: str, *values: object) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            answer = connection.execute(statement, values)
            return answer.fetchall() if answer.description else []

    def delivery(self, endpoint_id: str, position: int, state: str = "DELIVERED") -> None:
        self(
            "INSERT INTO webhook_deliveries (endpoint_id, position, event_id, booking_id, type,"
            " state, attempts) VALUES (%s, %s, %s, %s, 'booking.confirmed', %s, 3)",
            *(endpoint_id, position, uuid.uuid4(), uuid.uuid4(), state),
        )


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found = dict(answer.json())
    assert found["code"] == code
    return found


async def made(http: httpx.AsyncClient, url: str = URL, **more: Any) -> dict[str, Any]:
    answer = await http.post(HOOKS, json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_an_endpoint_is_made_read_changed_and_deleted(mine: httpx.AsyncClient) -> None:
    types = ["booking.confirmed", "booking.cancelled"]
    endpoint = await made(mine, types=types, description="ours")
    secret = endpoint.pop("secret")
    assert secret.startswith("whsec_")
    assert endpoint.pop("created_at")
    where = f"{HOOKS}/{endpoint['id']}"
    assert endpoint == {
        "id": endpoint["id"],
        "url": URL,
        "types": sorted(types),
        "description": "ours",
        "status": "ACTIVE",
    }
    shown = (await mine.get(where)).json()
    assert shown.items() >= endpoint.items()
    assert "secret" not in shown
    assert (await mine.get(HOOKS)).json() == {"endpoints": [shown]}

    changed = await mine.patch(where, json={"types": [], "url": URL + "/2"})
    assert changed.json() == {**shown, "types": [], "url": URL + "/2"}
    paused = (await mine.patch(where, json={"status": "PAUSED"})).json()
    assert paused["status"] == "PAUSED"
    assert paused["disabled_reason"] == "its caller has paused it"
    assert paused["missing_after"] >= 0
    assert (await mine.patch(where, json={})).json() == paused
    resumed = (await mine.patch(where, json={"status": "ACTIVE"})).json()
    assert resumed["status"] == "ACTIVE"
    assert "disabled_reason" not in resumed
    assert resumed["missing_after"] == paused["missing_after"], "until it is recovered"
    recovered = await mine.post(f"{where}/recover", json={"after": paused["missing_after"]})
    assert recovered.json()["deliveries"] == 0
    assert "missing_after" not in (await mine.get(where)).json()

    assert (await mine.delete(where)).status_code == 204
    problem(await mine.get(where), 404, "WEBHOOK_ENDPOINT_UNKNOWN")
    problem(await mine.delete(where), 404, "WEBHOOK_ENDPOINT_UNKNOWN")
    assert (await mine.get(HOOKS)).json() == {"endpoints": []}


async def test_the_same_again_is_answered_the_same(mine: httpx.AsyncClient) -> None:
    types = ["booking.confirmed", "booking.cancelled"]
    first = await made(mine, types=types)
    assert await made(mine, types=types[::-1]) == first
    assert await made(mine, "https://HOOKS.example:443/in", types=types) == first
    other = await mine.post(HOOKS, json={"url": URL})
    found = problem(other, 409, "WEBHOOK_ENDPOINT_EXISTS")
    assert found["details"] == {"endpoint_id": first["id"]}
    second = await made(mine, URL + "/2")
    moved = await mine.patch(f"{HOOKS}/{second['id']}", json={"url": URL})
    problem(moved, 409, "WEBHOOK_ENDPOINT_EXISTS")


async def test_a_test_message_is_sent_at_once_and_told(
    mine: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await made(mine, receiver.url(), types=["booking.confirmed"])
    where = f"{HOOKS}/{endpoint['id']}"
    receiver.answer = lambda _: Reply(200, b"ok\0")
    told = (await mine.post(f"{where}/test")).json()
    [request] = receiver.received
    assert told.pop("milliseconds") >= 0
    assert told == {
        "delivered": True,
        "message_id": request.headers["webhook-id"],
        "status": 200,
        "answer": "ok",
    }
    event = Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert event["type"] == "webhook_endpoint.test"
    assert event["id"] == told["message_id"]
    assert event["subject"] == endpoint["id"]

    receiver.answer = lambda _: Reply(500)
    told = (await mine.post(f"{where}/test")).json()
    assert (told["delivered"], told["status"]) == (False, 500)
    assert told["error"] == "the receiver answers 500"
    assert (await mine.get(f"{where}/deliveries")).json() == {"deliveries": []}


async def test_a_rotation_signs_with_both(mine: httpx.AsyncClient, receiver: Receiver) -> None:
    endpoint = await made(mine, receiver.url())
    where = f"{HOOKS}/{endpoint['id']}"
    rotated = (await mine.post(f"{where}/rotate-secret")).json()
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["old_secret_until"] > rotated["created_at"]
    assert (await mine.post(f"{where}/test")).json()["delivered"] is True
    [request] = receiver.received
    for secret in (endpoint["secret"], rotated["secret"]):
        Webhook(secret).verify(request.body, request.headers)


async def test_a_secret_that_is_still_in_use_is_not_dropped(
    mine: httpx.AsyncClient, receiver: Receiver, tables: Tables
) -> None:
    """The receiver has the first secret: rotating twice would leave it with none that signs."""
    endpoint = await made(mine, receiver.url())
    where = f"{HOOKS}/{endpoint['id']}"
    key = {"Idempotency-Key": uuid.uuid4().hex}
    rotated = (await mine.post(f"{where}/rotate-secret", headers=key)).json()
    refused = problem(await mine.post(f"{where}/rotate-secret"), 409, "WEBHOOK_SECRET_ROTATED")
    told = refused["details"]["old_secret_until"]
    assert told[:23] == rotated["old_secret_until"][:23]
    assert "expire_old_now=true" in refused["detail"]
    again = await mine.post(f"{where}/rotate-secret", headers=key)
    assert again.json() == rotated, "a repeat is told what was done"
    await mine.post(f"{where}/test")
    [request] = receiver.received
    Webhook(endpoint["secret"]).verify(request.body, request.headers)

    tables("UPDATE webhook_endpoints SET old_generation_until = now() WHERE id = %s", where[-36:])
    third = (await mine.post(f"{where}/rotate-secret")).json()
    assert third["secret"] not in {endpoint["secret"], rotated["secret"]}


@pytest.mark.parametrize("after_a_rotation", [False, True])
async def test_a_secret_that_leaked_ends_at_once(
    mine: httpx.AsyncClient, receiver: Receiver, after_a_rotation: bool
) -> None:
    endpoint = await made(mine, receiver.url())
    where = f"{HOOKS}/{endpoint['id']}"
    known = [endpoint["secret"]]
    if after_a_rotation:
        known.append((await mine.post(f"{where}/rotate-secret")).json()["secret"])
    ended = await mine.post(f"{where}/rotate-secret", params={"expire_old_now": "true"})
    assert ended.status_code == 200, ended.text
    assert "old_secret_until" not in ended.json()
    await mine.post(f"{where}/test")
    [request] = receiver.received
    Webhook(ended.json()["secret"]).verify(request.body, request.headers)
    for secret in known:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(request.body, request.headers)


@pytest.mark.parametrize("first", [True, False])
async def test_a_rotation_is_not_repeated_as_another_one(
    mine: httpx.AsyncClient, receiver: Receiver, *, first: bool
) -> None:
    """A secret that leaked would go on signing, and its owner be told that it does not."""
    endpoint = await made(mine, receiver.url())
    where = f"{HOOKS}/{endpoint['id']}/rotate-secret"
    key = {"Idempotency-Key": str(uuid.uuid4())}

    async def rotate(now: bool) -> httpx.Response:
        return await mine.post(where, params={"expire_old_now": str(now).lower()}, headers=key)

    done = await rotate(first)
    assert (await rotate(first)).json() == done.json()
    other = await rotate(not first)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_list_of_deliveries_is_paged(mine: httpx.AsyncClient, tables: Tables) -> None:
    endpoint = await made(mine)
    where = f"{HOOKS}/{endpoint['id']}/deliveries"
    for position in range(1, 8):
        tables.delivery(endpoint["id"], position, "FAILED" if position % 2 else "DELIVERED")

    async def walked(**query: Any) -> list[int]:
        seen: list[int] = []
        while True:
            page = (await mine.get(where, params={"limit": 2, **query})).json()
            seen += [one["position"] for one in page["deliveries"]]
            if "next_cursor" not in page:
                return seen
            query["cursor"] = page["next_cursor"]

    assert await walked() == [7, 6, 5, 4, 3, 2, 1]
    assert await walked(state="FAILED") == [7, 5, 3, 1]
    assert await walked(state="DROPPED") == []


async def test_a_delivery_is_shown_with_its_log_and_made_again(
    mine: httpx.AsyncClient, tables: Tables
) -> None:
    endpoint = await made(mine)
    where = f"{HOOKS}/{endpoint['id']}/deliveries/9"
    tables.delivery(endpoint["id"], 9, "FAILED")
    tables(
        "INSERT INTO webhook_attempts (endpoint_id, position, attempt, milliseconds, status, error,"
        " location) VALUES (%s, 9, 1, 12, 302, 'the receiver answers 302', 'https://x.example/')",
        endpoint["id"],
    )
    whole = (await mine.get(where)).json()
    [attempt] = whole["log"]
    assert attempt.pop("at")
    assert attempt == {
        "attempt": 1,
        "milliseconds": 12,
        "status": 302,
        "error": "the receiver answers 302",
        "location": "https://x.example/",
    }
    assert "next_attempt_at" not in whole
    again = (await mine.post(f"{where}/retry")).json()
    assert (again["state"], again["attempts"]) == ("PENDING", 0)
    assert again["next_attempt_at"]
    assert (await mine.post(f"{where}/retry")).json()["state"] == "PENDING"
    tables(
        "UPDATE webhook_deliveries SET leased_until = now() + interval '1 min', attempts = 1"
        " WHERE endpoint_id = %s",
        endpoint["id"],
    )
    assert (await mine.post(f"{where}/retry")).json()["attempts"] == 1, "it is under way"
    problem(await mine.post(where[:-1] + "8/retry"), 404, "WEBHOOK_DELIVERY_UNKNOWN")
    await mine.patch(f"{HOOKS}/{endpoint['id']}", json={"status": "PAUSED"})
    problem(await mine.post(f"{where}/retry"), 409, "WEBHOOK_ENDPOINT_NOT_ACTIVE")
    recover = await mine.post(f"{HOOKS}/{endpoint['id']}/recover", json={"after": 0})
    problem(recover, 409, "WEBHOOK_ENDPOINT_NOT_ACTIVE")


ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"status": "PAUSED"}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", None),
    ("POST", "/test", None),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/9", None),
    ("POST", "/deliveries/9/retry", None),
    ("POST", "/recover", {"after": 0}),
]


@pytest.mark.parametrize("operator", [False, True])
async def test_anothers_endpoint_looks_unknown(
    lonely: Served,
    mine: httpx.AsyncClient,
    database_url: str,
    tables: Tables,
    receiver: Receiver,
    operator: bool,
) -> None:
    endpoint = await made(mine, receiver.url())
    tables.delivery(endpoint["id"], 9)
    before = (await mine.get(f"{HOOKS}/{endpoint['id']}")).json()
    key = add_caller(database_url, name="other", role="operator" if operator else "planner")
    async with client(lonely.url, key) as other:
        assert (await other.get(HOOKS)).json() == {"endpoints": []}
        for method, path, body in ROUTES:
            theirs = await other.request(method, f"{HOOKS}/{endpoint['id']}{path}", json=body)
            nobodys = await other.request(method, f"{HOOKS}/{uuid.uuid4()}{path}", json=body)
            problem(theirs, 404, "WEBHOOK_ENDPOINT_UNKNOWN")
            assert theirs.content == nobodys.content
    assert (await mine.get(f"{HOOKS}/{endpoint['id']}")).json() == before
    assert receiver.received == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://hooks.example/"},
        {"url": "https://hooks.example/" + "x" * 2000},
        {"url": URL, "types": ["booking.eaten"]},
        {"url": URL, "types": "booking.confirmed"},
        {"url": URL, "secret": "mine"},
        {"url": URL, "description": "x" * 201},
        {"url": None},
    ],
)
async def test_what_is_no_endpoint_is_refused(mine: httpx.AsyncClient, body: Any) -> None:
    problem(await mine.post(HOOKS, json=body), 422, "INVALID_REQUEST")
    assert (await mine.get(HOOKS)).json() == {"endpoints": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"after": 1, "since": "2031-03-01T09:00:00Z"},
        {"after": -1},
        {"after": False},
        {"after": 1, "include_delivered": 1},
        {"after": 1, "include_delivered": "true"},
    ],
)
async def test_where_to_recover_from_is_one_place(mine: httpx.AsyncClient, body: Any) -> None:
    endpoint = await made(mine)
    where = f"{HOOKS}/{endpoint['id']}/recover"
    problem(await mine.post(where, json=body), 422, "INVALID_REQUEST")
    since = await mine.post(where, json={"since": "2031-03-01T09:00:00Z"})
    assert since.json()["deliveries"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "http://127.0.0.1:8000/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://hooks.example:8443/",
        "https://me@hooks.example/",
    ],
)
async def test_production_refuses_what_is_not_public(
    production: Served, database_url: str, url: str
) -> None:
    async with client(production.url, add_caller(database_url, name="subscriber")) as http:
        problem(await http.post(HOOKS, json={"url": url}), 422, "WEBHOOK_URL_REFUSED")
        endpoint = await made(http)
        where = f"{HOOKS}/{endpoint['id']}"
        problem(await http.patch(where, json={"url": url}), 422, "WEBHOOK_URL_REFUSED")


async def test_production_sends_nothing_to_this_machine(
    production: Served, mine: httpx.AsyncClient, receiver: Receiver, tables: Tables
) -> None:
    """Also not where the record says so."""
    endpoint = await made(mine, receiver.url())
    async with client(production.url, mine.headers["X-API-Key"]) as http:
        for url in (receiver.url(), f"https://localhost:{receiver.port}/", "https://localhost/"):
            tables("UPDATE webhook_endpoints SET url = %s WHERE id = %s", url, endpoint["id"])
            told = (await http.post(f"{HOOKS}/{endpoint['id']}/test")).json()
            assert told["delivered"] is False
            assert told["error"]
    assert receiver.connections == 0


async def test_a_caller_has_so_many_endpoints_at_most(mine: httpx.AsyncClient) -> None:
    for number in range(50):
        await made(mine, f"{URL}/{number}")
    problem(await mine.post(HOOKS, json={"url": f"{URL}/50"}), 409, "TOO_MANY_WEBHOOK_ENDPOINTS")
    assert (await made(mine, f"{URL}/7"))["url"] == f"{URL}/7"


async def test_an_index_stands_behind_each_statement(tables: Tables) -> None:
    tables(
        "INSERT INTO webhook_deliveries (endpoint_id, position, event_id, booking_id, type, state)"
        " SELECT gen_random_uuid(), i, gen_random_uuid(), gen_random_uuid(), 'x',"
        " CASE WHEN mod(i, 9) = 0 THEN 'PENDING' ELSE 'DELIVERED' END"
        " FROM generate_series(1, 3000) i"
    )
    tables("ANALYZE webhook_deliveries")
    one = f"endpoint_id = '{uuid.uuid4()}'"
    deliveries = f"SELECT position FROM webhook_deliveries WHERE {one}"
    for query in (
        f"{deliveries} ORDER BY position DESC LIMIT 20",
        f"{deliveries} AND state = 'FAILED' ORDER BY position DESC LIMIT 20",
        f"{deliveries} AND state = 'PENDING' AND next_at <= now()",
        f"{deliveries} AND leased_until > now()",
        "SELECT min(created_at) FROM webhook_deliveries WHERE state = 'PENDING'",
    ):
        plan = "\n".join(line for (line,) in tables(f"EXPLAIN {query}"))
        assert "Seq Scan" not in plan, plan
    tables("DELETE FROM webhook_deliveries WHERE type = 'x'")
