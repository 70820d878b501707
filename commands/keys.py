"""``tripsaga key``: the API keys of service callers."""

import datetime as dt
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
from commands.output import Code, as_json, give_up, out
from commands.record import refused
from commands.target import find_target
from models.core.callers import PLANNER, Scope

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Make, rotate, list and revoke API keys of callers.",
)
Scopes = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="What it may do; may be repeated.", show_default=False),
]
Days = Annotated[float | None, typer.Option(min=0.001, help="Days until the key expires.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will call: the service's name.")],
    *,
    operator: Annotated[
        bool,
        typer.Option(
            "--operator", help="May see every booking and settle cases: --scope operator."
        ),
    ] = False,
    scope: Scopes = None,
    days: Days = None,
    json: AsJson = False,
) -> None:
    """Make a caller and show its API key, once; without a scope it may do what planners do."""
    scopes = {*(scope or ()), *((Scope.OPERATOR,) if operator else ())} or PLANNER
    with database() as engine:
        key = callers.create(engine, name, scopes=scopes, lives=_days(days))
    if json:
        role = "operator" if Scope.OPERATOR in scopes else "planner"
        as_json({"name": name, "role": role, "scopes": sorted(scopes), "key": key})
        return
    may = ", ".join(sorted(scopes))
    out.print(f"[bold green]✓[/] {escape(name)} may call the API for [bold]{may}[/] with this key:")
    _show(key)


@app.command()
def scopes(
    caller: Annotated[str, typer.Argument(help="The caller's name or id.")],
    *,
    scope: Annotated[list[Scope], typer.Option(help="What it may do; may be repeated.")],
    json: AsJson = False,
) -> None:
    """Give a caller these scopes in place of those it has."""
    with database() as engine:
        changed = callers.grant(engine, caller, scope)
    if json:
        as_json({"id": changed.id, "name": changed.name, "scopes": changed.scopes})
        return
    may = ", ".join(sorted(changed.granted))
    out.print(f"[bold green]✓[/] {escape(changed.name)} may call the API for [bold]{may}[/]")


@app.command()
def rotate(
    caller: Annotated[str, typer.Argument(help="The caller's name or id.")],
    *,
    name: Annotated[str | None, typer.Option(help="What the new key is called.")] = None,
    days: Days = None,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the caller's earlier keys still open.")
    ] = 24,
    json: AsJson = False,
) -> None:
    """Give a caller another API key; it stays the same caller, with its bookings."""
    with database() as engine:
        overlap = dt.timedelta(hours=overlap_hours)
        key = callers.rotate(engine, caller, name=name, lives=_days(days), overlap=overlap)
    if json:
        as_json({"name": caller, "key": key})
        return
    out.print(f"[bold green]✓[/] {escape(caller)} has another key:")
    _show(key)
    until = f"open for {overlap_hours:g} hours more" if overlap_hours else "do not open any more"
    out.print(f"[dim]Its earlier keys {until}.[/]")


@app.command(name="list")
def list_keys(*, json: AsJson = False) -> None:
    """List callers and the start of their keys."""
    with database() as engine:
        found = callers.list_all(engine)
    if json:
        as_json(
            [
                {
                    **caller.model_dump(
                        mode="json", include={"id", "name", "role", "may_hand_in_trips"}
                    ),
                    "scopes": sorted(caller.granted),
                    "key": key.name,
                    **key.model_dump(
                        mode="json", exclude={"key_hash", "caller_id", "name", "prefix"}
                    ),
                    "key_prefix": key.prefix,
                }
                for caller, key in found
            ]
        )
        return
    if not found:
        out.print("No caller has a key yet: [bold]tripsaga key create NAME[/]")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Caller", "May", "Key", "Begins", "Made", "Last used", "Ends"):
        table.add_column(heading)
    for caller, key in found:
        table.add_row(
            *(escape(caller.name), ", ".join(sorted(caller.granted))),
            *(escape(key.name), f"{key.prefix}…"),
            *(_at(key.created_at), _at(key.last_used_at)),
            f"[red]{_at(key.revoked_at)} revoked[/]" if key.revoked_at else _at(key.expires_at),
        )
    out.print(table)


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(help="The caller's name or id, or the start of its key.")],
    *,
    json: AsJson = False,
) -> None:
    """Revoke a key, or all of a caller; a running API refuses them within seconds."""
    with database() as engine:
        found = callers.revoke(engine, which)
    if not found:
        give_up(
            f"no caller {which!r} has a valid key",
            code=Code.REFUSED,
            mend="`tripsaga key list` shows them",
        )
    if json:
        as_json({"revoked": [{"id": caller.id, "key": key.name} for caller, key in found]})
        return
    for caller, key in found:
        out.print(f"[bold green]✓[/] {escape(caller.name)} ({key.prefix}…) is revoked")


def _days(days: float | None) -> dt.timedelta | None:
    return None if days is None else dt.timedelta(days=days)


def _at(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"


def _show(key: str) -> None:
    out.print(f"\n  [bold]{key}[/]\n", soft_wrap=True)
    out.print("[dim]It is shown this once; only its hash is kept. Header: X-API-Key[/]")


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
        give_up(
            f"there is no caller {which!r}",
            code=Code.REFUSED,
            mend="`tripsaga key list` shows them",
        )
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
    except callers.CallerError as error:
        give_up(str(error), code=Code.REFUSED, mend="`tripsaga key list` shows callers and keys")
    except SQLAlchemyError as error:
        refused(error)
    finally:
        engine.dispose()
