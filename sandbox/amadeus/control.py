"""What others do to orders: the consolidator issues tickets, the airline confirms flights or not.

- ``POST /_sandbox/amadeus/orders/{reference}/ticket``: from then on an order shows its tickets and
  is not cancelled through the API any more.
- ``POST /_sandbox/amadeus/orders/{reference}/segments`` with ``status`` and, unless it is of all,
  ``segments``: what the airline says of flights from now on.
- ``POST`` and ``DELETE /_sandbox/amadeus/closed``: the host answers 404, code 38196, to everything,
  as one that was closed or is another one does; until ``DELETE``.
"""

from typing import Any, Final

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.amadeus.orders import SUPPLIER, shown, tickets
from sandbox.world import ReservationRecord, World

SHELF: Final = "amadeus_host"
CLOSED: Final = "closed"


class SegmentOrder(BaseModel):
    """What the airline says of flights; words nobody has published are allowed."""

    model_config = ConfigDict(extra="forbid")

    status: str = Field(min_length=1)
    segments: list[str] = []
    """Their ids; empty: all."""


def router(world: World) -> APIRouter:
    """Return the routes of consolidator, airline and host."""
    routes = APIRouter(prefix="/_sandbox/amadeus")
    world.calmers.append(lambda: world.shelf(SHELF).drop(CLOSED))

    def standing(reference: str) -> ReservationRecord:
        record = world.reservations.find(SUPPLIER, reference)
        if record is None or not record.live:
            raise HTTPException(404, f"no Amadeus order {reference!r}")
        return record

    @routes.post("/orders/{reference}/ticket")
    async def ticket(reference: str) -> dict[str, Any]:
        record = standing(reference)
        order = record.data["order"]
        order["tickets"] = tickets(order["travelers"])
        record.status, record.data["cancel_at"] = "TICKETED", None
        return {"id": record.id, "status": record.status}

    @routes.post("/orders/{reference}/segments")
    async def segments(reference: str, order: SegmentOrder) -> dict[str, Any]:
        record = standing(reference)
        flown = {
            flight["id"]
            for way in record.data["order"]["flightOffers"][0]["itineraries"]
            for flight in way["segments"]
        }
        about = flown & set(order.segments) if order.segments else flown
        told = {**record.data.get("segments", {}), **dict.fromkeys(about, order.status)}
        record.data["segments"] = told
        return {"id": record.id, "order": shown(record)}

    @routes.post("/closed", status_code=201)
    async def close() -> dict[str, bool]:
        world.shelf(SHELF).put(CLOSED, {"closed": True})
        return {CLOSED: True}

    @routes.delete("/closed")
    async def reopen() -> dict[str, bool]:
        world.shelf(SHELF).drop(CLOSED)
        return {CLOSED: False}

    return routes
