"""How bookings are shown to people: each step, the confirmation codes, the money."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from commands.asking import case_told
from commands.output import one_line, out
from commands.trips import Account
from models.core.money import Money

_LOOK = {
    "started": ("…", "cyan"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "undone": ("↩", "yellow"),
    "dropped": ("−", "yellow"),
    "stuck": ("!", "red"),
    "unanswered": ("?", "yellow"),
    "found": ("✓", "green"),
    "again": ("↻", "cyan"),
    "waiting": ("…", "yellow"),
    "held": ("✓", "cyan"),
    "fee": ("i", "yellow"),
    "CONFIRMED": ("✓", "bold green"),
    "FAILED": ("✗", "bold red"),
    "CANCELLED": ("↩", "bold yellow"),
    "EXPIRED": ("↩", "bold yellow"),
    "NEEDS_ATTENTION": ("!", "bold red"),
}
STATE_LOOK = {
    "CONFIRMED": "green",
    "CHECKED_IN": "green",
    "COMPLETED": "green",
    "FAILED": "red",
    "NEEDS_ATTENTION": "red",
    "CANCELLED": "yellow",
    "EXPIRED": "yellow",
    "NO_SHOW": "yellow",
    "PAYMENT_PENDING": "yellow",
}


def look_of(status: str) -> tuple[str, str]:
    """Return the mark of a step's status, and its style."""
    return _LOOK.get(status, ("·", "dim"))


def part_of(name: str) -> str:
    """Return a part of a booking, or its step, as people read it."""
    return {"venue_slot": "place"}.get(name.lower(), name.lower() if name.isupper() else name)


def say_step(
    seconds: float, status: str, what: str, text: str, *, style: str = "", width: int = 10
) -> None:
    """Print a step: when, how it ended, at what, and what there is to say of it.

    On a terminal what does not fit goes on below itself; elsewhere a step is a line.
    """
    mark, look = look_of(status)
    head = Text.assemble(
        (f"{seconds:8.2f} s  ", "dim"),
        (f"{mark} ", look),
        (f"{part_of(what):<{width}}", style or "bold"),
    )
    told = Text(one_line(text), style=style)
    if not out.is_terminal:
        out.print(head + told, soft_wrap=True)
        return
    line = Table.grid()
    line.add_column(no_wrap=True)
    line.add_row(head, told)
    out.print(line)


def account_panel(account: Account) -> RenderableType:
    """Return the account of a booking: what was got, what was paid, what to know."""
    answer = account.answer
    style = STATE_LOOK.get(account.state, "blue")
    title = f"[bold]{answer.get('bookingReference') or 'booking'}[/]  {account.state}"
    parts: list[RenderableType] = []
    if account.confirmed:
        parts.append(_confirmations(account))
    else:
        parts.append(_what_failed(answer))
    payment = answer.get("payment") or {}
    if payment.get("paymentIntentId"):
        parts.append(Text(f"\nPayment {payment['paymentIntentId']}", style="dim"))
    warnings = answer.get("warnings") or []
    parts += [Text(f"⚠ {one_line(warning)}", style="yellow") for warning in warnings]
    return Panel(
        Group(*parts),
        title=title,
        subtitle=f"{account.seconds:.2f} s",
        border_style=style,
        box=box.ROUNDED,
        padding=(1, 2),
        expand=False,
    )


def _confirmations(account: Account) -> Table:
    """Return what was booked: what, at whom, code, price; and the sum that was paid."""
    found = account.answer.get("confirmations") or {}
    kinds = (("flight", "flights"), ("hotel", "hotels"), ("activity", "activities"))
    booked = [(kind, item) for kind, name in kinds for item in found.get(name) or []]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    payment = account.answer.get("payment") or {}
    table.add_column("", style="dim")
    table.add_column("Booked", overflow="fold", footer="[bold]paid[/]")
    table.add_column("Confirmation", style="bold cyan", no_wrap=True)
    table.add_column(
        "Price", justify="right", no_wrap=True, footer=f"[bold]{escape(_money(payment))}[/]"
    )
    titles = _titles(account.trip)
    for kind, item in booked:
        name = _name(kind, item, titles)
        code = item.get("pnr") or item.get("confirmationCode") or ""
        price = _money(item, "totalPrice")
        table.add_row(kind, escape(name), escape(str(code)), escape(price))
        for due, amount in to_pay_there(item):
            table.add_row("", due, "", amount, style="dim")
    return table


