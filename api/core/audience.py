"""Who may use which route. A route without a policy cannot be written (S1).

``Audience`` is a router whose routes all have its policy: they identify who asks before they
read the body, read the body strictly, and give up at a deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from enum import StrEnum
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response, Security, params
from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from starlette.routing import BaseRoute

from api.core import idempotency, stored_answers
from api.core import strict_json as strictjson
from api.core.callers import HEADER
from api.core.context import AppContext
from api.core.principals import Principal, expect_second_factor
from api.core.problems import ApiProblem, unavailable, unknown_parameter
from api.core.rate_limits import network
from api.core.sessions import COOKIE, CSRF_HEADER, expect_own_page, token_of
from models.core.callers import Scope
from models.core.domain_errors import CallerUnknown, SessionUnknown

BODY_SECONDS = 15.0
"""How long a body may take to arrive."""
READ_SECONDS = 20.0
"""Deadline of routes that only read."""
WORK_SECONDS = 180.0
"""Deadline of routes that wait for a booking: the longest wait and everything around it."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_key = APIKeyHeader(name=HEADER, auto_error=False, description="A service's API key.")
_bearer = HTTPBearer(auto_error=False, description="A user's session, for programs.")
_cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    description="A user's session, for browsers. What changes something also needs the header"
    f" {CSRF_HEADER}, with the token that `GET /market/v1/me` tells.",
)


