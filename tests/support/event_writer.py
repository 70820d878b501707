"""A process that makes and changes bookings: ``python -m tests.support.event_writer SEED COUNT``.

Reads DATABASE_URL. It may be killed at any moment, and so may its database; it ends when it has
written COUNT transitions.
"""

import asyncio
import random
import sys

from sqlalchemy.exc import DBAPIError

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.repository import load_booking
from models.core.database import DATABASE_AWAY
from settings import Settings
from tests.ledger.bookings import cancel, confirm
from tests.ledger.conftest import Books

S = BookingState


async def write(books: Books, chance: random.Random, count: int) -> None:
    """Write transitions of a few bookings at a time, one after another."""
    own: list[Booking] = []
    while count > 0:
        try:
            if len(own) < 8:
                own.append(await books.open())
                count -= 1
                continue
            number = chance.randrange(len(own))
            own[number] = await _move(books, own[number], chance)
            if own[number].state is S.CANCELLED:
                del own[number]
            count -= 1
        except (DBAPIError, *DATABASE_AWAY):
            await asyncio.sleep(0.1)
            own = await _reread(books, own)


async def _move(books: Books, booking: Booking, chance: random.Random) -> Booking:
    if booking.state is S.PROCESSING:
        if chance.random() < 0.1:
            return await books.record(booking, S.FAILED)
        return await books.record(confirm(booking), S.CONFIRMED)
    if booking.state is S.CONFIRMED and chance.random() < 0.2:
        return await books.record(cancel(booking, {1: 0, 2: 0, 3: 0}), S.CANCELLED)
    return await books.record(booking, booking.state)


async def _reread(books: Books, own: list[Booking]) -> list[Booking]:
    """What became of a transition whose commit was not answered stands in the record."""
    while True:
        try:
            async with books.sessions() as session:
                return [found for one in own if (found := await load_booking(session, one.id))]
        except (DBAPIError, *DATABASE_AWAY):
            await asyncio.sleep(0.1)


async def main() -> None:
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    books = Books(Settings().database.url)
    print("writing", flush=True)
    await asyncio.gather(
        *(write(books, random.Random(seed * 10 + number), count // 3) for number in range(3))
    )
    print("written", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
