"""``tripsaga key``: the API keys of service callers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from commands import callers
from commands.options import AsJson
from commands.output import as_json, give_up, out
from commands.target import find_target

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make, list and revoke API keys of callers."
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will call: the service's name.")],
    *,
    operator: Annotated[
        bool, typer.Option(help="May see every booking and settle cases, not only its own.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a caller and show its API key, once."""
    role: callers.Role = "operator" if operator else "planner"
    with database() as engine:
        key = callers.create(engine, name, role=role)
    if json:
        as_json({"name": name, "role": role, "key": key})
        return
    out.print(f"[bold green]✓[/] {escape(name)} may call the API as [bold]{role}[/] with this key:")
    out.print(f"\n  [bold]{key}[/]\n", soft_wrap=True)
    out.print("[dim]It is shown this once; only its hash is kept. Header: X-API-Key[/]")


@app.command(name="list")
def list_keys(*, json: AsJson = False) -> None:
    """List callers and the start of their keys."""
    with database() as engine:
        found = callers.list_all(engine)
    if json:
        as_json(
            [
                caller.model_dump(
                    mode="json",
                    include={
                        *("id", "name", "role", "may_hand_in_trips", "created_at", "revoked_at")
                    },
                )
                | {"key_prefix": caller.key_prefix}
                for caller in found
            ]
        )
        return
    if not found:
        out.print("No caller has a key yet: [bold]tripsaga key create NAME[/]")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Caller", "Role", "Key", "Made", "Revoked"):
        table.add_column(heading)
    for caller in found:
        table.add_row(
            escape(caller.name),
            caller.role,
            f"{caller.key_prefix}…",
            f"{caller.created_at:%Y-%m-%d %H:%M}",
            f"[red]{caller.revoked_at:%Y-%m-%d %H:%M}[/]" if caller.revoked_at else "–",
        )
    out.print(table)


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(help="The caller's name or id, or the start of its key.")],
    *,
    json: AsJson = False,
) -> None:
    """Revoke a caller's keys; a running API refuses them within seconds."""
    with database() as engine:
        found = callers.revoke(engine, which)
    if not found:
        give_up(f"no caller {which!r} has a valid key", mend="`tripsaga key list` shows them")
    if json:
        as_json({"revoked": [caller.id for caller in found]})
        return
    for caller in found:
        out.print(f"[bold green]✓[/] {escape(caller.name)} ({caller.key_prefix}…) is revoked")


@app.command()
def trips(
    which: Annotated[str, typer.Argument(help="The caller's name or id.")],
    *,
    refuse: Annotated[bool, typer.Option("--refuse", help="Take the right back.")] = False,
    json: AsJson = False,
) -> None:
    """Let a caller hand in whole trips with its bookings, not only name a trip option."""
    with database() as engine:
        found = callers.let_hand_in_trips(engine, which, allowed=not refuse)
    if not found:
        give_up(f"there is no caller {which!r}", mend="`tripsaga key list` shows them")
    if json:
        as_json({"mayHandInTrips": not refuse, "callers": [caller.id for caller in found]})
        return
    may = "may not hand in trips any more" if refuse else "may hand in trips with its bookings"
    for caller in found:
        out.print(f"[bold green]✓[/] {escape(caller.name)} {may}")


@contextmanager
def database() -> Iterator[Engine]:
    """Have an engine for the database; problems with it end the command."""
    engine = create_engine(
        find_target().settings.database.sqlalchemy_url, connect_args={"connect_timeout": 5}
    )
    try:
        yield engine
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        give_up(f"the database refuses: {reason}", mend="`tripsaga doctor` finds out why")
    finally:
        engine.dispose()
