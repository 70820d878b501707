"""Every keyed route, generated from the route table: one key, one body, one effect, one answer."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.core.audience import Audience, Policy, repeats
from api.core.idempotency import Repeat, keyed
from localworld.shared import Servers
from models.core.callers import Scope
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.keyed_scenes import ALONE, WITH_WORKFLOWS, Scene, Sent
from tests.api.marketplace.scenes import NATURAL_OF_PROVIDERS
from tests.api.server import Served, add_caller, serve
from tests.api.test_webhooks_operators import Tables
from tests.conftest import migrate
from tests.reservations.test_api import SCOPES
from tests.support.stack import Stack

Route = tuple[str, str]
SCENES = {**ALONE, **WITH_WORKFLOWS}
DECLARED = repeats(create_app(Settings()).routes)
KEYED = sorted(route for route, one in DECLARED.items() if one.repeat is Repeat.KEYED)
MANY = [8, pytest.param(100, marks=pytest.mark.exhaustive)]


def test_every_keyed_route_is_tested_here() -> None:
    assert sorted(SCENES) == KEYED


def test_what_the_others_declare() -> None:
    others = {route: one.repeat for route, one in DECLARED.items() if route not in KEYED}
    assert others == {
        ("POST", "/booking/cancel"): Repeat.NATURAL,
        ("POST", "/api/v1/bookings/availability/check"): Repeat.NATURAL,
        ("PUT", "/api/v1/venues/{external_id}"): Repeat.NATURAL,
        ("POST", "/operator/dead-letters/{letterId}/replay"): Repeat.NATURAL,
        ("POST", "/api/v1/webhook-endpoints"): Repeat.NATURAL,
        ("PATCH", "/api/v1/webhook-endpoints/{endpoint_id}"): Repeat.NATURAL,
        ("POST", "/api/v1/webhook-endpoints/{endpoint_id}/test"): Repeat.NATURAL,
        ("POST", "/api/v1/webhook-endpoints/{endpoint_id}/recover"): Repeat.NATURAL,
        (
            "POST",
            "/api/v1/webhook-endpoints/{endpoint_id}/deliveries/{position}/retry",
        ): Repeat.NATURAL,
        **dict.fromkeys(NATURAL_OF_PROVIDERS, Repeat.NATURAL),
        ("POST", "/market/v1/auth/codes"): Repeat.ANEW,
        ("POST", "/market/v1/auth/codes/{challenge_id}/verify"): Repeat.ANEW,
        ("POST", "/market/v1/auth/second-factor"): Repeat.ANEW,
        ("POST", "/market/v1/auth/logout"): Repeat.NATURAL,
        ("PATCH", "/market/v1/me"): Repeat.NATURAL,
        ("POST", "/market/v1/me/contacts"): Repeat.ANEW,
        ("POST", "/market/v1/me/contacts/{challenge_id}/verify"): Repeat.ANEW,
        ("DELETE", "/market/v1/me/sessions"): Repeat.NATURAL,
        ("DELETE", "/market/v1/me/sessions/{session_id}"): Repeat.NATURAL,
        ("POST", "/market/v1/me/second-factor"): Repeat.ANEW,
        ("POST", "/market/v1/me/second-factor/confirm"): Repeat.ANEW,
        ("POST", "/webhooks/stripe"): Repeat.EVENT,
        ("POST", "/webhooks/payment-service"): Repeat.EVENT,
        ("POST", "/webhooks/{supplier}"): Repeat.EVENT,
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_route_that_says_nothing_of_repeats_is_refused(method: str) -> None:
    careless = Audience(Policy.CALLER, Scope.TRIPS)
    getattr(careless, method)("/careless")(_nothing)
    with pytest.raises(LookupError, match=f"{method.upper()} /careless does not say"):
        repeats(careless.routes)


def test_who_is_not_known_has_no_keys() -> None:
    careless = Audience(Policy.PUBLIC)
    careless.post("/careless")(keyed()(_other_nothing))
    with pytest.raises(LookupError, match="does not know its callers"):
        repeats(careless.routes)


async def _nothing() -> None: ...
async def _other_nothing() -> None: ...


def test_the_description_tells_of_keys_where_they_count() -> None:
    app: FastAPI = create_app(Settings())
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            named = {one["name"] for one in operation.get("parameters", ())}
            is_keyed = (method.upper(), path) in KEYED
            assert ("idempotency-key" in named) is is_keyed, (method, path)
            if is_keyed:
                rebuilt = DECLARED[method.upper(), path].rebuilt
                told = {"400", "422"} if rebuilt else {"400", "409", "422"}
                assert told <= set(operation["responses"]), (method, path)
                good = [one for at, one in operation["responses"].items() if at[0] == "2"]
                assert all("Idempotency-Key" in one["headers"] for one in good), (method, path)


# -- where they are tried ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(shared_servers: Servers) -> Tables:
    """A database of our own, at which no worker works."""
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return Tables(url)


@pytest.fixture(scope="module")
def office(desk: Tables) -> Iterator[Served]:
    settings = Settings(database={"url": desk.url}, temporal={"address": NOBODY})
    with serve(settings) as served:
        yield served


@pytest.fixture(scope="module")
def desk_keys(desk: Tables) -> list[str]:
    return [add_caller(desk.url, role="operator") for _ in range(2)]


@pytest.fixture
async def alone_scene(office: Served, desk: Tables, desk_keys: list[str]) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as opened:
        one, two = [await opened.enter_async_context(client(office.url, key)) for key in desk_keys]
        yield Scene(planner=one, operator=one, rival=two, tables=desk)


@pytest.fixture(scope="module")
def other_operator_key(database_url: str) -> str:
    return add_caller(database_url, name="other operator", role="operator")


@pytest.fixture(scope="module")
def reserving_keys(database_url: str) -> list[str]:
    names = ("reserves", "reserves as well")
    return [add_caller(database_url, name=name, scopes=SCOPES) for name in names]


@pytest.fixture
async def world_scene(
    request: pytest.FixtureRequest,
    whole: Served,
    stack: Stack,
    key: str,
    other_key: str,
    operator_key: str,
    other_operator_key: str,
    reserving_keys: list[str],
    database_url: str,
) -> AsyncIterator[Scene]:
    path = request.node.callspec.params["route"][1]
    rival = other_operator_key if path.endswith(("/refund", "/resolve")) else other_key
    if path.startswith("/api/v1/"):
        key, rival = reserving_keys
    async with AsyncExitStack() as opened:
        planner, operator, other = [
            await opened.enter_async_context(client(whole.url, one))
            for one in (key, operator_key, rival)
        ]
        yield Scene(planner, operator, other, Tables(database_url), stack)


# -- K1 ----------------------------------------------------------------------------------------


async def patiently(sent: Sent, **headers: str) -> httpx.Response:
    """Send it as a client does: "try again shortly" is obeyed."""
    for _ in range(20):
        answer = await sent.send(**headers)
        if answer.status_code != 503 and "retry-after" not in answer.headers:
            return answer
        await asyncio.sleep(float(answer.headers["Retry-After"]))
    return answer


async def one_effect_one_answer(scene: Scene, route: Route, many: int) -> None:
    # The same at every route, target and caller: none of them may hear of another's.
    headers = {"Idempotency-Key": f"everywhere-{many}"}
    stored = not DECLARED[route].rebuilt
    sent = await SCENES[route](scene)

    answers = await asyncio.gather(*(patiently(sent, **headers) for _ in range(many)))

    assert {answer.status_code for answer in answers} == {sent.done}, answers[0].text
    if stored:
        assert len({answer.content for answer in answers}) == 1
    else:  # each tells how it stands now: a refund may have gone on meanwhile
        told = [[answer.json()[name] for name in sent.alike] for answer in answers]
        assert told == [told[0]] * many
    assert {answer.headers["idempotency-key"] for answer in answers} == {f"everywhere-{many}"}
    replayed = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replayed) == (many - 1 if stored else 0)
    assert len({answer.headers.get("content-type") for answer in answers}) == 1
    assert await sent.effects() == 1

    if sent.other is not None:
        other = Sent(**{**vars(sent), "json": sent.other})
        refused = await patiently(other, **headers)
        assert refused.status_code == 422, refused.text
        assert refused.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
        assert await sent.effects() == 1

    theirs = await patiently(Sent(**{**vars(sent), "who": scene.rival}), **headers)
    assert theirs.status_code in sent.theirs, theirs.text
    assert "idempotency-replayed" not in theirs.headers
    assert (theirs.status_code, theirs.content) != (sent.done, answers[0].content)

    if "{" in route[1]:
        elsewhere = await SCENES[route](scene)
        answer = await patiently(elsewhere, **headers)
        assert answer.status_code == sent.done, answer.text
        assert "idempotency-replayed" not in answer.headers
        assert await elsewhere.effects() == 1


@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("route", sorted(ALONE), ids=lambda route: route[1])
async def test_k1_one_effect_one_answer(alone_scene: Scene, route: Route, many: int) -> None:
    await one_effect_one_answer(alone_scene, route, many)


@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("route", sorted(WITH_WORKFLOWS), ids=lambda route: route[1])
async def test_k1_one_workflow_one_answer(world_scene: Scene, route: Route, many: int) -> None:
    await one_effect_one_answer(world_scene, route, many)
