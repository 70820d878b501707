"""How fast a supplier is asked: within its documented rate, and not at all while it asked so.

Quotes and look-ups are no activities of a supplier's own queue, so the queue's rate does not hold
for them: this does, for every request of this process. With several worker processes each gets its
share (``SUPPLIER_RATE_SHARE``).
"""

import asyncio
import datetime as dt
import time
from typing import Final

from aiolimiter import AsyncLimiter

from models.core.errors import Retryable

OVER_RATE: Final = "over_rate"
"""Code of a request that we ourselves held back; nothing was sent."""

_SHARE_OF_PATIENCE: Final = 4
"""A request waits for its turn at most a quarter of what its answer may take, on top of it."""


class Pace:
    """One supplier's turns in this process."""

    def __init__(self, provider: str, *, per_second: float | None, timeout: float) -> None:
        """Make it; nobody waits yet.

        Args:
            provider: the supplier's name, for errors.
            per_second: requests a second, evenly spaced; None where no rate is documented.
            timeout: seconds an answer may take; waiting for one's turn takes at most a quarter of
                it, so that an activity still has time for the answer, and for settling.
        """
        self._provider = provider
        # One at a time: a bucket of more would let twice the rate pass within its first second.
        self._turns = AsyncLimiter(1, 1 / per_second) if per_second else None
        self._longest = timeout / _SHARE_OF_PATIENCE
        self._quiet_until = 0.0

    async def turn(self, operation: str) -> None:
        """Wait until a request may be sent.

        Raises:
            Retryable: that would take too long; nothing was sent (code ``over_rate``).
        """
        left = self._longest
        if (quiet := self._quiet_until - time.monotonic()) > 0:
            if quiet > left:
                raise self._held_back(
                    operation, f"it asked us to wait {quiet:.0f} s", dt.timedelta(seconds=quiet)
                )
            await asyncio.sleep(quiet)
            left -= quiet
        if self._turns is None:
            return
        try:
            async with asyncio.timeout(left):
                await self._turns.acquire()
        except TimeoutError as error:
            raise self._held_back(operation, "its documented rate is used up") from error

    def be_quiet(self, wait: dt.timedelta | None) -> None:
        """Send nothing more for a while: the supplier said 429, or that its rate is used up."""
        if wait is not None:
            self._quiet_until = max(self._quiet_until, time.monotonic() + wait.total_seconds())

    def _held_back(
        self, operation: str, why: str, retry_after: dt.timedelta | None = None
    ) -> Retryable:
        return Retryable(
            f"{self._provider} was not asked: {why}",
            provider=self._provider,
            operation=operation,
            code=OVER_RATE,
            retry_after=retry_after,
        )