def to_pay_there(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what the hotel takes itself, and how much, as markup."""
    for due in item.get("payAtProperty") or []:
        when = "if due, to pay there" if due.get("conditional") else "to pay there"
        amount = _money(due) if due.get("amount") is not None else "not said"
        yield escape(f"  {when}: {due.get('name')}"), escape(amount)


def _name(kind: str, item: dict[str, Any], titles: dict[str, list[str]]) -> str:
    for field in ("name", "hotelName"):
        if item.get(field):
            return str(item[field])
    # The answer has no title for a flight; the trip that was asked for has.
    remembered = titles.get(kind.upper()) or []
    return remembered.pop(0) if remembered else str(item.get("provider") or kind)


def _titles(trip: dict[str, Any]) -> dict[str, list[str]]:
    titles: dict[str, list[str]] = {}
    for component in trip.get("components") or []:
        title = component.get("title")
        if title:
            titles.setdefault(str(component.get("type")), []).append(str(title))
    return titles


def _what_failed(answer: dict[str, Any]) -> RenderableType:
    """Return what the answer tells the traveller about a booking that is not confirmed."""
    error = answer.get("error")
    if not isinstance(error, dict):
        message = Text(one_line(answer.get("message") or f"The booking is {answer.get('state')}."))
        return Group(message, *_proof(answer.get("payment") or {}))
    parts = [Text(one_line(error.get("message", "")), style="bold")]
    parts += [Text(one_line(text), style="dim") for text in for_operators(error)]
    parts.append(Text(""))
    parts += [
        Text.assemble(("↩ ", "yellow"), one_line(undone.get("message", "")))
        for undone in error.get("undone") or []
    ]
    parts += [
        Text.assemble(("→ ", "dim"), str(error[field]))
        for field in ("money", "nextStep")
        if error.get(field)
    ]
    where = f" at {part_of(error['failedStep'])}" if error.get("failedStep") else ""
    parts.append(Text(f"\n{error.get('code', '')}{where}", style="dim"))
    return Group(*parts)


def for_operators(error: dict[str, Any]) -> list[str]:
    """Return which part of the request an error is about, and the supplier's own words."""
    found = [str(error["field"])] if error.get("field") else []
    if error.get("supplierSaid"):
        code = f" ({error['supplierCode']})" if error.get("supplierCode") else ""
        found.append(f"the supplier said{code}: {error['supplierSaid']}")
    return found


def _proof(payment: dict[str, Any]) -> list[Text]:
    """Return where the traveller proves who they are, while their bank waits for it."""
    redirect = (payment.get("nextAction") or {}).get("redirect_to_url") or {}
    if not redirect.get("url"):
        return []
    until = f" until {_clock(payment['waitsUntil'])}" if payment.get("waitsUntil") else ""
    return [Text(f"\n→ approve it{until}: {redirect['url']}", style="cyan")]


def booking_panel(booking: dict[str, Any]) -> RenderableType:
    """Return a whole booking as ``GET /booking/{id}`` answers it."""
    state = str(booking.get("state", ""))
    parts: list[RenderableType] = []
    components = booking.get("components") or []
    if components:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        # What is copied or added up is never cut or folded, however narrow the terminal.
        table.add_column("#", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("What", overflow="fold")
        table.add_column("Status", no_wrap=True)
        table.add_column("Code", no_wrap=True)
        table.add_column("Price", justify="right", no_wrap=True)
        for number, item in enumerate(components, start=1):
            table.add_row(
                str(number),
                escape(part_of(str(item.get("type", "")))),
                f"{escape(str(item.get('title', '')))} [dim]{escape(str(item.get('supplier')))}[/]",
                escape(str(item.get("status", ""))),
                escape(str(item.get("pnr") or item.get("vendorConfirmation") or "–")),
                escape(_money(item)),
            )
        parts.append(table)
    payment = booking.get("payment") or {}
    if payment:
        intent = payment.get("paymentIntentId") or "none"
        parts.append(Text(f"\nPayment {intent}: {payment.get('status', '')}"))
        moved = [
            f"{name} {_money(payment, name)}"
            for name in ("authorised", "captured", "refunded")
            if payment.get(name)
        ]
        parts.append(Text("  " + ", ".join(moved or ["nothing taken"]), style="dim"))
    if isinstance(booking.get("error"), dict):
        parts += [Text(""), _what_failed(booking)]
    parts += _proof(payment)
    history = booking.get("history") or []
    if history:
        parts.append(Text("\nHistory", style="bold"))
    for entry in history:
        line = f"  {_clock(entry.get('at'))}  {entry.get('toState', ''):<16} {entry.get('why', '')}"
        parts.append(Text(one_line(line), style="dim"))
    warnings = booking.get("warnings") or []
    parts += [Text(f"⚠ {one_line(warning)}", style="yellow") for warning in warnings]
    parts += [
        Text(f"! {case_told(booking, case)}", style="red") for case in booking.get("cases") or []
    ]
    return Panel(
        Group(*parts),
        title=f"[bold]{escape(str(booking.get('bookingReference', '')))}[/]  {state}",
        border_style=STATE_LOOK.get(state, "blue"),
        padding=(1, 2),
        expand=False,
    )


def _money(holder: dict[str, Any], field: str = "amount") -> str:
    amount, currency = holder.get(field), holder.get("currency")
    if not isinstance(amount, int) or not currency:
        return ""
    return Money(amount=amount, currency=str(currency)).format()


def _clock(moment: object) -> str:
    return str(moment or "")[:19].replace("T", " ")
