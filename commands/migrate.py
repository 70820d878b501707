"""``tripsaga migrate``: database and Temporal brought up to what the code expects."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from alembic.util import CommandError
from rich.markup import escape
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from commands import callers, ledger, schedules, schema, world
from commands.output import Code, give_up, out
from commands.record import refused
from commands.target import find_target
from settings import Settings


def migrate(
    *,
    revision: Annotated[str, typer.Option(help="Where to migrate to.")] = "head",
    database_only: Annotated[
        bool, typer.Option("--database-only", help="Leave Temporal alone.")
    ] = False,
    local_key: Annotated[
        Path | None,
        typer.Option(help="Also make a caller `local`, whose API key is kept in this file."),
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for Temporal to come up.")] = 30,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take over Temporal's queue and sandbox of another database."),
    ] = False,
) -> None:
    """Bring the database's tables, and Temporal's search attributes and schedule, up to date.

    Can be repeated at will: what is up to date is left alone.
    """
    settings = find_target().settings
    try:
        before, after = schema.upgrade(settings, revision)
    except CommandError as error:
        give_up(f"the migrations do not fit: {error}", code=Code.USAGE)
    except SQLAlchemyError as error:
        refused(error, "is DATABASE_URL right, and the server up?")
    if before == after:
        out.print(f"[green]✓[/] database is at {after}")
    else:
        out.print(f"[green]✓[/] database migrated from {before or 'nothing'} to {after}")
        if before and revision == "head" and (behind := ledger.write_missing_entries()):
            out.print(f"[green]✓[/] paid before there was a ledger, and taken into it: {behind}")
    if local_key:
        engine = create_engine(settings.database.sqlalchemy_url)
        callers.ensure_local(engine, local_key)
        engine.dispose()
        out.print(f"[green]✓[/] the key of the caller “local” is in {escape(str(local_key))}")
    if not database_only:
        _temporal(settings, wait, adopt=adopt)


def _temporal(settings: Settings, wait: float, *, adopt: bool) -> None:
    async def register() -> tuple[list[str], bool, bool]:
        client = await schema.connect_patiently(settings, wait)
        await world.claim(client, settings, adopt=adopt)
        added = await schema.register_search_attributes(client, settings.temporal.namespace)
        watching = await schedules.ensure_watching(client, settings)
        return added, watching, await schedules.ensure_following(client, settings)

    try:
        added, is_new, follows = asyncio.run(register())
    except world.AnotherWorld as error:
        give_up(
            str(error),
            code=Code.REFUSED,
            mend="see DATABASE_URL, TEMPORAL_ADDRESS, TASK_QUEUE and SANDBOX_URL; where the other"
            " database is gone for good: tripsaga migrate --adopt",
        )
    except (RuntimeError, RPCError) as error:
        give_up(
            f"Temporal at {settings.temporal.address} refuses: {error}",
            code=Code.AWAY,
            mend="is TEMPORAL_ADDRESS right, and does the namespace"
            f" {settings.temporal.namespace!r} exist?",
        )
    what = f"registered {', '.join(added)}" if added else "are registered"
    out.print(f"[green]✓[/] search attributes {what}")
    what = "from now on" if is_new else "as before"
    out.print(f"[green]✓[/] the money is looked at every {settings.watch.seconds:g} s, {what}")
    what = "from now on" if follows else "as before"
    out.print(f"[green]✓[/] suppliers are asked every {settings.follow.seconds:g} s, {what}")
