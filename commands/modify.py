"""``tripsaga modify``: change a booking that stands, after showing what it costs."""

import json as jsonlib
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from commands.account import booking_panel, to_pay_there
from commands.asking import Booking, Yes, agree, ask, component_of, say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from models.core.money import Money


def modify(
    booking: Booking,
    *,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A component that goes: number or id; may be repeated."),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A file with `changes` as JSON: drop, swap, add, travelers.",
        ),
    ] = None,
    card: Annotated[str | None, typer.Option(help="What pays a difference.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it costs.")] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Swap, drop or add components: show what the change costs, ask, and have it made."""
    if drop:
        stands = ask("GET", f"/booking/{booking}")
        drop = [component_of(stands, one) for one in drop]
    body: dict[str, Any] = {"changes": _changes(drop, changes)}
    if card is not None:
        body["paymentInfo"] = {"paymentMethodId": card}
    path = f"/booking/{booking}/modify"
    quoted = ask("POST", path, params={"dryRun": "true"}, json=body)
    if dry_run and json:
        as_json(quoted)
        return
    if not json:
        _show(quoted)
        if dry_run:
            return
        agree("Change the booking?", yes=yes)
    body["acceptedTotal"] = quoted["quote"]["newTotal"]
    answer = ask("POST", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    if json:
        as_json(answer)
    else:
        out.print(booking_panel(ask("GET", f"/booking/{answer['bookingId']}")))
        out.print(escape(answer["money"]))
        say_next("why", answer["bookingReference"])
    if not answer["success"]:
        raise typer.Exit(1)


def _changes(drop: list[str] | None, file: Path | None) -> dict[str, Any]:
    found: Any = {}
    if file is not None:
        try:
            found = jsonlib.loads(file.read_text())
        except ValueError as error:
            give_up(f"{file} is not JSON: {error}", code=Code.USAGE)
        if not isinstance(found, dict):
            give_up(f"{file} is no JSON object", code=Code.USAGE)
    if drop:
        found = {**found, "drop": [*found.get("drop", []), *drop]}
    if not found:
        give_up("nothing is to be changed", mend="say --drop or --changes", code=Code.USAGE)
    return dict(found)


def _show(quoted: dict[str, Any]) -> None:
    figures = quoted["quote"]
    currency = figures["currency"]
    table = Table(box=None, pad_edge=False)
    for heading in ("", "What", "Price", "Fee"):
        table.add_column(heading, justify="right" if heading in ("Price", "Fee") else "left")
    for line in figures["components"]:
        table.add_row(
            line["part"].lower(),
            escape(line["title"]),
            Money(amount=line["price"], currency=currency).format(),
            Money(amount=line["fee"], currency=currency).format(),
        )
        for due, amount in to_pay_there(line):
            table.add_row("", due, amount, "", style="dim")
    out.print(table)
    out.print(escape(quoted["money"]))
