"""The hotel's side: ``POST /_sandbox/booking_com/orders/{ref}/cancel`` for whoever tests us.

``ref`` is the order's id or its label. The hotel keeps nothing. ``POST /_sandbox/booking_com/pace``
sets after how many seconds an order can be cancelled; until then cancelling it is answered 403.
"""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.booking_com.ledger import SUPPLIER, ledger_of
from sandbox.world import World


class PaceOrder(BaseModel):
    """How long things take, in seconds."""

    model_config = ConfigDict(extra="forbid")

    cancellable_after: float = Field(ge=0, le=3600)


def router(world: World) -> APIRouter:
    """Return the routes of the hotel."""
    routes = APIRouter(prefix="/_sandbox/booking_com")
    ledger = ledger_of(world)

    @routes.post("/orders/{ref}/cancel")
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

    @routes.post("/pace")
    async def pace(order: PaceOrder) -> dict[str, float]:
        ledger.cancellable_after = order.cancellable_after
        return {"cancellable_after": ledger.cancellable_after}

    return routes
