"""``tripsaga list``: bookings, found by what people know of them."""

import datetime as dt
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from commands.account import STATE_LOOK
from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import as_json, out
from models.bookings.lifecycle import BOOKABLE, BookingKind, BookingState
from models.core.money import Money

_MOMENT = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_OTHER_COLUMNS = 62
"""What the columns beside the titles take at most."""
Moment = Annotated[dt.datetime | None, typer.Option(formats=_MOMENT, help="UTC.")]


def list_(
    *,
    kind: Annotated[
        list[BookingKind] | None,
        typer.Option(case_sensitive=False, help="Only trips, or only reservations."),
    ] = None,
    state: Annotated[
        list[BookingState] | None,
        typer.Option(case_sensitive=False, help="In this state; may be repeated."),
    ] = None,
    attention: Annotated[
        bool | None,
        typer.Option("--attention/--no-attention", help="With an open case, or without."),
    ] = None,
    email: Annotated[str | None, typer.Option(help="Of the traveller's contact.")] = None,
    code: Annotated[
        str | None,
        typer.Option("--code", "--pnr", help="A PNR, or a supplier's confirmation code or id."),
    ] = None,
    payment: Annotated[
        str | None, typer.Option(help="The gateway's id of a payment, such as pi_….")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    after: Annotated[str | None, typer.Option(help="Go on after this place.")] = None,
    json: AsJson = False,
) -> None:
    """List bookings, newest first; all that is given must fit."""
    query: dict[str, Any] = {
        "kind": [one.value for one in kind or BOOKABLE],
        "state": [one.value for one in state or ()],
        "attention": attention,
        "email": email,
        "code": code,
        "payment": payment,
        "since": _utc(since),
        "until": _utc(until),
        "limit": limit,
        "after": after,
    }
    page = ask("GET", "/booking", params={k: v for k, v in query.items() if v not in (None, [])})
    if json:
        as_json(page)
        return
    found = page["bookings"]
    if not found:
        out.print("No booking fits.")
        say_next("book", "--watch")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("Booking", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Made (UTC)", no_wrap=True)
    table.add_column("Total", justify="right", no_wrap=True)
    table.add_column("What", overflow="fold")
    for booking in found:
        look = STATE_LOOK.get(booking["state"], "blue")
        what = Text(", ".join(booking["titles"]))
        what.truncate(max(20, out.width - _OTHER_COLUMNS), overflow="ellipsis")
        attention_mark = " [bold red]![/]" if booking["needsAttention"] else ""
        table.add_row(
            f"[bold]{booking['bookingReference']}[/]",
            f"[{look}]{booking['state']}[/]{attention_mark}",
            booking["createdAt"][5:16].replace("T", " "),
            Money(amount=booking["totalPrice"], currency=booking["currency"]).format(),
            what,
        )
    out.print(table)
    if "next" in page:
        out.print(f"[dim]there are more:[/] --after {page['next']}", soft_wrap=True)
    say_next("why", found[0]["bookingReference"])


def _utc(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=dt.UTC).isoformat()
