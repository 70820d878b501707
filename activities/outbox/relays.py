"""The brokers that events are published to: those that are set up."""

from typing import Protocol

from activities.outbox.kafka import KafkaSink
from activities.outbox.rabbitmq import RabbitSink
from activities.outbox.sinks import Sink
from settings import Settings


class Relay(Sink, Protocol):
    """A sink that publishes to a broker."""

    async def close(self) -> None:
        """Close its connection, within a moment."""


def create_relays(settings: Settings) -> list[Relay]:
    """Return a relay for each broker that is set up.

    Raises:
        ImportError: Kafka is set up, and its client is not installed.
    """
    relays: list[Relay] = []
    if url := settings.rabbitmq.url.get_secret_value():
        relays.append(RabbitSink(url))
    if servers := settings.kafka.bootstrap_servers:
        relays.append(KafkaSink(servers))
    return relays
