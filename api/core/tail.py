"""New events for the streams of this process: one look serves all of them."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from functools import partial

from api.core.record import Record
from models.events.feed import Told, latest_position, read_new

LOOK_SECONDS = 0.1
IDLE_SECONDS = 0.25
"""Between two looks; the second one while nothing happens."""
AWAY_SECONDS = 1.0
"""Between two looks while the database is away."""
KEPT = 2_000
"""So many of the newest events are kept; who is further behind reads the feed."""
AT_ONCE = 500
CATCHING_UP = 2
"""So many streams read the feed together."""

_log = logging.getLogger(__name__)


class Tail:
    """The newest events of the feed, as long as anybody waits for them."""

    def __init__(self, record: Record) -> None:
        """Prepare; ``record`` has a connection that callers' reads do not use up."""
        self._record = record
        self._newest: deque[Told] = deque(maxlen=KEPT)
        self._from = self._to = -1
        """All events behind ``_from`` and up to ``_to`` are in ``_newest``."""
        self._waiters: dict[str | None, set[asyncio.Future[None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self.streams: Counter[str] = Counter()
        """How many streams each caller has."""
        self.catching_up = asyncio.Semaphore(CATCHING_UP)

    def behind(self, position: int, owner: str | None) -> tuple[Sequence[Told], int] | None:
        """Return the events behind a position and how far they go; None: the feed must be read.

        Of ``owner``; of everybody when None.
        """
        if not self._from <= position <= self._to:
            return None
        found: list[Told] = []
        for event in reversed(self._newest):
            if event.position <= position:
                break
            if owner is None or event.caller_id == owner:
                found.append(event)
        return found[::-1], self._to

    async def moved(self, owner: str | None, seconds: float) -> None:
        """Return when there is something new of ``owner`` (None: anybody), or after ``seconds``.

        Whoever begins to wait may be woken once for nothing.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(owner, set()).add(waiter)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return
        finally:
            waiters = self._waiters[owner]
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[owner]

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        begun = False
        while self._waiters:
            try:
                if not begun:
                    self._begin(await self._record.read(latest_position))
                    begun = True
                read = partial(read_new, after=self._to, limit=AT_ONCE)
                events, to = await self._record.read(read)
            except Exception as error:  # noqa: BLE001 - they who wait must not wait for nobody
                _log.warning("events cannot be looked at: %s", type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)
                continue
            self._add(events, to)
            await asyncio.sleep(LOOK_SECONDS if events else IDLE_SECONDS)
        self._looking = None

    def _begin(self, end: int) -> None:
        """Begin at the end of the feed, unless what is kept reaches near it."""
        if not 0 <= self._to <= end <= self._to + AT_ONCE:
            self._newest.clear()
            self._from = self._to = end
        self._wake([*self._waiters])  # they may have missed what came before it

    def _add(self, events: Sequence[Told], to: int) -> None:
        for event in events:
            if len(self._newest) == KEPT:
                self._from = self._newest[0].position
            self._newest.append(event)
        self._to = to
        if events:
            self._wake({None, *(event.caller_id for event in events)})

    def _wake(self, owners: Iterable[str | None]) -> None:
        for owner in owners:
            for waiter in self._waiters.get(owner, ()):
                if not waiter.done():
                    waiter.set_result(None)
