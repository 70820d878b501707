"""The sandbox's one ASGI application: every supplier under its published paths."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from sandbox import amadeus, booking_com, control, planner, stripe, viator
from sandbox.world import World


def create_app(world: World) -> FastAPI:
    """Build the application over ``world``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await world.close()

    app = FastAPI(
        title="Sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    for part in (control, stripe, booking_com, viator, amadeus, planner):
        app.include_router(part.router(world))
    return app
