"""A process of its own that asks the sandbox's Duffel as fast as its rate limiter lets it.

``python -m tests.suppliers.core.asking SANDBOX DATABASE SUPPLIER COUNT``
"""

import asyncio
import sys

from models.core.database import create_engine, create_sessions
from models.suppliers.rate_limits import Rate
from settings import Settings
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits

RATE = Rate(10, 0.5)
HEADERS = {"Authorization": "Bearer duffel_test_sandbox", "Duffel-Version": "v2"}


async def ask(sandbox: str, database: str, supplier: str, count: int) -> None:
    """Ask ``count`` times, all at once."""
    engine = create_engine(Settings(database_url=database).sqlalchemy_url)
    http = JsonClient(
        provider=supplier,
        base_url=f"{sandbox}/duffel",
        headers=HEADERS,
        timeout=60,
        rate=RATE,
        limits=RateLimits(create_sessions(engine)),
    )
    paths = [f"/air/orders/ord_{number}" for number in range(count)]
    await asyncio.gather(
        *(http.call("GET", path, operation="find", changes=False) for path in paths)
    )
    await http.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:4], int(sys.argv[4])))
