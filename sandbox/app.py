"""The sandbox's one ASGI application: every supplier under its published paths."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from sandbox import control
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
    app.include_router(control.router(world))
    for name in ("stripe", "amadeus", "booking_com", "viator", "planner"):
        try:
            module = importlib.import_module(f"sandbox.{name}")
        except ModuleNotFoundError as missing:
            if not (missing.name or "").startswith("sandbox."):
                raise
            continue
        if hasattr(module, "router"):
            app.include_router(module.router(world))
    return app
