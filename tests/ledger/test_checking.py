"""The check, while bookings go on: what it looks at, and that it finds nothing that is not."""

import asyncio
import datetime as dt
from threading import Thread

from sqlalchemy import event

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.ledger.bookings import TOTAL, cancel, confirm, dispute, refund
from tests.ledger.conftest import Books

S = BookingState


async def test_disputes_count_as_taken_back(books: Books) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    for status in ("open", "won", "lost"):
        dispute(booking, 1_000, status)
    booking = await books.record(booking, S.CONFIRMED)
    assert await books.wrong(booking) == ["suspense"], "what the lost one took is not paid for"
    booking.goodwill += 1_000
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
    """A booking is cancelled between the check's look at the record and its look at the ledger."""
    start = dt.datetime.now(dt.UTC)
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    refund(cancel(booking, {1: 0, 2: 0, 3: 0}), TOTAL)
    cancelled: list[Booking] = []

    async def go_on() -> None:
        others = Books(books.url)
        cancelled.append(await others.record(booking, S.CANCELLED))
        await others.engine.dispose()

    def meanwhile(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM disputes" in statement and not cancelled:
            thread = Thread(target=lambda: asyncio.run(go_on()))
            thread.start()
            thread.join()

    event.listen(books.engine.sync_engine, "after_cursor_execute", meanwhile)
    found = await books.check(since=start)
    assert cancelled
    assert found.violations == []
    assert found.entries == 4
    assert (await books.check(since=start)).entries == 8
