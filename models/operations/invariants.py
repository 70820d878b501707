"""The invariants that are checked while the system runs: of money and places, reliability.md §2.

Here against record and ledger; ``activities.operations`` holds them against the gateway as well.
Read only; callers own the transaction.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.ledger.chain import Sealed, breaks
from models.ledger.reading import ENTRIES, sealed_entries
from models.ledger.tables import LEDGER_ENTRIES
from models.operations import invariant_queries as queries
from models.operations import place_queries as places
from models.operations import stock_queries as stock

MOST_FOUND = 1000
"""Violations of one query that are told; whoever finds more has other worries than their number."""

ALL_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Query:
    """One way in which an invariant can be seen to be broken."""

    sql: str
    only_full: bool = False
    """Made only when everything is looked at: it reads whole tables."""


@dataclass(frozen=True)
class Invariant:
    """Something that must always hold."""

    name: str
    text: str
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and where."""

    invariant: str
    subject: str
    booking_id: str | None
    what: str
    payments: tuple[str, ...] = ()
    """The payments at the gateway that it is about: looked at again while its case is open."""

    @property
    def source(self) -> str:
        """The source of its case."""
        return source(self.invariant, self.subject)


def source(invariant: str, subject: str) -> str:
    """Return the source of the case about a violation."""
    return f"invariant:{invariant}:{subject}"


INVARIANTS = (
    Invariant(
        "I1",
        "No double charge: at most one payment is captured for each price that was accepted (the"
        " trip's, and the difference of each change), and never more than the traveller accepted.",
        (Query(queries.MORE_THAN_ACCEPTED), Query(queries.TWO_CAPTURED)),
    ),
    Invariant(
        "I2",
        "No money kept for nothing: a booking that failed or expired keeps nothing, a cancelled"
        " one the fees of its terms; nothing stays held.",
        (Query(queries.KEPT_FOR_NOTHING), Query(queries.HELD_FOR_NOTHING)),
    ),
    Invariant(
        "I8",
        "The ledger is balanced: every entry sums to 0 per currency, and so do all accounts"
        " together; rows are append-only and their hash chain verifies.",
        (
            Query(queries.CROOKED_ENTRY),
            Query(queries.UNGUARDED),
            Query(queries.CROOKED_TOTAL, only_full=True),
        ),
    ),
    Invariant(
        "I9",
        "The ledger is the gateway's: a booking's cash in the ledger is what was captured less"
        " what was refunded or disputed; nothing is in suspense without a case.",
        (Query(queries.LEDGER_IS_NOT_RECORD), Query(queries.SUSPENSE)),
    ),
    Invariant(
        "I10",
        "Places and stock are conserved: no two have the same one, what is counted of a venue, a"
        " night or a departure is what is held and sold there, and nothing is held or left undone"
        " when its time is over.",
        (
            Query(places.HELD_TOO_LONG),
            Query(places.OVERDUE),
            Query(places.UNCONSTRAINED),
            Query(places.MISCOUNTED, only_full=True),
            Query(stock.HELD_TOO_LONG),
            Query(stock.MISCOUNTED_NIGHTS),
            Query(stock.MISCOUNTED_SEATS),
            Query(stock.AGAINST_BOOKING),
        ),
    ),
)

NAMES = tuple(invariant.name for invariant in INVARIANTS)


_TOUCHED = text("""
SELECT booking_id FROM (
    SELECT booking_id FROM ledger_entries WHERE created_at >= :since
    UNION SELECT unnest(CAST(:also AS uuid[]))
) AS touched
WHERE booking_id IS NOT NULL AND booking_id > CAST(:after AS uuid)
ORDER BY booking_id LIMIT :limit
""")


async def find_violations(
    session: AsyncSession,
    query: Query,
    invariant: str,
    *,
    since: dt.datetime,
    also: Collection[str],
) -> list[Violation]:
    """Return what one query finds, at most ``MOST_FOUND``, in a stable order."""
    rows = await session.execute(
        text(f"SELECT * FROM ({query.sql}) AS found ORDER BY subject LIMIT :most"),  # noqa: S608
        {"since": since, "also": list(also), "most": MOST_FOUND},
    )
    return [
        Violation(
            invariant=invariant,
            subject=row.subject,
            booking_id=str(row.booking_id) if row.booking_id else None,
            what=row.what,
        )
        for row in rows
    ]


async def find_broken_chains(
    session: AsyncSession, *, since: dt.datetime, also: Collection[str], after: str, limit: int
) -> tuple[str | None, list[Violation]]:
    """Verify the hash chains of the next bookings behind ``after`` that got entries since.

    Returns the last booking verified, None when there was none left, and what is wrong.
    """
    bookings = [
        str(booking_id)
        for booking_id in await session.scalars(
            _TOUCHED, {"since": since, "also": list(also), "after": after, "limit": limit}
        )
    ]
    if not bookings:
        return None, []
    rows = await session.execute(ENTRIES.where(LEDGER_ENTRIES.c.booking_id.in_(bookings)))
    chains: dict[str, list[Sealed]] = defaultdict(list)
    for sealed in sealed_entries(rows):
        chains[str(sealed.booking_id)].append(sealed)
    broken = [
        Violation("I8", booking_id, booking_id, f"ledger entry {entry_id} {why}")
        for booking_id, chain in chains.items()
        for entry_id, why in breaks(chain)
    ]
    return bookings[-1], broken
