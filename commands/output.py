"""Output of commands: one console for people, JSON for scripts, errors with a way to mend them."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from models.core.text import visible


class _Terminal(Console):
    """A console on which no text from outside steers the terminal: controls are escaped."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Return what is written, styles apart from text."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


out = _Terminal(highlight=False)
err = _Terminal(stderr=True, highlight=False)


def as_json(value: Any) -> None:
    """Print a value for a script."""
    typer.echo(json.dumps(value, indent=2, default=str))


def give_up(what: str, *, mend: str = "", code: int = 1) -> NoReturn:
    """Say what went wrong and how to mend it, and leave."""
    err.print(f"[bold red]✗[/] {escape(what)}", soft_wrap=True)
    if mend:
        err.print(f"  [dim]→[/] {escape(mend)}", soft_wrap=True)
    raise typer.Exit(code)
