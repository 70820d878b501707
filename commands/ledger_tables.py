"""How the ledger is shown to people, and to scripts."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from commands.output import out
from models.core.money import Money
from models.ledger.checking import Findings
from models.ledger.commission import CommissionRule
from models.ledger.reports import Balance, Statement, StatementEntry

FOR_ALL = "default"
"""How the rule for all suppliers without a rule of their own is named."""


def balances_table(found: list[Balance]) -> Table:
    """Return the balance of every account, with its side: Dr for debit, Cr for credit."""
    table = _table("Account", "Owner", right=("Debited", "Credited", "Balance"))
    for one in found:
        table.add_row(
            one.account,
            escape(one.owner) or "–",
            _money(one.debited, one.currency),
            _money(one.credited, one.currency),
            _sided(one.balance, one.currency),
        )
    return table


def statement_view(found: Statement) -> RenderableType:
    """Return the entries of a booking: when and what, and under it a row for each line."""
    rows = [_statement_rows(one, found.currency) for one in found.entries]
    headings = ("", "Debit", "Credit", "Owed to them")
    columns = list(zip(headings, *(row for group in rows for row in group), strict=True))
    widths = [max(len(text) for text in column) for column in columns]
    parts: list[RenderableType] = [_aligned([headings], widths, style="bold")]
    for one, group in zip(found.entries, rows, strict=True):
        head = Text(f"{_clock(one.sealed.created_at)}  ", "dim", overflow="fold")
        head.append(one.sealed.entry.description, "not dim")
        parts += [head, _aligned(group, widths)]
    return Group(*parts)


def _statement_rows(one: StatementEntry, currency: str) -> list[tuple[str, str, str, str]]:
    lines = one.sealed.entry.lines
    rows = []
    for number, line in enumerate(lines, start=1):
        money = _money(line.amount, line.currency)
        debit, credit = (money, "") if line.signed > 0 else ("", money)
        owed = _money(one.traveler, currency) if number == len(lines) else ""
        rows.append((f"  {line.place}", debit, credit, owed))
    return rows


def _aligned(
    rows: Iterable[tuple[str, ...]], widths: list[int], style: StyleType = ""
) -> RenderableType:
    """Return rows whose columns stand under those of other tables of these widths."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for number, width in enumerate(widths):
        grid.add_column(width=width, no_wrap=True, justify="right" if number else "left")
    for row in rows:
        grid.add_row(*(escape(text) for text in row), style=style)
    return grid


def statement_json(found: Statement) -> dict[str, Any]:
    """Return a statement for a script; amounts in minor units."""
    return {
        "booking_id": found.booking_id,
        "reference": found.reference,
        "state": found.state,
        "currency": found.currency,
        "entries": [
            {
                "id": one.sealed.id,
                "type": one.sealed.entry.type,
                "source": one.sealed.entry.source,
                "description": one.sealed.entry.description,
                "created_at": one.sealed.created_at,
                "lines": [
                    {
                        "account": line.place.account,
                        "owner": line.place.owner,
                        "direction": line.direction,
                        "amount": line.amount,
                        "currency": line.currency,
                    }
                    for line in one.sealed.entry.lines
                ],
                "owed_to_traveler": one.traveler,
                "hash": one.sealed.hash,
            }
            for one in found.entries
        ],
    }


def show_findings(found: Findings) -> None:
    """Print what a check found."""
    for one in found.violations:
        where = f"  [dim]{one.booking_id}[/]" if one.booking_id else ""
        out.print(f"[bold red]✗[/] {one.kind}: {escape(one.message)}{where}", soft_wrap=True)
    if not found.violations:
        out.print(f"[bold green]✓[/] the ledger is right; {found.entries} entries verified")


def rules_table(rules: list[CommissionRule]) -> Table:
    """Return the rules: whose sales, from when, set by whom, which share."""
    table = _table("Whose sales", "From", "Set by", right=("Commission",))
    for rule in rules:
        table.add_row(
            escape(_whose(rule)),
            _clock(rule.valid_from),
            escape(rule.who),
            _percent(rule.basis_points),
        )
    return table


def rule_line(rule: CommissionRule) -> str:
    """Return one rule as a line."""
    return f"{escape(_whose(rule))}: {_percent(rule.basis_points)} from {_clock(rule.valid_from)}"


def _table(*left: str, right: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _money(amount: int, currency: str) -> str:
    # Sums have a sign and may be larger than any one payment, so they are not validated as one.
    return str(Money.model_construct(amount=amount, currency=currency))


def _sided(amount: int, currency: str) -> str:
    side = " Dr" if amount > 0 else " Cr" if amount < 0 else "   "
    return _money(abs(amount), currency) + side


def _whose(rule: CommissionRule) -> str:
    if rule.supplier is None:
        return FOR_ALL
    return f"{rule.supplier}, {rule.provider}" if rule.provider else rule.supplier


def _percent(basis_points: int) -> str:
    return f"{Decimal(basis_points).scaleb(-2).normalize():f}%"


def _clock(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
