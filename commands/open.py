"""``tripsaga open``: a booking, or all in some states, in Temporal's Web UI."""

import sys
import webbrowser
from typing import Annotated
from urllib.parse import quote

import typer

from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from commands.target import find_target
from models.bookings.lifecycle import BookingState
from models.core.search_attributes import BOOKING_STATE


def open_(
    booking: Annotated[
        str | None,
        typer.Argument(metavar="[BOOKING]", help="The booking's reference, or its id."),
    ] = None,
    *,
    state: Annotated[
        list[BookingState] | None,
        typer.Option(case_sensitive=False, help="All bookings in this state; may be repeated."),
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="Open it, where there is a browser; else only print it.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Open the Temporal Web UI at a booking's workflows, or at all in some states."""
    if (booking is None) == (state is None):
        give_up("name a booking, or a state", code=Code.USAGE)
    target = find_target()
    web_ui = target.temporal_ui or target.settings.codec_origin
    workflows = f"{web_ui}/namespaces/{target.settings.temporal.namespace}/workflows"
    found = {}
    if booking is not None:
        found = ask("GET", f"/booking/{booking}")
        address = f"{workflows}/{found['bookingId']}"
    else:
        query = " OR ".join(f'`{BOOKING_STATE.name}`="{one}"' for one in state or ())
        address = f"{workflows}?query={quote(query)}"
    if json:
        as_json({"bookingId": found.get("bookingId"), "temporal": address})
        return
    out.print(address, soft_wrap=True, markup=False)
    if browser and sys.stdout.isatty():
        webbrowser.open(address)
    if found:
        say_next("why", found["bookingReference"])
