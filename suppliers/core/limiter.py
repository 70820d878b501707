"""The rate limiter of a supplier: documented rates and 429s, kept by all processes together.

Every request waits here for its turn, quotes and look-ups included. Slots are leased from the
timeline that all processes share (``models.suppliers.rate_limits``), as many as requests wait, so
that a busy process pays a statement for many requests, and one whose supplier documents no rate
pays none. Whether a supplier is paused is read for all suppliers together, once a second at most.
"""

import asyncio
import datetime as dt
import heapq
import logging
import time
from typing import Final, NamedTuple

from models.core.database import DATABASE_AWAY, Sessions, autocommit
from models.core.errors import Retryable
from models.suppliers.rate_limits import (
    Rate,
    lease_slots,
    pause_supplier,
    paused_suppliers,
)

OVER_RATE: Final = "over_rate"
"""Code of a request that we ourselves held back; nothing was sent."""
FRESH_SECONDS: Final = 1.0
"""How long what was read of pauses is believed."""

_SHARE_OF_TIMEOUT: Final = 4
"""A request waits for its turn at most a quarter of what its answer may take, on top of it: so an
activity still has time for the answer, and for settling."""
_RETRY_SECONDS: Final = 1.0
"""When to try again, where nobody can say: the database does not answer."""

log = logging.getLogger("tripsaga.suppliers")


class RateLimits:
    """The rate limiters of a process, one for each supplier."""

    def __init__(self, sessions: Sessions | None = None) -> None:
        """Make it; nothing is asked yet.

        Args:
            sessions: the database that all processes share. Without it (a single adapter in a test
                or a tool) pauses hold in this process alone, and no supplier with a documented
                rate can be asked.
        """
        self._sessions = sessions
        self._pauses = _Pauses(sessions)

    def limiter(self, supplier: str, rate: Rate | None, *, timeout: float) -> "RateLimiter":
        """Return the limiter of a supplier.

        Args:
            supplier: its name; all limiters of that name share one rate.
            rate: None where none is documented.
            timeout: seconds an answer may take.
        """
        return RateLimiter(supplier, rate, timeout, self._sessions, self._pauses)


