"""How fast each supplier may be asked, over all processes: one row a supplier, and all its SQL.

A rate is held by a timeline of *slots*, evenly spaced, each good for one request. A process leases
the next slots of the timeline by one statement and sends each request within its slot, which makes
the sum over all processes keep to the rate without a statement a request (GCRA, leased in blocks).
Slots that nobody leased in time are lost, so a rate is not saved up. Times are the database's.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, DateTime, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

_SPARE_SPACING: Final = 0.05
"""Seconds between slots up to which a process may take more than it needs at once: whoever finds
them taken then waits no longer than this for the next."""


@dataclass(frozen=True)
class Rate:
    """A documented rate: at most ``requests`` in any ``seconds``.

    A slot may be used for a quarter of ``seconds`` after its time. That ``requests + 1`` requests
    never fall within ``seconds`` even so, slots stand ``1.25 * seconds / requests`` apart: four
    fifths of the documented rate can be used for long.
    """

    requests: int
    seconds: float

    @property
    def good_for(self) -> float:
        """Seconds after a slot's time within which its request must be sent."""
        return self.seconds / 4

    @property
    def spacing(self) -> float:
        """Seconds from one slot to the next, in whole microseconds as PostgreSQL counts them."""
        return math.ceil((self.seconds + self.good_for) / self.requests * 1e6) / 1e6

    @property
    def backlog(self) -> float:
        """How far back, in seconds, the timeline offers slots that nobody has leased.

        Half of what a slot is good for: so there is always time to use one.
        """
        return self.good_for / 2

    @property
    def spare(self) -> int:
        """How many slots a process may lease for requests yet to come; 0 at low rates."""
        return 0 if self.spacing > _SPARE_SPACING else math.floor(self.backlog / self.spacing) + 1


@dataclass(frozen=True)
class Lease:
    """Slots for one process, ``Rate.spacing`` apart."""

    first: float
    """Seconds from the database's time, when it answered, to the first slot; may be negative."""
    slots: int
    """0: all slots within reach are taken, and ``first`` is the next free one."""


class RateLimitRow(SQLModel, table=True):
    """The timeline of one supplier. No row: it has not been asked yet."""

    __tablename__ = "rate_limits"

    supplier: str = Field(primary_key=True)
    next_slot: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """The first slot that nobody has leased, unless it is past."""
    leased_at: dt.datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=True)
    )
    """When slots were last asked for; with the next two columns, the answer to that."""
    leased_from: dt.datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=True)
    )
    leased: int = 0
    paused_until: dt.datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=True)
    )
    """When the supplier may be asked again, by its own answer (429)."""


async def lease_slots(
    session: AsyncSession, supplier: str, rate: Rate, *, waiting: int, within: float
) -> Lease:
    """Lease slots for ``waiting`` requests, none later than ``within`` seconds from now.

    More than that, up to ``rate.spare``, when they are free at once. While the supplier is paused
    its slots begin after the pause.
    """
    values = {
        "supplier": supplier,
        "spacing": rate.spacing,
        "backlog": rate.backlog,
        "spare": rate.spare,
        "waiting": waiting,
        "within": within,
    }
    while True:
        row = (await session.execute(text(_LEASE), values)).one_or_none()
        if row is not None:
            return Lease(first=row.first, slots=row.slots)
        await session.execute(text(_FIRST_TIME), {"supplier": supplier})


async def pause_supplier(session: AsyncSession, supplier: str, seconds: float) -> None:
    """Have no process ask a supplier for so long; a longer pause stays."""
    await session.execute(text(_PAUSE), {"supplier": supplier, "seconds": seconds})


async def paused_suppliers(session: AsyncSession) -> dict[str, float]:
    """Return the suppliers that are paused, with the seconds left."""
    rows = await session.execute(text(_PAUSED))
    return {row.supplier: row.seconds for row in rows}


# An UPDATE locks the row and computes on its newest version, so that no slot is leased twice.
_LEASE = """
UPDATE rate_limits AS r SET (leased_at, leased_from, leased, next_slot) = (
    SELECT now, first, slots, first + slots * make_interval(secs => :spacing)
    FROM (SELECT clock_timestamp() AS now) AS clock
    CROSS JOIN LATERAL (
        SELECT greatest(r.next_slot, r.paused_until, now - make_interval(secs => :backlog)) AS first
    ) AS line
    CROSS JOIN LATERAL (
        SELECT CAST(extract(epoch FROM now - first) AS float8) AS past
    ) AS age
    CROSS JOIN LATERAL (
        SELECT CAST(floor(past / :spacing) AS int) + 1 AS at_once,
               CAST(floor((past + :within) / :spacing) AS int) + 1 AS within_reach
    ) AS free
    CROSS JOIN LATERAL (
        SELECT greatest(0, least(
            within_reach, greatest(CAST(:waiting AS int), least(CAST(:spare AS int), at_once))
        )) AS slots
    ) AS granted
)
WHERE supplier = :supplier
RETURNING CAST(extract(epoch FROM leased_from - leased_at) AS float8) AS first, leased AS slots
"""

_FIRST_TIME = """
INSERT INTO rate_limits (supplier, next_slot, leased) VALUES (:supplier, clock_timestamp(), 0)
ON CONFLICT DO NOTHING
"""

_PAUSE = """
INSERT INTO rate_limits AS r (supplier, next_slot, leased, paused_until)
VALUES (:supplier, clock_timestamp(), 0, clock_timestamp() + make_interval(secs => :seconds))
ON CONFLICT (supplier) DO UPDATE SET
    paused_until = greatest(r.paused_until, excluded.paused_until)
"""

_PAUSED = """
SELECT supplier, CAST(extract(epoch FROM paused_until - clock_timestamp()) AS float8) AS seconds
FROM rate_limits WHERE paused_until > clock_timestamp()
"""
