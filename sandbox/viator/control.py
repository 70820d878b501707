"""The operator's side: ``POST /_sandbox/viator/bookings/{ref}/{act}`` for whoever tests us.

``ref`` is Viator's or the partner's; acts are ``confirm`` and ``reject`` (a pending booking),
``cancel`` (any that stands, with a full refund) and ``amend`` (``{"travelDate", "startTime"}``).
"""

import datetime as dt
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict

from sandbox.viator.ledger import SUPPLIER, ledger_of
from sandbox.world import World


class Act(BaseModel):
    """What the operator decides, in detail."""

    model_config = ConfigDict(extra="forbid")

    reason: str = "BOOKABLE_ITEM_IS_NO_LONGER_AVAILABLE"
    """Of a rejection."""
    travelDate: dt.date | None = None  # noqa: N815
    startTime: str | None = None  # noqa: N815


def router(world: World) -> APIRouter:
    """Return the routes of the operator."""
    routes = APIRouter(prefix="/_sandbox/viator/bookings")
    ledger = ledger_of(world)

    @routes.post("/{ref}/{act}")
    async def act(
        ref: str,
        act: Literal["confirm", "reject", "cancel", "amend"],
        order: Act = Act(),  # noqa: B008 - frozen in effect: only read
    ) -> dict[str, Any]:
        record = world.reservations.get(SUPPLIER, ref) or world.reservations.find(SUPPLIER, ref)
        if record is None:
            raise HTTPException(404, f"no Viator booking {ref!r}")
        ledger.settle(record)
        if not record.live or (act in ("confirm", "reject") and record.status != "PENDING"):
            raise HTTPException(409, f"{ref} is {record.status}: nothing to {act}")
        effect = "none"
        match act:
            case "confirm":
                ledger.confirm(record)
                effect = "confirmed"
            case "reject":
                ledger.reject(record, order.reason)
                effect = "cancelled"
            case "cancel":
                ledger.cancel(record, by_operator=True)
                effect = "cancelled"
            case "amend":
                time = order.startTime or record.data["time"]
                times = ledger.start_of(record).product.times
                if time not in times:
                    raise HTTPException(422, f"starts are at {' and '.join(map(str, times))}")
                ledger.amend(record, order.travelDate, time)
        world.log.append(
            SUPPLIER, "operator", record.reference, effect, 200, id=record.id, step=act
        )
        return record.as_json()

    return routes
