"""Duffel's emulation served over real sockets, trips to book there, and answers to script."""

import asyncio
import copy
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from models.core.people import Contact, Document, Traveler
from models.core.supply import ItemType, TripComponent
from sandbox import announcements, duffel
from sandbox.connection import AbortableProtocol
from sandbox.duffel.ledger import Ledger, ledger_of
from sandbox.sellers import SELLERS
from settings import Settings
from suppliers.core.protocol import Party
from tests.suppliers.conftest import PATIENCE, MovableWorld, Recorder, Reply, component, in_days
from tests.support.listening import listener

Json = dict[str, Any]

REFERENCE_KEY = "trip_reference"


@dataclass
class DuffelWorld:
    """Duffel, served."""

    url: str
    world: MovableWorld
    recorder: Recorder

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.world)

    def settings(self, **more: Any) -> Settings:
        return Settings(sandbox_url=self.url, **{"provider_timeout_seconds": PATIENCE, **more})

    def live(self, reference: str) -> int:
        return sum(
            record.live and record.reference == reference
            for record in self.world.reservations.all("duffel")
        )

    def arm(self, operation: str, kind: str, **more: Any) -> None:
        seconds = {"slow": 0.1, "late_commit": 0.2, "short_hold": 0.3}.get(kind, 30)
        self.world.faults.arm("duffel", operation, kind, **{"seconds": seconds, **more})

    def effects(self, reference: str) -> list[str]:
        rows = self.world.log.rows(supplier="duffel", reference=reference)
        return [row["effect"] for row in rows if row["effect"] != "none"]


@asynccontextmanager
async def served() -> AsyncIterator[DuffelWorld]:
    """A fresh world with Duffel alone, on a free port."""
    world = MovableWorld()
    world.faults.operations |= {"duffel": SELLERS["duffel"].operations}
    app = FastAPI()
    app.include_router(duffel.router(world))
    app.include_router(announcements.router(world))
    recorder = Recorder(app)
    listening = listener()
    server = uvicorn.Server(
        uvicorn.Config(
            recorder,
            http=AbortableProtocol,
            ws="none",
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    port = listening.getsockname()[1]
    yield DuffelWorld(f"http://127.0.0.1:{port}", world, recorder)
    await world.close()
    server.should_exit = True
    await serving


def flight(
    world: MovableWorld,
    *,
    origin: str = "JFK",
    destination: str = "CDG",
    adults: int = 2,
    days: int = 40,
    one_way: bool = False,
    currency: str = "USD",
) -> TripComponent:
    """A trip's flight there and back. JFK–CDG can be held and refunded for a penalty."""
    found = duffel.live_offer(
        world,
        origin=origin,
        destination=destination,
        depart=in_days(days),
        return_=None if one_way else in_days(days + 4),
        adults=adults,
        currency=currency,
    )
    found.pop("landed")
    return component(found, ItemType.FLIGHT, "duffel")


def changed(item: TripComponent, **offer: Any) -> TripComponent:
    """The same with another offer."""
    return item.model_copy(update={"offer": {**copy.deepcopy(item.offer), **offer}})


def traveler(first_name: str = "Ana", **more: Any) -> Traveler:
    given: Json = {
        "last_name": "Roe",
        "date_of_birth": dt.date(1990, 1, 31),
        "gender": "FEMALE",
        "document": Document(
            number=f"X{first_name}",
            expiry_date=in_days(2000),
            issuance_country="US",
            nationality="US",
        ),
    }
    return Traveler(first_name=first_name, **{**given, **more})


def party_of(*travelers: Traveler, phone: str | None = "+1 212 555 0100") -> Party:
    return Party(
        travelers=travelers or (traveler("Ana"), traveler("Bo", gender="MALE")),
        contact=Contact(email="ana@example.com", phone=phone),
    )


def reference() -> str:
    return f"{uuid.uuid4()}-1-1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# -- scripted answers -----------------------------------------------------------------------------

DEPARTS = "2031-05-01T18:00:00"
ARRIVES = "2031-05-02T07:30:00"


def place(code: str, zone: str | None) -> Json:
    return {"type": "airport", "iata_code": code, "time_zone": zone, "name": code}


def slices(**change: Any) -> list[Json]:
    segment = {
        "id": "seg_1",
        "origin": place("JFK", "America/New_York"),
        "destination": place("CDG", "Europe/Paris"),
        "departing_at": DEPARTS,
        "arriving_at": ARRIVES,
        "marketing_carrier": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "marketing_carrier_flight_number": "12",
        **change,
    }
    ends = {"origin": segment["origin"], "destination": segment["destination"]}
    return [{"id": "sli_1", **ends, "segments": [segment]}]


def offer(**change: Any) -> Json:
    return {
        "id": "off_1",
        "live_mode": False,
        "owner": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "total_amount": "300.50",
        "total_currency": "USD",
        "expires_at": (now() + dt.timedelta(minutes=20)).isoformat(),
        "slices": slices(),
        "passengers": [{"id": "pas_1", "type": "adult", "age": None}],
        "payment_requirements": {
            "requires_instant_payment": False,
            "price_guarantee_expires_at": "2031-04-20T00:00:00Z",
            "payment_required_by": "2031-04-21T00:00:00Z",
        },
        "conditions": {
            "refund_before_departure": {
                "allowed": True,
                "penalty_amount": "40.00",
                "penalty_currency": "USD",
            }
        },
        "passenger_identity_documents_required": False,
        "supported_passenger_identity_document_types": ["passport"],
        **change,
    }


def order(ours: str = "ours-1", *, paid: bool = False, **change: Any) -> Json:
    return {
        "id": "ord_1",
        "offer_id": "off_1",
        "booking_reference": "RZPNX8",
        "created_at": now().isoformat(),
        "owner": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "total_amount": "300.50",
        "total_currency": "USD",
        "slices": slices(),
        "passengers": [{"id": "pas_1", "given_name": "Ana", "family_name": "Roe"}],
        "payment_status": {
            "awaiting_payment": not paid,
            "payment_required_by": None if paid else "2031-04-21T00:00:00Z",
            "price_guarantee_expires_at": None if paid else "2031-04-20T00:00:00Z",
            "paid_at": "2031-01-01T00:00:00Z" if paid else None,
        },
        "documents": [{"type": "electronic_ticket", "unique_identifier": "125"}] if paid else [],
        "metadata": {REFERENCE_KEY: ours},
        "cancelled_at": None,
        "cancellation": None,
        "airline_initiated_changes": [],
        "available_actions": ["cancel"],
        **change,
    }


def refund(**change: Any) -> Json:
    return {
        "id": "ore_1",
        "order_id": "ord_1",
        "refund_amount": "260.50",
        "refund_currency": "USD",
        "refund_to": "balance",
        "expires_at": "2031-04-20T00:00:00Z",
        "confirmed_at": None,
        "airline_credits": [],
        **change,
    }


def answered(data: Any, status: int = 200, **meta: Any) -> Reply:
    return Reply(status, {"data": data, **({"meta": meta} if meta else {})})


def failed(status: int, code: str, kind: str = "validation_error", **headers: str) -> Reply:
    error = {"type": kind, "code": code, "title": code, "message": f"about {code}"}
    body = {"errors": [error], "meta": {"status": status, "request_id": "req-9"}}
    return Reply(status, body, headers)
