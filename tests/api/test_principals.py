"""Services and signed-in users: who they are to a route, and what of theirs is refused."""

import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest

from api.core.audience import Audience, Policy
from api.core.context import Asking, JustProved
from api.core.idempotency import TheOperation, keyed, natural
from api.core.principals import Principal
from api.core.schemas import Answer
from models.core.callers import Scope
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.server import Served, add_caller, serve
from tests.support.users import SignedIn, sign_in


class Whose(Answer):
    id: str
    role: str
    caller_id: str | None
    user_id: str | None
    operator: bool
    operation: str | None = None


def _whose(principal: Principal, operation: str | None = None) -> Whose:
    return Whose(
        id=principal.id,
        role=principal.role,
        caller_id=principal.caller_id,
        user_id=principal.user_id,
        operator=principal.is_operator,
        operation=operation,
    )


of_market = Audience(Policy.MARKET, prefix="/test/market")
of_users = Audience(Policy.USER, prefix="/test/user")
enrolling = Audience(Policy.USER, enrolling=True, prefix="/test/enrolling")
of_admins = Audience(Policy.ADMIN, prefix="/test/admin")
of_callers = Audience(Policy.CALLER, Scope.TRIPS, prefix="/test/caller")


async def _look(asking: Asking) -> Whose:
    return _whose(asking)


for _one in (of_market, of_users, enrolling, of_admins, of_callers):
    _one.get("")(_look)


@of_market.post("/keyed")
@keyed()
async def keyed_(asking: Asking, operation: TheOperation) -> Whose:
    return _whose(asking, operation.on("it"))


@of_users.post("/proved")
@natural
async def proved(asking: JustProved) -> Whose:
    return _whose(asking)


ROUTERS = (of_market, of_users, enrolling, of_admins, of_callers)
PATHS = ("market", "user", "enrolling", "admin", "caller")


@pytest.fixture(scope="module")
def served(database_url: str) -> Iterator[Served]:
    settings = Settings(
        database={"url": database_url}, temporal={"address": NOBODY}, limit={"user_requests": 50}
    )
    with serve(settings, further=ROUTERS) as found:
        yield found


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with client(served.url) as found:
        yield found


@pytest.fixture
def ada(database_url: str) -> SignedIn:
    return sign_in(database_url)


async def _told(http: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, str]:
    """What each route says: who asked, or the code of the problem."""
    found = {}
    for path in PATHS:
        answer = await http.get(f"/test/{path}", headers=headers)
        told = answer.json()
        found[path] = told["role"] if answer.status_code == 200 else told["code"]
    return found


async def test_who_may_use_what(http: httpx.AsyncClient, database_url: str) -> None:
    user, plain = sign_in(database_url), "SECOND_FACTOR_REQUIRED"
    admin, proved = (
        sign_in(database_url, admin=True, second_factor=second) for second in (False, True)
    )
    market = add_caller(database_url, name="market", scopes=[Scope.MARKET])
    planner = add_caller(database_url, name="trips", scopes=[Scope.TRIPS])
    operator = add_caller(database_url, name="operator", role="operator")
    refused, no_key = "SESSION_REFUSED", "API_KEY_REFUSED"
    everybody: list[tuple[dict[str, str], tuple[str, ...]]] = [
        ({}, (refused, refused, refused, refused, no_key)),
        (user.bearer, ("traveler", "traveler", "traveler", "OPERATORS_ONLY", no_key)),
        (admin.bearer, (plain, plain, "admin", plain, no_key)),
        (proved.bearer, ("admin", "admin", "admin", "admin", no_key)),
        ({"X-API-Key": market}, ("planner", refused, refused, "OPERATORS_ONLY", "SCOPE_MISSING")),
        ({"X-API-Key": planner}, ("SCOPE_MISSING", refused, refused, "OPERATORS_ONLY", "planner")),
        ({"X-API-Key": operator}, ("operator", refused, refused, "operator", "operator")),
        ({"X-API-Key": "wrong"}, (no_key, refused, refused, no_key, no_key)),
        ({"Authorization": "Bearer x"}, (refused, refused, refused, refused, no_key)),
    ]
    for headers, expected in everybody:
        assert tuple((await _told(http, headers)).values()) == expected, headers


async def test_a_user_is_no_caller(http: httpx.AsyncClient, ada: SignedIn) -> None:
    told = (await http.get("/test/market", headers=ada.bearer)).json()
    assert told["id"] == told["userId"] == ada.id
    assert told["callerId"] is None
    assert not told["operator"]


async def test_one_key_of_two_people_is_two_operations(
    http: httpx.AsyncClient, database_url: str, ada: SignedIn
) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    made = []
    for who in (ada, ada, sign_in(database_url)):
        answer = await http.post("/test/market/keyed", headers={**who.bearer, **key})
        made.append(answer.json()["operation"])
    assert made[0] == made[1] != made[2]
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM idempotency_keys WHERE subject = %s", (f"user:{ada.id}",)
        )
        assert rows.fetchone() == (1,)


