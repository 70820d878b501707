"""How PostgreSQL finds what stands in the way at the busiest venue of a crowd, and what is due."""

import datetime as dt
from collections.abc import Mapping

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.crowd import BIG_CALLER, BIG_TRAVELER, NEWEST
from benchmarks.crowd_at_venues import BIG_VENUE, venue_of
from benchmarks.plans import Explainer, Plan, statements_of
from models.bookings.due import claim_due
from models.core.database import create_engine, create_sessions
from models.core.venues import VenueSlot
from models.inventory import moves
from models.inventory.claims import Claim, expire_all_overdue, values_of
from models.reservations.conflicts import find_room
from models.reservations.policy import VenuePolicy
from models.reservations.venues import Venue

BEGINS = NEWEST + dt.timedelta(days=9, hours=-1)
"""When many others begin."""
ENDS = BEGINS + dt.timedelta(hours=1)
_VENUE = Venue(
    id=venue_of(BIG_CALLER, 0),
    external_id=BIG_VENUE,
    type="CAFE",
    name="",
    time_zone="Europe/Lisbon",
    policy=VenuePolicy(capacity_mode="COVERS", covers=100_000),
    version=1,
)
_CLAIM = Claim(
    booking_id="00000000-0000-4000-8000-000000000000",
    item=1,
    venue_id=_VENUE.id,
    guest="nobody",
    units=2,
    visit=(BEGINS, ENDS),
    during=(BEGINS, ENDS),
    expires_at=None,
)


async def plans(url: str, table: str | None) -> Mapping[str, Plan]:
    """Return the plans for any value: of asking for a table or none, of moving there, of rounds.

    Of all that the crowd has, nothing is due.
    """
    slot = VenueSlot(
        title="",
        venue_id=BIG_VENUE,
        venue_type="CAFE",
        time_zone="Europe/Lisbon",
        starts_at=BEGINS,
        ends_at=ENDS,
        duration_minutes=60,
        party_size=2,
        resource_id=table,
    )
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    sessions = create_sessions(engine)

    async def ask(session: AsyncSession) -> None:
        await find_room(session, BIG_CALLER, _VENUE, slot, BIG_TRAVELER, None)

    async def lock(session: AsyncSession) -> None:
        await session.execute(moves.LOCK_CLAIMS, values_of(_CLAIM))

    async def look(session: AsyncSession) -> None:
        await claim_due(session, 50)
        await expire_all_overdue(session, 50)

    taken, others = await statements_of(sessions, ask)
    (locked,) = await statements_of(sessions, lock)
    due, overdue = await statements_of(sessions, look)
    await engine.dispose()
    sent = {"others": others, "taken": taken, "locked": locked, "due": due, "overdue": overdue}
    with psycopg.connect(url, autocommit=True) as connection:
        explainer = Explainer(connection)
        return {name: explainer.explain(one, generic=True) for name, one in sent.items()}


# The busiest guest is in more places at that hour than are told, each with claim, booking, venue.
_BUFFERS = {"others": 20 * 15}


def faults(found: Mapping[str, Plan]) -> list[str]:
    """Return what is wrong.

    Claims are found by booking, guest, table or end, never among all of a venue's; what is due, by
    its time.
    """
    wrong = [
        f"{name}: {one.scans}" for name, one in found.items() if "inventory_claims" in one.scans
    ]
    wrong += [
        f"{name}: {found[name].buffers} buffers, {found[name].removed} rows left out"
        for name in found
        if found[name].buffers > _BUFFERS.get(name, 40) or found[name].removed > 10
    ]
    return wrong
