"""What a booking makes the ledger say, path by path, in figures."""

import datetime as dt

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from models.ledger.entries import EntryType
from models.ledger.postings import moved_money, unsettled
from tests.ledger.bookings import (
    FLIGHT,
    HOTEL,
    NOON,
    TOTAL,
    TOUR,
    Journal,
    book,
    cancel,
    capture,
    change,
    confirm,
    new_booking,
    put_back,
    refund,
    rule,
)

S = BookingState
FIFTEEN = [rule(1500)]


def kinds(journal: Journal) -> list[str]:
    return [entry.type for entry in journal.entries]


def confirmed(journal: Journal) -> Booking:
    booking = confirm(new_booking())
    journal.post(booking)
    return booking


# -- taking money --------------------------------------------------------------------------------


def test_a_confirmed_trip_is_sold_and_nothing_is_left_on_the_traveller() -> None:
    journal = Journal(FIFTEEN)
    confirmed(journal)
    assert kinds(journal) == ["capture", "sale", "sale", "sale"]
    assert journal.totals() == {
        "COMMISSION": -30_000,
        "GATEWAY stripe": TOTAL,
        "PROVIDER_EARNINGS amadeus": -51_000,
        "PROVIDER_EARNINGS booking_com": -85_000,
        "PROVIDER_EARNINGS viator": -34_000,
    }


def test_an_item_that_costs_something_else_is_sold_at_its_new_price() -> None:
    """A reservation that is moved: more, then less, and then it is cancelled."""
    journal = Journal(FIFTEEN)
    booking = confirm(new_booking(prices=(10_000,)))
    journal.post(booking)
    item = booking.items[0]
    item.price = 14_000
    more = booking.payment.model_copy(update={"number": 2, "id": "pi_more", "captured": 4_000})
    booking.payments = [*booking.payments, more]
    assert [entry.type for entry in journal.post(booking)] == [EntryType.CAPTURE, EntryType.SALE]
    assert journal.totals()["PROVIDER_EARNINGS amadeus"] == -11_900
    item.price = 4_000
    refund(booking, 10_000)
    assert {entry.type for entry in journal.post(booking)} == {EntryType.SALE, EntryType.REFUND}
    assert journal.totals() == {
        "COMMISSION": -600,
        "GATEWAY stripe": 4_000,
        "PROVIDER_EARNINGS amadeus": -3_400,
    }
    cancel(booking, {1: 1_000})
    refund(booking, 3_000)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert journal.totals() == {"FEES amadeus": -1_000, "GATEWAY stripe": 1_000}


def test_an_experience_that_was_dropped_is_neither_taken_nor_sold() -> None:
    journal = Journal()
    journal.post(confirm(new_booking(), numbers=[1, 2]))
    assert journal.totals() == {
        "GATEWAY stripe": FLIGHT + HOTEL,
        "PROVIDER_EARNINGS amadeus": -FLIGHT,
        "PROVIDER_EARNINGS booking_com": -HOTEL,
    }


@pytest.mark.parametrize("state", [S.VALIDATING, S.PROCESSING, S.FAILED, S.NEEDS_ATTENTION])
def test_held_money_is_no_money(state: BookingState) -> None:
    booking = book(new_booking())
    booking.payment.id, booking.payment.authorised = "pi_1", TOTAL
    booking.state = state
    assert not moved_money(booking)
    assert Journal().post(booking) == []


@pytest.mark.parametrize("name", ["captured", "paid_by_hand", "goodwill"])
def test_any_amount_is_money(name: str) -> None:
    booking = new_booking()
    setattr(booking.payment if name == "captured" else booking, name, 1)
    assert moved_money(booking)


def test_money_taken_for_a_trip_that_failed_all_the_same_goes_back() -> None:
    journal = Journal()
    booking = put_back(capture(book(new_booking())))
    refund(booking, TOTAL)
    booking.state = S.FAILED
    journal.post(booking)
    assert kinds(journal) == ["capture", "refund"]
    assert journal.totals() == {}


