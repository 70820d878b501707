"""``python -m codec [--host HOST] [--port PORT]``: serve the codec endpoint until SIGTERM."""

import argparse
import os
import signal
import sys

import uvicorn

from codec.endpoint import create_app
from logs import set_up
from settings import settings_or_exit


def main() -> None:
    """Serve the endpoint."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m codec", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8091)
    arguments = parser.parse_args()
    set_up(settings.log_level)
    try:
        app = create_app(settings)
    except ValueError as error:
        sys.exit(str(error))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=arguments.host,
            port=arguments.port,
            log_config=None,
            access_log=False,  # paths may hold the token
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    # As in api/__main__.py: a clean end must not look like a kill, nor abort in native threads.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    server.run()
    sys.stdout.flush()
    os._exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
