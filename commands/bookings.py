"""``tripsaga book``, ``show`` and ``cancel``: trips, through the public API."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from commands.account import account_panel, booking_panel, say_step
from commands.asking import (
    Booking,
    Yes,
    agree,
    component_of,
    give_up_unsettled,
    ready_target,
    say_next,
    settling,
)
from commands.cancel_quotes import cancel_quote_panel
from commands.faults import arm_fault, call
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from commands.target import Target
from commands.trips import (
    TEST_CARD,
    WAITS_FOR_TRAVELER,
    Account,
    OnWait,
    Step,
    TripClient,
    TripError,
)
from models.suppliers.listings import LISTINGS

Answer = TypeVar("Answer")


class Part(StrEnum):
    """A part of a trip that can be made to fail."""

    FLIGHT = "flight"
    HOTEL = "hotel"
    ACTIVITY = "activity"
    PAYMENT = "payment"


def _selling(part: Part) -> Any:
    """Return the option that names who delivers a part."""
    known = [one.name for one in LISTINGS if one.type.lower() == part]
    return typer.Option(help=f"Who delivers it: {' or '.join(known)}.", show_default=True)


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
    destination: Annotated[
        str | None, typer.Option(help="The airport to fly to, such as MAD.", show_default="LIS")
    ] = None,
    flight: Annotated[str, _selling(Part.FLIGHT)] = "amadeus",
    hotel: Annotated[str, _selling(Part.HOTEL)] = "booking_com",
    activity: Annotated[str, _selling(Part.ACTIVITY)] = "viator",
    card: Annotated[
        str, typer.Option(help="A test payment method, such as pm_card_threeDSecure2Required.")
    ] = TEST_CARD,
    json: AsJson = False,
) -> None:
    """Have the planner put a sample trip together, and book it.

    Ends with 0 when the trip is booked (or failed as --fail asked), with 1 when it failed.
    """
    target = ready_target()
    sellers = {Part.FLIGHT: flight, Part.HOTEL: hotel, Part.ACTIVITY: activity}
    criteria: dict[str, Any] = {"suppliers": {str(part): name for part, name in sellers.items()}}
    if activities is not None:
        criteria["activities"] = activities
    if destination is not None:
        criteria["destination"] = destination
    gateway = target.settings.gateway
    armed = _arm(fail, {**sellers, Part.PAYMENT: gateway}, slow=slow)

    def show_step(step: Step) -> None:
        if watch and not json:
            say_step(step.seconds, step.status, step.step, step.message)

    try:
        asked = _ask_traveler if watch and not json and sys.stdin.isatty() else None
        account = run(
            lambda: book_trip(target, criteria, show_step, card, asked), quiet=watch or json
        )
    finally:
        for fault_id in armed:  # what did not fire must not hit the next booking
            call("DELETE", f"/_sandbox/faults/{fault_id}")
    if json:
        as_json(account.as_json())
    else:
        out.print(account_panel(account))
        _say_what_comes_next(account)
    if not account.confirmed and fail is None:
        raise typer.Exit(Code.BAD)


async def book_trip(
    target: Target,
    criteria: dict[str, Any],
    on_step: Callable[[Step], None] | None = None,
    card: str = TEST_CARD,
    on_wait: OnWait | None = None,
) -> Account:
    """Generate a trip and book it. Raises TripError."""
    async with TripClient(target.api, target.api_key, target.sandbox) as client:
        trip = await client.generate(criteria)
        return await client.book(trip, card=card, on_step=on_step, on_wait=on_wait)


async def _ask_traveler(answer: dict[str, Any]) -> str | None:
    """Ask the person who watches for what the booking waits for: another card, or the bank."""
    out.print(account_panel(Account({}, answer, 0)))
    if not isinstance(answer.get("error"), dict):
        out.print("[dim]the booking goes on once it is approved; Ctrl-C stops watching[/]")
        return ""
    question = "Another payment method (nothing: leave it waiting)"
    given = await asyncio.to_thread(typer.prompt, question, default="", show_default=False)
    return str(given).strip() or None


def _say_what_comes_next(account: Account) -> None:
    reference = account.answer.get("bookingReference")
    if not reference:
        return
    waits = account.state == WAITS_FOR_TRAVELER
    if waits and isinstance(account.answer.get("error"), dict):
        say_next("card", reference, TEST_CARD)
    else:
        say_next("why", reference)


def card(
    booking: Booking,
    payment_method: Annotated[str, typer.Argument(help="The other payment method's id.")],
    *,
    json: AsJson = False,
) -> None:
    """Send another card for a booking whose card was refused; the booking goes on."""
    target = ready_target()

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with TripClient(target.api, target.api_key, target.sandbox) as client:
            answer = await client.send_card(booking, payment_method)
            return answer, await client.booking(booking)

    answer, after = run(ask, quiet=json)
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(after))
        say_next("why", after["bookingReference"])
    if not answer.get("success"):
        raise typer.Exit(Code.BAD)


def show(booking: Booking, *, json: AsJson = False) -> None:
    """Show a booking: its parts, its payment and its history."""
    target = ready_target()
    found = run(lambda: _ask_booking(target, booking), quiet=True)
    if json:
        as_json(found)
    else:
        out.print(booking_panel(found))
        for case in found["cases"]:
            say_next(*settling(found, case))
        say_next("why", found["bookingReference"])


def cancel(
    booking: Booking,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept with the booking.")] = "",
    component: Annotated[
        list[str] | None,
        typer.Option(help="Only this component: number or id; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Cancel nothing; say what would be given back.")
    ] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Cancel a booking, or parts of it, after showing what is kept and given back.

    With --json nobody is asked. Ends with 1 when a person must settle a part of it.
    """
    target = ready_target()
    accepted: int | None = None
    if component:
        stands = run(lambda: _ask_booking(target, booking), quiet=True)
        component = [component_of(stands, one) for one in component]
    if dry_run or not json:
        quoted = run(lambda: _ask_cancel_quote(target, booking, component), quiet=json)
        accepted = quoted["total"]["kept"]
        if json:
            as_json(quoted)
        else:
            out.print(cancel_quote_panel(quoted))
        if dry_run:
            if not json:
                say_next("cancel", quoted["bookingReference"])
            return
        agree("Cancel it?", yes=yes)

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with TripClient(target.api, target.api_key, target.sandbox) as client:
            answer = await client.cancel(
                booking, reason=reason, components=component, accepted_fee=accepted
            )
            return answer, await client.booking(booking)

    answer, after = run(ask, quiet=json)
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(after))
        say_next("why", after["bookingReference"])
    named = {None, *(component or (one["componentId"] for one in after["components"]))}
    for case in after["cases"]:
        if case["componentId"] in named:
            give_up_unsettled("not everything is settled", after, case)


