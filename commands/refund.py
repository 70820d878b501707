"""``tripsaga refund``: give back more than the terms ask for."""

import shlex
import uuid
from typing import Annotated, Any

import typer
from rich.markup import escape

from commands.account import booking_panel
from commands.asking import (
    Booking,
    Yes,
    agree,
    ask,
    component_of,
    give_up_unsettled,
    say_next,
)
from commands.options import AsJson
from commands.output import Code, as_json, err, give_up, out
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
    """Refund an amount out of goodwill; what stands of the trip is not touched.

    Ends with 1 when it is granted and the gateway has not paid it.
    """
    before = ask("GET", f"/booking/{booking}")
    payment = before["payment"]
    currency = payment["currency"]
    money = _money(amount, currency)
    taken = Money(amount=_sum(before, "captured") - _sum(before, "refunded"), currency=currency)
    if key is None and money.amount > taken.amount:
        give_up(f"no more than {taken.format()} is left of what was paid", code=Code.REFUSED)
    if not json:
        reference = before["bookingReference"]
        out.print(f"{money.format()} of {taken.format()} paid for {escape(reference)} go back.")
        agree("Give it back?", yes=yes)
    body: dict[str, Any] = {"amount": money.amount, "currency": currency, "reason": reason}
    if component is not None:
        body["componentId"] = component_of(before, component)
    key = key or str(uuid.uuid4())
    err.print(f"[dim]key:[/] {escape(key)}", soft_wrap=True)
    path = f"/booking/{before['bookingId']}/refund"
    again = f"the same again with --key {shlex.quote(key)}: it is given once"
    after = ask("POST", path, json=body, headers={"Idempotency-Key": key}, again=again)
    if json:
        as_json(after)
    else:
        out.print(booking_panel(after))
        say_next("why", after["bookingReference"])
    unpaid = [one for one in after["cases"] if one["componentId"] is None]
    if unpaid and _sum(after, "refunded") < _sum(before, "refunded") + money.amount:
        give_up_unsettled(f"{money.format()} is granted and not paid yet", after, unpaid[0])


def _sum(booking: dict[str, Any], what: str) -> int:
    """Return what all payments of a booking come to, in minor units."""
    payment = booking["payment"]
    return sum(one[what] for one in (payment, *payment["supplements"]))


def _money(text: str, currency: str) -> Money:
    """Return an amount in whole units as money; what is finer than the currency is refused."""
    try:
        return Money.from_decimal(text, currency)
    except ValueError as error:
        give_up(str(error), code=Code.USAGE)
