"""Keeps the newest status of every booking, from the events that RabbitMQ brings.

    python examples/consumer_rabbitmq.py amqp://guest:guest@localhost/ bookings.db

An event may come twice, and an older one may come again after a newer one. So what an event
changes is committed together with its id, before the message is acknowledged; an id that is known
changes nothing, nor does a version that is not newer.
"""

import asyncio
import json
import sqlite3
import sys
from typing import Any

import aio_pika

TABLES = """
CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, version INTEGER, status TEXT);
"""
NEWER = """
INSERT INTO bookings VALUES (:subject, :bookingversion, :status) ON CONFLICT (id) DO UPDATE
SET version = excluded.version, status = excluded.status WHERE excluded.version > version
"""


def take(database: sqlite3.Connection, event: dict[str, Any]) -> None:
    """Note an event and what it says; all of it or nothing."""
    with database:
        new = database.execute("INSERT OR IGNORE INTO seen VALUES (:id)", {"id": event["id"]})
        if new.rowcount:
            database.execute(NEWER, {**event, "status": event["data"]["status"]})


async def consume(url: str, file: str) -> None:
    """Take events for ever; the connection is made again when it is lost."""
    database = sqlite3.connect(file)
    database.executescript(TABLES)
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=50)
    queue = await channel.declare_queue("booking-status", durable=True)
    await queue.bind("bookings.events", "booking.#")  # or only booking.confirmed, …
    print("waiting for events", flush=True)
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process(requeue=True):  # acknowledged at its end, unless it fails
                take(database, json.loads(message.body))


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:3]))
