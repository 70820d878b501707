"""Checks the ledger: what the database enforces, and what it cannot enforce.

Invariants I8 and I9 of reliability.md, as far as our own database can tell.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import SETTLED_STATES, BookingState
from models.bookings.tables import BOOKINGS
from models.core.money import Money
from models.ledger.chain import Sealed, breaks
from models.ledger.entries import Account, Entry, balance
from models.ledger.postings import BY_HAND, DISPUTED, SUSPENSE, TRAVELER
from models.ledger.reading import ENTRIES, sealed_entries
from models.ledger.tables import LEDGER_ENTRIES, LEDGER_LINES
from models.payments.tables import DISPUTES, PAYMENTS

_E, _L, _B, _P = LEDGER_ENTRIES.c, LEDGER_LINES.c, BOOKINGS.c, PAYMENTS.c

_AT_ONCE = 500
"""Bookings whose chains are verified with one statement."""


@dataclass(frozen=True)
class Violation:
    """Something that must never be."""

    kind: str
    """Stable: sum, entry, chain, source, traveler, suspense or cash."""
    message: str
    booking_id: str | None = None
    entry_id: int | None = None


@dataclass
class Findings:
    """What a check found."""

    since: dt.datetime | None
    """Only bookings that changed since then were looked at one by one; None: all."""
    entries: int = 0
    """How many entries were verified one by one."""
    violations: list[Violation] = field(default_factory=list)


async def check(session: AsyncSession, since: dt.datetime | None = None) -> Findings:
    """Check the ledger; the sums over all of it, and one by one what changed since ``since`` (UTC).

    - sum: all accounts together are 0 in every currency.
    - entry: an entry has two lines or more, and is 0 in every currency.
    - chain: the hash chain of a booking verifies.
    - source: nothing was written twice.
    - traveler: nothing stands on TRAVELER of a booking at rest, or waiting for a person.
    - suspense: nothing of a booking at rest is in SUSPENSE, but for open disputes.
    - cash: what lies at the gateway is what the record says was taken and not given back.

    ``session`` must be fresh: everything is read from one snapshot, while bookings go on.
    """
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    findings = Findings(since)
    findings.violations += await _sums(session)
    findings.violations += await _sources(session)
    for booking_id, chain in (await _chains(session, _E.booking_id.is_(None))).items():
        _verify_chain(chain, booking_id, findings)
    await _verify_bookings(session, findings)
    return findings


async def _sums(session: AsyncSession) -> list[Violation]:
    total = func.sum(_L.signed)
    rows = await session.execute(
        select(_L.currency, total).group_by(_L.currency).having(total != 0)
    )
    return [
        Violation("sum", f"all accounts together are off by {off} minor units of {currency}")
        for currency, off in rows
    ]


async def _sources(session: AsyncSession) -> list[Violation]:
    times = func.count()
    rows = await session.execute(
        select(_E.entry_type, _E.source_id, times)
        .group_by(_E.entry_type, _E.source_id)
        .having(times > 1)
    )
    return [
        Violation("source", f"{type_} {source} was written {count} times")
        for type_, source, count in rows
    ]


async def _verify_bookings(session: AsyncSession, findings: Findings) -> None:
    """Verify bookings one by one; some at a time, so that no statement takes long."""
    statement = (
        select(_B.id, _B.state, _B.currency, _at_the_gateway()).order_by(_B.id).limit(_AT_ONCE)
    )
    if findings.since is not None:
        statement = statement.where(_B.updated_at >= findings.since)
    last: str | None = None
    while True:
        rows = await session.execute(statement if last is None else statement.where(_B.id > last))
        page = rows.all()
        if not page:
            return
        ids = [row.id for row in page]
        chains = await _chains(session, _E.booking_id.in_(ids))
        for row in page:
            chain = chains.get(row.id, [])
            _verify_chain(chain, row.id, findings)
            findings.violations += _against_the_record(row, [sealed.entry for sealed in chain])
        last = ids[-1]


def _at_the_gateway() -> ColumnElement[int]:
    """What the record says lies at the gateway of a booking: minor units."""
    kept = select(func.coalesce(func.sum(_P.captured - _P.refunded), 0)).where(
        _P.booking_id == _B.id
    )
    dispute = DISPUTES.c
    withdrawn = select(func.coalesce(func.sum(dispute.amount), 0)).where(
        dispute.booking_id == _B.id, dispute.status != "won"
    )
    left = kept.scalar_subquery() - withdrawn.scalar_subquery()
    return cast(left, BigInteger).label("at_the_gateway")


async def _chains(
    session: AsyncSession, which: ColumnElement[bool]
) -> dict[str | None, list[Sealed]]:
    chains: dict[str | None, list[Sealed]] = {}
    for sealed in sealed_entries(await session.execute(ENTRIES.where(which))):
        chains.setdefault(sealed.booking_id, []).append(sealed)
    return chains


def _verify_chain(chain: list[Sealed], booking_id: str | None, findings: Findings) -> None:
    findings.entries += len(chain)
    found = [("chain", entry_id, reason) for entry_id, reason in breaks(chain)]
    found += [("entry", sealed.id, fault) for sealed in chain for fault in sealed.entry.faults()]
    findings.violations += [
        Violation(kind, f"entry {entry_id} {reason}", booking_id, entry_id)
        for kind, entry_id, reason in found
    ]


def _against_the_record(row: Row[Any, Any, Any, Any], entries: list[Entry]) -> list[Violation]:
    """Return what the ledger has of a booking that its record does not bear out."""

    def money(amount: int) -> str:
        # What is wrong may be negative, or too much for a payment: not validated as one.
        return str(Money.model_construct(amount=amount, currency=row.currency))

    found = []
    state = BookingState(row.state)
    resting = state in SETTLED_STATES
    if (left := -balance(entries, TRAVELER)) and (resting or state is BookingState.NEEDS_ATTENTION):
        found.append(("traveler", f"{money(left)} on TRAVELER, and the booking is {state}"))
    # What an open dispute covers is owed to the traveller only if the dispute is won.
    left, disputed = -balance(entries, SUSPENSE), balance(entries, DISPUTED)
    if resting and not min(disputed, 0) <= left <= max(disputed, 0):
        found.append(("suspense", f"{money(left)} in SUSPENSE, and the booking is {state}"))
    cash = sum(
        line.signed
        for entry in entries
        for line in entry.lines
        if line.place.account == Account.GATEWAY and line.place != BY_HAND
    )
    if cash != row.at_the_gateway:
        recorded = money(row.at_the_gateway)
        found.append(
            ("cash", f"the ledger has {money(cash)} at the gateway, the record {recorded}")
        )
    return [Violation(kind, message, row.id) for kind, message in found]