async def _ask_booking(target: Target, booking: str) -> dict[str, Any]:
    async with TripClient(target.api, target.api_key, target.sandbox) as client:
        return await client.booking(booking)


async def _ask_cancel_quote(
    target: Target, booking_id: str, components: list[str] | None
) -> dict[str, Any]:
    async with TripClient(target.api, target.api_key, target.sandbox) as client:
        return await client.cancel_quote(booking_id, components=components)


def _arm(fail: Part | None, sellers: dict[Part, str], *, slow: bool) -> list[str]:
    calls = {
        part: {"supplier": name, "operation": "confirm" if part is Part.PAYMENT else "book"}
        for part, name in sellers.items()
    }
    armed = []
    if fail:
        armed.append(arm_fault(**calls[fail], kind="refuse")["id"])
    if slow:
        armed += [
            arm_fault(**call, kind="slow", times=2)["id"]
            for part, call in calls.items()
            if part is not fail
        ]
    return armed


def run(work: Callable[[], Coroutine[Any, Any, Answer]], *, quiet: bool) -> Answer:
    """Do the work, with something turning meanwhile; problems end the command."""
    waiting: AbstractContextManager[Any] = (
        nullcontext() if quiet or not out.is_terminal else out.status("working …")
    )
    try:
        with waiting:
            return asyncio.run(work())
    except TripError as error:
        if error.refused:
            give_up(str(error), code=Code.REFUSED)
        give_up(str(error), code=Code.AWAY, mend="`tripsaga doctor` looks for the cause")
