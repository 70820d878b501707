"""How ``tripsaga cancel --dry-run`` shows what cancelling would keep and give back."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from commands.account import part_of
from models.core.money import Money


def cancel_quote_panel(quoted: dict[str, Any]) -> RenderableType:
    """Return what ``POST /booking/cancel?dryRun=true`` answers, for people."""
    total = quoted["total"]
    currency = total["currency"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    table.add_column("", footer="[bold]in all[/]")
    table.add_column("What", overflow="fold")
    for heading, field in (("Price", "price"), ("Kept", "kept"), ("Given back", "refund")):
        footer = f"[bold]{_money(total[field], currency)}[/]"
        table.add_column(heading, justify="right", footer=footer, no_wrap=True)
    said: list[RenderableType] = []
    for line in quoted["components"]:
        table.add_row(
            part_of(line["type"]),
            escape(line["title"]),
            *(_money(line[field], currency) for field in ("price", "kept", "refund")),
        )
        until = line["validUntil"] and f"until {line['validUntil'][:16].replace('T', ' ')} UTC"
        words = [word for word in (until, _says(line["supplierSays"])) if word]
        if words:
            said.append(Text(f"{line['title']}: {'; '.join(words)}", style="dim"))
    parts: list[RenderableType] = [table, *said, Text("")] if quoted["components"] else []
    if quoted["operatorNeeded"]:
        parts.append(Text("! a person would have to settle a part of it", style="red"))
    parts.append(Text(quoted["money"], style="bold"))
    title = f"[bold]{escape(quoted['bookingReference'])}[/]  nothing is cancelled"
    return Panel(Group(*parts), title=title, border_style="blue", padding=(1, 2), expand=False)


def _says(says: dict[str, Any] | None) -> str:
    if says is None:
        return ""
    if not says["cancellable"]:
        return f"the supplier says: {says['reason'] or 'not cancellable'}"
    if says["fee"] is None:
        return "the supplier names no fee"
    differs = "" if says["agrees"] is not False else ", not as agreed"
    return f"the supplier keeps {_money(says['fee'], says['currency'])}{differs}"


def _money(amount: int, currency: str) -> str:
    return Money(amount=amount, currency=currency).format()
