"""The bank's one path. Its one operation for the fault switch is ``quote``."""

import datetime as dt

from fastapi import APIRouter, Request, Response

from sandbox.faults import Fault
from sandbox.rates.feed import daily
from sandbox.world import Answer, World

_XML = {"Content-Type": "text/xml; charset=utf-8"}


def router(world: World) -> APIRouter:
    """Return the routes. ``?day=2031-01-31`` has the file of that day: an old one, to be exact."""
    routes = APIRouter(prefix="/rates")

    @routes.get("/eurofxref-daily.xml")
    async def reference_rates(request: Request, day: dt.date | None = None) -> Response:
        async def publish(fault: Fault | None) -> Answer:
            return Answer(
                200, daily(day or world.now().date(), drifted=fault is not None), headers=_XML
            )

        return await world.serve(
            supplier="rates",
            operation="quote",
            reference=None,
            commit=publish,
            refuse=lambda: Answer(404, b"Not Found"),
            error=lambda: Answer(503, b"Service Unavailable"),
            request=request,
        )

    return routes
