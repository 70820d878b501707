"""A process of its own that asks the sandbox's Duffel as fast as its rate limiter lets it.

``python -m tests.suppliers.core.asking SANDBOX DATABASE SUPPLIER COUNT MEETING`` begins when two
processes have come to the directory ``MEETING``, and prints when it sent each request.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from models.core.database import create_engine, create_sessions
from models.suppliers.rate_limits import Rate
from settings import Settings
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimiter, RateLimits

RATE = Rate(10, 0.5)
AT_ONCE = 5
HEADERS = {"Authorization": "Bearer duffel_test_sandbox", "Duffel-Version": "v2"}


class Noting(RateLimits):
    """Prints each turn's time; the monotonic clock is one for all processes of a machine."""

    def limiter(self, supplier: str, rate: Rate | None, *, timeout: float) -> RateLimiter:
        limiter = super().limiter(supplier, rate, timeout=timeout)
        turn = limiter.turn

        async def noted(operation: str) -> None:
            await turn(operation)
            print("sent", time.monotonic(), flush=True)

        limiter.turn = noted  # type: ignore[method-assign]
        return limiter


async def ask(sandbox: str, database: str, supplier: str, count: int, meeting: Path) -> None:
    """Ask ``count`` times, a few at once: whoever waits with all of them leases all their slots."""
    engine = create_engine(Settings(database={"url": database}).database.sqlalchemy_url)
    http = JsonClient(
        provider=supplier,
        base_url=f"{sandbox}/duffel",
        headers=HEADERS,
        timeout=120,
        rate=RATE,
        limits=Noting(create_sessions(engine)),
    )
    async with engine.connect():
        pass  # a slow first connection is not what keeps the two apart
    (meeting / str(os.getpid())).touch()
    while len(list(meeting.iterdir())) < 2:
        await asyncio.sleep(0.01)
    paths = [f"/air/orders/ord_{number}" for number in range(count)]
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(
            *(
                http.call("GET", path, operation="find", changes=False)
                for path in paths[first : first + AT_ONCE]
            )
        )
    await http.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(ask(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5])))
