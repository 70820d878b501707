"""The check, while bookings go on: what it looks at, and that it finds nothing that is not."""

import asyncio
import datetime as dt

from models.lifecycle import BookingState
from tests.ledger.bookings import cancel, confirm, dispute, refund
from tests.ledger.conftest import Books

S = BookingState


async def test_disputes_count_as_taken_back(books: Books) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    for status in ("open", "won", "lost"):
        dispute(booking, 1_000, status)
    booking = await books.record(booking, S.CONFIRMED)
    assert await books.wrong(booking) == []


async def test_only_bookings_that_changed_since_are_looked_at_one_by_one(books: Books) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    before = await books.check()
    later = await books.check(since=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    assert before.entries >= 4
    assert later.entries == 0
    refund(cancel(booking, {3: 0}), 40_000)
    start = dt.datetime.now(dt.UTC)
    await books.record(booking, S.CONFIRMED)
    assert (await books.check(since=start)).entries == 6


async def test_the_check_reads_one_moment_while_bookings_go_on(books: Books) -> None:
    stop = False

    async def live() -> None:
        while not stop:
            booking = await books.record(confirm(await books.open()), S.CONFIRMED)
            cancel(booking, {1: 0, 2: 0, 3: 0})
            refund(booking, booking.payment.captured)
            await books.record(booking, S.CANCELLED)

    start = dt.datetime.now(dt.UTC)
    going = [asyncio.create_task(live()) for _ in range(3)]
    found = [await books.check(since=start) for _ in range(15)]
    stop = True
    await asyncio.gather(*going)
    assert [one.violations for one in found] == [[]] * 15
    assert found[-1].entries > found[0].entries
