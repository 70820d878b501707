"""Processes that share rates through one database, and suppliers that nobody else asks."""

import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from models.core.database import create_engine, create_sessions
from settings import Settings
from suppliers.core.limiter import RateLimits

Make = Callable[[], RateLimits]


@pytest.fixture
def someone() -> str:
    """A supplier that nobody else asks."""
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
async def process(database_url: str) -> AsyncIterator[Make]:
    """Make what one process has: limiters on a pool of its own; several make several processes."""
    engines = []

    def make() -> RateLimits:
        engines.append(
            create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
        )
        return RateLimits(create_sessions(engines[-1]))

    yield make
    for engine in engines:
        await engine.dispose()


@pytest.fixture(scope="session")
async def four(process: Make) -> list[RateLimits]:
    """Four processes, for many examples."""
    return [process() for _ in range(4)]
