"""``python -m benchmarks.reads``: what reading a booking costs, alone and with many clients.

Books a few trips on a stage of its own, then reads them over HTTP: one client after the other, and
with hundreds at once. The clients speak HTTP/1.1 over plain sockets, for a client library would
take more of the processors than the server does.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.bookings import trip_criteria
from benchmarks.stage import Stage, stage
from benchmarks.usage import Meter
from benchmarks.ways import FrontDoor

_BOOKINGS = 20
_SECONDS = 10.0


def get(url: str, key: str, path: str) -> bytes:
    """Return the request of a caller for a path of the API at ``url``."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nX-API-Key: {key}\r\n\r\n".encode()
    )


class Client:
    """One connection to the API at ``url`` that sends one request after the other."""

    def __init__(self, url: str, requests: Iterator[bytes]) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._host, self._port = address.hostname, address.port
        self._requests = requests

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def get(self) -> int:
        """Send the next request; returns the status of the answer."""
        self._writer.write(next(self._requests))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await self._reader.readexactly(int(length))
        return int(head[9:12])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def measure(on: Stage, clients: int) -> Table:
    """Read bookings alone and with ``clients`` at once; returns both as a table."""
    ids = await booked(on)
    requests = [get(on.api_url, on.api_key, f"/booking/{one}") for one in ids]
    meter = Meter(on.pids())
    table = Table(
        "clients", "p50 ms", "p95 ms", "reads/s", "not 200", "API CPU ms", "database CPU ms"
    )
    for count in (1, clients):
        connections = [Client(on.api_url, itertools.cycle(requests)) for _ in range(count)]
        for connection in connections:
            await connection.open()
        for _ in range(20):
            await connections[0].get()
        before = meter.read()
        took, refused = await _play(connections)
        usage = meter.since(before)
        cuts = statistics.quantiles(took, n=20)
        table.add_row(
            str(count),
            f"{cuts[9] * 1000:.1f}",
            f"{cuts[18] * 1000:.1f}",
            f"{len(took) / usage.seconds:.0f}",
            str(refused),
            f"{usage.cpu['api'] / len(took) * 1000:.2f}",
            f"{usage.cpu['postgres'] / len(took) * 1000:.2f}",
        )
        for connection in connections:
            connection.close()
    return table


async def _play(connections: Sequence[Client]) -> tuple[list[float], int]:
    took: list[float] = []
    refused = 0
    until = time.perf_counter() + _SECONDS

    async def play(client: Client) -> None:
        nonlocal refused
        while time.perf_counter() < until:
            began = time.perf_counter()
            refused += await client.get() != 200
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(play(client) for client in connections))
    return took, refused


async def booked(on: Stage) -> list[str]:
    """Book a few trips; returns their ids."""
    front = FrontDoor(on.api_url, on.api_key, connections=4)
    async with httpx.AsyncClient(
        base_url=on.settings.sandbox_url, timeout=60, trust_env=False
    ) as sandbox:
        ids = []
        for number in range(_BOOKINGS):
            trip = (
                await sandbox.post("/trip/generate", json=trip_criteria(number))
            ).raise_for_status()
            ids.append((await front.book(trip.json())).booking_id)
    await front.close()
    return ids


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reads", description=__doc__)
    parser.add_argument("--clients", type=int, default=500, help="at once")
    given = parser.parse_args(arguments)
    with stage({}) as on:
        Console(width=120).print(asyncio.run(measure(on, given.clients)))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The SDK may abort at the interpreter's exit after a clean end (design.md).
    os._exit(code)
