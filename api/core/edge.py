"""The outermost layer: request id, security headers, access log, and no stack ever shown.

Requests that two programs in a row may read differently are refused here; ``HEAD`` is answered as
``GET`` is, without the body (RFC 9110, 9.3.2).
"""

import asyncio
import logging
import re
import time
import uuid
from contextlib import AbstractContextManager, nullcontext

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.core import problems, rate_limits
from models.core.incoming import holds_card_number
from models.core.traces import continued

_log = logging.getLogger("api.access")
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Set unless the route set its own (S22)."""

HUNG_UP = 499
"""In the log: the caller hung up before the request was whole (nginx's number for it)."""

_ONCE = {
    b"authorization": "Authorization",
    b"cookie": "Cookie",
    b"idempotency-key": "Idempotency-Key",
    b"if-match": "If-Match",
    b"x-api-key": "X-API-Key",
    b"x-csrf-token": "X-CSRF-Token",
}
"""Headers of which a second one would leave open which of them counts."""

_DISGUISED = re.compile(rb"%(2[fF]|5[cC]|2[dDeE]|3\d|[46][1-9a-fA-F]|[57][\daA]|5[fF]|7[eE])")
"""Escapes in a path that no client needs: slashes, and what is never escaped (RFC 3986, 2.3)."""

_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, hsts: bool) -> None:
        self._app = app
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["allowances"] = []
        started = time.perf_counter()
        status = 0
        begun = asyncio.Event()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *self._headers(message.get("headers", ()), request_id),
                    *rate_limits.headers(state["allowances"]),
                ]
            await send(message)
            begun.set()

        if scope["method"] == "HEAD":  # the server leaves the body out
            scope = {**scope, "method": "GET"}
            receive = _hung_up_after(begun)
        try:
            refused = _refused(scope)
            if refused:
                await problems.response(refused, scope)(scope, receive, send_with_headers)
            else:
                with _trace(scope):
                    await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = status or HUNG_UP  # nobody is there to be answered, and nothing went wrong
        except Exception as error:
            _log.exception("unexpected error", extra={"request_id": request_id})
            if status:  # too late for another answer: the connection breaks off
                raise
            problem = problems.translate(error)
            answer = problems.response(problem, scope)
            await answer(scope, receive, send_with_headers)
        finally:
            caller = state.get("caller")
            route = scope.get("route")
            _log.info(
                "request",
                extra={
                    "request_id": request_id,
                    "method": scope["method"],
                    "route": getattr(route, "path", None),  # the template: no ids, no query
                    "status": status,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                    "caller": caller.name if caller else None,
                },
            )

    def _headers(
        self, own: list[tuple[bytes, bytes]], request_id: str
    ) -> list[tuple[bytes, bytes]]:
        headers = list(own)
        present = {name.lower() for name, _ in headers}
        headers += [(name, value) for name, value in _HEADERS.items() if name not in present]
        headers.append((b"x-request-id", request_id.encode()))
        if self._hsts:
            headers.append(_HSTS)
        return headers


def _hung_up_after(begun: asyncio.Event) -> Receive:
    """Return a ``receive`` that ends what would go on after the head, such as a stream."""

    async def receive() -> Message:
        await begun.wait()
        return {"type": "http.disconnect"}

    return receive


def _refused(scope: Scope) -> problems.ApiProblem | None:
    """Return why a request is not read at all: it could be read in more ways than one."""
    names = [name.lower() for name, _ in scope["headers"]]
    if b"content-length" in names and b"transfer-encoding" in names:
        return problems.ApiProblem(  # RFC 9112, 6.1: may be smuggling; the connection is closed
            400,
            "BAD_REQUEST",
            "A request has either a Content-Length or a Transfer-Encoding.",
            headers={"Connection": "close"},
        )
    for name, shown in _ONCE.items():
        if names.count(name) > 1:
            return problems.ApiProblem(
                400, "BAD_REQUEST", f"There must be only one {shown} header.", field=shown
            )
    if _DISGUISED.search(scope.get("raw_path") or b""):
        return problems.ApiProblem(404, *problems.NOTHING_HERE)
    return None


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            given: str = value.decode()
            if not holds_card_number(given):
                return given
    return uuid.uuid4().hex


def _trace(scope: Scope) -> AbstractContextManager[None]:
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    return continued(given[0].decode("latin-1")) if len(given) == 1 else nullcontext()
