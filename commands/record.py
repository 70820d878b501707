"""Commands that read or write the database themselves; problems with it end them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from commands.output import Code, give_up
from commands.target import find_target
from models.core.database import Sessions, create_engine, create_sessions

Answer = TypeVar("Answer")


def work_on(work: Callable[[Sessions], Awaitable[Answer]]) -> Answer:
    """Do work on the database, in transactions of its own."""

    async def connected() -> Answer:
        engine = create_engine(find_target().settings.database.sqlalchemy_url, pool_size=1)
        try:
            return await work(create_sessions(engine))
        finally:
            await engine.dispose()

    try:
        return asyncio.run(connected())
    except SQLAlchemyError as error:
        refused(error)


def refused(error: SQLAlchemyError, mend: str = "`tripsaga doctor` finds out why") -> NoReturn:
    """End the command with what the database says."""
    reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
    give_up(f"the database refuses: {reason}", code=Code.AWAY, mend=mend)


def read(query: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
    """Read from the database."""

    async def with_session(sessions: Sessions) -> Answer:
        async with sessions() as session:
            return await query(session)

    return work_on(with_session)


def write(change: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
    """Change the database in one transaction."""

    async def in_transaction(sessions: Sessions) -> Answer:
        async with sessions.begin() as session:
            return await change(session)

    return work_on(in_transaction)
