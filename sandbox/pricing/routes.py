"""The pricing service's paths."""

from typing import Final

from fastapi import APIRouter, Request, Response

from sandbox.pricing.prices import price
from sandbox.venues.desk import Refused, ServiceRoute, parsed, serve
from sandbox.venues.slots import AskedSlot, Body, expect_time, resolved
from sandbox.world import Answer, World

NAME: Final = "pricing"
OPERATIONS: Final = frozenset({"calculate", "estimate"})
"""What faults can be armed for."""


class Asked(Body):
    """``POST calculate``, ``POST estimate``."""

    slot: AskedSlot


def router(world: World) -> APIRouter:
    """Return the routes over ``world``."""
    world.faults.operations[NAME] = OPERATIONS
    routes = APIRouter(prefix="/pricing_service/api/v1/pricing", route_class=ServiceRoute)

    def priced(operation: str) -> None:
        @routes.post(f"/{operation}")
        async def endpoint(request: Request) -> Response:
            asked = await parsed(Asked, request)

            def execute(drift: bool) -> Answer:
                slot = resolved(asked.slot)
                expect_time(slot)
                binding = operation == "calculate"
                return Answer(200, price(slot, world.now(), binding=binding, drift=drift))

            return await serve(
                world,
                request,
                service=NAME,
                operation=operation,
                reference=None,
                execute=execute,
                refusal=(404, "unknown_venue"),
            )

    for operation in sorted(OPERATIONS):
        priced(operation)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def unknown(path: str) -> Response:
        raise Refused(404, "no_such_route", f"There is no route /{path}.")

    return routes
