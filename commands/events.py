"""``tripsaga events``: what happens to bookings, who is told of it, and what they refused."""

import json as jsonlib
import time
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import as_json, out

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Follow what happens to bookings; who is told of it, and what they refused.",
)

POLL_SECONDS = 1.0
PAGE = 500

Types = Annotated[
    str | None, typer.Option(help="Only these, such as booking.confirmed,booking.cancelled.")
]


@app.command()
def tail(
    *,
    after: Annotated[
        str, typer.Option(help="Behind this position; `latest`, or `oldest`.")
    ] = "latest",
    types: Types = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for what is still to come.")
    ] = True,
    json: Annotated[
        bool, typer.Option("--json", help="Each event as it is sent, one a line.")
    ] = False,
) -> None:
    """Print events as they happen, until Ctrl-C."""
    query: dict[str, Any] = {"limit": PAGE}
    if types is not None:
        query["types"] = types
    if after != "oldest":
        query["after"] = after
    while True:
        page = ask("GET", "/api/v1/events", params=query)
        for event in page["events"]:
            if json:
                typer.echo(jsonlib.dumps(event))
            else:
                out.print(_line(event))
        query["after"] = page["next"]
        if page["caught_up"]:
            if not follow:
                return
            time.sleep(POLL_SECONDS)


def _line(event: dict[str, Any]) -> str:
    told = event["data"]
    changed = ", ".join(told["changed"])
    words = (
        f"{event['time'][:19].replace('T', ' ')}  {told['reference']}"
        f"  v{event['bookingversion']:<3} {event['type']:<24} {told['status']}"
    )
    return escape(f"{words}  ({changed})" if changed else words)


@app.command()
def sinks(*, json: AsJson = False) -> None:
    """List who is told of events, and how far they are."""
    found = ask("GET", "/operator/sinks")["sinks"]
    if json:
        as_json(found)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Sink", "Position", "Behind", "Refused", "Trouble"):
        table.add_column(heading)
    for sink in found:
        trouble = ""
        if "stalledSince" in sink:
            since = sink["stalledSince"][:16].replace("T", " ")
            trouble = f"[red]since {since}:[/] {escape(sink.get('lastError', ''))}"
        numbers = (str(sink[name]) for name in ("position", "behind", "deadLetters"))
        table.add_row(sink["name"], *numbers, trouble)
    out.print(table)


@app.command()
def dead(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that were accepted since.")] = (
        False
    ),
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=100)] = 20,
    json: AsJson = False,
) -> None:
    """List events that were refused for good, newest first."""
    query = {"limit": str(limit)} | ({} if every else {"open": "true"})
    found = ask("GET", "/operator/dead-letters", params=query)["deadLetters"]
    if json:
        as_json(found)
        return
    if not found:
        out.print("[green]✓[/] nothing was refused")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "Sink", "Refused", "What", "Why"):
        table.add_column(heading)
    for letter in found:
        at, why = letter["at"][:16].replace("T", " "), escape(letter["error"])
        table.add_row(str(letter["id"]), letter["sink"], at, letter["type"], why)
    out.print(table)
    say_next("events", "replay", str(found[0]["id"]))


@app.command()
def replay(
    number: Annotated[int, typer.Argument(help="The dead letter's number.", min=1)],
    *,
    json: AsJson = False,
) -> None:
    """Have a refused event sent again, once its cause is mended."""
    letter = ask("POST", f"/operator/dead-letters/{number}/replay")
    if json:
        as_json(letter)
        return
    out.print(f"[green]✓[/] {letter['type']} is sent to {letter['sink']} again")
    say_next("events", "dead")