class RateLimiter:
    """One supplier's turns in this process."""

    def __init__(
        self,
        supplier: str,
        rate: Rate | None,
        timeout: float,
        sessions: Sessions | None,
        pauses: "_Pauses",
    ) -> None:
        self._supplier = supplier
        self._rate = rate
        self._longest = timeout / _SHARE_OF_TIMEOUT
        self._sessions = sessions
        self._pauses = pauses
        self._slots: list[_Slot] = []
        """Leased and not used yet; a heap."""
        self._waiting = 0
        self._leasing = asyncio.Lock()
        self._next_free = float("-inf")
        """The shared timeline has no free slot before; it never goes back."""

    async def turn(self, operation: str) -> None:
        """Wait until a request may be sent, and send it at once then.

        Raises:
            Retryable: that would take too long, or cannot be found out; nothing was sent (code
                ``over_rate``), and ``retry_after`` says when to try again.
        """
        deadline = time.monotonic() + self._longest
        try:
            async with asyncio.timeout(self._longest):
                while not await self._one_turn(operation, deadline):
                    pass
        except TimeoutError as error:
            raise self._held_back(operation, "no turn came in time", _RETRY_SECONDS) from error
        except DATABASE_AWAY as error:
            raise self._held_back(
                operation, "its rate cannot be kept while the database is away", _RETRY_SECONDS
            ) from error

    async def pause(self, wait: dt.timedelta | None) -> None:
        """Have no process send anything for a while: the supplier answered 429, or that its rate is
        used up. None: it did not say for how long."""
        if wait is not None:
            await self._pauses.pause(self._supplier, wait.total_seconds())

    async def _one_turn(self, operation: str, deadline: float) -> bool:
        """Wait for a turn; False when it was missed, or the supplier was paused meanwhile."""
        await self._pauses.refresh()
        if (left := self._pauses.left(self._supplier)) > 0:
            if time.monotonic() + left > deadline:
                raise self._held_back(operation, f"it asked us to wait {left:.0f} s", left)
            await asyncio.sleep(left)
        if self._rate is None:
            return self._pauses.left(self._supplier) <= 0
        slot = await self._slot(operation, self._rate, deadline)
        try:
            await asyncio.sleep(slot.begins - time.monotonic())
        except asyncio.CancelledError:
            heapq.heappush(self._slots, slot)  # for somebody else
            raise
        return time.monotonic() <= slot.ends and self._pauses.left(self._supplier) <= 0

    async def _slot(self, operation: str, rate: Rate, deadline: float) -> "_Slot":
        self._waiting += 1
        try:
            async with self._leasing:
                while (slot := self._first_slot()) is None:
                    within = deadline - time.monotonic()
                    wait = self._next_free - time.monotonic()
                    if wait > within or not await self._lease(rate, within):
                        wait = self._next_free - time.monotonic()
                        raise self._held_back(operation, "its documented rate is used up", wait)
                return slot
        finally:
            self._waiting -= 1

    def _first_slot(self) -> "_Slot | None":
        while self._slots:
            slot = heapq.heappop(self._slots)
            if slot.ends > time.monotonic():
                return slot
        return None

    async def _lease(self, rate: Rate, within: float) -> int:
        """Lease slots for all that wait; returns how many."""
        if self._sessions is None:
            raise RuntimeError(f"the rate of {self._supplier} is kept in the database: give one")
        asked = time.monotonic()
        async with autocommit(self._sessions) as session:
            lease = await lease_slots(
                session, self._supplier, rate, waiting=self._waiting, within=within
            )
        answered = time.monotonic()
        # The database read its clock between the two: a slot never begins early nor ends late.
        for number in range(lease.slots):
            offset = lease.first + number * rate.spacing
            heapq.heappush(self._slots, _Slot(answered + offset, asked + offset + rate.good_for))
        self._next_free = asked + lease.first + lease.slots * rate.spacing
        return lease.slots

    def _held_back(self, operation: str, why: str, retry_after: float) -> Retryable:
        return Retryable(
            f"{self._supplier} was not asked: {why}",
            provider=self._supplier,
            operation=operation,
            code=OVER_RATE,
            retry_after=dt.timedelta(seconds=max(retry_after, 0.0)),
        )


class _Slot(NamedTuple):
    """When a request may be sent (monotonic)."""

    begins: float
    ends: float


class _Pauses:
    """Which suppliers asked to be left alone, as far as this process knows."""

    def __init__(self, sessions: Sessions | None) -> None:
        self._sessions = sessions
        self._until: dict[str, float] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    def left(self, supplier: str) -> float:
        """Return the seconds until a supplier may be asked; 0 or less: now."""
        return self._until.get(supplier, 0.0) - time.monotonic()

    async def refresh(self) -> None:
        """Learn what other processes were told, unless that was done just now."""
        if self._sessions is None or time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            try:
                async with autocommit(self._sessions) as session:
                    paused = await paused_suppliers(session)
            except DATABASE_AWAY as error:
                log.warning("it is not known which suppliers are paused: %s", error)
                paused = {}
            self._read_at = time.monotonic()
            for supplier, seconds in paused.items():
                self._note(supplier, seconds)

    async def pause(self, supplier: str, seconds: float) -> None:
        """Pause a supplier here and for all other processes."""
        self._note(supplier, seconds)
        if self._sessions is None:
            return
        try:
            async with autocommit(self._sessions) as session:
                await pause_supplier(session, supplier, seconds)
        except DATABASE_AWAY as error:
            log.warning("other processes could not be told to pause %s: %s", supplier, error)

    def _note(self, supplier: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._until[supplier] = max(self._until.get(supplier, until), until)
