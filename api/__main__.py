"""``python -m api [--host HOST] [--port PORT]``: serve until SIGTERM, then finish what runs."""

import argparse
import logging
import math
import os
import signal
import sys

import uvicorn

from api.app import create_app
from logs import set_up
from settings import settings_or_exit


def main() -> None:
    """Serve the API."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default=settings.api.host)
    parser.add_argument("--port", type=int, default=settings.api.port)
    arguments = parser.parse_args()
    set_up(settings.log_level)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=arguments.host,
            port=arguments.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_seconds),
            timeout_keep_alive=15,
        )
    )
    # uvicorn raises the signal that stopped it once more after a clean shutdown: with the default
    # handlers the process would seem to have been killed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    server.run()
    logging.shutdown()
    sys.stdout.flush()
    # The Temporal SDK's native threads can abort the interpreter while it is taken down
    # (design.md, "Measured facts"); all that we opened has been closed by now.
    os._exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
