"""``tripsaga ledger``: what the books say, whether they are right, and what the company earns."""

import datetime as dt
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from commands import ledger_tables
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from commands.record import read, work_on, write
from models.core.supply import HOUSE
from models.ledger import add_rule
from models.ledger.catching_up import catch_up as write_missing
from models.ledger.checking import check as check_ledger
from models.ledger.commission import CommissionRule
from models.ledger.errors import RuleRefused
from models.ledger.reading import load_rules
from models.ledger.reports import balances as ledger_balances
from models.ledger.reports import statement as ledger_statement
from models.suppliers.listings import BY_NAME as SUPPLIERS

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Balances, statements, checks and commission."
)

_MOMENT = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@app.command()
def balances(
    *,
    at: Annotated[
        dt.datetime | None,
        typer.Option(formats=_MOMENT, help="As of this moment (UTC)."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show what stands on every account."""
    moment = _utc(at)
    found = read(lambda session: ledger_balances(session, moment))
    if json:
        as_json([asdict(one) | {"balance": one.balance} for one in found])
        return
    if not found:
        out.print("Nothing is in the ledger yet: no money has been taken.")
        return
    out.print(ledger_tables.balances_table(found))


@app.command()
def statement(
    booking: Annotated[str, typer.Argument(help="The booking's id or reference.")],
    *,
    json: AsJson = False,
) -> None:
    """Show every entry of a booking, and what the traveller is owed after each."""
    found = read(lambda session: ledger_statement(session, booking))
    if found is None:
        give_up(f"there is no booking {booking!r}", code=Code.REFUSED)
    if json:
        as_json(ledger_tables.statement_json(found))
        return
    out.print(f"[bold]{found.reference}[/]  {found.state}  [dim]{found.booking_id}[/]")
    if not found.entries:
        out.print("No money has been taken for this booking.")
        return
    out.print(ledger_tables.statement_view(found))


@app.command()
def check(
    *,
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=_MOMENT, help="Only bookings changed since then (UTC)."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Verify sums, hash chains, sources and cash; ends with 1 when something is wrong."""
    start = _utc(since)
    found = read(lambda session: check_ledger(session, start))
    if json:
        as_json(asdict(found) | {"ok": not found.violations})
    else:
        ledger_tables.show_findings(found)
    if found.violations:
        raise typer.Exit(Code.BAD)


@app.command()
def commission(
    supplier: Annotated[
        str | None,
        typer.Argument(
            help=f"Whose sales: a supplier, or `{ledger_tables.FOR_ALL}`. Nothing: list the rules."
        ),
    ] = None,
    rate: Annotated[str | None, typer.Argument(help="The share of the price: `15%`.")] = None,
    *,
    provider: Annotated[
        str | None, typer.Option(help="Only this airline, hotel or operator at the supplier.")
    ] = None,
    valid_from: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=_MOMENT, help="From when (UTC); now."),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the commission rules, or set one for sales to come."""
    if supplier is None:
        if provider or valid_from:
            give_up("a rule needs a supplier and a rate", code=Code.USAGE)
        _list_rules(read(load_rules), json=json)
        return
    if supplier not in {ledger_tables.FOR_ALL, HOUSE, *SUPPLIERS}:
        known = ", ".join([*sorted(SUPPLIERS), HOUSE, ledger_tables.FOR_ALL])
        give_up(f"there is no supplier {supplier!r}", mend=f"one of {known}", code=Code.USAGE)
    if rate is None:
        give_up("which rate?", mend=f"tripsaga ledger commission {supplier} 15%", code=Code.USAGE)
    share = _basis_points(rate)

    async def add(session: AsyncSession) -> tuple[CommissionRule, bool]:
        return await add_rule(
            session,
            supplier=None if supplier == ledger_tables.FOR_ALL else supplier,
            provider=provider,
            basis_points=share,
            valid_from=_utc(valid_from),
            who="command line",
        )

    try:
        rule, is_new = write(add)
    except RuleRefused as error:
        give_up(str(error), code=Code.USAGE)
    if json:
        as_json(asdict(rule) | {"new": is_new})
        return
    mark = "[bold green]✓[/]" if is_new else "[dim]=[/] already so:"
    out.print(f"{mark} {ledger_tables.rule_line(rule)}")


def _list_rules(rules: list[CommissionRule], *, json: bool) -> None:
    if json:
        as_json([asdict(rule) for rule in rules])
    elif rules:
        out.print(ledger_tables.rules_table(rules))
    else:
        out.print("No commission is taken: [bold]tripsaga ledger commission booking_com 15%[/]")


@app.command(name="catch-up")
def catch_up(*, json: AsJson = False) -> None:
    """Write the entries of bookings that were paid before there was a ledger.

    `tripsaga migrate` does it, too, when it brings the database up to date.
    """
    count = write_missing_entries()
    if json:
        as_json({"bookings": count})
    else:
        out.print(f"[green]✓[/] taken in: {count}" if count else "No booking is behind.")


def write_missing_entries() -> int:
    """Have every paid booking in the ledger; return how many were not. Faults end the command."""
    return work_on(write_missing)


def _basis_points(rate: str) -> int:
    """Read ``15%`` or ``12.25%``; what it cannot be ends the command."""
    try:
        points = Decimal(rate.strip().removesuffix("%")) * 100
    except InvalidOperation:
        points = Decimal("NaN")
    if not points.is_finite() or points != points.to_integral_value() or not 0 <= points <= 10_000:
        give_up(f"{rate!r} is not a rate", mend="0% to 100%, at most two decimals", code=Code.USAGE)
    return int(points)


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.replace(tzinfo=dt.UTC)
