"""``tripsaga refund``: give back more than the terms ask for."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from commands.account import booking_panel
from commands.asking import Booking, Yes, agree, ask, component_of, say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from models.core.money import Money


def refund(
    booking: Booking,
    amount: Annotated[str, typer.Argument(help="In whole units, such as 25 or 25.50.")],
    reason: Annotated[str, typer.Argument(help="Why; the traveller may read it.")],
    *,
    component: Annotated[
        str | None, typer.Option(help="What it is for: a component's number or id.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="An idempotency key: the same one refunds once.")
    ] = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Refund an amount out of goodwill; what stands of the trip is not touched."""
    before = ask("GET", f"/booking/{booking}")
    payment = before["payment"]
    currency = payment["currency"]
    money = _money(amount, currency)
    taken = Money(amount=payment["captured"] - payment["refunded"], currency=currency)
    if not json:
        reference = before["bookingReference"]
        out.print(f"{money.format()} of {taken.format()} paid for {escape(reference)} go back.")
        agree("Give it back?", yes=yes)
    body: dict[str, Any] = {"amount": money.amount, "currency": currency, "reason": reason}
    if component is not None:
        body["componentId"] = component_of(before, component)
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/booking/{before['bookingId']}/refund"
    after = ask("POST", path, json=body, headers=headers)
    if json:
        as_json(after)
        return
    out.print(booking_panel(after))
    say_next("why", after["bookingReference"])


def _money(text: str, currency: str) -> Money:
    """Return an amount in whole units as money; what is finer than the currency is refused."""
    try:
        return Money.from_decimal(text, currency)
    except ValueError as error:
        give_up(str(error), code=Code.USAGE)
