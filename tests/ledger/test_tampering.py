"""The check finds what somebody did who went around the triggers: the database's owner can."""

import pytest

from models.bookings.lifecycle import BookingState
from tests.ledger.bookings import confirm
from tests.ledger.conftest import Books

S = BookingState

OF_BOOKING = "(SELECT id FROM ledger_entries WHERE booking_id = %(id)s)"
LAST = "(SELECT max(id) FROM ledger_entries WHERE booking_id = %(id)s)"
WHERE_LAST = f"WHERE id = {LAST}"
FIRST = "(SELECT min(id) FROM ledger_entries WHERE booking_id = %(id)s)"


async def tamper(scratch: Books, booking_id: str, *statements: str) -> None:
    """Do what a database's owner can do: switch the triggers off, write, switch them on again."""
    tables = ("ledger_entries", "ledger_lines")
    async with scratch.connection() as connection:
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            cursor = await connection.execute(statement, {"id": booking_id})
            assert cursor.rowcount > 0, "the tampering did nothing"
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
            await connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        # every account and owner still balances; only the seal tells
        (
            [f"UPDATE ledger_lines SET owner = 'me' WHERE entry_id IN {OF_BOOKING}"],
            {"chain"},
        ),
        ([f"UPDATE ledger_entries SET description = 'x' WHERE id = {FIRST}"], {"chain"}),
        ([f"UPDATE ledger_entries SET source_id = 'pi_x' WHERE id = {FIRST}"], {"chain"}),
        ([f"UPDATE ledger_entries SET entry_type = 'gift' WHERE id = {FIRST}"], {"chain"}),
        (
            [
                f"UPDATE ledger_entries SET created_at = created_at - '1us'::interval {WHERE_LAST}",
            ],
            {"chain"},
        ),
        (
            [f"UPDATE ledger_lines SET amount = amount + 1 WHERE entry_id = {LAST} AND number = 1"],
            {"chain", "entry", "sum", "traveler"},
        ),
        (
            [f"UPDATE ledger_lines SET amount = amount * 2 WHERE entry_id = {FIRST}"],
            {"chain", "traveler", "cash"},
        ),
        (
            [f"DELETE FROM ledger_lines WHERE entry_id = {FIRST}"],
            {"chain", "entry", "traveler", "cash"},
        ),
        (
            [f"DELETE FROM ledger_lines WHERE entry_id = {LAST}"],
            {"chain", "entry", "traveler"},
        ),
        (
            [
                f"DELETE FROM ledger_lines WHERE entry_id = {LAST}",
                f"DELETE FROM ledger_entries WHERE id = {LAST}",
            ],
            {"traveler"},  # the newest entry: the chain is whole, the money is not
        ),
        (
            [
                f"DELETE FROM ledger_lines WHERE entry_id IN {OF_BOOKING}",
                "DELETE FROM ledger_entries WHERE booking_id = %(id)s",
            ],
            {"cash"},
        ),
    ],
)
async def test_every_tampering_is_found(
    scratch: Books, statements: list[str], found: set[str]
) -> None:
    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    assert await scratch.wrong(booking) == []
    before = {v.kind for v in (await scratch.check()).violations if v.booking_id is None}
    await tamper(scratch, booking.id, *statements)
    violations = (await scratch.check()).violations
    of_booking = {v.kind for v in violations if v.booking_id == booking.id}
    unbooked = {v.kind for v in violations if v.booking_id is None} - before
    assert of_booking | unbooked == found


async def test_a_duplicate_source_is_found_where_its_constraint_is_gone(scratch: Books) -> None:
    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    async with scratch.connection() as connection:
        await connection.execute(
            "ALTER TABLE ledger_entries DROP CONSTRAINT ux_ledger_entries_source"
        )
        await connection.commit()
        try:
            await tamper(
                scratch,
                booking.id,
                f"UPDATE ledger_entries SET source_id = (SELECT source_id FROM ledger_entries"
                f" WHERE id = {LAST}) WHERE id = {LAST} - 1",
            )
            found = await scratch.check()
            assert "source" in {one.kind for one in found.violations}
        finally:
            await tamper(
                scratch,
                booking.id,
                f"UPDATE ledger_entries SET source_id = 'other' WHERE id = {LAST}",
            )
            await connection.execute(
                "ALTER TABLE ledger_entries ADD CONSTRAINT ux_ledger_entries_source"
                " UNIQUE (entry_type, source_id)"
            )
            await connection.commit()
