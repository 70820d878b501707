"""The worked example of docs/ledger.md is what the code writes."""

from models.bookings.lifecycle import BookingState
from models.core.money import Money
from models.ledger.entries import Account, EntryType
from models.ledger.postings import TRAVELER
from tests.ledger.bookings import (
    TOUR,
    Journal,
    cancel,
    change,
    confirm,
    new_booking,
    refund,
    rule,
)
from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "ledger.md"
S = BookingState


def example() -> Journal:
    """A trip of 2,000.00; the tour is cancelled, its refund fails and is paid out by hand."""
    journal = Journal([rule(1000), rule(1500, "booking_com", number=2)])
    booking = confirm(new_booking())
    journal.post(booking)
    made = refund(cancel(booking, {3: 10_000}), TOUR - 10_000, "pending")
    journal.post(booking)
    change(booking, made, "failed")
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    booking.paid_by_hand = TOUR - 10_000
    booking.state = S.CONFIRMED
    journal.post(booking)
    return journal


def figure(amount: int) -> str:
    return str(Money(amount=amount, currency="USD")).removesuffix(" USD") if amount else ""


def table(journal: Journal) -> str:
    rows = ["| entry | account | debit | credit | owed to the traveller |", "|---|---|--:|--:|--:|"]
    owed = 0
    for entry in journal.entries:
        owed -= entry.moved(TRAVELER)
        for number, line in enumerate(entry.lines):
            last = number == len(entry.lines) - 1
            rows.append(
                f"| {'' if number else f'`{entry.type}`'}"
                f" | {line.place}"
                f" | {figure(line.amount) if line.signed > 0 else ''}"
                f" | {figure(line.amount) if line.signed < 0 else ''}"
                f" | {(figure(owed) or '0') if last else ''} |"
            )
    return "\n".join(rows).replace("|  |", "| |").replace("|  |", "| |")


def test_the_worked_example_is_what_the_code_writes() -> None:
    assert table(example()) in PAGE.read_text(), table(example())


def test_every_account_and_entry_is_explained() -> None:
    text = PAGE.read_text()
    missing = {f"`{name}`" for name in (*Account, *EntryType)} - set(_ticked(text))
    assert missing == set()


def _ticked(text: str) -> list[str]:
    return [f"`{part}`" for part in text.split("`")[1::2]]
