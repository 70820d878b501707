"""A worker works for its own world only: its database answers, Temporal and sandbox are of it."""

import asyncio
import json
import logging
import time

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from temporalio.client import Client

from activities.core.pauses import pause
from models.core.database import DATABASE_AWAY, create_engine
from models.core.http import HttpClient, NoAnswerError, NotSentError
from models.core.world import SANDBOX_PATH, WORLD_ID, world_of_temporal
from settings import Settings

AWAY_SECONDS = 30.0
"""A worker whose database has been away for so long ends; started again, it takes no task until
the database answers."""
_EVERY_SECONDS = 2.0
_ANSWER_SECONDS = 5.0

log = logging.getLogger("tripsaga.worker")


class NotOurWorld(RuntimeError):
    """Parts of two worlds have met; the message says which."""


async def await_own_world(settings: Settings, client: Client, stop: asyncio.Event) -> None:
    """Wait until our database answers, and see that Temporal's queue and the sandbox are its own.

    Returns early when ``stop`` is set.

    Raises:
        NotOurWorld: one of them belongs to another database, or the database has no tables.
        RPCError: Temporal refuses, or does not answer.
    """
    world = await _world_of_database(settings, stop)
    if world is None:
        return
    for what, theirs in (
        (
            f"task queue {settings.task_queue!r} at Temporal {settings.temporal.address}",
            await world_of_temporal(client, settings.task_queue),
        ),
        (f"sandbox {settings.sandbox_url}", await _world_of_sandbox(settings)),
    ):
        if theirs not in (None, world):
            raise NotOurWorld(
                f"the {what} belongs to world {theirs}, our database to world {world}:"
                " see DATABASE_URL, TEMPORAL_ADDRESS, TASK_QUEUE and SANDBOX_URL"
            )


async def watch_database(
    settings: Settings, stop: asyncio.Event, away_seconds: float = AWAY_SECONDS
) -> None:
    """Look at the database now and then until ``stop`` is set.

    Raises:
        RuntimeError: it has not answered for ``away_seconds``.
    """
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=1)
    seen = time.monotonic()
    try:
        while not await pause(stop, min(_EVERY_SECONDS, away_seconds)):
            try:
                async with asyncio.timeout(_ANSWER_SECONDS), engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
                seen = time.monotonic()
            except (TimeoutError, *DATABASE_AWAY) as error:
                if time.monotonic() - seen >= away_seconds:
                    raise NotOurWorld(
                        f"the database has not answered for {away_seconds:g} s ({_words(error)}):"
                        " this worker takes no more tasks"
                    ) from None
    finally:
        await engine.dispose()


async def _world_of_database(settings: Settings, stop: asyncio.Event) -> str | None:
    """Return the id, as soon as the database answers; None when ``stop`` is set before."""
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=1)
    told = False
    try:
        while True:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS), engine.connect() as connection:
                    return str(await connection.scalar(text(WORLD_ID)))
            except ProgrammingError:
                raise NotOurWorld("the database is not up to date: tripsaga migrate") from None
            except (TimeoutError, *DATABASE_AWAY) as error:
                if not told:
                    log.warning("no task is taken until the database answers: %s", _words(error))
                    told = True
            if await pause(stop, _EVERY_SECONDS):
                return None
    finally:
        await engine.dispose()


async def _world_of_sandbox(settings: Settings) -> str | None:
    """Return whose the sandbox is; None where nobody has claimed it, or where it is away."""
    if settings.environment != "local":
        return None
    client = HttpClient(timeout=_ANSWER_SECONDS)
    try:
        answer = await client.send("GET", settings.sandbox_url + SANDBOX_PATH, headers={})
        found = json.loads(answer.content)["id"] if answer.status == 200 else None
    except (NotSentError, NoAnswerError, ValueError, KeyError, TypeError):
        return None
    finally:
        await client.close()
    return str(found) if found else None


def _words(error: BaseException) -> str:
    words = str(getattr(error, "orig", error)).strip().splitlines()
    return words[0] if words else type(error).__name__
