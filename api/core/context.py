"""What the API uses: the record, Temporal and the trip planner."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Protocol

from fastapi import Depends, Request
from temporalio.client import Client

from api.core.answers import Answers
from api.core.callers import Callers
from api.core.dispatch import Dispatch
from api.core.load import Load
from api.core.principals import Principal, expect_recent_second_factor
from api.core.rate_limits import RateLimits
from api.core.record import Record
from api.core.schemas import Check
from api.core.sessions import Sessions
from api.core.tail import Tail
from api.core.watch import Standings, Watch
from models.core.database import create_engine, create_sessions
from models.core.sealing import Sealer
from models.trips.option import TripOption
from models.webhook_endpoints.sending import WebhookSender
from settings import Settings
from suppliers.core.limiter import RateLimits as RateCounter
from suppliers.planner import TripPlanner
from suppliers.registry import create_venues
from suppliers.venue import VenueSupplier
from temporal import connect

RPC_TIMEOUT = timedelta(seconds=5)
"""For starting and describing workflows: longer, and the caller is told to come again."""
READS_AT_ONCE = 64
"""Callers' reads that are worked on together. The event loop gives every task a turn after all
others: with hundreds of them a booking, which takes many turns, would not get on."""
NEARBY_AT_ONCE = 8
"""Questions of a process to the inventory about other times than were asked for: of many refusals
at once each has up to five, while what callers do ask for must get on."""
RESERVED = 2
"""Connections that callers' reads do not use: one for readiness, one for those who wait."""
LISTS = 4
"""Connections for pages of bookings: what is slow there keeps nothing else waiting."""
OF_LISTS: Mapping[str, str | int] = {
    "statement_timeout": 2_000,
    "plan_cache_mode": "force_generic_plan",
}
"""A page takes milliseconds, or its plan has gone wrong. One plan for all callers takes the index
that has exactly their rows; a plan for one who has most of them takes everybody's and leaves rows
out, of which there may be many."""


class TripOptions(Protocol):
    """Where trip options come from."""

    async def get(self, trip_option_id: str) -> TripOption | None:
        """Return a trip option; None when it is unknown.

        Raises:
            ProviderError: the trip planner does not answer.
        """
        ...


@dataclass(frozen=True)
class AppContext:
    """One process's connections, shared by its requests."""

    settings: Settings
    record: Record
    vitals: Record
    """The record through connections of its own: readiness does not wait behind callers."""
    lists: Record
    """The record for pages of bookings (:data:`OF_LISTS`)."""
    standings: Standings
    watch: Watch
    tail: Tail
    """The newest events, for streams of them."""
    callers: Callers
    sessions: Sessions
    limits: RateLimits
    sealer: Sealer
    """Encrypts single values of the record."""
    temporal: Client
    planner: TripOptions
    venues: VenueSupplier | None
    """Whom venues' slots are asked of; None: no reservations are taken."""
    dispatch: Dispatch
    load: Load
    webhooks: WebhookSender
    reads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_ONCE))
    """Held by each of callers' reads while it is worked on; see :data:`READS_AT_ONCE`."""
    checks: dict[str, asyncio.Task[Check]] = field(default_factory=dict)
    """Readiness checks under way, by their name: probes that come meanwhile share the answer."""
    nearby: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(NEARBY_AT_ONCE))
    """Held while the inventory is asked about a time that nobody has asked for."""
    answers: Answers = field(default_factory=Answers)
    """Answers about bookings at rest, to be given again while nothing has changed."""
    starts: dict[tuple[str, str], asyncio.Task[bool]] = field(default_factory=dict)
    """Bookings being started right now, by booking id and fingerprint of the request."""


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[AppContext]:
    """Open the connections; neither database nor Temporal needs to be there yet."""
    url, size = settings.database.sqlalchemy_url, settings.database.pool_size
    engine = create_engine(url, pool_size=size)
    reserved = create_engine(url, pool_size=RESERVED)
    paging = create_engine(url, pool_size=LISTS, parameters=OF_LISTS)
    planner = TripPlanner(settings)
    sessions = create_sessions(engine)
    venues = create_venues(settings, RateCounter(sessions))
    record = Record(sessions, at_once=size)
    vitals = Record(create_sessions(reserved), at_once=RESERVED)
    watch, tail = Watch(vitals), Tail(vitals)
    temporal = await connect(settings, lazy=True)
    try:
        yield AppContext(
            settings=settings,
            record=record,
            vitals=vitals,
            lists=Record(create_sessions(paging), at_once=LISTS),
            standings=Standings(record),
            watch=watch,
            tail=tail,
            callers=Callers(record),
            sessions=Sessions(record),
            limits=RateLimits(settings.limit),
            sealer=settings.key_ring,
            temporal=temporal,
            planner=planner,
            venues=venues,
            dispatch=Dispatch(record, settings),
            load=Load(vitals, temporal, settings),
            webhooks=WebhookSender(settings.webhook_key, settings.webhook_reach),
        )
    finally:
        await watch.close()
        await tail.close()
        await planner.close()
        if venues is not None:
            await venues.close()
        await engine.dispose()
        await reserved.dispose()
        await paging.dispose()


# Asynchronous, though nothing is awaited: FastAPI runs plain functions in a thread.
async def _context(request: Request) -> AppContext:
    context: AppContext = request.app.state.context
    return context


async def _asking(request: Request) -> Principal:
    # Set by api.audience before any dependency runs; a public route must not ask for it.
    principal: Principal = request.state.caller
    return principal


async def _proved(request: Request) -> Principal:
    principal: Principal = request.state.caller
    expect_recent_second_factor(principal)
    return principal


Context = Annotated[AppContext, Depends(_context)]
Asking = Annotated[Principal, Depends(_asking)]
"""Who asks: a service or a user."""
TheCaller = Asking
"""Who asks a route of callers: a service, whose id is its bookings' ``caller_id``."""
JustProved = Annotated[Principal, Depends(_proved)]
"""Who asks, where a user has to have proved a second factor within 15 minutes (403 else): for what
money depends on, such as where it is paid out. Services have keys, and no second factor."""
