"""Who is told of events in benchmarks: a consumer at the broker, and a webhook endpoint."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aio_pika import connect
from aio_pika.abc import AbstractQueue

from models.events.schemas import EXCHANGE
from tests.webhook_endpoints.receiver import OK, Received, Receiver, Reply


class Heard:
    """A consumer, or a receiver of webhooks, that notes when it has had which event."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, int], float] = {}

    def _note(self, told: dict[str, Any]) -> None:
        self.at[told["subject"], told["bookingversion"]] = time.monotonic()

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[str]:
        """Take webhooks while in the context; gives the endpoint's URL."""

        def answer(request: Received) -> Reply:
            self._note(request.event)
            return OK

        receiver = Receiver()
        receiver.answer = answer
        async with receiver.running():
            yield receiver.url()

    @asynccontextmanager
    async def listening(self, url: str) -> AsyncIterator[None]:
        """Take events while in the context."""
        connection = await connect(url)
        channel = await connection.channel()
        await channel.set_qos(500)
        await channel.declare_exchange(
            EXCHANGE,
            "topic",
            durable=True,
            arguments={"alternate-exchange": "bookings.unrouted"},
        )
        queue = await channel.declare_queue("benchmark", durable=True)
        await queue.bind(EXCHANGE, "booking.updated")
        task = asyncio.create_task(self._take(queue))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connection.close()

    async def _take(self, queue: AbstractQueue) -> None:
        async with queue.iterator() as messages:
            async for message in messages:
                self._note(json.loads(message.body))
                await message.ack()
