"""Where bookings stand, now or once that changes: one look serves all who ask in this process."""

import asyncio
import logging
import time
from functools import partial

from api.core.batch import Batch
from api.core.record import Record
from models.bookings.repository import Standing, standings

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.04
"""Between two looks, while anybody waits."""
SHARE = 4
"""A look that takes long is followed by a pause of so many times its length."""
LONGEST_PAUSE_SECONDS = 0.25
AWAY_SECONDS = 1.0
"""Between two looks while the database is away."""

_Waiter = tuple[Standing | None, asyncio.Future[Standing]]


class Standings:
    """Tells where bookings stand now: what is asked while a look is under way shares the next."""

    def __init__(self, record: Record) -> None:
        self._looks = Batch(lambda ids: record.look(partial(standings, ids=ids)))

    async def now(self, booking_id: str) -> Standing | None:
        """Return where a booking stands, by a look that begins after this call; None: unknown.

        Raises:
            TooManyReads, OperationalError, InterfaceError, TimeoutError: as ``Record.look``.
        """
        return await self._looks.find(booking_id)


class Watch:
    """Looks at the bookings that somebody waits for, all in one statement by their ids.

    Hundreds who wait cost one connection and a statement now and then, and no message to Temporal.
    """

    def __init__(self, record: Record) -> None:
        """Prepare; ``record`` has a connection that callers' reads do not use up."""
        self._record = record
        self._waiters: dict[str, list[_Waiter]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def changed(
        self, booking_id: str, known: Standing | None, seconds: float
    ) -> Standing | None:
        """Return where a booking stands as soon as that is not ``known`` any more.

        ``known`` is None for a booking that is not recorded yet. It is returned again when it is
        still true after ``seconds``.
        """
        waiter: _Waiter = known, asyncio.get_running_loop().create_future()
        self._waiters.setdefault(booking_id, []).append(waiter)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                return await waiter[1]
        except TimeoutError:
            return known
        finally:
            self._waiters[booking_id].remove(waiter)
            if not self._waiters[booking_id]:
                del self._waiters[booking_id]

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiters:
            began = time.monotonic()
            ids = list(self._waiters)
            try:
                found = await self._record.look(partial(standings, ids=ids))
            except Exception as error:  # noqa: BLE001 - they who wait must not wait for nobody
                _log.warning("bookings cannot be looked at: %s", type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)
                continue
            for booking_id, standing in found.items():
                for known, future in self._waiters.get(booking_id, ()):
                    if standing != known and not future.done():
                        future.set_result(standing)
            pause = min(SHARE * (time.monotonic() - began), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(max(pause, LOOK_SECONDS))
        self._looking = None
