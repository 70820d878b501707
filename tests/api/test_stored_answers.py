"""What is stored of answers, what is not, and who waits for whom: on a route made for it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, Request, Response
from pydantic import BaseModel, ConfigDict

from api.core.audience import Audience, Policy
from api.core.idempotency import Declaration, Repeat, TheOperation, given_key, keyed
from api.core.preferences import Patience
from api.core.problems import ApiProblem, unavailable
from models.core.callers import Scope
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, serve

ran: Counter[str] = Counter()
"""How often the handler ran, by key."""
repeated: dict[str, list[bool]] = {}


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    wish: str = "this"
    seconds: float = 0
    idempotency_key: str | None = None


router = Audience(Policy.CALLER, Scope.TRIPS, prefix="/scratch")


@router.post("/{kind}")
@keyed()
async def scratch(
    kind: str,
    body: Annotated[Wish, Body()],
    operation: TheOperation,
    response: Response,
    patience: Patience,
) -> dict[str, Any]:
    ran[operation.key] += 1
    repeated.setdefault(operation.key, []).append(operation.repeated)
    await asyncio.sleep(body.seconds)
    match kind:
        case "made":
            response.status_code = 201
            response.headers.update({"Location": "/made/1", "ETag": '"1"', "X-Other": "o"})
        case "later":
            response.status_code = 202 if ran[operation.key] < 3 else 200
        case "missing":
            raise ApiProblem(404, "CASE_UNKNOWN", "Not there.")
        case "refused":
            raise ApiProblem(409, "ALREADY_RESOLVED", "Never.")
        case "invalid":
            raise ApiProblem(422, "RULE_REFUSED", "Never.")
        case "in use":
            raise ApiProblem(409, "CARD_IN_USE", "Not now.")
        case "busy":
            raise ApiProblem(409, "NOT_ENDED", "Not now.", headers={"Retry-After": "1"})
        case "away":
            raise unavailable("DATABASE_UNAVAILABLE", "Not now.")
        case "broken":
            raise RuntimeError("planned")
        case "large":
            return {"said": "x" * 300_000}
    return {"said": body.wish, "id": operation.on("it"), "run": ran[operation.key]}


@router.post("/money/moved")
@keyed(demanded=True)
async def money(operation: TheOperation) -> dict[str, str]:
    return {"key": operation.key}


@router.put("/{kind}")
@keyed()
async def same_path(kind: str, body: Annotated[Wish, Body()]) -> dict[str, str]:
    return {"method": "PUT"}


@router.post("/{kind}/more")
@keyed()
async def same_target(kind: str, body: Annotated[Wish, Body()]) -> dict[str, str]:
    return {"route": "more"}


@pytest.fixture(scope="module")
def served(database_url: str, sandbox_url: str) -> Iterator[Served]:
    settings = Settings(
        database={"url": database_url},
        temporal={"address": NOBODY},
        sandbox_url=sandbox_url,
        idempotency={"lease_seconds": 1},
    )
    with serve(settings) as served:
        served.app.include_router(router)
        yield served


@pytest.fixture
async def http(served: Served, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(served.url, key) as http:
        yield http


async def ask(
    http: httpx.AsyncClient, kind: str, key: str, wish: str = "this", **more: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    query = more.pop("query", "")
    return await http.post(f"/scratch/{kind}{query}", json={"wish": wish, **more}, headers=headers)


@pytest.mark.parametrize(
    ("kind", "statuses", "runs"),
    [
        ("made", [201, 201], 1),
        ("plain", [200, 200], 1),
        ("refused", [409, 409], 1),
        ("invalid", [422, 422], 1),
        ("later", [202, 202, 200, 200], 3),  # until it is final, the handler tells how it stands
        ("missing", [404, 404], 2),
        ("in use", [409, 409], 2),
        ("busy", [409, 409], 2),
        ("away", [503, 503], 2),
        ("broken", [500, 500], 2),
        ("large", [200, 200], 2),
    ],
)
async def test_what_is_given_again_and_what_is_done_again(
    http: httpx.AsyncClient, kind: str, statuses: list[int], runs: int
) -> None:
    key = uuid.uuid4().hex
    answers = [await ask(http, kind, key) for _ in statuses]
    assert [answer.status_code for answer in answers] == statuses
    assert ran[key] == runs
    for number, answer in enumerate(answers):
        assert ("idempotency-replayed" in answer.headers) is (number >= runs)
    if runs < len(statuses):
        before, last = answers[runs - 1], answers[-1]
        assert last.content == before.content
        for name in ("location", "etag", "content-type", "idempotency-key"):
            assert last.headers.get(name) == before.headers.get(name)
        assert "x-other" not in last.headers


@pytest.mark.parametrize(
    ("kind", "status", "handled_as_repeat"),
    [
        ("refused", 422, None),  # the answer to another request
        ("later", 422, None),
        ("away", 422, None),  # it may have been done
        ("broken", 422, None),
        ("missing", 404, False),  # nothing was done: the key is free
        ("busy", 409, False),
    ],
)
async def test_whether_a_key_stays_bound_to_its_request(
    http: httpx.AsyncClient, kind: str, status: int, handled_as_repeat: bool | None
) -> None:
    key = uuid.uuid4().hex
    await ask(http, kind, key)
    other = await ask(http, kind, key, "something else")
    assert other.status_code == status
    assert repeated[key][1:] == ([] if handled_as_repeat is None else [handled_as_repeat])
    if handled_as_repeat is None:
        assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_what_may_have_been_done_is_done_again_as_a_repeat(http: httpx.AsyncClient) -> None:
    key = uuid.uuid4().hex
    for _ in range(3):
        await ask(http, "away", key)
    assert repeated[key] == [False, True, True]


async def test_a_body_that_is_not_understood_leaves_the_key_free(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    bad = await http.post("/scratch/plain", json={"wish": 1}, headers=headers)
    assert (bad.status_code, bad.json()["code"]) == (422, "INVALID_REQUEST")
    assert (await http.post("/scratch/plain", json={}, headers=headers)).status_code == 200


async def test_the_key_may_stand_in_the_body(http: httpx.AsyncClient) -> None:
    key = uuid.uuid4().hex
    inside = await http.post("/scratch/plain", json={"wish": "this", "idempotency_key": key})
    header = await ask(http, "plain", key)
    both = await ask(http, "plain", key, idempotency_key=key)
    assert inside.headers["idempotency-key"] == key
    assert inside.content == header.content == both.content
    assert ran[key] == 1
    differ = await ask(http, "plain", key, idempotency_key="another")
    assert (differ.status_code, differ.json()["field"]) == (422, "idempotency_key")
    bad = await http.post("/scratch/plain", json={"idempotency_key": "a b"})
    assert (bad.status_code, bad.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


async def test_another_route_with_the_same_key_body_and_target_is_another_request(
    http: httpx.AsyncClient,
) -> None:
    headers, wish = {"Idempotency-Key": uuid.uuid4().hex}, {"wish": "this"}
    post = await http.post("/scratch/plain", json=wish, headers=headers)
    put = await http.put("/scratch/plain", json=wish, headers=headers)
    more = await http.post("/scratch/plain/more", json=wish, headers=headers)
    assert post.json()["said"] == "this"
    assert (put.json(), more.json()) == ({"method": "PUT"}, {"route": "more"})


async def test_a_key_is_made_and_told(http: httpx.AsyncClient) -> None:
    first = await http.post("/scratch/plain", json={"wish": "this"})
    again = await ask(http, "plain", first.headers["idempotency-key"])
    assert again.content == first.content


async def test_what_moves_money_demands_a_key(http: httpx.AsyncClient) -> None:
    answer = await http.post("/scratch/money/moved")
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    assert answer.json()["type"] == "/problems#IDEMPOTENCY_KEY_MISSING"
    key = {"Idempotency-Key": "money"}
    assert (await http.post("/scratch/money/moved", headers=key)).json() == {"key": "money"}


async def test_how_long_is_waited_is_no_part_of_the_request(http: httpx.AsyncClient) -> None:
    key = uuid.uuid4().hex
    first = await ask(http, "plain", key)
    again = await ask(http, "plain", key, headers={"Prefer": "wait=7"})
    assert first.content == again.content


@pytest.mark.parametrize("wait", ["", "soon", "-1", "1.5", "1000001"])
async def test_a_wait_that_is_none_is_refused_of_repeats_too(
    http: httpx.AsyncClient, wait: str
) -> None:
    key = uuid.uuid4().hex
    await ask(http, "plain", key)
    again = await ask(http, "plain", key, query=f"?wait={wait}")
    assert (again.status_code, again.json()["code"]) == (422, "INVALID_REQUEST")
    assert again.json()["field"] == "wait"
    assert ran[key] == 1


async def test_who_comes_meanwhile_waits_or_is_told_to_come_again(
    http: httpx.AsyncClient,
) -> None:
    """Much longer than a lease: it is renewed, and nobody takes the request over."""
    key = uuid.uuid4().hex
    slow = asyncio.create_task(ask(http, "plain", key, seconds=2.5))
    while not ran[key]:
        await asyncio.sleep(0.01)
    impatient = await ask(http, "plain", key, seconds=2.5, headers={"Prefer": "wait=0"})
    other = await ask(http, "plain", key, headers={"Prefer": "wait=0"})
    waiting = await asyncio.gather(*(ask(http, "plain", key, seconds=2.5) for _ in range(5)))
    assert (impatient.status_code, impatient.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_PROGRESS")
    assert impatient.headers["retry-after"] == "2"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert {answer.content for answer in waiting} == {(await slow).content}
    assert ran[key] == 1


@pytest.mark.parametrize("inside", [1, None, ["k"], {"a": 1}])
def test_a_key_in_the_body_that_is_no_text_is_the_models_to_refuse(inside: object) -> None:
    request = Request({"type": "http", "headers": [(b"idempotency-key", b"k")]})
    assert given_key(Declaration(Repeat.KEYED), request, {"idempotency_key": inside}) == "k"
