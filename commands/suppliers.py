"""``tripsaga suppliers``: who answers, and what calls to suppliers came to."""

import datetime as dt
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import ask
from commands.options import AsJson
from commands.output import Code, as_json, out

_LOOK = {"up": "[green]up[/]", "trying": "[yellow]trying[/]", "down": "[bold red]down[/]"}


def suppliers(*, json: AsJson = False) -> None:
    """Show how every supplier does: its circuit, and its calls of the last day.

    Ends with 1 when one of them is down.
    """
    found = ask("GET", "/operator/suppliers")["suppliers"]
    if json:
        as_json(found)
    else:
        out.print(_table(found))
        for one in found:
            if one["circuit"] != "up":
                message = escape(one["lastFault"] or "no answer")
                since = _clock(one["since"])
                out.print(f"[red]![/] {escape(one['title'])}, since {since}: {message}")
    if any(one["circuit"] == "down" for one in found):
        raise typer.Exit(Code.BAD)


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Supplier", no_wrap=True)
    table.add_column("")
    table.add_column("Answered", no_wrap=True)
    for heading in ("Calls", "Done", "Refused", "Lost", "Settled", "Success", "p50", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found:
        day = one["lastDay"]
        rate = day["successRate"]
        table.add_row(
            escape(one["title"]),
            _LOOK[one["circuit"]],
            _when(one["lastSuccessAt"]),
            *(str(day[name]) for name in ("calls", "done", "refused", "unknown")),
            str(day["found"] + day["repeated"] + day["absent"]),
            "–" if rate is None else f"{rate:.0%}",
            *(_seconds(day[name]) for name in ("p50", "p95")),
        )
    return table


def _when(moment: str | None) -> str:
    """Return the time of a moment of today (UTC), the day of any other."""
    if moment is None:
        return "–"
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return moment[11:19] if moment.startswith(today) else moment[:10]


def _clock(moment: str | None) -> str:
    return "–" if moment is None else moment[:19].replace("T", " ")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
