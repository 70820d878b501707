"""How soon a new booking will be begun: what waits for the workers, and what they have in hand."""

import logging
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from api.core.record import Record
from models.bookings.repository import count_under_way, standings
from models.core.domain_errors import TooManyReads
from settings import Settings

FRESH_SECONDS = 1.0
"""How long a measurement is used."""
POLLER_SECONDS = 70.0
"""A worker asks for work at least once a minute; who has not for so long is gone."""
OWN_SECONDS = 10.0
"""So long a process counts what it has let in itself; by then the server's figures have it."""
RPC_TIMEOUT = timedelta(seconds=2)
SHORTEST_PAUSE = 5
LONGEST_PAUSE = 60

log = logging.getLogger("tripsaga.api")


class Pressure(IntEnum):
    """What a new booking meets."""

    FREE = 0
    BUSY = 1
    """It will be carried out, but not soon."""
    FULL = 2
    """It is not to be taken."""


@dataclass(frozen=True)
class _Measured:
    waiting: int = 0
    """Workflow tasks that no worker has taken yet: bookings that have not begun, above all."""
    oldest_seconds: float = 0.0
    """For how long the oldest of them had waited then."""
    under_way: int = 0
    """Bookings that a workflow is carrying out, and that wait for no traveller."""
    workers: int = 1


class Load:
    """Measures at most once a second, whoever asks; in between it counts what it lets in."""

    def __init__(self, record: Record, temporal: Client, settings: Settings) -> None:
        """Prepare; ``record`` has connections that callers' reads do not use up."""
        self._record = record
        self._temporal = temporal
        self._queue = settings.task_queue
        self._limits = settings.overload
        self._measured = _Measured()
        self._measured_at = float("-inf")
        self._let_in: dict[str, float] = {}
        """Bookings of this process that are not recorded yet, and since when: the server's own
        figures are up to five seconds old."""

    async def let_in(self, booking_id: str) -> Pressure:
        """Return what a new booking meets now; unless it is FULL, the booking counts from now on.

        As long as database or Temporal do not answer, what was measured last counts.
        """
        now = time.monotonic()
        if now - self._measured_at > FRESH_SECONDS:
            self._measured_at = now
            self._let_in = {
                one: since for one, since in self._let_in.items() if since > now - OWN_SECONDS
            }
            try:
                self._measured = await self._measure()
            except (RPCError, RuntimeError, TooManyReads, TimeoutError) as error:
                log.warning("it is not known how much is to be done: %s", error)
            except (DBAPIError, PoolTimeoutError, OSError) as error:
                log.warning("it is not known how much is to be done: %s", type(error).__name__)
        pressure = self._pressure()
        if pressure is not Pressure.FULL:
            self._let_in[booking_id] = now
        return pressure

    def turn_away(self, booking_id: str) -> None:
        """Note that a booking that was let in has not been begun after all."""
        self._let_in.pop(booking_id, None)

    @property
    def pause(self) -> int:
        """After how many seconds it is worth asking again."""
        return min(max(math.ceil(self._measured.oldest_seconds), SHORTEST_PAUSE), LONGEST_PAUSE)

    def _pressure(self) -> Pressure:
        now, limits = self._measured, self._limits
        each = (max(now.waiting, len(self._let_in)) + now.under_way) / now.workers
        if each >= limits.full_bookings or now.oldest_seconds >= limits.full_seconds:
            return Pressure.FULL
        if each >= limits.busy_bookings or now.oldest_seconds >= limits.busy_seconds:
            return Pressure.BUSY
        return Pressure.FREE

    async def _measure(self) -> _Measured:
        queue = await self._temporal.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._temporal.namespace,
                task_queue=TaskQueue(name=self._queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                report_stats=True,
            ),
            timeout=RPC_TIMEOUT,
        )
        since = datetime.now(UTC) - timedelta(seconds=POLLER_SECONDS)
        workers = {
            poller.identity
            for poller in queue.pollers
            if poller.last_access_time.ToDatetime(tzinfo=UTC) > since
        }
        recorded, under_way = await self._record.read(self._look)
        self._let_in = {
            booking_id: since
            for booking_id, since in self._let_in.items()
            if booking_id not in recorded
        }
        now = time.monotonic()
        return _Measured(
            waiting=queue.stats.approximate_backlog_count,
            oldest_seconds=max(
                now - next(iter(self._let_in.values()), now),
                queue.stats.approximate_backlog_age.ToTimedelta().total_seconds(),
            ),
            under_way=under_way,
            workers=max(len(workers), 1),
        )

    async def _look(self, session: AsyncSession) -> tuple[Collection[str], int]:
        recorded = await standings(session, [*self._let_in]) if self._let_in else {}
        return recorded.keys(), await count_under_way(session)
