"""``tripsaga reconcile``: have the money looked at, and show what record and gateway have."""

import asyncio
import datetime as dt
import uuid
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from commands import schedules
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from commands.record import read
from commands.target import find_target
from models.core.money import Money
from models.operations.messages import WatchRequest, WatchSummary
from models.payments.day_report import DayReport
from models.payments.reconciliations import load_reports
from settings import Settings
from temporal import connect
from workflows.operations.watch_money import WatchMoney

WAIT_SECONDS = 600


def reconcile(
    *,
    day: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Which UTC day; the newest one reported."),
    ] = None,
    now: Annotated[
        bool,
        typer.Option("--now", help="Make a full round first, and the day's report anew."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Show a day's payments in the record, at the gateway and in the ledger.

    A day without a report gets one. Ends with 1 when record, gateway and ledger differ.
    """
    settings = find_target().settings
    chosen = day.date() if day else None
    today = dt.datetime.now(dt.UTC).date()
    if chosen and chosen > today:
        give_up(f"{chosen} is still to come", code=Code.USAGE)
    summary = None
    if now:
        summary = _round(settings, WatchRequest(full=True, day=chosen or today))
        chosen = chosen or today
    reports = _reports(chosen)
    if not reports and chosen:
        summary = _round(settings, WatchRequest(day=chosen))
        reports = _reports(chosen)
    if json:
        shown = [report.model_dump(mode="json") for report in reports]
        as_json({"reports": shown, "round": summary.model_dump(mode="json") if summary else None})
    else:
        if summary:
            _show_round(summary)
        if not reports:
            out.print("No day has been reconciled yet: [bold]tripsaga reconcile --now[/]")
        for report in reports:
            _show(report)
    if any(report.differences for report in reports):
        raise typer.Exit(Code.BAD)


def _round(settings: Settings, request: WatchRequest) -> WatchSummary:
    async def make() -> WatchSummary:
        client = await connect(settings)
        found: WatchSummary = await asyncio.wait_for(
            client.execute_workflow(
                WatchMoney.run,
                request,
                id=f"{schedules.watch_id(settings)}-{uuid.uuid4()}",
                task_queue=settings.task_queue,
                static_summary="Asked for by tripsaga reconcile",
            ),
            WAIT_SECONDS,
        )
        return found

    try:
        return asyncio.run(make())
    except WorkflowFailureError as error:
        give_up(
            f"the round could not be made whole: {error.cause}",
            code=Code.AWAY,
            mend="`tripsaga doctor`",
        )
    except TimeoutError:
        give_up(
            "the round does not end",
            code=Code.AWAY,
            mend="is a worker running? `tripsaga doctor` tells",
        )
    except (RuntimeError, RPCError) as error:
        give_up(
            f"Temporal refuses: {error}", code=Code.AWAY, mend="`tripsaga doctor` finds out why"
        )


def _reports(day: dt.date | None) -> list[DayReport]:
    limit = 1 if day is None else 10
    return read(lambda session: load_reports(session, day=day, limit=limit))


def _show_round(summary: WatchSummary) -> None:
    found, checked = summary.reconciled, summary.checked
    if found:
        out.print(
            f"{found.listed} payments listed, {found.looked} looked at: {found.differing} differed,"
            f" {found.repaired} repaired, {len(found.unsettled)} under way or with an operator"
        )
    if checked:
        broken = [f"{name} {number} ×" for name, number in checked.violations.items() if number]
        out.print(f"invariants broken: {', '.join(broken) if broken else 'none'}")
    out.print()


def _show(report: DayReport) -> None:
    out.print(
        f"[bold]{report.day}[/] at {report.gateway}"
        f"  [dim]as of {report.run_at:%Y-%m-%d %H:%M:%S} UTC[/]"
    )
    if not report.currencies:
        out.print("No payments were made on this day.\n")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("Captured", "Refunded", "Disputed", "Left"):
        table.add_column(heading, justify="right")
    for currency, figures in sorted(report.currencies.items()):
        for name in ("recorded", "gateway", "foreign"):
            sums = getattr(figures, name)
            if name == "foreign" and not sums.captured:
                continue
            amounts = (sums.captured, sums.refunded, sums.disputed, sums.net)
            table.add_row(f"{currency} {name}", *(_amount(one, currency) for one in amounts))
        table.add_row(f"{currency} ledger", "", "", "", _amount(figures.ledger, currency))
    out.print(table)
    if not report.differences:
        out.print("[green]✓[/] record, gateway and ledger agree\n")
        return
    out.print(f"[bold red]✗[/] {len(report.differences)} differences")
    for one in report.differences:
        where = one.booking_id or "no booking"
        out.print(f"  {one.payment_id} ({where}): {escape(one.what)}", soft_wrap=True)


def _amount(amount: int, currency: str) -> str:
    written = str(Money(amount=abs(amount), currency=currency)).rpartition(" ")[0]
    return f"−{written}" if amount < 0 else written
