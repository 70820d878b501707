"""A process that does what of a worker moves events: ``python -m tests.support.relay``.

Reads DATABASE_URL, and RABBITMQ_URL where there is a broker; with ``webhooks`` as its argument it
sends those, too. It may be killed at any moment.
"""

import asyncio
import signal
import sys

from activities.outbox.loop import OutboxLoop
from activities.outbox.relays import create_relays
from activities.webhook_endpoints.delivering import Webhooks
from activities.webhook_endpoints.loop import WebhookLoop
from models.core.database import create_engine, create_sessions
from models.webhook_endpoints.sending import WebhookSender
from settings import Settings


async def main(*, sends: bool) -> None:
    settings, stop = Settings(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = create_engine(settings.database.sqlalchemy_url)
    sessions, sinks = create_sessions(engine), create_relays(settings)
    webhooks = WebhookLoop(
        Webhooks(sessions, WebhookSender(settings.webhook_key, settings.webhook_reach))
    )
    outbox = OutboxLoop(sessions, sinks, placed=webhooks.nudge)
    print("relay is running", flush=True)
    await asyncio.gather(outbox.run(stop, 5), *([webhooks.run(stop, 5)] if sends else []))
    await asyncio.gather(*(sink.close() for sink in sinks))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sends="webhooks" in sys.argv[1:]))
