"""``python -m sandbox``: serve the local world until told to stop."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from sandbox import announcements
from sandbox.app import create_app
from sandbox.connection import AbortableProtocol
from sandbox.mailbox import serve_smtp
from sandbox.sellers import SELLERS
from sandbox.state_file import StateFile
from sandbox.world import World


class _Server(uvicorn.Server):
    """A server that lets go of everyone it keeps waiting as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, world: World) -> None:
        super().__init__(config)
        self._world = world

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take the signal to stop; a second one stops at once."""
        self._world.closing.set()
        # Not super(): it would raise the signal again at the end, and being told to stop is no
        # failure; the exit code is 0.
        self.force_exit = self.should_exit
        self.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """Parse ``arguments``, serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free port")
    parser.add_argument(
        "--smtp-port", type=int, default=0, help="where mails are taken; 0 (default): a free port"
    )
    parser.add_argument(
        "--announce-file", type=Path, help="write the URL into this file once it answers"
    )
    parser.add_argument(
        "--state-file", type=Path, help="keep reservations, payments and the log in this file"
    )
    parser.add_argument(
        "--stripe-webhook",
        nargs=2,
        action="append",
        metavar=("URL", "SECRET"),
        help="deliver Stripe's events there, signed; also SANDBOX_STRIPE_WEBHOOK='URL SECRET'",
    )
    parser.add_argument(
        "--payment-service-webhook",
        nargs=2,
        action="append",
        metavar=("URL", "SECRET"),
        help="the same for the payment service; also SANDBOX_PAYMENT_SERVICE_WEBHOOK",
    )
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="SUPPLIER=URL,SECRET",
        help="deliver a supplier's webhooks there; also SANDBOX_SUPPLIER_WEBHOOKS, several with"
        " spaces between them",
    )
    options = parser.parse_args(arguments)
    with _listen(options.host, options.port) as listener:
        asyncio.run(_serve(options, listener))
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is; with
    # it on, every answer over a kept connection waits 40 ms for a delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def _webhooks(given: list[list[str]] | None, variable: str) -> list[tuple[str, str]]:
    """Return URL and secret of the webhooks from the command line and the environment."""
    named = [*(given or [])]
    if from_environment := os.environ.get(variable, "").split():
        named.append(from_environment)
    for webhook in named:
        if len(webhook) != 2:
            raise SystemExit(f"{variable} must be 'URL SECRET'")
    return [(url, secret) for url, secret in named]


def _register(world: World, named: list[str]) -> None:
    """Have the receivers told that the command line and the environment name."""
    try:
        for supplier, url, secret in announcements.parse(named):
            if supplier not in SELLERS:
                raise ValueError(f"supplier {supplier!r} is unknown")
            announcements.register(world, supplier, url, secret)
    except ValueError as error:
        raise SystemExit(str(error)) from error


async def _serve(options: argparse.Namespace, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    world = World()
    world.stripe_webhooks = _webhooks(options.stripe_webhook, "SANDBOX_STRIPE_WEBHOOK")
    world.payment_service_webhooks = _webhooks(
        options.payment_service_webhook, "SANDBOX_PAYMENT_SERVICE_WEBHOOK"
    )
    named = [*options.webhook, *os.environ.get("SANDBOX_SUPPLIER_WEBHOOKS", "").split()]
    _register(world, named)
    world.planner_key = os.environ.get("TRIP_PLANNER_API_KEY", "")
    if options.state_file is not None:
        options.state_file.parent.mkdir(parents=True, exist_ok=True)
        file = StateFile(options.state_file, world)
        file.load()
        world.keep = file.write
        world.spawn(file.keep())
        world.closers.append(file.close)
    await serve_smtp(world, host, options.smtp_port)
    server = _Server(
        uvicorn.Config(
            create_app(world),
            http=AbortableProtocol,
            ws="none",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        ),
        world,
    )
    print(url, flush=True)
    if options.announce_file is not None:
        # Renamed into place: whoever waits for the file never reads half of it.
        draft = options.announce_file.with_suffix(".tmp")
        draft.write_text(url + "\n", encoding="utf-8")
        draft.replace(options.announce_file)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
