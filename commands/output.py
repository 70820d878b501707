"""Output of commands: one console for people, JSON for scripts, errors with a way to mend them."""

import json
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from models.core.text import visible

if TYPE_CHECKING:
    import httpx


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


class Code(IntEnum):
    """What a command ends with."""

    DONE = 0
    BAD = 1
    """It was done, and what came of it is bad: a booking that failed, a refund that is not paid
    yet, books that differ, something that the doctor found."""
    USAGE = 2
    """Arguments or settings are wrong; nothing was asked."""
    REFUSED = 3
    """Who was asked said no."""
    AWAY = 4
    """Who was asked, or was to be started, does not answer, or not as it should."""


def one_line(text: object) -> str:
    """Return text from outside as one line: its line feeds are shown, and make no lines of ours."""
    return str(text).replace("\n", "⏎")


def as_json(value: Any) -> None:
    """Print a value for a script."""
    typer.echo(json.dumps(value, indent=2, default=str))


def give_up(what: str, *, code: Code, mend: str = "") -> NoReturn:
    """Say what went wrong and how to mend it, and leave."""
    err.print(f"[bold red]✗[/] {escape(what)}", soft_wrap=True)
    if mend:
        err.print(f"  [dim]→[/] {escape(mend)}", soft_wrap=True)
    raise typer.Exit(code)


def reason(answer: "httpx.Response") -> str:
    """Return why a request was refused, in the words of who refused it.

    A problem (RFC 9457) of the API, an answer of the sandbox's trip planner, or FastAPI's own.
    """
    try:
        found = answer.json()
        told = found.get("detail") or found.get("error") or found.get("title")
    except (ValueError, AttributeError):
        found, told = {}, None
    if isinstance(told, list):  # FastAPI's own validation
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in told)
    words = str(told or f"{answer.request.url} answers {answer.status_code}")
    if free := (found.get("details") or {}).get("alternatives"):
        times = ", ".join(f"{one['date']} {one['time']}{one['utc_offset']}" for one in free)
        words += f" Free at {times} there."
    about = [str(found[name]) for name in ("code", "field") if found.get(name)]
    return f"{words} ({', '.join(about)})" if about else words
