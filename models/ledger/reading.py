"""Reading entries and commission rules."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.ledger.chain import Sealed
from models.ledger.commission import CommissionRule
from models.ledger.entries import Account, Direction, Entry, Line, Place
from models.ledger.tables import COMMISSION_RULES, LEDGER_ENTRIES, LEDGER_LINES

_E, _L = LEDGER_ENTRIES.c, LEDGER_LINES.c

ENTRIES: Select[Any] = (
    select(
        _E.id,
        _E.entry_type,
        _E.source_id,
        _E.booking_id,
        _E.description,
        _E.created_at,
        _E.previous_hash,
        _E.hash,
        _L.account,
        _L.owner,
        _L.direction,
        _L.amount,
        _L.currency,
    )
    .outerjoin(LEDGER_LINES, _L.entry_id == _E.id)
    .order_by(_E.id, _L.number)
)
"""A row for each line, with its entry; entries and their lines in the order of writing.

An entry whose lines somebody has removed has one row, without a line.
"""


def sealed_entries(rows: Iterable[Row[Any]]) -> list[Sealed]:
    """Return the entries of rows of ``ENTRIES``."""
    found = []
    for _, group in groupby(rows, key=lambda row: row.id):
        lines = list(group)
        head = lines[0]
        found.append(
            Sealed(
                id=head.id,
                entry=Entry(
                    head.entry_type,
                    head.source_id,
                    head.description,
                    tuple(_line(row) for row in lines if row.account is not None),
                ),
                booking_id=head.booking_id,
                created_at=head.created_at,
                previous_hash=head.previous_hash,
                hash=head.hash,
            )
        )
    return found


def _line(row: Row[Any]) -> Line:
    signed = row.amount if row.direction == Direction.DEBIT else -row.amount
    return Line(Place(Account(row.account), row.owner), signed, row.currency)


async def load_entries(session: AsyncSession, booking_id: str) -> list[Sealed]:
    """Return the entries of a booking, oldest first."""
    rows = await session.execute(ENTRIES.where(_E.booking_id == booking_id))
    return sealed_entries(rows)


async def load_rules(
    session: AsyncSession, suppliers: Collection[str] | None = None
) -> list[CommissionRule]:
    """Return the commission rules, past and future ones too: the default, suppliers', providers'.

    With ``suppliers``, only those that may concern a sale at one of them.
    """
    rule = COMMISSION_RULES.c
    statement = select(COMMISSION_RULES).order_by(
        rule.supplier.nulls_first(), rule.provider.nulls_first(), rule.valid_from, rule.id
    )
    if suppliers is not None:
        statement = statement.where(rule.supplier.is_(None) | rule.supplier.in_(suppliers))
    rows = await session.execute(statement)
    return [CommissionRule(**row._mapping) for row in rows]
