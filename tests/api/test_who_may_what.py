"""Every route x every kind of caller and user x its own, another's and an unknown thing.

Made from the routes there are; of a new one tests/api/things.py has to know what it is about.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import event

from api.app import create_app
from api.core.audience import KEYLESS, SESSIONS, GuardedRoute, Policy
from api.core.callers import Callers
from api.core.record import Record
from models.core.callers import PLANNER, Scope
from settings import Settings
from tests.api.conftest import client
from tests.api.marketplace.scenes import of_providers
from tests.api.server import Served, add_caller
from tests.api.things import IN_BODY, LISTS, NOTHING, OF_ONE_USER, STAYS, THINGS, Route
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.support.users import sign_in

ALL = frozenset(Scope) - {Scope.OPERATOR}
KINDS: dict[str, frozenset[Scope]] = {
    "nothing": frozenset(),
    "planner": PLANNER,
    "all but operator": ALL,
    **{str(scope): frozenset({scope}) for scope in Scope},
}
"""Callers by what they may do; who has no key, or a wrong one, is asked in test_access.py."""


@dataclass(frozen=True)
class Asked:
    """A route, as it is asked by a test."""

    method: str
    path: str
    scope: Scope | None
    also: tuple[Scope, ...]
    policy: Policy
    body: Any
    enrolling: bool = False

    def request(self, name: str | None = None) -> dict[str, Any]:
        """What to send about the thing with this name, or about any."""
        sent: dict[str, Any] = {
            "method": self.method,
            "headers": {"Idempotency-Key": uuid.uuid4().hex},
        }
        path = self.path.replace("{position}", "1")
        sent["url"] = re.sub(r"{\w+}", name or str(uuid.uuid4()), path)
        if self.body is not None:
            field = IN_BODY.get((self.method, self.path))
            sent["json"] = self.body if field is None else {**self.body, field: name}
        return sent

    @property
    def thing(self) -> str | None:
        """The name of what names its thing; None where it is about none."""
        if (self.method, self.path) in NOTHING:
            return None
        if (self.method, self.path) in IN_BODY:
            return IN_BODY[self.method, self.path]
        if (self.method, self.path) in STAYS:
            return "stay"
        return next(iter(re.findall(r"{(\w+)}", self.path)), None)


def asked_of(app: FastAPI) -> dict[Route, Asked]:
    """Every route that needs a key or a session, with an example of its body."""
    document = app.openapi()
    found: dict[Route, Asked] = {}
    for context in iter_route_contexts(list(app.routes)):
        route = context.original_route
        assert isinstance(route, GuardedRoute)
        if route.policy in KEYLESS:
            continue
        (method,) = list(route.methods or ())
        operation = document["paths"][route.path][method.lower()]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = None
        if content is not None:
            name = content["schema"]["$ref"].rpartition("/")[2]
            body = document["components"]["schemas"][name]["examples"][0]
        found[method, route.path] = Asked(
            method, route.path, route.scope, route.also, route.policy, body, route.enrolling
        )
    return found


EVERY = asked_of(create_app(Settings()))
ROUTES = {at: one for at, one in EVERY.items() if one.scope is not None}
"""Those that a key opens."""
OF_USERS = {at: one for at, one in EVERY.items() if one.policy in SESSIONS}
"""Those that a session opens."""
OF_CALLERS = {at: one for at, one in ROUTES.items() if one.policy in {Policy.CALLER, Policy.MARKET}}
ABOUT = sorted(at for at, one in OF_CALLERS.items() if one.thing in THINGS)


def test_every_route_says_what_it_is_about() -> None:
    for at, one in OF_CALLERS.items():
        known = [at in LISTS, at in NOTHING, one.thing is not None]
        assert sum(known) == 1, f"{at}: add it to IN_BODY, LISTS or NOTHING of tests/api/things.py"
        named = LISTS.get(at, one.thing)
        assert named is None or named in THINGS, (
            f"{at}: add to THINGS of tests/api/things.py how {named!r} is made for a caller"
        )
    gone = {*IN_BODY, *LISTS, *NOTHING} - OF_CALLERS.keys()
    assert not gone, f"tests/api/things.py names routes that are not there: {gone}"


@pytest.fixture(scope="module")
def keys(database_url: str) -> dict[str, str]:
    """A key of each kind of caller."""
    return {
        kind: add_caller(database_url, name=f"may {kind}", scopes=scopes)
        for kind, scopes in KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_without_its_scope_no_route_is_served(
    lonely: Served, keys: dict[str, str], kind: str
) -> None:
    served = set()
    async with client(lonely.url, keys[kind]) as http:
        for at, one in ROUTES.items():
            assert one.scope is not None
            if KINDS[kind] & {one.scope, *one.also, Scope.OPERATOR}:
                served.add(at)
                continue
            answer = await http.request(**one.request())
            assert answer.status_code == 403, at
            problem = answer.json()
            if "error" in problem:  # contracts.md §5
                continue
            code = "OPERATORS_ONLY" if one.scope is Scope.OPERATOR else "SCOPE_MISSING"
            assert (problem["code"], problem["details"]["scope"]) == (code, one.scope), at
    if kind in {"all but operator", "operator"}:
        assert served == set(OF_CALLERS if kind != "operator" else ROUTES)


@dataclass(frozen=True)
class Two:
    """Two callers who may do everything that callers may."""

    one: str
    one_id: str
    other: str
    other_id: str


@pytest.fixture
async def two(database_url: str, books: Books) -> Two:
    found: list[str] = []
    for name in ("one", "other"):
        key = add_caller(database_url, name=f"may all, {name}", scopes=ALL)
        found += [key, (await Callers(Record(books.sessions, at_once=1)).identify(key)).id]
    return Two(*found)


@pytest.mark.parametrize("at", ABOUT, ids=" ".join)
async def test_ones_own_is_served(
    lonely: Served, operator_key: str, books: Books, two: Two, at: Route
) -> None:
    """Temporal is away: what has to start something is answered 503."""
    one = OF_CALLERS[at]
    assert one.thing is not None
    name = await THINGS[one.thing].make(books, two.one_id)
    keys = (two.one,) if THINGS[one.thing].private else (two.one, operator_key)
    for key in keys:
        async with (
            client(lonely.url, key) as http,
            http.stream(**one.request(name)) as answer,
        ):
            assert answer.status_code not in {401, 403, 404}, await answer.aread()


@contextmanager
def counted(served: Served) -> Iterator[list[str]]:
    """The statements of a server's requests meanwhile, but those about keys."""
    sent: list[str] = []
    engine = served.app.state.context.record._sessions.kw["bind"].sync_engine

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "caller_keys" not in statement:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("at", ABOUT, ids=" ".join)
async def test_anothers_looks_unknown(whole: Served, books: Books, two: Two, at: Route) -> None:
    one = OF_CALLERS[at]
    assert one.thing is not None
    thing = THINGS[one.thing]
    theirs = await thing.make(books, two.other_id)
    told: list[tuple[int, bytes, dict[str, str], list[str]]] = []
    async with client(whole.url, two.one) as http:
        for name in (theirs, thing.unknown()):
            with counted(whole) as sent:
                answer = await http.request(**one.request(name))
            told.append((answer.status_code, answer.content, _headers(answer), list(sent)))
    assert told[0][0] == 404, told[0]
    assert told[0] == told[1]
    assert told[0][3], "nothing was asked: there is no reason to trust the comparison"


