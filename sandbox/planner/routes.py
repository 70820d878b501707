"""The planner's paths: generate a trip option, read it, lock it."""

import datetime as dt
import hmac
import json
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.planner.criteria import LockOrder, TripCriteria, Unplannable, read
from sandbox.planner.planning import make_trip
from sandbox.world import World

_SHELF = "planner.trip_options"


def router(world: World) -> APIRouter:
    """Return the routes; trip options are kept on a shelf, so they can outlive the process."""
    routes = APIRouter()
    options = world.shelf(_SHELF)

    def known(trip_option_id: str) -> dict[str, Any] | None:
        option = options.get(trip_option_id)
        if option is None:
            return None
        expired = dt.datetime.fromisoformat(option["expiresAt"]) <= world.now()
        return None if expired and option["lockStatus"] == "OPEN" else option

    @routes.post("/trip/generate", status_code=201)
    async def generate(request: Request) -> Response:
        try:
            criteria = read(TripCriteria, await _content(request))
            option = make_trip(world, criteria)
        except Unplannable as error:
            return _problem(422, str(error), error.field)
        options.put(option["tripOptionId"], option)
        return JSONResponse(option, status_code=201)

    def allowed(request: Request) -> bool:
        expected = f"Bearer {world.planner_key}".encode()
        given = request.headers.get("authorization", "").encode("latin-1", "replace")
        return not world.planner_key or hmac.compare_digest(given, expected)

    @routes.get("/trip-options/{trip_option_id}")
    async def get(request: Request, trip_option_id: str) -> Response:
        if not allowed(request):
            return _unauthorized()
        option = known(trip_option_id)
        return JSONResponse(option) if option is not None else _not_found()

    @routes.put("/trip-options/{trip_option_id}/lock")
    async def lock(request: Request, trip_option_id: str) -> Response:
        if not allowed(request):
            return _unauthorized()
        option = known(trip_option_id)
        if option is None:
            return _not_found()
        try:
            order: LockOrder = read(LockOrder, await _content(request))
        except Unplannable as error:
            return _problem(422, str(error), error.field)
        if order.status != "OPEN" and order.booking_id is None:
            return _problem(422, "bookingId says who locks it", "bookingId")
        holder = option["bookingId"]
        if option["lockStatus"] == "BOOKED" and holder != order.booking_id:
            return _problem(409, f"the trip option is booked by booking {holder}", None)
        option = {
            **option,
            "lockStatus": order.status,
            "bookingId": None if order.status == "OPEN" else order.booking_id,
        }
        options.put(trip_option_id, option)
        return JSONResponse(option)

    return routes


async def _content(request: Request) -> Any:
    """Return the JSON that was sent; nothing at all counts as an empty object."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    body = await request.body()
    try:
        content = json.loads(body, parse_constant=refuse) if body.strip() else {}
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unplannable("the body is not JSON") from error
    return content


def _problem(status: int, words: str, field: str | None) -> Response:
    return JSONResponse({"error": words, "field": field}, status_code=status)


def _unauthorized() -> Response:
    answer = _problem(401, "this is not the key of the booking system", None)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _not_found() -> Response:
    return _problem(404, "there is no such trip option", "tripOptionId")
