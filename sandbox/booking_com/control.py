"""The hotel's side: ``POST /_sandbox/booking_com/orders/{ref}/cancel`` for whoever tests us.

``ref`` is the order's id or its label. The hotel keeps nothing.
"""

from typing import Any

from fastapi import APIRouter, HTTPException

from sandbox.booking_com.ledger import SUPPLIER, ledger_of
from sandbox.world import World


def router(world: World) -> APIRouter:
    """Return the routes of the hotel."""
    routes = APIRouter(prefix="/_sandbox/booking_com/orders")
    ledger = ledger_of(world)

    @routes.post("/{ref}/cancel")
    async def cancel(ref: str) -> dict[str, Any]:
        record = world.reservations.get(SUPPLIER, ref) or world.reservations.find(SUPPLIER, ref)
        if record is None:
            raise HTTPException(404, f"no Booking.com order {ref!r}")
        if not record.live:
            raise HTTPException(409, f"{ref} is {record.status}: nothing to cancel")
        ledger.cancel(record)
        record.status = "cancelled_by_accommodation"
        record.data["cancelled"]["fee"] = 0
        world.log.append(SUPPLIER, "operator", record.reference, "cancelled", 200, id=record.id)
        return record.as_json()

    return routes
