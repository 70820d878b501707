"""What the ledger says: balances, and the statement of one booking."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.tables import BOOKINGS
from models.core.keys import parse_booking_id, parse_booking_reference
from models.ledger.chain import Sealed
from models.ledger.postings import TRAVELER
from models.ledger.reading import load_entries
from models.ledger.tables import LEDGER_ENTRIES, LEDGER_LINES

_E, _L, _B = LEDGER_ENTRIES.c, LEDGER_LINES.c, BOOKINGS.c


@dataclass(frozen=True)
class Balance:
    """What went through an account of an owner in one currency; minor units."""

    account: str
    owner: str
    currency: str
    debited: int
    credited: int

    @property
    def balance(self) -> int:
        """Debits less credits: positive is what the account holds, negative what it owes."""
        return self.debited - self.credited


@dataclass(frozen=True)
class StatementEntry:
    """An entry, and what the traveller's account shows after it."""

    sealed: Sealed
    traveler: int
    """TRAVELER of this booking after it, seen from the traveller: positive is owed to them."""


@dataclass(frozen=True)
class Statement:
    """Everything the ledger has about one booking."""

    booking_id: str
    reference: str
    state: str
    currency: str
    entries: list[StatementEntry]


async def balances(session: AsyncSession, at: dt.datetime | None = None) -> list[Balance]:
    """Return the balance of every account, as of ``at`` (UTC, inclusive); None for now."""
    amounts = LEDGER_LINES.c.amount
    query = (
        select(
            _L.account,
            _L.owner,
            _L.currency,
            func.sum(case((_L.direction == "DEBIT", amounts), else_=0)).label("debited"),
            func.sum(case((_L.direction == "CREDIT", amounts), else_=0)).label("credited"),
        )
        .group_by(_L.account, _L.owner, _L.currency)
        .order_by(_L.account, _L.owner, _L.currency)
    )
    if at is not None:
        query = query.join(LEDGER_ENTRIES, _E.id == _L.entry_id).where(_E.created_at <= at)
    rows = await session.execute(query)
    return [
        Balance(row.account, row.owner, row.currency, int(row.debited), int(row.credited))
        for row in rows
    ]


async def statement(session: AsyncSession, which: str) -> Statement | None:
    """Return the statement of a booking, named by its id or its reference; None when unknown."""
    booking_id = parse_booking_id(which)
    named = _B.id == booking_id
    if booking_id is None:
        named = _B.reference == (parse_booking_reference(which) or which)
    booking = (
        await session.execute(select(_B.id, _B.reference, _B.state, _B.currency).where(named))
    ).one_or_none()
    if booking is None:
        return None
    entries = []
    traveler = 0
    for sealed in await load_entries(session, booking.id):
        traveler -= sealed.entry.moved(TRAVELER)
        entries.append(StatementEntry(sealed, traveler))
    return Statement(booking.id, booking.reference, booking.state, booking.currency, entries)
