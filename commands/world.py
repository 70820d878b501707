"""Which world this checkout acts on: the id in its database, at Temporal and in the sandbox."""

import asyncio
import os

import httpx
import psycopg
from sqlalchemy import create_engine, text
from temporalio.client import Client
from temporalio.service import RPCError

from commands.findings import Finding
from commands.output import Code, give_up
from commands.target import Target
from models.core.world import SANDBOX_PATH, WORLD_ID, claim_temporal, world_of_temporal
from settings import Settings


class AnotherWorld(Exception):
    """What is to be claimed belongs to another world; the message says what."""


def world_of_database(settings: Settings) -> str | None:
    """Return our database's id; None when it does not answer, or is older than ids."""
    url = settings.database.url
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute(WORLD_ID).fetchone()
    except psycopg.Error:
        return None
    return str(row[0]) if row else None


def world_of_sandbox(base: str) -> str | None:
    """Return whose the sandbox is; None when nobody has claimed it, or it does not answer."""
    try:
        answer = httpx.get(base + SANDBOX_PATH, timeout=5, trust_env=False)
        return str(answer.json()["id"] or "") or None
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def refuse_anothers_sandbox(target: Target) -> None:
    """End the command when the sandbox is not the one of our database.

    One that the environment names is taken where there is no database of ours to compare it with.
    """
    theirs = world_of_sandbox(target.sandbox)
    if theirs is None:
        return
    ours = world_of_database(target.settings)
    if theirs == ours or (ours is None and os.environ.get("SANDBOX_URL")):
        return
    give_up(
        f"the sandbox at {target.sandbox} belongs to another world ({theirs}),"
        f" {f'ours is {ours}' if ours else 'and none runs on this checkout'}",
        code=Code.REFUSED,
        mend="start the local world with `make run`, or set SANDBOX_URL (and DATABASE_URL)",
    )


async def claim(client: Client, settings: Settings, *, adopt: bool) -> None:
    """Note at Temporal and in the sandbox, where it is there, that they are our database's.

    ``adopt``: also when they are another one's.

    Raises:
        AnotherWorld: they belong to another database.
        RPCError: Temporal refuses, or does not answer.
    """
    engine = create_engine(settings.database.sqlalchemy_url)
    with engine.connect() as connection:
        world = str(connection.scalar(text(WORLD_ID)))
    engine.dispose()
    theirs = await world_of_temporal(client, settings.task_queue)
    if theirs not in (None, world) and not adopt:
        raise AnotherWorld(
            f"the task queue {settings.task_queue!r} at {settings.temporal.address} belongs to"
            f" world {theirs}, this database is world {world}"
        )
    if theirs != world:
        await claim_temporal(client, settings.task_queue, world)
    # A default address may be anybody's: only a sandbox that was named is claimed.
    if settings.environment == "local" and "sandbox_url" in settings.model_fields_set:
        await asyncio.to_thread(_claim_sandbox, settings.sandbox_url.rstrip("/"), world, adopt)


def _claim_sandbox(base: str, world: str, adopt: bool) -> None:
    order = {"id": world, "replace": adopt}
    try:
        answer = httpx.put(base + SANDBOX_PATH, json=order, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return  # it does not run, or is not used
    if answer.status_code == httpx.codes.CONFLICT:
        raise AnotherWorld(f"{answer.json()['detail']}, this database is world {world}")


async def finding(client: Client, target: Target) -> Finding:
    """Compare the ids of database, Temporal and sandbox, as far as each has one."""
    settings = target.settings
    ours = world_of_database(settings)
    try:
        temporals = await world_of_temporal(client, settings.task_queue)
    except RPCError as error:
        return Finding("world", "wrong", str(error), "see var/logs/temporal.log")
    others = {"Temporal": temporals, "the sandbox": world_of_sandbox(target.sandbox)}
    foreign = [f"{name} to {found}" for name, found in others.items() if found not in (None, ours)]
    if foreign:
        what = f"our database belongs to {ours or 'no world'}, {', '.join(foreign)}"
        return Finding("world", "wrong", what, "point all of them at one world; then restart")
    if temporals is None:
        what = "nobody has claimed Temporal's task queue: anybody's workers may take its tasks"
        return Finding("world", "warning", what, "tripsaga migrate")
    return Finding("world", "ok", f"database, Temporal and sandbox are of one: {ours}")
