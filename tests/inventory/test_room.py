"""R2: never more guests than there is room for, and nobody refused while there was room for them.

Both are looked at by the database itself at each commit, and not only at the end.
"""

import asyncio
import random
from typing import Any

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations.books import Diary, slot
from tests.reservations.desk import S

COVERS = 40
GUESTS = 200
# Deferred: it runs within each COMMIT. Who has claimed holds the counters' locks until it has
# committed, so that no other claim of the venue comes between its look and its commit.
_WATCH = """
CREATE TABLE IF NOT EXISTS seen (venue_id uuid, asked int, taken int, has boolean);
CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen SELECT r.venue_id, r.party_size,
        (SELECT coalesce(sum(units), 0) FROM inventory_claims
            WHERE venue_id = r.venue_id AND state IN ('HELD', 'SOLD')),
        EXISTS (SELECT FROM inventory_claims
            WHERE booking_id = r.booking_id AND state IN ('HELD', 'SOLD'))
    FROM reservations r WHERE r.booking_id = NEW.booking_id;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS see ON reservations;
CREATE CONSTRAINT TRIGGER see AFTER INSERT ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
DROP TRIGGER IF EXISTS see ON inventory_claims;
CREATE CONSTRAINT TRIGGER see AFTER UPDATE ON inventory_claims
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
"""


async def watched(books: Books) -> Diary:
    """A venue with room for 40, of whose commits each is looked at."""
    async with books.connection() as connection:
        await connection.execute(_WATCH)
    diary = Diary(books)
    await diary.open_venue(capacity_mode="COVERS", covers=COVERS)
    return diary


async def judge(diary: Diary) -> None:
    """Hold what was seen at each commit against the room there is."""
    async with diary.books.connection() as connection:
        query = "SELECT asked, taken, has FROM seen WHERE venue_id = %s"
        seen: list[Any] = await (await connection.execute(query, [diary.venue])).fetchall()
    too_many = [taken for _, taken, _ in seen if taken > COVERS]
    assert too_many == [], "more than there is room for"
    in_vain = [(asked, taken) for asked, taken, has in seen if not has and asked <= COVERS - taken]
    assert in_vain == [], "refused, though there was room"
    assert any(has for _, _, has in seen)
    assert any(not has for _, _, has in seen), "nobody was refused: nothing is proved"


async def come(diary: Diary, guests: int, seed: int) -> None:
    """All come, ten at a time; a part of those who have a place buys it meanwhile."""
    chance = random.Random(seed)

    connections = asyncio.Semaphore(10)

    async def one(party: int, buys: bool) -> None:
        async with connections:
            booking = await diary.reserve(slot(party=party))
            if booking is not None and buys:
                await diary.books.record(booking, S.CONFIRMED)

    visits = [(chance.randint(1, 6), chance.random() < 0.5) for _ in range(guests)]
    await asyncio.gather(*(one(*visit) for visit in visits))


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(1, 20))]
)
async def test_two_hundred_guests_for_forty_covers(scratch: Books, seed: int) -> None:
    diary = await watched(scratch)
    await come(diary, GUESTS, seed)
    await judge(diary)
    assert await diary.adds_up()