@pytest.mark.parametrize("policy", ["market", "user", "caller"])
async def test_key_and_session_in_one_request_are_refused(
    http: httpx.AsyncClient, served: Served, key: str, ada: SignedIn, policy: str
) -> None:
    for session in (ada.bearer, ada.browser(served.url)):
        answer = await http.get(f"/test/{policy}", headers={**session, "X-API-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_two_sessions_in_one_request_are_refused(
    http: httpx.AsyncClient, served: Served, ada: SignedIn
) -> None:
    headers = {**ada.bearer, **ada.browser(served.url)}
    assert (await http.get("/test/user", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE sessions SET revoked_at = now() WHERE user_id = %s",
        "UPDATE sessions SET expires_at = now() WHERE user_id = %s",
        "UPDATE sessions SET last_seen_at = now() - interval '12 hours' WHERE user_id = %s",
        "UPDATE users SET status = 'BLOCKED' WHERE id = %s",
    ],
)
async def test_a_session_that_has_ended_opens_nothing_from_the_next_request_on(
    http: httpx.AsyncClient, database_url: str, ada: SignedIn, ended: str
) -> None:
    assert (await http.get("/test/user", headers=ada.bearer)).status_code == 200
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ended, (ada.id,))
    answer = await http.get("/test/user", headers=ada.bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_REFUSED")


async def test_use_keeps_a_session_alive(
    http: httpx.AsyncClient, database_url: str, ada: SignedIn
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE sessions SET last_seen_at = now() - interval '11 hours' WHERE user_id = %s",
            (ada.id,),
        )
        assert (await http.get("/test/user", headers=ada.bearer)).status_code == 200
        row = connection.execute(
            "SELECT last_seen_at > now() - interval '1 minute' FROM sessions WHERE user_id = %s",
            (ada.id,),
        ).fetchone()
    assert row == (True,)


async def test_a_cookie_alone_changes_nothing(
    http: httpx.AsyncClient, served: Served, database_url: str, ada: SignedIn
) -> None:
    whole = ada.browser(served.url)
    other = sign_in(database_url).browser(served.url)
    path = "/test/market/keyed"
    assert (await http.post(path, headers=whole)).status_code == 200
    no_metadata = {name: value for name, value in whole.items() if name != "Sec-Fetch-Site"}
    assert (await http.post(path, headers=no_metadata)).status_code == 200
    forged: list[dict[str, str]] = [
        {"Cookie": whole["Cookie"]},
        {**whole, "X-CSRF-Token": ""},
        {**whole, "X-CSRF-Token": other["X-CSRF-Token"]},
        {**whole, "Sec-Fetch-Site": "cross-site"},
        {**whole, "Sec-Fetch-Site": "same-site"},
        {**no_metadata, "Origin": "https://evil.example"},
        {name: value for name, value in no_metadata.items() if name != "Origin"},
    ]
    for headers in forged:
        answer = await http.post(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED"), headers
    # it may be read: no other site sees the answer
    assert (await http.get("/test/user", headers=forged[0])).status_code == 200


async def test_what_needs_a_second_factor_just_now(
    http: httpx.AsyncClient, database_url: str, ada: SignedIn
) -> None:
    async def asked() -> str:
        answer = await http.post("/test/user/proved", headers=ada.bearer)
        code: str = answer.json().get("code", "")
        return code

    assert await asked() == "SECOND_FACTOR_REQUIRED"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for minutes, code in ((14, ""), (16, "SECOND_FACTOR_REQUIRED")):
            connection.execute(
                "UPDATE sessions SET second_factor_at = now() - %s * interval '1 minute'"
                " WHERE user_id = %s",
                (minutes, ada.id),
            )
            assert await asked() == code


async def test_a_user_has_a_limit_of_requests_of_its_own(
    http: httpx.AsyncClient, database_url: str
) -> None:
    busy, calm = sign_in(database_url), sign_in(database_url)
    statuses = {(await http.get("/test/user", headers=busy.bearer)).status_code for _ in range(60)}
    assert statuses == {200, 429}
    assert (await http.get("/test/user", headers=calm.bearer)).status_code == 200


async def test_an_unknown_key_of_a_session_counts_for_its_address(database_url: str) -> None:
    settings = Settings(
        database={"url": database_url},
        temporal={"address": NOBODY},
        limit={"address_wrong_keys": 3},
    )
    with serve(settings, further=ROUTERS) as found:
        async with client(found.url) as http:
            headers = {"Authorization": "Bearer wrong"}
            statuses = [
                (await http.get("/test/user", headers=headers)).status_code for _ in range(5)
            ]
    assert statuses == [401, 401, 401, 429, 429]
