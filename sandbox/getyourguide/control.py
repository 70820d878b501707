"""The supplier's side: ``POST /_sandbox/getyourguide/bookings/{ref}/{act}`` for whoever tests us.

``ref`` is the booking's hash or the partner's reference; acts are ``confirm`` and ``reject`` (an
unconfirmed booking), and ``cancel`` (any that stands).
"""

from typing import Any, Literal

from fastapi import APIRouter, HTTPException

from sandbox.getyourguide.ledger import SUPPLIER, ledger_of
from sandbox.world import World


def router(world: World) -> APIRouter:
    """Return the routes of the supplier."""
    routes = APIRouter(prefix="/_sandbox/getyourguide/bookings")
    ledger = ledger_of(world)

    @routes.post("/{ref}/{act}")
    async def act(ref: str, act: Literal["confirm", "reject", "cancel"]) -> dict[str, Any]:
        record = world.reservations.get(SUPPLIER, ref) or world.reservations.find(SUPPLIER, ref)
        if record is None:
            raise HTTPException(404, f"no GetYourGuide booking {ref!r}")
        ledger.settle(record)
        if not record.live or (act != "cancel" and record.status != "unconfirmed"):
            raise HTTPException(409, f"{ref} is {record.status}: nothing to {act}")
        if act == "confirm":
            ledger.confirm(record)
        else:
            ledger.end(record, "canceled")
        effect = "confirmed" if act == "confirm" else "cancelled"
        world.log.append(
            SUPPLIER, "operator", record.reference, effect, 200, id=record.id, step=act
        )
        return record.as_json()

    return routes
