"""The database, around all code under test."""

import datetime as dt
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from models.bookings.booking import Booking
from models.ledger.chain import seal
from models.ledger.entries import Account, Entry, Line, Place


class Record:
    """Reads what was recorded, and plants what never should be."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        self._connection = await psycopg.AsyncConnection.connect(
            self._url, row_factory=dict_row, autocommit=True
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def do(self, *statements: str, **values: Any) -> None:
        """Execute statements, each with the same values, in one transaction."""
        async with self._connection.transaction():
            for statement in statements:
                await self._connection.execute(statement, values)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        return await (await self._connection.execute(query, values)).fetchall()

    async def row(self, query: str, **values: Any) -> dict[str, Any]:
        (row,) = await self.rows(query, **values)
        return row

    async def open_cases(self) -> list[str]:
        """The sources of the open cases."""
        rows = await self.rows("SELECT source FROM cases WHERE resolved_at IS NULL ORDER BY source")
        return [row["source"] for row in rows]

    async def open_cases_about(self, booking: str) -> list[str]:
        """The sources of the open cases about a booking."""
        rows = await self.rows(
            "SELECT source FROM cases WHERE resolved_at IS NULL AND booking_id = %(id)s", id=booking
        )
        return [row["source"] for row in rows]

    async def case(self, source: str) -> dict[str, Any]:
        """The newest case of a source."""
        rows = await self.rows(
            "SELECT * FROM cases WHERE source = %(source)s ORDER BY id DESC", source=source
        )
        assert rows, source
        return rows[0]

    async def payment(self, booking: str) -> dict[str, Any]:
        """The payment the booking was paid with."""
        query = "SELECT * FROM payments WHERE booking_id = %(id)s AND number = 1"
        return await self.row(query, id=booking)

    async def refunds(self, booking: str, payment: int = 1) -> list[dict[str, Any]]:
        """The refunds of one of its payments."""
        return await self.rows(
            "SELECT * FROM refunds WHERE booking_id = %(id)s AND payment_number = %(payment)s"
            " ORDER BY number",
            id=booking,
            payment=payment,
        )

    async def disputes(self, booking: str, payment: int = 1) -> list[dict[str, Any]]:
        """The disputes of one of its payments."""
        return await self.rows(
            "SELECT * FROM disputes WHERE booking_id = %(id)s AND payment_number = %(payment)s",
            id=booking,
            payment=payment,
        )

    async def booking(self, booking: str) -> dict[str, Any]:
        return await self.row("SELECT * FROM bookings WHERE id = %(id)s", id=booking)

    async def post(
        self, booking: Booking, source: str, debit: str, credit: str, amount: int
    ) -> None:
        """Write a sound entry that nothing asked for: sealed, balanced, in the booking's chain."""
        (last,) = await self.rows(
            "SELECT hash FROM ledger_entries WHERE booking_id = %(id)s ORDER BY id DESC LIMIT 1",
            id=booking.id,
        )
        now = dt.datetime.now(dt.UTC)
        entry = Entry(
            "test",
            f"{booking.id}:{source}",
            "planted by a test",
            (
                Line(Place(Account(debit)), amount, booking.currency),
                Line(Place(Account(credit)), -amount, booking.currency),
            ),
        )
        async with self._connection.transaction():
            written = await self._connection.execute(
                "INSERT INTO ledger_entries (entry_type, source_id, booking_id, description,"
                " created_at, previous_hash, hash) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " RETURNING id",
                [
                    entry.type,
                    entry.source,
                    booking.id,
                    entry.description,
                    now,
                    last["hash"],
                    seal(entry, booking.id, now, last["hash"]),
                ],
            )
            row = await written.fetchone()
            assert row is not None
            for number, line in enumerate(entry.lines, start=1):
                await self._connection.execute(
                    "INSERT INTO ledger_lines (entry_id, number, account, owner, direction,"
                    " amount, currency) VALUES (%s, %s, %s, '', %s, %s, %s)",
                    [
                        row["id"],
                        number,
                        line.place.account,
                        line.direction,
                        line.amount,
                        line.currency,
                    ],
                )
