"""Who may use what; the route table and the published description agree with it."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from api.app import create_app
from api.core.audience import KEYLESS, Audience, Policy, policies
from api.core.problems import PLAIN
from models.core.callers import Scope
from settings import Settings
from tests.api.conftest import client
from tests.api.server import Served, add_caller, revoke

PUBLIC = {
    "/healthz",
    "/readyz",
    "/docs",
    "/docs/assets/{asset}",
    "/redoc",
    "/problems",
    "/openapi.json",
    "/asyncapi.json",
    "/schemas/{type}/{version}",
}
DESCRIBED = {"/healthz", "/readyz", "/schemas/{type}/{version}"}
"""Public routes that are part of the description."""


HOOKS = "/api/v1/webhook-endpoints"


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


@pytest.fixture
async def anonymous(lonely: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client(lonely.url) as http:
        yield http


def _routes(only: Policy | None = None) -> list[tuple[str, str]]:
    table = policies(create_app(Settings()).routes)
    return sorted(route for route, policy in table.items() if only in (None, policy))


def _path(template: str) -> str:
    return re.sub(r"{\w+}", str(uuid.uuid4()), template)


def test_every_route_has_its_policy(app: FastAPI) -> None:
    table = policies(app.routes)

    assert {path for (_, path), policy in table.items() if policy is Policy.PUBLIC} == PUBLIC
    assert {route for route, policy in table.items() if policy is Policy.SIGNED} == {
        ("POST", "/webhooks/stripe"),
        ("POST", "/webhooks/payment-service"),
        ("POST", "/webhooks/{supplier}"),
    }
    operators = {path for (_, path), policy in table.items() if policy is Policy.OPERATOR}
    assert {path for path in operators if not path.startswith("/operator/")} == {
        "/booking/{bookingId}/resolve",
        "/booking/{bookingId}/refund",
    }
    assert all(
        policy is Policy.OPERATOR
        for (_, path), policy in table.items()
        if path.startswith("/operator/")
    )
    assert {route for route, policy in table.items() if policy is Policy.CALLER} == {
        ("POST", "/booking/book"),
        ("POST", "/booking/cancel"),
        ("POST", "/booking/{bookingId}/payment-method"),
        ("POST", "/booking/{bookingId}/modify"),
        ("GET", "/booking/{bookingId}"),
        ("GET", "/booking"),
        ("GET", "/booking/{bookingId}/events"),
        ("GET", "/booking/{bookingId}/steps"),
        ("GET", "/booking/reference/{bookingReference}"),
        ("POST", HOOKS),
        ("GET", HOOKS),
        ("GET", f"{HOOKS}/{{endpoint_id}}"),
        ("PATCH", f"{HOOKS}/{{endpoint_id}}"),
        ("DELETE", f"{HOOKS}/{{endpoint_id}}"),
        ("POST", f"{HOOKS}/{{endpoint_id}}/rotate-secret"),
        ("POST", f"{HOOKS}/{{endpoint_id}}/test"),
        ("POST", f"{HOOKS}/{{endpoint_id}}/recover"),
        ("GET", f"{HOOKS}/{{endpoint_id}}/deliveries"),
        ("GET", f"{HOOKS}/{{endpoint_id}}/deliveries/{{position}}"),
        ("POST", f"{HOOKS}/{{endpoint_id}}/deliveries/{{position}}/retry"),
        ("GET", "/api/v1/events"),
        ("GET", "/api/v1/events/stream"),
        ("GET", "/api/bookings"),
        ("POST", "/api/v1/bookings"),
        ("GET", "/api/v1/bookings/{booking_id}"),
        ("PUT", "/api/v1/bookings/{booking_id}"),
        ("GET", "/api/v1/bookings/reference/{booking_reference}"),
        ("GET", "/api/v1/bookings/guest/{guest_id}"),
        ("GET", "/api/v1/bookings/venue/{venue_id}"),
        ("POST", "/api/v1/bookings/{booking_id}/cancel"),
        ("POST", "/api/v1/bookings/{booking_id}/payment-method"),
        ("POST", "/api/v1/bookings/{booking_id}/status"),
        ("POST", "/api/v1/bookings/availability/check"),
        ("PUT", "/api/v1/venues/{external_id}"),
        ("GET", "/api/v1/venues/{external_id}"),
    }


def test_a_route_without_a_policy_is_refused(app: FastAPI) -> None:
    stray = APIRouter()

    @stray.get("/stray")
    async def read() -> None: ...

    careless = FastAPI(openapi_url=None)
    careless.include_router(stray)
    with pytest.raises(LookupError, match="/stray has no policy"):
        policies(careless.routes)


def test_routes_of_callers_name_a_scope_and_no_others_do() -> None:
    for policy, scope in ((Policy.CALLER, None), (Policy.OPERATOR, Scope.TRIPS)):
        with pytest.raises(TypeError, match=f"{policy}: a scope is named"):
            Audience(policy, scope)


def test_the_description_says_which_scope_is_needed(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert paths["/booking/book"]["post"]["security"] == [{"APIKeyHeader": ["trips"]}]
    assert paths["/operator/cases"]["get"]["security"] == [{"APIKeyHeader": ["operator"]}]


def test_the_description_names_exactly_the_routes_there_are(app: FastAPI) -> None:
    described = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    hidden = {("GET", path) for path in PUBLIC - DESCRIBED}
    assert described | hidden == set(policies(app.routes))


def test_the_description_says_which_routes_need_a_key(app: FastAPI) -> None:
    table = policies(app.routes)
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            needed = table[method.upper(), path] not in KEYLESS
            assert bool(operation.get("security")) is needed, (method, path)


@pytest.mark.parametrize(("method", "path"), _routes(Policy.CALLER) + _routes(Policy.OPERATOR))
@pytest.mark.parametrize("key", [None, "", "wrong", "é" * 10, "x" * 5_000])
async def test_nothing_is_done_without_a_valid_key(
    anonymous: httpx.AsyncClient, method: str, path: str, key: str | None
) -> None:
    headers = {b"Content-Type": b"application/json"}
    if key is not None:
        headers[b"X-API-Key"] = key.encode("latin-1")
    # malformed on purpose: who calls is asked before what
    answer = await anonymous.request(method, _path(path), headers=headers, content=b"{")

    assert answer.status_code == 401
    if path in PLAIN:
        assert answer.json() == {"error": "A valid API key is needed in the header X-API-Key."}
    else:
        assert answer.json()["code"] == "API_KEY_REFUSED"
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    ("method", "path"), _routes(Policy.USER) + _routes(Policy.MARKET) + _routes(Policy.ADMIN)
)
@pytest.mark.parametrize("token", [None, "wrong", "é" * 10, "x" * 5_000])
async def test_nothing_is_done_without_a_valid_session(
    anonymous: httpx.AsyncClient, method: str, path: str, token: str | None
) -> None:
    headers = {b"Content-Type": b"application/json"}
    if token is not None:
        headers[b"Authorization"] = f"Bearer {token}".encode("latin-1")
    answer = await anonymous.request(method, _path(path), headers=headers, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_REFUSED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), _routes(Policy.PUBLIC))
async def test_public_routes_need_no_key(
    anonymous: httpx.AsyncClient, method: str, path: str
) -> None:
    named = {"asset": "favicon.png", "type": "booking.created", "version": "1"}
    answer = await anonymous.request(method, path.format_map(named))
    assert answer.status_code in ({503} if path == "/readyz" else {200})


@pytest.mark.parametrize(("method", "path"), _routes(Policy.OPERATOR))
async def test_operators_routes_are_for_operators(
    alone: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await alone.request(method, _path(path), json={"decision": "resolved"})
    assert answer.status_code == 403


async def test_a_revoked_key_stops_working(
    lonely: Served, anonymous: httpx.AsyncClient, database_url: str
) -> None:
    key = add_caller(database_url, name="short-lived")
    path, headers = f"/booking/{uuid.uuid4()}", {"X-API-Key": key}
    # Temporal is away: a known caller gets 503 for what the record does not know
    assert (await anonymous.get(path, headers=headers)).status_code == 503
    revoke(database_url, key)
    async with asyncio.timeout(10):
        while (await anonymous.get(path, headers=headers)).status_code != 401:
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_viewers_need_no_internet(alone: httpx.AsyncClient, page: str) -> None:
    html = (await alone.get(page)).text
    assert "https://" not in html
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', html):
        assert (await alone.get(path)).status_code == 200
