"""The way to PostgreSQL: one engine a process, sessions for units of work."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from models.core.text import storable, storable_dump

Answer = TypeVar("Answer")

Sessions = async_sessionmaker[AsyncSession]

Executor = AsyncSession | AsyncConnection
"""What runs statements about rows."""

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

IN_EACH_OTHERS_WAY: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE of transactions that were in each other's way: not serialisable, deadlock, no lock."""
_REPEATS: Final = 3
_PAUSE_SECONDS: Final = 0.05

_NO_PARAMETERS: Final[Mapping[str, str | int]] = {}


def create_engine(
    url: str, *, pool_size: int = 10, parameters: Mapping[str, str | int] = _NO_PARAMETERS
) -> AsyncEngine:
    """Return an engine for ``url`` (``postgresql+psycopg://…``).

    It keeps at most ``pool_size`` connections; who comes when all are busy waits 5 s at most.
    A statement is given up after 10 s and a connection attempt after 5 s, so that a database in
    trouble becomes a clear error instead of a hanging request; ``parameters`` are set for each
    connection, the time of a statement (ms) among them. Text that PostgreSQL cannot hold
    (NUL, lone surrogates in what a supplier says) is stored with U+FFFD in its place.
    """
    options = " ".join(
        f"-c {name}={value}" for name, value in {"statement_timeout": 10_000, **parameters}.items()
    )
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,  # errors are logged, and parameters are personal data
        connect_args={"connect_timeout": 5, "options": options},
        json_serializer=storable_dump,
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _make_storable, retval=True)
    event.listen(engine.sync_engine, "connect", _keep_prepared)
    return engine


async def repeated(transaction: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run a transaction; again, at most three times, where another one was in its way.

    ``transaction`` is whole: it opens its session and commits. Whoever had to give way waits a
    moment that grows, and is not the same for two.

    Raises:
        DBAPIError: the last attempt's.
    """
    for attempt in range(_REPEATS):
        try:
            return await transaction()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in IN_EACH_OTHERS_WAY:
                raise
        await asyncio.sleep(random.uniform(0.5, 1.0) * _PAUSE_SECONDS * 2**attempt)  # noqa: S311
    return await transaction()


def constraint_of(error: IntegrityError) -> str | None:
    """Return the name of the constraint that was not kept; None where the database names none."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


def _keep_prepared(connection: Any, _record: Any) -> None:
    """Keep more prepared statements than we have: none is forgotten and prepared anew."""
    connection.driver_connection.prepared_max = 500


def _make_storable(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
) -> tuple[str, Any]:
    if many:
        return statement, [_storable(values) for values in parameters]
    return statement, _storable(parameters)


def _storable(values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    return {
        name: storable(value) if isinstance(value, str) else value for name, value in values.items()
    }


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Return a factory of sessions; objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def autocommit(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a session whose every statement is a transaction of its own: one round trip each."""
    async with sessions() as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


@asynccontextmanager
async def direct(sessions: Sessions) -> AsyncIterator[AsyncConnection]:
    """Open a connection with autocommit: a statement takes a third less CPU than by a session.

    For what every booking does several times. It knows rows, not objects.
    """
    async with _autocommitting(sessions.kw["bind"]).connect() as connection:
        yield connection


@cache
def _autocommitting(engine: AsyncEngine) -> AsyncEngine:
    """Return the same engine, over the same pool, without transactions."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")
