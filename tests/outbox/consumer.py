"""A consumer of RabbitMQ that notes everything it gets, over restarts of the broker."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from aio_pika import connect
from aio_pika.exceptions import AMQPError

from activities.outbox.rabbitmq import UNROUTED, _declare
from models.core.outbox import FedEvent
from models.events.cloudevent import encode
from models.events.schemas import EXCHANGE
from tests.support.rabbitmq import Broker

SILENT_SECONDS = 5.0
"""After so long without a message the connection is made anew."""


class Consumer:
    """Reads a queue of its own that is bound to all events."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = broker
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.bodies: dict[str, bytes] = {}
        """What was said, by event id, in the order in which it was first heard."""
        self.heard: Counter[str] = Counter()
        """How often each event came."""

    async def __aenter__(self) -> Self:
        connection = await connect(self._broker.url)
        await _declare(connection)
        channel = await connection.channel()
        queue = await channel.declare_queue(self._name, durable=True)
        await queue.bind(EXCHANGE, "booking.#")
        await connection.close()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(AMQPError, OSError):
            connection = await connect(self._broker.url, timeout=5)
            channel = await connection.channel()
            await channel.queue_delete(self._name)
            await connection.close()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(AMQPError, OSError, RuntimeError, TimeoutError):
                connection = await connect(self._broker.url, timeout=5, heartbeat=5)
                try:
                    channel = await connection.channel()
                    await channel.set_qos(100)
                    queue = await channel.get_queue(self._name)
                    # A consumer, too, may wait for ever on a connection that is lost.
                    async with asyncio.timeout(SILENT_SECONDS) as silence:
                        async for message in queue.iterator():
                            assert message.message_id is not None
                            self.heard[message.message_id] += 1
                            self.bodies.setdefault(message.message_id, message.body)
                            await message.ack()
                            silence.reschedule(asyncio.get_running_loop().time() + SILENT_SECONDS)
                finally:
                    with contextlib.suppress(Exception):
                        await asyncio.wait_for(connection.close(), 2)
            await asyncio.sleep(0.2)

    @property
    def again(self) -> int:
        """How often an event came that had come before."""
        return sum(self.heard.values()) - len(self.heard)

    async def left(self) -> dict[str, int | None]:
        """How many messages are in its queue, and in that of what had nowhere to go."""
        connection = await connect(self._broker.url, timeout=5)
        channel = await connection.channel()
        found = {}
        for name in (self._name, UNROUTED):
            queue = await channel.declare_queue(name, passive=True)
            found[name] = queue.declaration_result.message_count
        await connection.close()
        return found

    async def until(self, ids: set[str], seconds: float) -> None:
        """Wait until all these events have come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not ids <= self.bodies.keys():
                    await asyncio.sleep(0.05)

    def of(self, booking_id: str) -> list[dict[str, Any]]:
        told = [json.loads(body) for body in self.bodies.values()]
        return [event for event in told if event["subject"] == booking_id]


def judge(consumer: Consumer, events: Sequence[FedEvent]) -> None:
    """Nothing lost, nothing invented, the very bytes, per booking in the order of the feed."""
    assert events
    assert consumer.bodies.keys() == {event.id for event in events}
    assert all(consumer.bodies[event.id] == encode(event) for event in events)
    heard: dict[str, list[tuple[int, str]]] = {}
    for body in consumer.bodies.values():
        told = json.loads(body)
        heard.setdefault(told["subject"], []).append((told["bookingversion"], told["id"]))
    fed: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        fed.setdefault(event.booking_id, []).append((event.booking_version, event.id))
    assert heard == fed, "out of order"
    for versions in heard.values():
        assert [version for version, _ in versions] == sorted(version for version, _ in versions)
