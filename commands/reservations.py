"""``tripsaga reserve``, ``check-in``, ``complete`` and ``no-show``: places at venues."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Annotated, Any

import httpx
import typer
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from commands.account import STATE_LOOK, say_step
from commands.asking import Booking, ask, ready_target, say_next
from commands.bookings import run
from commands.faults import arm_fault, call
from commands.options import AsJson
from commands.output import Code, as_json, one_line, out
from commands.reserving import (
    PATH,
    SAMPLE_TIME,
    SAMPLE_VENUE,
    VenueClient,
    Visit,
    a_venue,
    reservation_request,
)
from commands.target import Target
from commands.trips import TEST_CARD, OnStep, Step
from models.core.money import Money


class Part(StrEnum):
    """A step of a reservation that can be made to fail."""

    PLACE = "place"
    PAYMENT = "payment"


class Kind(StrEnum):
    """What kind of venue it is."""

    RESTAURANT = "RESTAURANT"
    CAFE = "CAFE"
    RETAIL = "RETAIL"
    HOTEL = "HOTEL"


def reserve(
    *,
    venue: Annotated[
        str | None,
        typer.Option(
            help="Its id, such as kantine.", show_default=f"one of its own like {SAMPLE_VENUE}"
        ),
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option("--type", case_sensitive=False, help="Of a venue that is not registered."),
    ] = None,
    date: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="At the venue.", show_default="a Thursday"),
    ] = None,
    time: Annotated[str, typer.Option(help="On the clock at the venue's wall.")] = SAMPLE_TIME,
    party: Annotated[int, typer.Option(help="How many come.", min=1)] = 2,
    table: Annotated[
        str | None, typer.Option(help="A table, room or stylist; any one otherwise.")
    ] = None,
    pay: Annotated[
        str, typer.Option(metavar="METHOD", help="The payment method, if there is a deposit.")
    ] = TEST_CARD,
    fail: Annotated[
        Part | None, typer.Option(help="Have this step refused, to see the rest put back.")
    ] = None,
    approve: Annotated[
        bool,
        typer.Option("--approve", help="Have the venue decide by hand, and approve it for it."),
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show each step as it happens.")] = False,
    json: AsJson = False,
) -> None:
    """Reserve a place at a venue; the deposit is paid where there is one.

    Ends with 0 when it is reserved (or failed as --fail asked), with 1 when it failed or waits.
    """
    target = ready_target()
    request = reservation_request(
        venue or a_venue(),
        kind=kind or (_registered(venue) if venue else None) or Kind.RESTAURANT,
        date=date.date().isoformat() if date else None,
        time_=time,
        party=party,
        table=table,
        card=pay,
    )
    armed = arm_fault(**_fault(target, fail), kind="refuse")["id"] if fail else None

    def show_step(step: Step) -> None:
        say_step(step.seconds, step.status, step.step, step.message)

    told = show_step if watch and not json else None
    try:
        visit = run(
            lambda: reserve_place(target, request, told, approve=approve), quiet=watch or json
        )
    finally:
        if armed:  # what did not fire must not hit the next booking
            call("DELETE", f"/_sandbox/faults/{armed}")
    if json:
        as_json(visit.as_json())
    else:
        out.print(reservation_panel(visit.answer, f"{visit.seconds:.2f} s"))
        _say_what_comes_next(visit.answer)
    if not visit.confirmed and fail is None:
        raise typer.Exit(Code.BAD)


async def reserve_place(
    target: Target,
    request: dict[str, Any],
    on_step: OnStep | None = None,
    *,
    approve: bool = False,
) -> Visit:
    """Reserve. Raises TripError."""
    async with VenueClient(target.api, target.api_key, target.sandbox) as client:
        return await client.reserve(request, approve=approve, on_step=on_step)


Why = Annotated[str, typer.Option(help="Why; kept with the reservation.")]


def check_in(booking: Booking, *, reason: Why = "", json: AsJson = False) -> None:
    """Note that the guests of a reservation have come."""
    _move(booking, "CHECKED_IN", reason, json=json)


def complete(booking: Booking, *, reason: Why = "", json: AsJson = False) -> None:
    """Note that the visit of a reservation is over."""
    _move(booking, "COMPLETED", reason, json=json)


def no_show(booking: Booking, *, reason: Why = "", json: AsJson = False) -> None:
    """Note that the guests of a reservation did not come; what was paid is kept."""
    _move(booking, "NO_SHOW", reason, json=json)


def _move(booking: str, status: str, reason: str, *, json: bool) -> None:
    moved = ask(
        "POST",
        f"{PATH}/{booking}/status",
        json={"status": status, "reason": reason},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    if json:
        as_json(moved)
        return
    out.print(reservation_panel(moved))
    _say_what_comes_next(moved)


def reservation_panel(answer: dict[str, Any], subtitle: str | None = None) -> RenderableType:
    """Return a reservation as the API answers it: where, when, for whom, what was paid."""
    venue, price, payment = answer["venue"], answer["price_snapshot"], answer["payment"]
    day = dt.date.fromisoformat(answer["date"])
    table = f", {answer['resource_id']}" if answer["resource_id"] else ""
    parts = [
        Text(f"{one_line(venue['name'] or venue['id'])}{one_line(table)}", style="bold"),
        Text(f"{day:%a %-d %b %Y} {answer['time']}, {venue['time_zone']}, {_party(answer)}"),
    ]
    if answer["inventory_reference"]:
        parts.append(Text(one_line(answer["inventory_reference"]), style="bold cyan"))
    failure = answer["failure"]
    if failure:
        parts.append(Text(f"\n{one_line(failure['message'])}", style="bold"))
    parts.append(Text(f"\n{one_line(answer['message'])}"))
    if failure:
        parts.append(Text(f"→ {one_line(failure['next_step'])}"))
    redirect = (payment["next_action"] or {}).get("redirect_to_url") or {}
    if redirect.get("url"):
        parts.append(Text(f"→ approve it: {redirect['url']}", style="cyan"))
    total = Money(amount=price["total"], currency=price["currency"]).format()
    if price["total"]:
        paid = Money(amount=payment["captured"] - payment["refunded"], currency=price["currency"])
        parts.append(Text(f"Price {total}, paid {paid.format()}", style="dim"))
    if failure:
        parts.append(Text(f"\n{failure['code']}", style="dim"))
    status = answer["status"]
    return Panel(
        Group(*parts),
        title=f"[bold]{answer['booking_reference']}[/]  {status}",
        subtitle=subtitle,
        border_style=STATE_LOOK.get(status, "blue"),
        padding=(1, 2),
        expand=False,
    )


def _party(answer: dict[str, Any]) -> str:
    return "1 guest" if answer["party_size"] == 1 else f"{answer['party_size']} guests"


def _say_what_comes_next(answer: dict[str, Any]) -> None:
    reference, status = answer["booking_reference"], answer["status"]
    if answer["payment"]["waits_until"] and answer["failure"]:
        say_next("card", reference, TEST_CARD)
    elif status == "CHECKED_IN":
        say_next("complete", reference)
    else:
        say_next("why", reference)


def _registered(venue: str) -> Kind | None:
    """Return what kind of venue it is, if we know it."""
    found = ask("GET", f"/api/v1/venues/{venue}", without=frozenset({httpx.codes.NOT_FOUND}))
    return Kind(found["type"]) if found else None


def _fault(target: Target, step: Part) -> dict[str, str]:
    return {
        Part.PLACE: {"supplier": "inventory", "operation": "reserve"},
        Part.PAYMENT: {"supplier": target.settings.gateway, "operation": "confirm"},
    }[step]