def _headers(answer: httpx.Response) -> dict[str, str]:
    varying = {"x-request-id", "date", "ratelimit", "idempotency-key"}
    return {name: value for name, value in answer.headers.items() if name not in varying}


@pytest.mark.parametrize("at", sorted(LISTS), ids=" ".join)
async def test_lists_have_ones_own_alone(
    lonely: Served, operator_key: str, books: Books, two: Two, at: Route
) -> None:
    thing = THINGS[LISTS[at]]
    own = await thing.make(books, two.one_id)
    theirs = await thing.make(books, two.other_id)
    everybodys = set() if thing.private else {own, theirs}
    for key, found in ((two.one, {own}), (two.other, {theirs}), (operator_key, everybodys)):
        async with client(lonely.url, key) as http:
            limited = {} if thing.private else {"limit": 100}
            answer = await http.get(at[1], params=limited)
        assert answer.status_code == 200, answer.text
        assert {name for name in (own, theirs) if f'"{name}"' in answer.text} == found


# -- users -------------------------------------------------------------------------------------

NOT_LET_IN = {
    *("SESSION_REFUSED", "API_KEY_REFUSED", "CSRF_REFUSED"),
    *("SECOND_FACTOR_REQUIRED", "SCOPE_MISSING", "OPERATORS_ONLY"),
}
"""Codes of who is not let in at all; other refusals are about what was asked."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks a route that a session opens; signed in anew for each request."""

    refused: Callable[[Asked], str | None]
    """The code of the refusal, or None where it is served."""
    admin: bool = False
    second_factor: bool = False
    scope: Scope | None = None
    """Of a service; None: it is a user."""
    nobody: bool = False

    def headers(self, database_url: str, keys: dict[str, str]) -> dict[str, str]:
        if self.scope is not None:
            return {"X-API-Key": keys[str(self.scope)]}
        if self.nobody:
            return {}
        user = sign_in(database_url, admin=self.admin, second_factor=self.second_factor)
        return user.bearer


