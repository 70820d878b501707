"""``tripsaga attempts``: every call to suppliers and gateways."""

import datetime as dt
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import as_json, out


def attempts(
    booking: Annotated[
        str | None, typer.Argument(metavar="BOOKING", help="Only of this reference or id.")
    ] = None,
    *,
    supplier: Annotated[str | None, typer.Option(help="Only at this supplier or gateway.")] = None,
    outcome: Annotated[
        str | None,
        typer.Option(help="done, refused, not_done, unknown, repeated, or running: none yet."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """List calls that have an effect, newest first: when, what, and how they ended."""
    if booking is not None:
        ask("GET", f"/booking/{booking}")  # an unknown one ends the command
    query = {"bookingId": booking, "supplier": supplier, "outcome": outcome, "limit": limit}
    page = ask(
        "GET",
        "/operator/attempts",
        params={name: value for name, value in query.items() if value is not None},
    )
    found = page["attempts"]
    if json:
        as_json(found)
        return
    if not found:
        out.print("No call fits.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Begun (UTC)", "At", "Call", "Took", "Outcome"):
        table.add_column(heading, no_wrap=heading in ("Begun (UTC)", "Took"))
    table.add_column("Code, request", overflow="fold")
    for one in found:
        table.add_row(
            one["startedAt"][5:19].replace("T", " "),
            escape(one["provider"]),
            call(one),
            took(one),
            outcome_of(one),
            escape(told(one)),
        )
    out.print(table)
    if booking is not None:
        say_next("why", booking)


def call(one: dict[str, Any]) -> str:
    """Return what was asked, such as ``book 2``, or ``book 2 (3rd)``."""
    item = f" {one['item']}" if one["item"] else ""
    again = f" (#{one['number']})" if one["number"] > 1 else ""
    return f"{one['operation']}{item}{again}"


def took(one: dict[str, Any]) -> str:
    """Return how long the answer took, or was waited for."""
    if one["finishedAt"] is None:
        return "–"
    begun, ended = (_moment(one[name]) for name in ("startedAt", "finishedAt"))
    return f"{(ended - begun).total_seconds():.2f} s"


def outcome_of(one: dict[str, Any]) -> str:
    """Return how it ended, and how that was found out."""
    settled = f" ({one['settled']})" if one["settled"] else ""
    return f"{one['outcome'] or 'under way, or its worker died'}{settled}"


def told(one: dict[str, Any]) -> str:
    """Return what the provider calls it."""
    words = (one["httpStatus"], one["code"], one["orderId"], one["requestId"])
    return " ".join(str(word) for word in words if word)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
