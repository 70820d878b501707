"""The codec endpoint: decrypts payloads for operators who look at Temporal's Web UI (S14).

``POST /decode`` and ``POST /encode`` take and answer ``{"payloads": […]}``, as the Web UI
(``--ui-codec-endpoint``) and ``temporal --codec-endpoint`` send them. Every call needs the
credential of an operator: an API key of that role in ``Authorization: Bearer`` or ``X-API-Key``,
or ``CODEC_TOKEN`` in the path (``/{token}/decode``), for a Web UI that can send no header.

Errors are plain text, not JSON: the Web UI takes any JSON for decoded payloads, and shows what it
has, undecoded, when it gets something else.
"""

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from google.protobuf import json_format
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from api.core.callers import HEADER, Callers
from api.core.record import Record
from codec.keys import CannotDecrypt
from codec.payloads import EncryptionCodec
from models.core.database import create_engine, create_sessions
from models.core.domain_errors import CallerUnknown, TooManyReads
from settings import Settings

log = logging.getLogger("tripsaga.codec")

MOST_BYTES = 4 * 1024 * 1024
"""Of one call; Temporal refuses single payloads of 2 MiB and more."""
MOST_PAYLOADS = 1_000
_TOKEN_HOLDER = "codec token"  # noqa: S105  (a name for the log)


class Refused(Exception):
    """A call that is answered with an error."""

    def __init__(self, status: int, why: str) -> None:
        """``why`` is for the person who reads the answer."""
        super().__init__(why)
        self.status = status


def create_app(settings: Settings) -> Starlette:
    """Return the endpoint.

    Raises:
        ValueError: a key is not set (``Settings.require_keys``).
    """
    # What the Web UI shows may be unencrypted, such as markers of the SDK's own: left as it is.
    codec = EncryptionCodec(settings.key_ring, plaintext=True)
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=2)
    access = _Access(settings, Callers(Record(create_sessions(engine), at_once=2)))

    def endpoint(
        name: str, work: Callable[[list[Payload]], Awaitable[list[Payload]]]
    ) -> list[Route]:
        async def answer(request: Request) -> Response:
            who = await access.of(request)
            payloads = await _payloads(request)
            log.info(
                "%s: %d payloads in namespace %r with keys %s",
                *(name, len(payloads), request.headers.get("X-Namespace", "")[:100]),
                ", ".join(sorted({EncryptionCodec.key_id_of(one) or "none" for one in payloads})),
                extra={"caller": who},
            )
            try:
                done = await work(payloads)
            except CannotDecrypt as error:
                raise Refused(422, str(error)) from None
            body = json_format.MessageToJson(Payloads(payloads=done), indent=None)
            return Response(
                body, media_type="application/json", headers={"Cache-Control": "no-store"}
            )

        paths = (f"/{name}", f"/{{token}}/{name}")
        return [Route(path, answer, methods=["POST"]) for path in paths]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    return Starlette(
        routes=[
            *endpoint("decode", codec.decode),
            *endpoint("encode", codec.encode),
            Route("/healthz", _alive),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[settings.codec_origin],
                allow_methods=["POST"],
                allow_headers=["Authorization", "Content-Type", "X-Namespace", HEADER],
            )
        ],
        exception_handlers={Refused: _refused},
        lifespan=lifespan,
    )


class _Access:
    """Who may use the endpoint, and from which pages."""

    def __init__(self, settings: Settings, callers: Callers) -> None:
        self._origin = settings.codec_origin
        self._token = settings.codec_token.get_secret_value()
        self._callers = callers

    async def of(self, request: Request) -> str:
        """Return the name of who asks. Raises Refused when that is nobody who may."""
        # CORS only keeps other pages from reading the answer; they need not get one. A page that
        # reaches us under a name of its own (DNS rebinding) has its own origin too.
        origin = request.headers.get("Origin")
        if origin is not None and origin != self._origin:
            raise Refused(403, f"only pages of {self._origin} may use this endpoint (CODEC_ORIGIN)")
        token = request.path_params.get("token")
        if token is not None:
            if self._token and hmac.compare_digest(token.encode(), self._token.encode()):
                return _TOKEN_HOLDER
            raise Refused(401, "the token in the path is not this endpoint's (CODEC_TOKEN)")
        bearer = request.headers.get("Authorization", "")
        key = request.headers.get(HEADER) or bearer.removeprefix("Bearer ").strip()
        try:
            caller = await self._callers.identify(key)
        except CallerUnknown:
            raise Refused(
                401, f"an operator's API key is needed, as Authorization: Bearer or {HEADER}"
            ) from None
        except (SQLAlchemyError, TimeoutError, OSError, TooManyReads):
            raise Refused(503, "the database, which knows the API keys, does not answer") from None
        if not caller.is_operator:
            raise Refused(403, f"{caller.name} is no operator; only operators read payloads")
        return caller.name


async def _payloads(request: Request) -> list[Payload]:
    """Read the body. Raises Refused when it is too large or not what it should be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refused(413, f"more than {MOST_BYTES} bytes")
    try:
        found = json_format.Parse(bytes(body), Payloads(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError):
        raise Refused(400, 'the body must be JSON: {"payloads": [{"metadata", "data"}]}') from None
    if len(found.payloads) > MOST_PAYLOADS:
        raise Refused(413, f"more than {MOST_PAYLOADS} payloads")
    return list(found.payloads)


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 500
    return PlainTextResponse(f"{error}\n", status, headers={"Cache-Control": "no-store"})


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")
