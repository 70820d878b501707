"""``tripsaga book``, ``show`` and ``cancel``: trips, through the public API."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from commands.account import account_panel, booking_panel, step_line
from commands.faults import arm_fault, call
from commands.options import AsJson
from commands.output import as_json, give_up, out
from commands.target import Target, find_target
from commands.trips import TEST_CARD, Account, Step, TripClient, TripError

Answer = TypeVar("Answer")


class Part(StrEnum):
    """A part of a trip that can be made to fail."""

    FLIGHT = "flight"
    HOTEL = "hotel"
    ACTIVITY = "activity"
    PAYMENT = "payment"


_BREAKS = {
    Part.FLIGHT: ("amadeus", "book"),
    Part.HOTEL: ("booking_com", "book"),
    Part.ACTIVITY: ("viator", "book"),
    Part.PAYMENT: ("stripe", "confirm"),
}

BookingId = Annotated[str, typer.Argument(help="The booking's id.")]


def book(
    *,
    fail: Annotated[
        Part | None, typer.Option(help="Have this part refused, to see the rest put back.")
    ] = None,
    slow: Annotated[
        bool, typer.Option("--slow", help="Have every supplier take 3 seconds.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show each step as it happens.")] = False,
    activities: Annotated[
        int | None, typer.Option(help="How many activities the trip shall have.", min=0)
    ] = None,
    card: Annotated[
        str, typer.Option(help="A test payment method, such as pm_card_threeDSecure2Required.")
    ] = TEST_CARD,
    json: AsJson = False,
) -> None:
    """Have the planner put a sample trip together, and book it.

    Ends with 0 when the trip is booked (or failed as --fail asked), else with 1.
    """
    target = _ready_target()
    armed = _arm(fail, slow=slow)
    wishes = {} if activities is None else {"activities": activities}

    def show_step(step: Step) -> None:
        if watch and not json:
            out.print(step_line(step), soft_wrap=True)

    try:
        account = _run(lambda: book_trip(target, wishes, show_step, card), quiet=watch or json)
    finally:
        for fault_id in armed:  # what did not fire must not hit the next booking
            call("DELETE", f"/_sandbox/faults/{fault_id}")
    if json:
        as_json(account.as_json())
    else:
        out.print(account_panel(account))
        out.print(f"[dim]{account.answer.get('bookingId', '')}[/]")
    if not account.confirmed and fail is None:
        raise typer.Exit(1)


async def book_trip(
    target: Target,
    wishes: dict[str, Any],
    on_step: Callable[[Step], None] | None = None,
    card: str = TEST_CARD,
) -> Account:
    """Generate a trip and book it. Raises TripError."""
    async with TripClient(target.api, target.api_key, target.sandbox) as client:
        return await client.book(await client.generate(wishes), card=card, on_step=on_step)


def card(
    booking_id: BookingId,
    payment_method: Annotated[str, typer.Argument(help="The other payment method's id.")],
    *,
    json: AsJson = False,
) -> None:
    """Send another card for a booking whose card was refused; the booking goes on."""
    target = _ready_target()

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with TripClient(target.api, target.api_key, target.sandbox) as client:
            answer = await client.send_card(booking_id, payment_method)
            return answer, await client.booking(booking_id)

    answer, booking = _run(ask, quiet=json)
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(booking))
    if not answer.get("success"):
        raise typer.Exit(1)


def show(booking_id: BookingId, *, json: AsJson = False) -> None:
    """Show a booking: its parts, its payment and its history."""
    target = _ready_target()

    async def ask() -> dict[str, Any]:
        async with TripClient(target.api, target.api_key, target.sandbox) as client:
            return await client.booking(booking_id)

    booking = _run(ask, quiet=True)
    if json:
        as_json(booking)
    else:
        out.print(booking_panel(booking))


def cancel(
    booking_id: BookingId,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept with the booking.")] = "",
    component: Annotated[
        list[str] | None, typer.Option(help="Cancel only this component; may be repeated.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Cancel a booking, or parts of it; the stored terms say what is given back."""
    target = _ready_target()

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with TripClient(target.api, target.api_key, target.sandbox) as client:
            answer = await client.cancel(booking_id, reason=reason, components=component)
            return answer, await client.booking(booking_id)

    answer, booking = _run(ask, quiet=json)
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(booking))


def _ready_target() -> Target:
    target = find_target()
    if not target.api_key:
        give_up(
            "no local world runs here, and no other one is named",
            mend="start one with `make run`, or set TRIPSAGA_API_URL and TRIPSAGA_API_KEY",
        )
    return target


def _arm(fail: Part | None, *, slow: bool) -> list[str]:
    armed = []
    if fail:
        supplier, operation = _BREAKS[fail]
        armed.append(arm_fault(supplier=supplier, operation=operation, kind="refuse")["id"])
    if slow:
        armed += [
            arm_fault(supplier=supplier, operation=operation, kind="slow", times=2)["id"]
            for part, (supplier, operation) in _BREAKS.items()
            if part is not fail
        ]
    return armed


def _run(work: Callable[[], Coroutine[Any, Any, Answer]], *, quiet: bool) -> Answer:
    """Do the work, with something turning meanwhile; problems end the command."""
    waiting: AbstractContextManager[Any] = (
        nullcontext() if quiet or not out.is_terminal else out.status("working …")
    )
    try:
        with waiting:
            return asyncio.run(work())
    except TripError as error:
        give_up(escape(str(error)), mend="`tripsaga doctor` looks for the cause")
