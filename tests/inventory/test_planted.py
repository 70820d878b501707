"""What is planted turns the proofs red: of places that are had twice, or refused in vain."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from localworld.shared import Servers
from models.inventory import claims
from tests.inventory.test_claims import test_of_many_at_once_one_has_the_table as one_table
from tests.inventory.test_moves import test_two_cannot_swap_and_neither_is_lost as swap
from tests.inventory.test_room import come, judge, watched
from tests.ledger.conftest import Books
from tests.reservations.books import Diary
from tests.support.databases import migrated_database
from tests.support.selection import table

Patch = pytest.MonkeyPatch
Plant = str | Callable[[Patch], None]
Proof = Callable[[Diary], Awaitable[None]]


async def room(diary: Diary) -> None:
    """R2, with fewer guests."""
    venue = await watched(diary.books)
    await come(venue, 30, seed=1)
    await judge(venue)


async def swap_at_a_full_venue(diary: Diary) -> None:
    await swap(diary, {"capacity_mode": "COVERS", "covers": 4, "pacing": {"parties": 1}})


async def swap_anywhere(diary: Diary) -> None:
    await swap(diary, {})


def other_sql(module: Any, name: str, was: str, becomes: str) -> Callable[[Patch], None]:
    """Plant another wording in a statement."""
    statement = getattr(module, name).text
    assert was in statement
    changed = text(statement.replace(was, becomes))
    return lambda patch: patch.setattr(module, name, changed)


NO_TABLES = "ALTER TABLE inventory_claims DROP CONSTRAINT claims_one_per_resource"
NO_ROOM = "ALTER TABLE venue_slots DROP CONSTRAINT venue_slots_covers"
COUNTED = "covers_taken = s.covers_taken + excluded.covers_taken"

PLANTED: dict[str, tuple[Plant, Proof]] = {
    "R1: tables are not exclusive": (NO_TABLES, one_table),
    "R2: a venue has any room": (NO_ROOM, room),
    "R2: everybody is counted twice": (
        other_sql(claims, "_COUNT", COUNTED, f"{COUNTED} + excluded.covers_taken"),
        room,
    ),
    "R2: nobody is counted": (
        other_sql(claims, "_COUNT", COUNTED, "covers_taken = s.covers_taken"),
        room,
    ),
    "R5: tables are not exclusive": (NO_TABLES, swap_anywhere),
    "R5: who is refused another place has lost its own": (
        other_sql(claims, "_CLAIM", "ON CONFLICT (booking_id, item, version)", "ON CONFLICT"),
        swap_anywhere,
    ),
    "R5: a venue has any room, any party may have a table": (
        f"{NO_TABLES}; {NO_ROOM}; ALTER TABLE venue_slots DROP CONSTRAINT venue_slots_starts",
        swap_at_a_full_venue,
    ),
}


@pytest.fixture
async def own_diary(shared_servers: Servers) -> Diary:
    """A venue on a database of its own: what is planted there is nobody else's."""
    diary = Diary(Books(migrated_database(shared_servers)))
    await diary.open_venue()
    return diary


QUICK = (
    "R1: tables are not exclusive",
    "R2: a venue has any room",
    "R2: everybody is counted twice",
    "R5: who is refused another place has lost its own",
)


@pytest.mark.parametrize("what", table(PLANTED, quick=QUICK))
async def test_what_is_planted_is_found(own_diary: Diary, monkeypatch: Patch, what: str) -> None:
    plant, proof = PLANTED[what]
    if isinstance(plant, str):
        async with own_diary.books.connection() as connection:
            await connection.execute(plant)
    else:
        plant(monkeypatch)
    with pytest.raises(AssertionError):
        await proof(own_diary)
    await own_diary.books.engine.dispose()
