"""``tripsaga resolve``: decide the case of a booking."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from commands.account import booking_panel
from commands.asking import Booking, Yes, agree, ask, say_next
from commands.cases import Decision
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out


def resolve(
    booking: Booking,
    decision: Annotated[Decision, typer.Argument(help="Try once more, or settled elsewhere.")],
    note: Annotated[str, typer.Argument(help="What was found or done; kept with the case.")],
    *,
    case: Annotated[
        int | None, typer.Option(min=1, help="Which case, where several are open.")
    ] = None,
    supplier_id: Annotated[
        str | None, typer.Option(help="With retry: the reservation found by hand.")
    ] = None,
    paid_by_hand: Annotated[
        bool, typer.Option("--paid-by-hand", help="What is owed has been paid out otherwise.")
    ] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Decide an open case of a booking; its workflow carries the decision out."""
    if not note.strip():
        give_up("a decision needs a note: what was found or done", code=Code.USAGE)
    before = ask("GET", f"/booking/{booking}")
    number = _case(before, case)
    if not json:
        about = ask("GET", f"/operator/cases/{number}")
        out.print(f"Case {number}: {escape(about['summary'])}", soft_wrap=True)
        agree(f"{decision}, with this note?", yes=yes)
    body: dict[str, Any] = {"caseId": number, "decision": decision, "note": note}
    if supplier_id is not None:
        body["supplierId"] = supplier_id
    if paid_by_hand:
        body["paidByHand"] = True
    answer = ask("POST", f"/booking/{before['bookingId']}/resolve", json=body)
    after = ask("GET", f"/booking/{before['bookingId']}")
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(after))
        say_next("why", after["bookingReference"])
    if any(one["caseId"] == number for one in after["cases"]):
        give_up(
            f"case {number} is still open",
            code=Code.BAD,
            mend=f"`tripsaga cases show {number}` says why",
        )


def _case(booking: dict[str, Any], number: int | None) -> int:
    """Return the number of the case that is meant; the command ends unless it is just one."""
    cases = booking["cases"]
    reference = booking["bookingReference"]
    if not cases:
        give_up(f"no case of {reference} is open", code=Code.REFUSED)
    meant = [one["caseId"] for one in cases if number in (None, one["caseId"])]
    if len(meant) != 1:
        numbers = ", ".join(str(one["caseId"]) for one in cases)
        give_up(
            f"open cases of {reference}: {numbers}", mend="name one with --case", code=Code.USAGE
        )
    return int(meant[0])
