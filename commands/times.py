"""``tripsaga times``: whether reservations are when their guests think they are."""

import uuid
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from commands.asking import try_asking
from commands.options import AsJson
from commands.output import Code, as_json, one_line, out
from commands.record import read
from commands.reserving import PATH
from models.reservations.drift import Drifted, find_drifted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Whether reservations are when their guests think they are.",
)


@app.callback()
def times() -> None:
    """Whether reservations are when their guests think they are."""


@app.command()
def check(
    *,
    zone: Annotated[
        str | None, typer.Option(help="Only in this time zone, such as Europe/Berlin.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Move each to the moment its clock will show.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Find reservations to come whose country has changed its time since they were made.

    They are held against the time zones installed here. Repairing is a change like any other: the
    inventory is asked, the version grows, and an event tells of it. Ends with 1 when some are left.
    """

    async def drifted(session: AsyncSession) -> list[Drifted]:
        return [one async for one in find_drifted(session, zone)]

    found = read(drifted)
    told = [_repaired(one) if repair else "" for one in found]
    left = [one for one, result in zip(found, told, strict=True) if result != "moved"]
    if json:
        shown: list[dict[str, Any]] = []
        for one, result in zip(found, told, strict=True):
            shown.append({**asdict(one), "result": result or None})
        as_json({"drifted": shown, "left": len(left)})
    elif found:
        out.print(_table(found, told))
        if not repair:
            out.print("`tripsaga times check --repair` moves them", style="dim")
    else:
        out.print("[green]✓[/] every reservation to come is when its venue's clock will say")
    if left:
        raise typer.Exit(Code.BAD)


def _repaired(one: Drifted) -> str:
    """Move a reservation to its local time's moment; returns "moved", or why it was not."""
    if one.to_be is None:
        return "the clock will skip this time: agree on another one with the guest"
    body = {
        "expected_version": one.version,
        "date": one.local.date().isoformat(),
        "time": f"{one.local:%H:%M}",
    }
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=60"}
    return try_asking("PUT", f"{PATH}/{one.id}", json=body, headers=headers) or "moved"


def _table(found: list[Drifted], told: list[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Reservation", "Venue", "At the venue", "On record (UTC)", "To be", ""):
        table.add_column(heading)
    for one, result in zip(found, told, strict=True):
        table.add_row(
            one.reference,
            one_line(one.venue),
            f"{one.local:%Y-%m-%d %H:%M} {one.time_zone}",
            f"{one.starts_at:%Y-%m-%d %H:%M}",
            f"{one.to_be:%Y-%m-%d %H:%M}" if one.to_be else "never",
            result,
        )
    return table
