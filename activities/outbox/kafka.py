"""The sink that publishes events to Kafka, by the same protocol as to RabbitMQ.

The client, ``aiokafka``, is an optional extra (``pip install tripsaga[kafka]``).
"""

import asyncio
import importlib
from typing import Any

from activities.outbox.sinks import Pace
from models.core.errors import Retryable
from models.core.outbox import FedEvent
from models.events.cloudevent import MEDIA_TYPE, encode
from models.events.schemas import EXCHANGE

CONFIRM_SECONDS = 5.0
"""How long a connection and the confirm of all replicas may take together."""
CLOSE_SECONDS = 2.0


class KafkaSink:
    """Publishes events to the topic ``bookings.events``; the key is the booking's id."""

    name = "kafka"
    pace = Pace(at_once=100, batch=300, lease_seconds=10.0, work_seconds=7.0)

    def __init__(self, servers: str) -> None:
        """Prepare; nothing is opened before there is something to publish.

        Raises:
            ImportError: the client is not installed.
        """
        self._client = importlib.import_module("aiokafka")
        self._errors = importlib.import_module("aiokafka.errors")
        self._servers = servers
        self._producer: Any = None
        self._opening = asyncio.Lock()

    def group(self, event: FedEvent) -> str:
        """Return the booking: one of its events is unconfirmed at most."""
        return event.booking_id

    async def deliver(self, event: FedEvent) -> None:
        """Publish an event and wait until all replicas have it.

        Raises:
            Retryable: the broker is away, or does not take it now.
            ValueError: the event is not as its schema says, or too large.
        """
        body, producer = encode(event), None
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                producer = await self._ready()
                await producer.send_and_wait(
                    EXCHANGE,
                    body,
                    key=event.booking_id.encode(),
                    headers=[("content-type", MEDIA_TYPE.encode())],
                )
        except self._errors.MessageSizeTooLargeError as error:
            raise ValueError(str(error)) from error
        except (self._errors.KafkaError, TimeoutError, OSError) as error:
            await self._drop(producer)
            message = f"{type(error).__name__} {error}".rstrip()
            raise Retryable(message, provider="kafka", operation="publish") from error

    async def close(self) -> None:
        """Close the producer, within a moment."""
        await self._drop(self._producer)

    async def _ready(self) -> Any:
        async with self._opening:
            if self._producer is None:
                producer = self._client.AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=int(CONFIRM_SECONDS * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _drop(self, producer: Any) -> None:
        """Give a producer up, unless another one has taken its place."""
        if producer is not None and self._producer is producer:
            self._producer = None
            await _stop(producer)


async def _stop(producer: Any) -> None:
    # Not by its stop(): an idempotent producer goes on sending what was not confirmed for as long
    # as the broker is away, and stop() waits for that (github.com/aio-libs/aiokafka/issues/1101).
    # What was not confirmed is published again by the next producer.
    producer._closed = True
    for part in (producer._sender, producer.client):
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await part.close()
        except Exception:  # noqa: BLE001, S110 - it is given up, whatever becomes of it
            pass
