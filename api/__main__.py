"""``python -m api [--host HOST] [--port PORT]``: serve until SIGTERM, then finish what runs."""

import argparse
import logging
import os
import signal
import sys

import uvicorn

from api.app import create_app
from api.core.connections import server_config
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
    app = create_app(settings)
    server = uvicorn.Server(server_config(app, settings, host=arguments.host, port=arguments.port))
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