def test_what_costs_nothing_makes_no_entry() -> None:
    journal = Journal(FIFTEEN)
    journal.post(confirm(new_booking(prices=(FLIGHT, 0))))
    assert kinds(journal) == ["capture", "sale"]


# -- cancelling ----------------------------------------------------------------------------------


def test_a_cancelled_trip_keeps_the_fees_and_no_commission() -> None:
    journal = Journal(FIFTEEN)
    booking = cancel(confirmed(journal), {1: 20_000, 2: 0, 3: 40_000})
    refund(booking, TOTAL - 60_000)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert kinds(journal)[4:] == ["cancellation", "cancellation", "cancellation", "refund"]
    assert journal.totals() == {
        "FEES amadeus": -20_000,
        "FEES viator": -40_000,
        "GATEWAY stripe": 60_000,
    }


def test_cancelling_one_item_leaves_the_others() -> None:
    journal = Journal(FIFTEEN)
    booking = cancel(confirmed(journal), {3: 10_000})
    refund(booking, TOUR - 10_000)
    journal.post(booking)
    assert journal.totals() == {
        "COMMISSION": -24_000,
        "FEES viator": -10_000,
        "GATEWAY stripe": TOTAL - TOUR + 10_000,
        "PROVIDER_EARNINGS amadeus": -51_000,
        "PROVIDER_EARNINGS booking_com": -85_000,
    }


def test_a_cancellation_reverses_the_commission_that_was_booked_not_today_s() -> None:
    journal = Journal(FIFTEEN)
    booking = confirmed(journal)
    journal.rules = [rule(5000, number=2)]
    cancel(booking, {1: 0, 2: 0, 3: 0})
    refund(booking, TOTAL)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert journal.totals() == {}


def test_a_booking_first_seen_when_it_is_cancelled_gets_the_whole_story() -> None:
    booking = cancel(confirm(new_booking()), {1: 20_000, 2: 0, 3: 0})
    refund(booking, TOTAL - 20_000)
    booking.state = S.CANCELLED
    journal = Journal(FIFTEEN)
    journal.post(booking)
    assert kinds(journal) == ["capture", *["sale", "cancellation"] * 3, "refund"]
    assert journal.totals() == {"FEES amadeus": -20_000, "GATEWAY stripe": 20_000}


def test_an_item_undone_before_the_confirmation_was_never_sold() -> None:
    booking = capture(book(new_booking()))
    booking.item(3).status = ItemStatus.CANCELLED
    booking.item(3).cancelled_at = NOON - dt.timedelta(seconds=1)
    booking.payment.captured -= TOUR
    booking.confirmed_at, booking.state = NOON, S.CONFIRMED
    journal = Journal()
    journal.post(booking)
    assert kinds(journal) == ["capture", "sale", "sale"]
    assert unsettled(journal.entries) == 0


def test_a_fee_is_due_however_the_item_was_lost() -> None:
    """Dropped before the confirmation, but its supplier keeps something of it."""
    booking = confirm(new_booking())
    cancel(booking, {3: 5_000}).item(3).cancelled_at = NOON - dt.timedelta(seconds=1)
    booking.payment.captured = FLIGHT + HOTEL + 5_000
    journal = Journal()
    journal.post(booking)
    assert journal.totals()["FEES viator"] == -5_000
    assert unsettled(journal.entries) == 0 == booking.owed


# -- refunds that do not go well -----------------------------------------------------------------


def test_a_refund_that_fails_is_owed_again_and_waits_in_suspense() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {1: 0, 2: 0, 3: 0})
    first = refund(booking, TOTAL, "pending")
    booking.state = S.CANCELLED
    journal.post(booking)
    assert journal.totals() == {}

    change(booking, first, "failed")
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    assert kinds(journal)[-2:] == ["refund_failed", "suspense"]
    assert journal.totals() == {"GATEWAY stripe": TOTAL, "SUSPENSE": -TOTAL}

    refund(booking, TOTAL)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert kinds(journal)[-2:] == ["suspense_released", "refund"]
    assert journal.totals() == {}


