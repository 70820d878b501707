"""Flights served in this process, a trip on them, and people to go."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from models.core.people import Contact, Document, Traveler
from models.core.supply import ItemType, TripComponent
from sandbox import amadeus
from sandbox.app import create_app
from sandbox.connection import AbortableProtocol
from suppliers.core.protocol import Party
from tests.suppliers.conftest import LocalWorld, MovableWorld, Recorder, component, in_days
from tests.support.listening import listener


@contextlib.asynccontextmanager
async def serve_flights() -> AsyncIterator[LocalWorld]:
    """The whole sandbox, on a free port, with its traffic recorded."""
    world = MovableWorld()
    recorder = Recorder(create_app(world))
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
    while not server.started:
        await asyncio.sleep(0.002)
    yield LocalWorld(f"http://127.0.0.1:{listening.getsockname()[1]}", world, recorder)
    await world.close()
    server.should_exit = True
    await serving


def person(first: str, last: str = "Roe", **more: Any) -> Traveler:
    """An adult with a passport, unless said otherwise."""
    facts: dict[str, Any] = {
        "date_of_birth": dt.date(1990, 1, 31),
        "gender": "FEMALE",
        "document": Document(
            number="X1",
            expiry_date=in_days(2000),
            issuance_country="US",
            nationality="us",
        ),
    }
    return Traveler(first_name=first, last_name=last, **{**facts, **more})


def people(*travelers: Traveler, phone: str | None = "+1 202 555 0133") -> Party:
    """A party, of two by default."""
    return Party(
        travelers=travelers or (person("Ana"), person("Bo", gender="UNSPECIFIED")),
        contact=Contact(email="ana@example.com", phone=phone),
    )


def flight(
    local: LocalWorld,
    *,
    origin: str = "JFK",
    destination: str = "LIS",
    adults: int = 2,
    currency: str = "USD",
    days: int = 40,
) -> TripComponent:
    """A return flight, as the planner would put it into a trip."""
    found = amadeus.live_offer(
        local.world,
        origin=origin,
        destination=destination,
        depart=in_days(days),
        return_=in_days(days + 7),
        adults=adults,
        currency=currency,
    )
    return component(found, ItemType.FLIGHT, "amadeus")
