"""The sink that publishes events to RabbitMQ: at least once, per booking in version order.

Every message is persistent and confirmed by the broker. At most one event of a booking is
unconfirmed at a time, so that sending again cannot turn two versions round; the sink's cursor
stays below the first event that is not confirmed (``SinkService``).
"""

import asyncio
import logging
import time

from aio_pika import DeliveryMode, ExchangeType, Message, connect
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError, DeliveryError

from activities.outbox.sinks import Pace
from models.core.errors import Retryable
from models.core.outbox import FedEvent
from models.events.cloudevent import MEDIA_TYPE, encode
from models.events.schemas import EXCHANGE

UNROUTED = "bookings.unrouted"
"""Where messages go that no queue is bound for: an exchange and its queue."""
UNROUTED_MS = 7 * 86_400_000
CONNECT_SECONDS = 5.0
CONFIRM_SECONDS = 5.0
"""How long a connection, and a publisher confirm, may take; then the connection is given up."""
CLOSE_SECONDS = 2.0
HEARTBEAT_SECONDS = 10
ATTEMPTS = 3
"""How often an event is sent that the broker does not take, before the broker counts as away."""
PAUSE_SECONDS = 0.05
MAX_BYTES = 128 * 1024
"""Far more than an event has; a larger one would be refused by consumers, if not by brokers."""

AWAY = (AMQPError, TimeoutError, OSError, RuntimeError)
"""How the broker, or the way to it, fails. RuntimeError: the connection was closed meanwhile."""

log = logging.getLogger("tripsaga.outbox")


class RabbitSink:
    """Publishes events to the topic exchange ``bookings.events``; the routing key is the type."""

    name = "rabbitmq"
    # The lease is shorter than others': consumers wait for it when a worker has died.
    pace = Pace(at_once=100, batch=300, lease_seconds=10.0, work_seconds=7.0)

    def __init__(self, url: str) -> None:
        """Prepare; nothing is opened before there is something to publish."""
        self._url = url
        self._open: tuple[AbstractConnection, AbstractExchange] | None = None
        self._opening = asyncio.Lock()
        self._failed_at = float("-inf")
        self._closing: set[asyncio.Task[None]] = set()

    def group(self, event: FedEvent) -> str:
        """Return the booking: one of its events is unconfirmed at most."""
        return event.booking_id

    async def deliver(self, event: FedEvent) -> None:
        """Publish an event and wait for the broker's confirm.

        Raises:
            Retryable: the broker is away, or does not take it now.
            ValueError: the event is not as its schema says, or too large.
        """
        body = encode(event)
        if len(body) > MAX_BYTES:
            raise ValueError(f"{len(body)} bytes are more than {MAX_BYTES}")
        message = Message(
            body,
            content_type=MEDIA_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=event.id,
            timestamp=event.occurred_at,
            type=event.type,
        )
        for attempt in range(1, ATTEMPTS + 1):
            opened = None
            try:
                opened = await self._ready()
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await opened[1].publish(message, event.type, mandatory=True)
                return
            except DeliveryError as error:  # a nack, or nowhere to go: the connection is sound
                if attempt == ATTEMPTS:
                    await self._drop(opened)
                    raise _away(f"it does not take {event.type}: {type(error).__name__}") from error
            except AWAY as error:
                await self._drop(opened)
                raise _away(f"{type(error).__name__} {error}".rstrip()) from error
            await asyncio.sleep(PAUSE_SECONDS * attempt)

    async def close(self) -> None:
        """Close the connection, within a moment."""
        await self._drop(self._open)
        await asyncio.gather(*self._closing)

    async def _ready(self) -> tuple[AbstractConnection, AbstractExchange]:
        """Return the open connection and its exchange; opened when there is none.

        A plain connection: one that repairs itself would send without our knowing in which order.
        """
        asked = time.monotonic()
        async with self._opening:
            if self._open is None or self._open[0].is_closed:
                if self._failed_at > asked:  # while this one waited its turn
                    raise ConnectionError("no connection")
                try:
                    self._open = await self._connect()
                except BaseException:
                    self._failed_at = time.monotonic()
                    raise
                log.info("connected to RabbitMQ")
            return self._open

    async def _connect(self) -> tuple[AbstractConnection, AbstractExchange]:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await connect(self._url, heartbeat=HEARTBEAT_SECONDS)
            try:
                return connection, await _declare(connection)
            except BaseException:
                self._forget(connection)
                raise

    async def _drop(self, opened: tuple[AbstractConnection, AbstractExchange] | None) -> None:
        """Give a connection up, unless another one has taken its place."""
        if opened is not None and self._open is opened:
            self._open = None
            self._forget(opened[0])

    def _forget(self, connection: AbstractConnection) -> None:
        closing = asyncio.create_task(_close(connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _declare(connection: AbstractConnection) -> AbstractExchange:
    """Declare what we publish to, on a channel with confirms."""
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    unrouted = await channel.declare_exchange(UNROUTED, ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(
        UNROUTED,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-message-ttl": UNROUTED_MS},
    )
    await queue.bind(unrouted)
    return await channel.declare_exchange(
        EXCHANGE, ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": UNROUTED}
    )


async def _close(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
    except AWAY as error:
        log.debug("a connection was not closed in order: %s", type(error).__name__)


def _away(message: str) -> Retryable:
    return Retryable(message, provider="rabbitmq", operation="publish")
