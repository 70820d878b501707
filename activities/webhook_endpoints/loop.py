"""The loop that sends webhooks: part of every worker process, as many of which may run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from activities.core.pauses import keep_doing
from activities.webhook_endpoints.delivering import Webhooks
from models.webhook_endpoints.claiming import Claimed
from models.webhook_endpoints.fanning_out import BATCH

POLL_SECONDS = 1.0
"""How often a worker looks for events and due deliveries while it is told of none: for those that
another one has given their positions, or left behind."""
APART_SECONDS = 0.1
"""Pause between two rounds of making deliveries, so that what is written close together is one."""
AT_ONCE = 32
"""Requests of one worker that are under way together."""
LOOK_AFTER_SECONDS = 5.0
FORGET_SECONDS = 3600.0

log = logging.getLogger("tripsaga.webhooks")


class WebhookLoop:
    """Makes deliveries of events, and sends what is due."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._sending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        """Something may be due before the next look."""
        self._fed = asyncio.Event()
        """This process has given events their positions."""

    def nudge(self) -> None:
        """Have deliveries made now: there are new events in the feed."""
        self._fed.set()

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; what is being sent then has ``grace_seconds`` to end.

        What does not end in time is sent again when its lease runs out.
        """
        steps: list[tuple[Callable[[], Awaitable[float]], asyncio.Event | None]] = [
            (self._fan_out, self._fed),
            (self._send, self._wake),
            (self._look_after, None),
            (self._forget, None),
        ]
        trouble = "webhooks cannot be looked after"
        tasks = [
            asyncio.create_task(keep_doing(step, stop, log, trouble, wake=wake))
            for step, wake in steps
        ]
        await stop.wait()
        self._wake.set()
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace_seconds)
        for task in (*tasks, *self._sending):
            task.cancel()
        await asyncio.gather(*tasks, *self._sending, return_exceptions=True)

    async def _fan_out(self) -> float:
        looked_at, made = await self._webhooks.fan_out()
        if made:
            self._wake.set()
        if looked_at == BATCH:
            return 0
        await asyncio.sleep(APART_SECONDS)
        return POLL_SECONDS

    async def _send(self) -> float:
        room = AT_ONCE - len(self._sending)
        if not room:
            return POLL_SECONDS
        claimed = await self._webhooks.claim(room)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return 0 if claimed else POLL_SECONDS

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            await self._webhooks.deliver(claimed)
        except Exception as error:  # noqa: BLE001 - nothing may end the loop
            # What came of it could not be written: it is sent again when its lease runs out.
            log.warning("delivery %s of %s: %s", claimed.position, claimed.endpoint_id, error)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()

    async def _look_after(self) -> float:
        await self._webhooks.look_after()
        return LOOK_AFTER_SECONDS

    async def _forget(self) -> float:
        await self._webhooks.forget()
        return FORGET_SECONDS
