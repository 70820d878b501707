"""Output of commands: one console for people, JSON for scripts, errors with a way to mend them."""

import json
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def as_json(value: Any) -> None:
    """Print a value for a script."""
    typer.echo(json.dumps(value, indent=2, default=str))


def give_up(what: str, *, mend: str = "", code: int = 1) -> NoReturn:
    """Say what went wrong and how to mend it, and leave."""
    err.print(f"[bold red]✗[/] {escape(what)}", soft_wrap=True)
    if mend:
        err.print(f"  [dim]→[/] {escape(mend)}", soft_wrap=True)
    raise typer.Exit(code)
