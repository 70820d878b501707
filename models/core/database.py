"""The way to PostgreSQL: one engine a process, sessions for units of work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

Sessions = async_sessionmaker[AsyncSession]

DATABASE_AWAY: Final = (
    OperationalError,
    InterfaceError,
    InternalError,  # a server that became a standby: it is read-only
    PoolTimeoutError,
    OSError,
)
"""What says that the database is in trouble, and that the same statement may succeed later.

Not DataError, IntegrityError, ProgrammingError: they say that the statement is wrong, and the
database will refuse it for ever.
"""


def create_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Return an engine for ``url`` (``postgresql+psycopg://…``).

    A statement is given up after 10 s and a connection attempt after 5 s, so that a database in
    trouble becomes a clear error instead of a hanging request.
    """
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,  # errors are logged, and parameters are personal data
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=10000"},
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Return a factory of sessions; objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def autocommit(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a session whose every statement is a transaction of its own: one round trip each."""
    async with sessions() as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session
