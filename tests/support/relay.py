"""A process that does what of a worker moves events: ``python -m tests.support.relay``.

Reads DATABASE_URL and RABBITMQ_URL. It may be killed at any moment.
"""

import asyncio
import signal

from activities.outbox.loop import OutboxLoop
from activities.outbox.rabbitmq import RabbitSink
from models.core.database import create_engine, create_sessions
from settings import Settings


async def main() -> None:
    settings, stop = Settings(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = create_engine(settings.database.sqlalchemy_url)
    sink = RabbitSink(settings.rabbitmq.url.get_secret_value())
    loop = OutboxLoop(create_sessions(engine), [sink])
    print("relay is running", flush=True)
    await loop.run(stop, 5)
    await sink.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
