"""How the ledger is shown to people, and to scripts."""

import datetime as dt
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.table import Table

from commands.output import out
from models.ledger.checking import Findings
from models.ledger.commission import CommissionRule
from models.ledger.reports import Balance, Statement
from models.money import Money

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


def statement_table(found: Statement) -> Table:
    """Return the entries of a booking, a row for each line."""
    table = _table("When", "What", "Account", right=("Debit", "Credit", "Owed to traveller"))
    for one in found.entries:
        entry = one.sealed.entry
        for number, line in enumerate(entry.lines):
            last = number == len(entry.lines) - 1
            place = f"{line.place.account} {line.place.owner}".strip()
            money = _money(line.amount, line.currency)
            table.add_row(
                _clock(one.sealed.created_at) if number == 0 else "",
                escape(entry.description) if number == 0 else "",
                escape(place),
                money if line.signed > 0 else "",
                money if line.signed < 0 else "",
                _money(one.traveler, found.currency) if last else "",
                end_section=last,
            )
    return table


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
