"""``tripsaga cases``: what an operator must settle, and settling it, through the operators' API."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out

app = typer.Typer(add_completion=False, help="List what an operator must settle; settle it.")

Number = Annotated[int, typer.Argument(help="The case's number.", min=1)]


class Decision(StrEnum):
    """What an operator may decide."""

    RETRY = "retry"
    RESOLVED = "resolved"


Decided = Annotated[Decision, typer.Argument(help="Try once more, or settled elsewhere.")]
Note = Annotated[str, typer.Argument(help="What was found or done; kept with the case.")]
SupplierId = Annotated[str | None, typer.Option(help="With retry: the reservation found by hand.")]
PaidByHand = Annotated[
    bool, typer.Option("--paid-by-hand", help="What is owed has been paid out otherwise.")
]


@app.callback(invoke_without_command=True)
def cases(
    context: typer.Context,
    *,
    settled: Annotated[bool, typer.Option("--settled", help="Those that are settled.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=100)] = 20,
    json: AsJson = False,
) -> None:
    """List open cases, newest first."""
    if context.invoked_subcommand is not None:
        return
    query = {"open": "false" if settled else "true", "limit": str(limit)}
    page = ask("GET", "/operator/cases", params=query)
    found = page["cases"]
    if json:
        as_json(found)
        return
    if not found:
        out.print("Nothing is settled yet." if settled else "[green]✓[/] no case is open")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "Kind", "Opened", "What"):
        table.add_column(heading)
    for case in found:
        opened = case["openedAt"][:16].replace("T", " ")
        table.add_row(str(case["id"]), case["kind"], opened, escape(case["summary"]))
    out.print(table)
    if "next" in page:
        out.print(f"[dim]there are more than {limit}[/]")
    say_next("cases", "show", str(found[0]["id"]))


@app.command()
def show(number: Number, *, json: AsJson = False) -> None:
    """Show a case with its details."""
    _show(ask("GET", f"/operator/cases/{number}"), json=json)


@app.command()
def settle(
    number: Number,
    note: Annotated[str, typer.Argument(help="What was done; kept with the case.")],
    *,
    json: AsJson = False,
) -> None:
    """Say how a case was settled. One that a workflow left open is decided with ``decide``."""
    _show(ask("POST", f"/operator/cases/{number}/resolve", json={"note": note}), json=json)


@app.command()
def decide(
    number: Number,
    decision: Decided,
    note: Note,
    *,
    supplier_id: SupplierId = None,
    paid_by_hand: PaidByHand = False,
    json: AsJson = False,
) -> None:
    """Decide a case that a workflow left open; the booking's workflow carries it out."""
    case = ask("GET", f"/operator/cases/{number}")
    if "bookingId" not in case:
        give_up(
            f"case {number} is about no booking: settle it with `tripsaga cases settle`",
            code=Code.REFUSED,
        )
    send_decision(case["bookingId"], number, decision, note, supplier_id, paid_by_hand=paid_by_hand)
    _show(ask("GET", f"/operator/cases/{number}"), json=json)


def send_decision(
    booking_id: str,
    number: int,
    decision: Decision,
    note: str,
    supplier_id: str | None,
    *,
    paid_by_hand: bool,
) -> dict[str, Any]:
    """Decide a case of a booking; returns the API's answer."""
    body: dict[str, Any] = {"caseId": number, "decision": decision, "note": note}
    if supplier_id is not None:
        body["supplierId"] = supplier_id
    if paid_by_hand:
        body["paidByHand"] = True
    return ask("POST", f"/booking/{booking_id}/resolve", json=body)


def _show(case: dict[str, Any], *, json: bool) -> None:
    if json:
        as_json(case)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in case.items():
        if name not in ("details", "decisions"):
            table.add_row(f"[dim]{name}[/]", escape(str(value)))
    for name, value in case["details"].items():
        table.add_row(f"[dim]  {name}[/]", escape(str(value)))
    for one in case.get("decisions", []):
        came_of_it = one.get("problem") or ("settled" if "endedAt" in one else "under way")
        text = f"{one['who']}: {one['decision']}, {one['note']} → {came_of_it}"
        table.add_row(f"[dim]{one['at'][:16].replace('T', ' ')}[/]", escape(text))
    out.print(table)
    if "bookingId" in case:
        say_next("why", case["bookingId"])
