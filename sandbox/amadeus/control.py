"""The consolidator's side: ``POST /_sandbox/amadeus/orders/{reference}/ticket`` issues tickets.

From then on an order shows its tickets and is not cancelled through the API any more.
"""

from typing import Any

from fastapi import APIRouter, HTTPException

from sandbox.amadeus.orders import SUPPLIER
from sandbox.world import World


def router(world: World) -> APIRouter:
    """Return the routes of the consolidator."""
    routes = APIRouter(prefix="/_sandbox/amadeus/orders")

    @routes.post("/{reference}/ticket")
    async def ticket(reference: str) -> dict[str, Any]:
        record = world.reservations.find(SUPPLIER, reference)
        if record is None or not record.live:
            raise HTTPException(404, f"no Amadeus order {reference!r}")
        order = record.data["order"]
        order["tickets"] = [
            {
                "documentType": "ETICKET",
                "documentNumber": f"125-{place:010}",
                "documentStatus": "ISSUED",
                "travelerId": traveler["id"],
            }
            for place, traveler in enumerate(order["travelers"], start=1)
        ]
        record.status, record.data["cancel_at"] = "TICKETED", None
        return {"id": record.id, "status": record.status}

    return routes