def _operators_only(one: Asked) -> str | None:
    return "OPERATORS_ONLY" if one.policy is Policy.ADMIN else None


def _enrols_first(one: Asked) -> str | None:
    return None if one.enrolling else "SECOND_FACTOR_REQUIRED"


def _service(one: Asked, scope: Scope) -> str | None:
    if one.policy is Policy.USER:
        return "SESSION_REFUSED"
    if scope in {Scope.OPERATOR, one.scope, *one.also}:
        return None
    return "OPERATORS_ONLY" if one.scope is Scope.OPERATOR else "SCOPE_MISSING"


VISITORS = {
    "nobody": Visitor(lambda _: "SESSION_REFUSED", nobody=True),
    "traveller": Visitor(_operators_only),
    "traveller with a second factor": Visitor(_operators_only, second_factor=True),
    "admin without a second factor": Visitor(_enrols_first, admin=True),
    "admin": Visitor(lambda _: None, admin=True, second_factor=True),
    **{
        f"service with {scope}": Visitor(partial(_service, scope=scope), scope=scope)
        for scope in (Scope.TRIPS, Scope.MARKET, Scope.OPERATOR)
    },
}


@pytest.mark.parametrize("visitor", VISITORS)
async def test_what_a_session_opens(
    lonely: Served, database_url: str, keys: dict[str, str], visitor: str
) -> None:
    who = VISITORS[visitor]
    async with client(lonely.url) as http:
        for at, one in OF_USERS.items():
            request = one.request()
            request["headers"] |= who.headers(database_url, keys)
            answer = await http.request(**request)
            told = answer.json() if answer.content else {}
            code = told.get("code") if answer.is_error else None
            assert (code if code in NOT_LET_IN else None) == who.refused(one), at


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES if path.startswith("/oper")}))
async def test_a_session_is_no_key(lonely: Served, database_url: str, path: str) -> None:
    admin = sign_in(database_url, admin=True, second_factor=True)
    method = next(method for method, known in ROUTES if known == path)
    request = ROUTES[method, path].request()
    request["headers"] |= admin.bearer
    async with client(lonely.url) as http:
        answer = await http.request(**request)
    assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_REFUSED")


ABOUT_ONES_OWN = sorted(
    {at for at, one in OF_USERS.items() if one.policy is Policy.USER and one.thing is not None}
    - of_providers()
)
"""Of what providers have, tests/api/marketplace/test_whose.py asks the same."""


@pytest.mark.parametrize("at", ABOUT_ONES_OWN, ids=" ".join)
async def test_another_users_looks_unknown(lonely: Served, database_url: str, at: Route) -> None:
    one = OF_USERS[at]
    assert one.thing in OF_ONE_USER, (
        f"{at}: add to OF_ONE_USER of tests/api/things.py how {one.thing!r} is made for a user"
    )
    make = OF_ONE_USER[one.thing]
    mine, theirs = (sign_in(database_url, second_factor=True) for _ in range(2))
    told: list[tuple[int, bytes, dict[str, str], list[str]]] = []
    async with client(lonely.url) as http:
        for name in (make(database_url, theirs), str(uuid.uuid4())):
            request = one.request(name)
            request["headers"] |= mine.bearer
            with counted(lonely) as sent:
                answer = await http.request(**request)
            body = re.sub(rb"urn:request:\w+", b"", answer.content)
            told.append((answer.status_code, body, _headers(answer), list(sent)))
        assert told[0] == told[1]
        assert told[0][0] in {401, 404}
        own = one.request(make(database_url, mine))
        own["headers"] |= mine.bearer
        answer = await http.request(**own)
        served = answer.is_success or "details" in answer.json()  # a code that is wrong, but alive
        assert served, answer.text
