"""The controls of the sandbox: faults, log, state, latency, and a page to look at it all."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox.faults import KINDS
from sandbox.world import World

_PAGE = Path(__file__).parent / "pages" / "overview.html"


class FaultOrder(BaseModel):
    """What to arm; see :meth:`sandbox.faults.FaultSwitch.arm`."""

    model_config = ConfigDict(extra="forbid")

    supplier: str
    operation: str
    kind: str
    nth: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, ge=0, le=1)
    times: int | None = Field(default=None, ge=1)
    seed: int = 0
    seconds: float | None = Field(default=None, ge=0, le=3600)
    reference: str | None = Field(default=None, min_length=1)


class ClaimOrder(BaseModel):
    """Which system works with this sandbox; no other one shall by mistake."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=100)
    replace: bool = False
    """Also when it belongs to another one."""


class LatencyOrder(BaseModel):
    """How long every supplier takes for every answer, in seconds."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(ge=0, le=60)


def router(world: World) -> APIRouter:
    """Return the routes under ``/_sandbox``, and ``/healthz``."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/_sandbox", response_class=HTMLResponse)
    async def overview() -> str:
        return _PAGE.read_text(encoding="utf-8")

    @routes.get("/_sandbox/catalogue")
    async def catalogue() -> dict[str, Any]:
        return {
            "operations": {name: sorted(words) for name, words in world.faults.operations.items()},
            "kinds": KINDS,
        }

    @routes.post("/_sandbox/faults", status_code=201)
    async def arm(order: FaultOrder) -> dict[str, object]:
        try:
            return world.faults.arm(**order.model_dump()).as_json()
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    @routes.get("/_sandbox/faults")
    async def faults() -> list[dict[str, object]]:
        return [fault.as_json() for fault in world.faults.list()]

    @routes.delete("/_sandbox/faults")
    async def clear_all() -> dict[str, int]:
        for calm in world.calmers:
            calm()
        return {"cleared": world.faults.clear()}

    @routes.delete("/_sandbox/faults/{fault_id}")
    async def clear(fault_id: str) -> dict[str, int]:
        cleared = world.faults.clear(fault_id)
        if not cleared:
            raise HTTPException(404, f"no fault {fault_id!r} is armed")
        return {"cleared": cleared}

    @routes.get("/_sandbox/log")
    async def log(
        after: int = Query(default=0, ge=0),
        supplier: str | None = None,
        reference: str | None = None,
    ) -> list[dict[str, Any]]:
        return world.log.rows(after=after, supplier=supplier, reference=reference)

    @routes.get("/_sandbox/state")
    async def state(reference: str = "") -> dict[str, list[dict[str, Any]]]:
        """All there is, or what stands under references that begin so: a booking's id."""
        return {
            "reservations": [
                record.as_json()
                for record in world.reservations.all()
                if (record.reference or "").startswith(reference)
            ],
            "payments": [
                one for one in world.payments() if (one["booking"] or "").startswith(reference)
            ],
        }

    @routes.get("/_sandbox/world")
    async def whose() -> dict[str, str | None]:
        return {"id": (world.shelf("world").get("world") or {}).get("id")}

    @routes.put("/_sandbox/world")
    async def claim(order: ClaimOrder) -> dict[str, str]:
        known = world.shelf("world").get("world")
        if known is not None and known["id"] != order.id and not order.replace:
            raise HTTPException(409, f"the sandbox belongs to world {known['id']}")
        world.shelf("world").put("world", {"id": order.id})
        return {"id": order.id}

    @routes.get("/_sandbox/latency")
    async def latency() -> dict[str, float]:
        return {"seconds": world.latency}

    @routes.post("/_sandbox/latency")
    async def set_latency(order: LatencyOrder) -> dict[str, float]:
        world.latency = order.seconds
        return {"seconds": world.latency}

    return routes
