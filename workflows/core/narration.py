"""What people read of a running booking: Markdown in the Temporal Web UI, no personal data."""

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.lifecycle import ItemStatus, SagaState
from models.core.money import Money
from models.suppliers.listings import title_of

_MARKS = {
    ItemStatus.PENDING: "…",
    ItemStatus.CONFIRMED: "✓",
    ItemStatus.CANCELLED: "↩",
    ItemStatus.FAILED: "✗",
}


def describe(booking: Booking) -> str:
    """Return the booking as Markdown: state, items, money, and what is unsettled."""
    lines = [f"**{booking.reference}** is **{booking.state}**", ""]
    for case in booking.cases:
        lines += [f"**Needs attention:** {case.summary}", ""]
    if booking.problem:
        lines += [f"**{booking.problem.code}** at {booking.problem.step}", ""]
    lines += [
        "| | item | supplier | price | now | code |",
        "|---|---|---|---:|---|---|",
        *(_row(item) for item in booking.items),
        "",
        _payment(booking),
    ]
    lines += [f"- ⚠ {warning}" for warning in booking.warnings]
    return "\n".join(lines)


def supplier_name(item: Item) -> str:
    """Return what people call the supplier of an item."""
    return title_of(item.supplier)


def _row(item: Item) -> str:
    code = item.reservation.confirmation_code if item.reservation else ""
    price = Money(amount=item.price, currency=item.currency)
    own = f" ({item.supplier_price})" if item.supplier_price else ""
    state = item.saga_state if item.saga_state is not SagaState.BOOKED else item.status
    return (
        f"| {_MARKS[item.status]} | {item.title or item.type} | {supplier_name(item)}"
        f" | {price}{own} | {state} | {code} |"
    )


def _money(amount: int, booking: Booking) -> str:
    return str(Money(amount=amount, currency=booking.currency))


def _payment(booking: Booking) -> str:
    return "\n\n".join(_paid(payment, booking) for payment in booking.payments)


def _paid(payment: PaymentView, booking: Booking) -> str:
    return (
        f"Payment `{payment.id or '–'}` is **{payment.status}**:"
        f" authorised {_money(payment.authorised, booking)},"
        f" captured {_money(payment.captured, booking)},"
        f" refunded {_money(payment.refunded, booking)}"
    )
