"""The loop that sends webhooks: part of every worker process, as many of which may run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from activities.core.pauses import longer, pause
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
        steps: list[tuple[Callable[[], Awaitable[bool]], float, asyncio.Event]] = [
            (self._fan_out, POLL_SECONDS, self._fed),
            (self._send, POLL_SECONDS, self._wake),
            (self._look_after, LOOK_AFTER_SECONDS, asyncio.Event()),
            (self._forget, FORGET_SECONDS, asyncio.Event()),
        ]
        tasks = [asyncio.create_task(_repeat(*step, stop)) for step in steps]
        await stop.wait()
        self._wake.set()
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace_seconds)
        for task in (*tasks, *self._sending):
            task.cancel()
        await asyncio.gather(*tasks, *self._sending, return_exceptions=True)

    async def _fan_out(self) -> bool:
        looked_at, made = await self._webhooks.fan_out()
        if made:
            self._wake.set()
        if looked_at == BATCH:
            return True
        await asyncio.sleep(APART_SECONDS)
        return False

    async def _send(self) -> bool:
        room = AT_ONCE - len(self._sending)
        if not room:
            return False
        claimed = await self._webhooks.claim(room)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return bool(claimed)

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            await self._webhooks.deliver(claimed)
        except Exception as error:  # noqa: BLE001 - nothing may end the loop
            # What came of it could not be written: it is sent again when its lease runs out.
            log.warning("delivery %s of %s: %s", claimed.position, claimed.endpoint_id, error)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()

    async def _look_after(self) -> bool:
        await self._webhooks.look_after()
        return False

    async def _forget(self) -> bool:
        await self._webhooks.forget()
        return False


async def _repeat(
    step: Callable[[], Awaitable[bool]], seconds: float, wake: asyncio.Event, stop: asyncio.Event
) -> None:
    """Do a step again and again: at once where it says that there is more, else after a pause.

    ``wake`` ends the pause.
    """
    away = 0.0
    while not stop.is_set():
        wake.clear()
        try:
            more = await step()
            away = 0.0
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            if not away:
                log.warning("webhooks cannot be looked after: %s", error)
            away = longer(away)
            more = False
        if not more:
            await pause(wake, away or seconds)
