"""The sandbox's one ASGI application: every supplier under its published paths."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import (
    announcements,
    control,
    inventory,
    mailbox,
    payment_service,
    planner,
    pricing,
    rates,
    stripe,
)
from sandbox.sellers import SELLERS
from sandbox.world import World


def create_app(world: World) -> FastAPI:
    """Build the application over ``world``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for start in world.starters:
            start()
        yield
        await world.close()

    app = FastAPI(
        title="Sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input: it may hold what JSON cannot say (NaN).
        problems = [{key: e[key] for key in ("type", "loc", "msg")} for e in error.errors()]
        return JSONResponse({"detail": problems}, status_code=422)

    app.add_middleware(KeptBeforeTold, world=world)
    world.faults.operations |= {name: one.operations for name, one in SELLERS.items()}
    sellers = [seller.module for seller in SELLERS.values()]
    # Announcements last: the gateways have webhooks of their own under the same paths.
    services = (payment_service, inventory, pricing)
    for part in (control, stripe, *services, *sellers, rates, planner, mailbox, announcements):
        app.include_router(part.router(world))
    return app


class KeptBeforeTold:
    """Has the world kept before an answer leaves: what a client was told survives a crash."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._world.reservations.touch_handed_out()
                self._world.keep()
            await send(message)

        self._world.reservations.begin_request()
        await self._app(scope, receive, send_kept)
