"""``tripsaga open``: a booking in Temporal's Web UI."""

import sys
import webbrowser
from typing import Annotated

import typer

from commands.asking import Booking, ask, say_next
from commands.options import AsJson
from commands.output import as_json, out
from commands.target import find_target


def open_(
    booking: Booking,
    *,
    browser: Annotated[
        bool, typer.Option(help="Open it, where there is a browser; else only print it.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Open the Temporal Web UI at a booking's workflows, and print the address."""
    target = find_target()
    web_ui = target.temporal_ui or target.settings.codec_origin
    found = ask("GET", f"/booking/{booking}")
    namespace = target.settings.temporal.namespace
    address = f"{web_ui}/namespaces/{namespace}/workflows/{found['bookingId']}"
    if json:
        as_json({"bookingId": found["bookingId"], "temporal": address})
        return
    out.print(address, soft_wrap=True)
    if browser and sys.stdout.isatty():
        webbrowser.open(address)
    say_next("why", found["bookingReference"])