def test_a_refund_first_seen_when_it_has_failed_gets_both_entries() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {3: 0})
    refund(booking, TOUR, "canceled")
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    assert kinds(journal)[-3:] == ["refund", "refund_failed", "suspense"]
    assert journal.totals()["SUSPENSE"] == -TOUR


def test_repeated_refunds_of_the_same_amount_are_told_apart() -> None:
    journal = Journal()
    booking = cancel(confirm(new_booking(prices=(5_000, 5_000, 5_000))), {1: 0, 2: 0, 3: 0})
    for _ in range(3):
        refund(booking, 5_000)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert kinds(journal).count("refund") == 3
    assert journal.totals() == {}


def test_a_refund_that_comes_to_life_again_is_followed() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {3: 0})
    made = refund(booking, TOUR, "failed")
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    change(booking, made, "succeeded")
    booking.state = S.CONFIRMED
    journal.post(booking)
    assert [e.source for e in journal.entries if e.type == EntryType.REFUND] == [
        made.id,
        f"{made.id}:2",
    ]
    assert unsettled(journal.entries) == 0


def test_what_a_person_paid_out_is_settled() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {3: 0})
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    assert journal.totals()["SUSPENSE"] == -TOUR
    booking.paid_by_hand = TOUR
    booking.state = S.CONFIRMED
    journal.post(booking)
    assert kinds(journal)[-2:] == ["suspense_released", "paid_by_hand"]
    totals = journal.totals()
    assert (totals["GATEWAY stripe"], totals["GATEWAY by_hand"]) == (TOTAL, -TOUR)
    assert unsettled(journal.entries) == 0


def test_goodwill_is_borne_by_the_house() -> None:
    journal = Journal()
    booking = confirmed(journal)
    for total in (1_000, 3_500):
        booking.goodwill = total
        refund(booking, total - booking.payment.refunded)
        journal.post(booking)
    assert kinds(journal)[4:] == ["goodwill", "refund", "goodwill", "refund"]
    assert journal.totals()["FEES goodwill"] == 3_500
    assert unsettled(journal.entries) == 0


def test_goodwill_that_is_corrected_down_is_taken_back() -> None:
    journal = Journal()
    booking = confirmed(journal)
    booking.goodwill = 3_500
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    booking.goodwill = 0
    booking.state = S.CONFIRMED
    journal.post(booking)
    assert "FEES goodwill" not in journal.totals()
    assert unsettled(journal.entries) == 0


# -- parked --------------------------------------------------------------------------------------


def test_a_confirmed_booking_parked_for_a_reservation_has_no_suspense() -> None:
    """Its money is settled: what is unsettled is a reservation that cannot be cancelled."""
    journal = Journal()
    booking = confirm(new_booking(), numbers=[1, 2])
    journal.post(booking)
    for state in (S.NEEDS_ATTENTION, S.CONFIRMED):
        booking.state = state
        assert journal.post(booking) == []


def test_parked_twice_while_money_is_given_back_bit_by_bit() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {1: 0, 2: 0, 3: 0})
    booking.state = S.NEEDS_ATTENTION
    journal.post(booking)
    refund(booking, FLIGHT)
    journal.post(booking)
    assert journal.totals()["SUSPENSE"] == -(HOTEL + TOUR)
    assert journal.post(booking) == []
    refund(booking, HOTEL + TOUR)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert journal.totals() == {}


def test_money_that_does_not_add_up_at_rest_stays_in_suspense() -> None:
    journal = Journal()
    booking = cancel(confirmed(journal), {3: 0})  # and nothing is given back
    journal.post(booking)
    assert kinds(journal)[-1] == "suspense"
    assert journal.totals()["SUSPENSE"] == -TOUR
    refund(booking, TOUR + 1)  # and then a cent too much
    journal.post(booking)
    assert journal.totals()["SUSPENSE"] == 1
    assert unsettled(journal.entries) == 1 == -booking.owed
