"""The inventory service's paths, and its venues under ``/_sandbox/venues``."""

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from sandbox.inventory import messages
from sandbox.inventory.book import Book
from sandbox.inventory.places import NAME
from sandbox.venues.catalogue import VENUES
from sandbox.venues.desk import Refused, ServiceRoute, parsed, serve
from sandbox.venues.slots import resolved
from sandbox.venues.times import stamp
from sandbox.world import Answer, World

OPERATIONS: Final = frozenset({"check", "reserve", "release", "update"})
"""What faults can be armed for."""


def router(world: World) -> APIRouter:
    """Return the routes over ``world``."""
    world.faults.operations[NAME] = OPERATIONS
    book = Book(world)
    answer = partial(serve, world, service=NAME)
    routes = APIRouter(prefix="/inventory_service/api/v1/inventory", route_class=ServiceRoute)

    @routes.post("/check-availability")
    async def check(request: Request) -> Response:
        asked = await parsed(messages.Check, request)
        return await answer(
            request,
            operation="check",
            reference=asked.excluding,
            execute=lambda _: _checked(world, book, asked),
            refusal=(404, "unknown_venue"),
        )

    @routes.post("/reserve")
    async def reserve(request: Request) -> Response:
        asked = await parsed(messages.Reserve, request)
        return await answer(
            request,
            operation="reserve",
            reference=asked.reference,
            execute=lambda other: _reserved(book, asked, other=other),
            refusal=(409, "full"),
        )

    @routes.post("/update-reservation")
    async def update(request: Request) -> Response:
        asked = await parsed(messages.Update, request)
        return await answer(
            request,
            operation="update",
            reference=asked.reference,
            execute=lambda _: book.update(asked),
            refusal=(409, "full"),
        )

    @routes.post("/release")
    async def release(request: Request) -> Response:
        asked = await parsed(messages.Release, request)
        return await answer(
            request,
            operation="release",
            reference=asked.reference,
            execute=lambda _: book.release(asked.reference),
            refusal=(409, "not_releasable"),
        )

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def unknown(path: str) -> Response:
        raise Refused(404, "no_such_route", f"There is no route /{path}.")

    whole = APIRouter()
    whole.include_router(routes)

    @whole.get("/_sandbox/venues")
    async def venues() -> dict[str, list[dict[str, Any]]]:
        """The venues there are, and what of them is taken."""
        return {"venues": [_shown(name) for name in VENUES], "taken": book.taken()}

    return whole


def _reserved(book: Book, asked: messages.Reserve, *, other: bool) -> Answer:
    """Reserve; with ``other`` it is told as that of another party (the fault ``price_drift``)."""
    answer = book.reserve(asked)
    if other:
        answer.body["slot"]["party_size"] += 1
    return answer


def _checked(world: World, book: Book, asked: messages.Check) -> Answer:
    slot = resolved(asked.slot)
    trouble = book.places.trouble(slot, asked.excluding)
    total, free = book.places.capacity(slot, asked.excluding)
    body = {
        "available": trouble is None,
        "reason": trouble,
        "slot": slot.as_json(),
        "turn_minutes": slot.venue.turn(slot.party),
        "capacity": {
            "total": total,
            "free": free,
            "unit": "resources" if slot.venue.resources else "covers",
        },
        "alternatives": book.places.alternatives(slot, asked.excluding) if trouble else [],
        "shifts": [
            {"opens_at": stamp(opens, slot.zone), "closes_at": stamp(closes, slot.zone)}
            for opens, closes in book.places.shifts(slot)
        ],
        "checked_at": stamp(world.now()),
    }
    return Answer(200, body)


def _shown(name: str) -> dict[str, Any]:
    venue = VENUES[name]
    days = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
    return {
        "venue": venue.id,
        "type": venue.type,
        "name": venue.name,
        "zone": venue.time_zone,
        "has": ", ".join(f"{one.id} ({one.seats_min}–{one.seats_max})" for one in venue.resources)
        or f"{venue.covers} covers",
        "open": "; ".join(
            f"{' '.join(days[day] for day in shift.days)} {shift.opens:%H:%M}–{shift.closes:%H:%M}"
            for shift in venue.shifts
        ),
        "begins every": f"{venue.slot_minutes} min",
    }