class Policy(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    SIGNED = "signed"
    """Whoever signs what is sent: the gateways' webhooks. The route checks the signature."""
    CALLER = "caller"
    """A service with a key and the scope of the route; it sees its own bookings only."""
    OPERATOR = "operator"
    """A service with a key and the scope operator."""
    SIGN_IN = "sign-in"
    """Whoever is about to sign in. The route judges what is sent."""
    USER = "user"
    """A signed-in user."""
    MARKET = "market"
    """A signed-in user, or a service with the scope market; each sees what it made."""
    ADMIN = "admin"
    """An admin who has proved a second factor in this session, or a service that may operate."""


KEYLESS = frozenset({Policy.PUBLIC, Policy.SIGNED, Policy.SIGN_IN})
"""Policies that ask neither for a key nor for a session."""
SESSIONS = frozenset({Policy.USER, Policy.MARKET, Policy.ADMIN})
"""Policies for which a session will do."""
_KEYS = frozenset({Policy.CALLER, Policy.OPERATOR, Policy.MARKET, Policy.ADMIN})
"""Policies for which a key will do."""
_SCOPES = {
    Policy.OPERATOR: Scope.OPERATOR,
    Policy.MARKET: Scope.MARKET,
    Policy.ADMIN: Scope.OPERATOR,
}
"""What policies ask of keys that leave no choice."""


class StrictRequest(Request):
    """A request whose JSON has been parsed strictly, once."""

    async def json(self) -> Any:
        """Return the body. Raises ApiProblem."""
        if not hasattr(self, "_strict"):
            self._strict = strictjson.parse(await self.body())
        return self._strict


class GuardedRoute(APIRoute):
    """A route with a policy. Made by :class:`Audience`."""

    policy: Policy
    scope: Scope | None
    """What its caller has to have; None where no key is needed."""
    also: tuple[Scope, ...]
    """Any of these will do instead."""
    deadline: float
    enrolling: bool
    """Of a route of users: admins may use it before they have proved a second factor."""
    limited: bool
    """Of a route that needs no key: its requests are counted for the address they come from."""
    listing: bool = False
    """It answers a list or a report: its requests are counted as searches of their caller."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.repeats = idempotency.declared(endpoint)
        if self.repeats is not None and self.repeats.is_keyed:
            described = idempotency.described(self.repeats)
            options["dependencies"] = [*(options.get("dependencies") or ()), described]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return the route's handler behind its guard."""
        handle = super().get_route_handler()
        known = {
            field.alias: field_annotation_is_sequence(field.field_info.annotation)
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, params.Query)
        }
        lists = self.listing or ("GET" in (self.methods or ()) and bool(known))

        async def guarded(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.deadline):
                    await self._admit(request)
                    if self.policy not in KEYLESS:
                        _expect_known(request, known, lists=lists)
                    strict = StrictRequest(request.scope, request.receive)
                    body = await _read_body(strict) if self.body_field is not None else None
                    async with self._turn(request):
                        if self.repeats is None or not self.repeats.is_keyed:
                            return await handle(strict)
                        return await stored_answers.answer(
                            self.repeats, self.path, strict, body, handle
                        )
            except TimeoutError as error:
                raise unavailable(
                    "TIMED_OUT", "This took too long. Please try again shortly."
                ) from error

        return guarded

    async def _admit(self, request: Request) -> None:
        """Identify who asks, as far as the policy wants somebody, and count what it asks.

        Raises:
            CallerUnknown: without a valid key, where only a key will do or one was sent.
            SessionUnknown: without a valid session, where one will do.
            RateLimited: more is asked than a limit allows.
            ApiProblem: 400 with both; 403 without the scope of the route, an admin's second factor
                or the token against forged requests.
        """
        context: AppContext = request.app.state.context
        limits, allowances = context.limits, request.state.allowances
        address = network(request.client.host if request.client else "")
        if self.policy in KEYLESS:
            if self.limited:
                limits.keyless.spend(f"{self.policy} {address}", allowances)
            return
        try:
            principal = await self._identified(context, request)
        except (CallerUnknown, SessionUnknown):
            limits.wrong_keys.spend(address, allowances)
            raise
        request.state.caller = principal
        of_kind = limits.user_requests if principal.user_id else limits.requests
        of_kind.spend(principal.id, allowances)
        if self.listing:
            limits.searches.spend(principal.id, allowances)
        if principal.user_id:
            expect_own_page(request, context.settings.pepper, principal)
            if not self.enrolling:
                expect_second_factor(principal)
        if self.scope is not None and not any(map(principal.may, (self.scope, *self.also))):
            raise _missing(self.scope, self.also)

    async def _identified(self, context: AppContext, request: Request) -> Principal:
        key, token = request.headers.get(HEADER), token_of(request)
        if key is not None and token is not None:
            detail = f"A request has either a session or the header {HEADER}."
            raise ApiProblem(400, "BAD_REQUEST", detail, field=HEADER)
        takes_key, takes_session = self.policy in _KEYS, self.policy in SESSIONS
        if takes_session and (key is None or not takes_key):
            if token is None:
                raise SessionUnknown
            return await context.sessions.identify(token)
        return await context.callers.identify(key)

    def _turn(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Wait until it is this request's turn: for callers' reads, of which there may be many."""
        if request.method != "GET" or self.policy in KEYLESS:
            return nullcontext()
        context: AppContext = request.app.state.context
        return context.reads


def _missing(scope: Scope, also: tuple[Scope, ...]) -> ApiProblem:
    details = {"scope": scope}
    if scope is Scope.OPERATOR:
        return ApiProblem(403, "OPERATORS_ONLY", "Only operators may do this.", details=details)
    needed = " or ".join((scope, *also))
    detail = f"This needs the scope {needed}, which the caller of this key does not have."
    return ApiProblem(403, "SCOPE_MISSING", detail, details=details)


def _expect_known(request: Request, known: dict[str, bool], *, lists: bool) -> None:
    """Make sure that nothing is asked for that would be passed over: a filter, ``dryrun``, the
    first of two ``dryRun``.

    ``known`` has the parameters, and whether each may be repeated. ``lists``: the route answers a
    list, or the stream of one, and its parameters are filters.

    Raises:
        ApiProblem: 422.
    """
    if not known.keys() >= request.query_params.keys():
        detail = unknown_parameter(known)
        if lists:
            supported = {"supported": sorted(known)}
            raise ApiProblem(422, "FILTER_NOT_SUPPORTED", detail, details=supported)
        raise ApiProblem(422, "INVALID_REQUEST", detail)
    names = [name for name, _ in request.query_params.multi_items()]
    for name in known:
        if names.count(name) > 1 and not known[name]:
            detail = f"The query has {name} more than once."
            raise ApiProblem(422, "INVALID_REQUEST", detail)


async def _read_body(request: Request) -> Any:
    """Read a JSON body of bounded size, in bounded time; returns its value.

    Raises:
        ApiProblem: 415 not JSON, 413 too large, 408 too slow.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if media_type.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise ApiProblem(415, "NOT_JSON", "The body must be application/json in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "ENCODED_BODY", "The body must not be compressed.")
    # where Starlette itself keeps it
    request._body = await read_raw(request, request.app.state.context.settings.max_body_bytes)
    return await request.json()  # refused here, also where the route takes any object


async def read_raw(request: Request, limit: int) -> bytes:
    """Return the body as it was sent, of bounded size, in bounded time.

    Raises:
        ApiProblem: 413 larger than ``limit`` bytes, 408 too slow.
    """
    too_large = ApiProblem(
        413, "BODY_TOO_LARGE", f"The body must not be larger than {limit} bytes."
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise ApiProblem(408, "BODY_TOO_SLOW", "The body took too long to arrive.") from error
    return b"".join(chunks)


class Audience(APIRouter):
    """A router for one audience: all its routes have its policy and need its scope."""

    def __init__(
        self,
        policy: Policy,
        scope: Scope | None = None,
        *,
        also: tuple[Scope, ...] = (),
        deadline: float = READ_SECONDS,
        enrolling: bool = False,
        limited: bool = True,
        **options: Any,
    ) -> None:
        """Prepare; ``scope`` is said for the policy CALLER, and only for it.

        Any of ``also`` will do instead of it.

        Raises:
            TypeError: it is missing, or said where it is not asked for.
        """
        if (scope is not None) is not (policy is Policy.CALLER):
            raise TypeError(f"{policy}: a scope is named for routes of callers, and only there")
        scope = _SCOPES.get(policy, scope)
        guard: dict[str, Any] = {"policy": policy, "scope": scope, "also": also}
        guard |= {"deadline": deadline, "enrolling": enrolling, "limited": limited}
        guarded = type(f"{policy.title()}Route", (GuardedRoute,), guard)
        needed = [Security(_key, scopes=[scope])] if scope is not None else []
        if policy in SESSIONS:
            needed += [Security(_bearer), Security(_cookie)]
        options["dependencies"] = [*needed, *options.get("dependencies", ())]
        super().__init__(route_class=guarded, **options)
        self._listing = type(f"{policy.title()}ListingRoute", (guarded,), {"listing": True})

    def listing(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Add a route as ``get`` does, of which :attr:`GuardedRoute.listing` is true."""

        def add(endpoint: Endpoint) -> Endpoint:
            self.add_api_route(
                path, endpoint, methods=["GET"], route_class_override=self._listing, **options
            )
            return endpoint

        return add


def policies(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], Policy]:
    """Return the policy of every method and path.

    Raises:
        LookupError: a route has none.
    """
    found: dict[tuple[str, str], Policy] = {}
    for context in iter_route_contexts(list(routes)):
        route = context.original_route
        if not isinstance(route, GuardedRoute):
            raise LookupError(f"{getattr(route, 'path', route)} has no policy")
        for method in route.methods or ():
            found[method, route.path] = route.policy
    return found


def repeats(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], idempotency.Declaration]:
    """Return what every route that changes something says about repeats, by method and path.

    Raises:
        LookupError: one says nothing, or stores answers though it does not know its callers.
    """
    found: dict[tuple[str, str], idempotency.Declaration] = {}
    for context in iter_route_contexts(list(routes)):
        route = context.original_route
        assert isinstance(route, GuardedRoute)
        for method in idempotency.MUTATING & (route.methods or set()):
            if route.repeats is None:
                raise LookupError(f"{method} {route.path} does not say what a repeat does")
            if route.repeats.is_keyed and route.policy in KEYLESS:
                raise LookupError(f"{method} {route.path} has keys, but does not know its callers")
            found[method, route.path] = route.repeats
    return found
