"""Disputed money: away while it is open, then back or lost, however often it is decided."""

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.ledger.bookings import (
    TOTAL,
    Journal,
    confirm,
    dispute,
    new_booking,
)

S = BookingState


def kinds(journal: Journal) -> list[str]:
    return [entry.type for entry in journal.entries]


def confirmed(journal: Journal) -> Booking:
    booking = confirm(new_booking())
    journal.post(booking)
    return booking


def test_a_dispute_takes_the_money_away_until_it_is_decided() -> None:
    journal = Journal()
    booking = confirmed(journal)
    ident = dispute(booking, 50_000, "open")
    journal.post(booking)
    assert journal.totals()["GATEWAY stripe"] == TOTAL - 50_000
    assert journal.totals()["SUSPENSE disputes"] == 50_000
    dispute(booking, 50_000, "won", ident)
    journal.post(booking)
    assert journal.totals()["GATEWAY stripe"] == TOTAL
    assert "SUSPENSE disputes" not in journal.totals()


@pytest.mark.parametrize("first_seen_closed", [False, True])
def test_a_lost_dispute_is_borne_by_the_company_once_a_person_says_so(
    first_seen_closed: bool,
) -> None:
    journal = Journal()
    booking = confirmed(journal)
    ident = ""
    if not first_seen_closed:
        ident = dispute(booking, 50_000, "open")
        journal.post(booking)
    dispute(booking, 50_000, "lost", ident)
    journal.post(booking)
    assert kinds(journal)[-3:] == ["dispute", "dispute_lost", "suspense"]
    assert journal.totals()["SUSPENSE"] == 50_000, "a person has to say who bears it"
    assert journal.totals()["GATEWAY stripe"] == TOTAL - 50_000
    booking.goodwill += 50_000
    journal.post(booking)
    assert journal.totals()["FEES goodwill"] == 50_000
    assert "SUSPENSE" not in journal.totals()


def test_a_dispute_decided_again_and_again_ends_where_it_was_decided_last() -> None:
    journal = Journal()
    booking = confirmed(journal)
    ident = ""
    for status in ("won", "lost", "won", "open", "lost"):
        ident = dispute(booking, 50_000, status, ident)
        journal.post(booking)
    assert journal.totals()["SUSPENSE"] == 50_000
    assert journal.totals()["GATEWAY stripe"] == TOTAL - 50_000
    assert "SUSPENSE disputes" not in journal.totals()


def test_a_dispute_about_less_than_it_was_gives_the_rest_back() -> None:
    journal = Journal()
    booking = confirmed(journal)
    ident = dispute(booking, 50_000, "open")
    journal.post(booking)
    dispute(booking, 20_000, "open", ident)
    journal.post(booking)
    assert journal.totals()["SUSPENSE disputes"] == 20_000
    dispute(booking, 30_000, "lost", ident)
    journal.post(booking)
    assert journal.totals()["SUSPENSE"] == 30_000
    assert journal.totals()["GATEWAY stripe"] == TOTAL - 30_000
    assert "SUSPENSE disputes" not in journal.totals()


def test_parking_leaves_disputed_money_where_it_is() -> None:
    journal = Journal()
    booking = confirmed(journal)
    ident = dispute(booking, 50_000, "open")
    for state in (S.CONFIRMED, S.NEEDS_ATTENTION, S.CONFIRMED):
        booking.state = state
        journal.post(booking)
        assert journal.totals()["SUSPENSE disputes"] == 50_000
        assert "SUSPENSE" not in journal.totals()
    dispute(booking, 50_000, "won", ident)
    journal.post(booking)
    assert "SUSPENSE disputes" not in journal.totals()
