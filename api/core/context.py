"""What the front door reaches: the record, Temporal and the trip planner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Protocol

from fastapi import Depends, Request
from temporalio.client import Client

from api.core.callers import Callers, KnownCaller
from api.core.record import Record
from models.core.database import create_engine, create_sessions
from models.trips.option import TripOption
from settings import Settings
from suppliers.planner import TripPlanner
from temporal import connect

RPC_TIMEOUT = timedelta(seconds=5)
"""For starting and describing workflows: longer, and the caller is told to come again."""
QUERY_TIMEOUT = timedelta(seconds=2)
"""For asking a running workflow; the record answers when it does not."""


class TripOptions(Protocol):
    """Where trip options come from."""

    async def get(self, trip_option_id: str) -> TripOption | None:
        """Return a trip option; None when it is unknown.

        Raises:
            ProviderError: the trip planner does not answer.
        """
        ...


@dataclass(frozen=True)
class House:
    """One process's connections, shared by its requests."""

    settings: Settings
    record: Record
    callers: Callers
    temporal: Client
    planner: TripOptions
    starts: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    """Bookings being started right now, by booking id and fingerprint of the request."""


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Open the connections; neither database nor Temporal needs to be there yet."""
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=settings.database.pool_size)
    planner = TripPlanner(settings)
    try:
        record = Record(create_sessions(engine))
        yield House(
            settings=settings,
            record=record,
            callers=Callers(record),
            temporal=await connect(settings, lazy=True),
            planner=planner,
        )
    finally:
        await planner.close()
        await engine.dispose()


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _caller(request: Request) -> KnownCaller:
    # Set by api.audience before any dependency runs; a public route must not ask for it.
    caller: KnownCaller = request.state.caller
    return caller


TheHouse = Annotated[House, Depends(_house)]
TheCaller = Annotated[KnownCaller, Depends(_caller)]
