"""``tripsaga resolve``: decide the case of a booking."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from commands.account import booking_panel
from commands.asking import Booking, Yes, agree, ask, say_next
from commands.cases import Decided, Note, PaidByHand, SupplierId, send_decision
from commands.options import AsJson
from commands.output import Code, as_json, give_up, one_line, out


def resolve(
    booking: Booking,
    decision: Decided,
    note: Note,
    *,
    case: Annotated[
        int | None, typer.Option(min=1, help="Which case, where several are open.")
    ] = None,
    supplier_id: SupplierId = None,
    paid_by_hand: PaidByHand = False,
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
        out.print(f"Case {number}: {escape(one_line(about['summary']))}", soft_wrap=True)
        agree(f"{decision}, with this note?", yes=yes)
    answer = send_decision(
        before["bookingId"], number, decision, note, supplier_id, paid_by_hand=paid_by_hand
    )
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
