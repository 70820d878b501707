"""What the database refuses, whoever asks: going around all our code, over a plain connection."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from models.bookings.lifecycle import BookingState
from tests.ledger.bookings import confirm, refund
from tests.ledger.conftest import Books

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Line = tuple[str, int, str]
"""Direction, amount, currency."""


@pytest.fixture
async def connection(scratch: Books) -> AsyncIterator[Connection]:
    async with scratch.connection() as open_:
        yield open_
        await open_.rollback()


async def add_entry(connection: Connection, source: str | None = None, previous: str = "") -> int:
    cursor = await connection.execute(
        "INSERT INTO ledger_entries (entry_type, source_id, description, created_at,"
        " previous_hash, hash) VALUES ('test', %s, 'by hand', now(), %s, 'x') RETURNING id",
        (source or str(uuid.uuid4()), previous or str(uuid.uuid4())),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def add_lines(connection: Connection, entry: int, *lines: Line, first: int = 1) -> None:
    for number, (direction, amount, currency) in enumerate(lines, start=first):
        await connection.execute(
            "INSERT INTO ledger_lines (entry_id, number, account, owner, direction, amount,"
            " currency) VALUES (%s, %s, 'GATEWAY', 'test', %s, %s, %s)",
            (entry, number, direction, amount, currency),
        )


async def count(connection: Connection, entry: int) -> int:
    cursor = await connection.execute("SELECT count(*) FROM ledger_entries WHERE id = %s", (entry,))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_a_balanced_entry_is_taken(connection: Connection) -> None:
    entry = await add_entry(connection)
    await add_lines(
        connection, entry, ("DEBIT", 5, "USD"), ("CREDIT", 3, "USD"), ("CREDIT", 2, "USD")
    )
    await connection.commit()
    assert await count(connection, entry) == 1


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "fewer than two lines"),
        ([("DEBIT", 5, "USD")], "fewer than two lines"),
        ([("DEBIT", 5, "USD"), ("CREDIT", 4, "USD")], "does not balance: USD 1"),
        ([("DEBIT", 5, "USD"), ("DEBIT", 5, "USD")], "does not balance: USD 10"),
        ([("DEBIT", 5, "USD"), ("CREDIT", 5, "EUR")], "does not balance: EUR -5, USD 5"),
        (
            [("DEBIT", 5, "USD"), ("CREDIT", 5, "USD"), ("DEBIT", 1, "JPY"), ("CREDIT", 2, "JPY")],
            "does not balance: JPY -1",
        ),
    ],
)
async def test_an_entry_that_does_not_balance_is_not_committed(
    connection: Connection, lines: list[Line], reason: str
) -> None:
    entry = await add_entry(connection)
    await add_lines(connection, entry, *lines)
    with pytest.raises(errors.CheckViolation, match=reason):
        await connection.commit()
    assert await count(connection, entry) == 0


async def test_checking_early_lets_nothing_in_afterwards(connection: Connection) -> None:
    entry = await add_entry(connection)
    await add_lines(connection, entry, ("DEBIT", 5, "USD"), ("CREDIT", 5, "USD"))
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    await connection.execute("SET CONSTRAINTS ALL DEFERRED")
    await add_lines(connection, entry, ("CREDIT", 5, "USD"), first=3)
    with pytest.raises(errors.CheckViolation, match="does not balance"):
        await connection.commit()


async def test_no_line_is_added_later_not_even_a_balanced_pair(connection: Connection) -> None:
    entry = await add_entry(connection)
    await add_lines(connection, entry, ("DEBIT", 5, "USD"), ("CREDIT", 5, "USD"))
    await connection.commit()
    with pytest.raises(errors.CheckViolation, match="no lines from another transaction"):
        await add_lines(connection, entry, ("DEBIT", 5, "USD"), first=3)


async def test_a_writer_cannot_pretend_to_be_another_transaction(connection: Connection) -> None:
    cursor = await connection.execute(
        "INSERT INTO ledger_entries (entry_type, source_id, description, created_at,"
        " previous_hash, hash, transaction) VALUES ('test', %s, '', now(), %s, 'x', 1)"
        " RETURNING transaction = pg_current_xact_id()::text::bigint",
        (str(uuid.uuid4()), str(uuid.uuid4())),
    )
    assert await cursor.fetchone() == (True,)


async def test_savepoints_belong_to_their_transaction(connection: Connection) -> None:
    entry = await add_entry(connection)
    async with connection.transaction():
        await add_lines(connection, entry, ("DEBIT", 5, "USD"), ("CREDIT", 5, "USD"))
    await connection.commit()
    assert await count(connection, entry) == 1


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_lines", "commission_rules"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET {}",
        "UPDATE {} SET {} WHERE false",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE false",
        "TRUNCATE {} CASCADE",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_nothing_is_changed_or_removed(
    connection: Connection, table: str, statement: str, role: str
) -> None:
    column = {"ledger_entries": "hash = ''", "ledger_lines": "amount = 1"}.get(table, "who = ''")
    await connection.execute(f"SET LOCAL session_replication_role = {role}")
    with pytest.raises(errors.CheckViolation, match="append-only"):
        await connection.execute(statement.format(table, column))


@pytest.mark.parametrize(
    ("line", "constraint"),
    [
        (("DEBIT", 0, "USD"), "ledger_lines_amount"),
        (("DEBIT", -5, "USD"), "ledger_lines_amount"),
        (("BOTH", 5, "USD"), "ledger_lines_direction"),
        (("DEBIT", 5, "usd"), "ledger_lines_currency"),
        (("DEBIT", 5, ""), "ledger_lines_currency"),
    ],
)
async def test_lines_that_say_nothing_are_refused(
    connection: Connection, line: Line, constraint: str
) -> None:
    entry = await add_entry(connection)
    with pytest.raises(errors.CheckViolation, match=constraint):
        await add_lines(connection, entry, line)


async def test_accounts_are_those_of_the_house(connection: Connection) -> None:
    entry = await add_entry(connection)
    with pytest.raises(errors.CheckViolation, match="ledger_lines_account"):
        await connection.execute(
            "INSERT INTO ledger_lines (entry_id, number, account, owner, direction, amount,"
            " currency) VALUES (%s, 1, 'POCKET', '', 'DEBIT', 5, 'USD')",
            (entry,),
        )


async def test_nothing_is_written_twice(connection: Connection) -> None:
    source = str(uuid.uuid4())
    await add_entry(connection, source)
    with pytest.raises(errors.UniqueViolation, match="ux_ledger_entries_source"):
        await add_entry(connection, source)


async def test_a_chain_cannot_fork(connection: Connection) -> None:
    previous = str(uuid.uuid4())
    await add_entry(connection, previous=previous)
    with pytest.raises(errors.UniqueViolation, match="ux_ledger_entries_chain"):
        await add_entry(connection, previous=previous)


@pytest.mark.parametrize(
    ("supplier", "provider", "points"),
    [(None, None, -1), (None, None, 10_001), (None, "Delta", 100)],
)
async def test_rules_that_make_no_sense_are_refused(
    connection: Connection, supplier: str | None, provider: str | None, points: int
) -> None:
    with pytest.raises(errors.CheckViolation, match="commission_rules"):
        await connection.execute(
            "INSERT INTO commission_rules (supplier, provider, basis_points, valid_from, who)"
            " VALUES (%s, %s, %s, now(), 'test')",
            (supplier, provider, points),
        )


async def test_two_writers_of_one_booking_take_turns(scratch: Books) -> None:
    """Both saw the same goodwill; the one that comes second finds it posted."""
    booking = await scratch.record(confirm(await scratch.open()), BookingState.CONFIRMED)
    booking.goodwill = 100
    refund(booking, 100)
    await asyncio.gather(
        scratch.record(booking, BookingState.NEEDS_ATTENTION),
        scratch.record(booking, BookingState.CONFIRMED),
    )
    kinds = [entry.type for entry in await scratch.entries(booking)]
    assert kinds[4:] == ["goodwill", "refund"]
    assert await scratch.wrong(booking) == []
