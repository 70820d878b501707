"""What a booking's answers are made of, without a server."""

import datetime as dt
from typing import Any

import pytest

from api.bookings import money as told_money
from api.trips.modifying import Asked, Quoted
from api.trips.presenters.booking import cancel_answer, whole_booking
from api.trips.presenters.changes import change_answer, figures, quote_answer
from api.trips.presenters.confirmations import confirmations, pay_at_property
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus, SagaState
from models.bookings.problems import Code, Problem
from models.bookings.progress import AttemptSeen, with_progress
from models.core.money import Money
from models.core.supply import PropertyCharge, Quote
from models.core.terms import CancellationTerms
from models.trips.cancellation_quotes import reckon
from models.trips.changes import ChangeOutcome, quote_of
from tests.ledger.bookings import (
    FLIGHT,
    HOTEL,
    NOON,
    TOTAL,
    TOUR,
    cancel,
    confirm,
    dispute,
    new_booking,
    quote,
    refund,
)


def test_further_flights_and_hotels_are_confirmed_too() -> None:
    """The kinds of items go round: flight, hotel, tour, flight, hotel."""
    booking = confirm(new_booking(prices=(1, 2, 3, 4, 5)))
    answer = confirmations(booking)
    assert answer.flight is not None
    assert answer.hotel is not None
    assert [one.total_price for one in answer.flights] == [1, 4]
    assert [one.total_price for one in answer.hotels] == [2, 5]
    assert [one.total_price for one in answer.activities] == [3]
    assert (answer.flight, answer.hotel) == (answer.flights[0], answer.hotels[0])


def test_what_the_hotel_takes_itself_is_told_and_never_part_of_the_price() -> None:
    booking = confirm(new_booking())
    hotel = booking.items[1]
    euros = Money(amount=1500, currency="EUR")
    quoted = PropertyCharge(name="city tax", price=euros)
    hotel.quote = quote(hotel.price).model_copy(update={"pay_at_property": (quoted,)})
    whole = whole_booking(booking, [])
    told = {"name": "city tax", "amount": 1500, "currency": "EUR", "conditional": False}
    _, component, tour = whole.model_dump(by_alias=True)["components"]
    assert (component["payAtProperty"], tour["payAtProperty"]) == ([told], [])
    answer = confirmations(booking).model_dump(by_alias=True, exclude_unset=True)
    assert answer["hotel"]["payAtProperty"] == [told]
    assert answer["hotel"]["totalPrice"] == hotel.price
    assert "payAtProperty" not in answer["flight"]
    nothing_due = confirmations(confirm(new_booking())).model_dump(by_alias=True)
    assert "payAtProperty" not in nothing_due["hotel"], "as before"

    now = PropertyCharge(name="cleaning", price=None, conditional=True)
    assert hotel.reservation is not None
    hotel.reservation = hotel.reservation.model_copy(update={"pay_at_property": (now,)})
    (due,) = pay_at_property(hotel)
    quoted_change = figures(quote_of(booking, [], [hotel], NOON)).model_dump(by_alias=True)
    (comes,) = quoted_change["components"]
    assert comes["payAtProperty"] == [due.model_dump(by_alias=True)]
    assert (due.name, due.amount, due.currency, due.conditional) == ("cleaning", None, None, True)
    assert hotel.quote.figures.pay_at_property == (), "nothing that workflows need"


def attempt(
    operation: str, outcome: str | None, item: int | None = 1, **result: Any
) -> AttemptSeen:
    return AttemptSeen(
        id=1,
        item=item,
        provider="amadeus",
        operation=operation,
        number=1,
        started_at=NOON,
        finished_at=NOON + dt.timedelta(seconds=1) if outcome else None,
        outcome=outcome,
        result=result or None,
    )


def running() -> Booking:
    booking = new_booking()
    booking.state = BookingState.PROCESSING
    return booking


RESERVED: dict[str, Any] = {
    "reference": "ref",
    "supplier_id": "s",
    "confirmation_code": "C",
    "provider": "Delta",
    "price": {"amount": 1, "currency": "USD"},
}
BOOK = attempt("book", "done", **RESERVED)
HELD = attempt("book", "done", **RESERVED, status="HELD")
ASKED = attempt("book", "done", **RESERVED, status="PENDING")


@pytest.mark.parametrize(
    ("attempts", "status", "saga_state"),
    [
        ([], ItemStatus.PENDING, SagaState.PLANNED),
        ([attempt("book", None)], ItemStatus.PENDING, SagaState.BOOKING),
        ([attempt("book", "unknown")], ItemStatus.PENDING, SagaState.BOOKING),
        ([attempt("book", "refused")], ItemStatus.FAILED, SagaState.REFUSED),
        ([BOOK], ItemStatus.CONFIRMED, SagaState.BOOKED),
        ([ASKED], ItemStatus.PENDING, SagaState.BOOKING),
        ([HELD], ItemStatus.PENDING, SagaState.HELD),
        ([HELD, attempt("complete", None)], ItemStatus.PENDING, SagaState.BOOKING),
        ([HELD, attempt("complete", "done", **RESERVED)], ItemStatus.CONFIRMED, SagaState.BOOKED),
        ([attempt("book", "unknown"), attempt("book", "tombstone")], ItemStatus.PENDING, "UNDOING"),
        ([BOOK, attempt("cancel", None)], ItemStatus.CONFIRMED, SagaState.UNDOING),
        ([BOOK, attempt("cancel", "done")], ItemStatus.CANCELLED, SagaState.UNDONE),
    ],
)
def test_an_item_is_shown_as_far_as_its_attempts_have_got(
    attempts: list[AttemptSeen], status: ItemStatus, saga_state: SagaState
) -> None:
    item, other, _ = with_progress(running(), attempts).items
    assert (item.status, item.saga_state) == (status, saga_state)
    assert (other.status, other.saga_state) == (ItemStatus.PENDING, SagaState.PLANNED)


def test_what_is_recorded_of_an_item_is_not_overruled_by_older_attempts() -> None:
    booking = running()
    booking.items[0].status = ItemStatus.CANCELLED
    assert with_progress(booking, [BOOK]).items[0].status is ItemStatus.CANCELLED


PAID: dict[str, Any] = {"id": "pi_1", "amount": {"amount": 7, "currency": "USD"}, "captured": 5}


@pytest.mark.parametrize(
    ("state", "status", "authorised", "captured"),
    [
        ("UNCONFIRMED", PaymentStatus.PENDING, 0, 0),
        ("AUTHORISED", PaymentStatus.AUTHORISED, 7, 0),
        ("CAPTURED", PaymentStatus.SUCCEEDED, 0, 5),
        ("RELEASED", PaymentStatus.RELEASED, 0, 0),
    ],
)
def test_the_payment_is_shown_as_the_gateway_last_answered(
    state: str, status: PaymentStatus, authorised: int, captured: int
) -> None:
    answered = attempt("confirm", "done", None, **PAID, state=state)
    payment = with_progress(running(), [answered]).payment
    assert (payment.id, payment.status) == ("pi_1", status)
    assert (payment.authorised, payment.captured) == (authorised, captured)


def free(booking: Booking) -> Booking:
    """Every item can be cancelled for nothing."""
    for item in booking.items:
        item.quote = Quote(
            price=Money(amount=item.price, currency=booking.currency),
            terms=CancellationTerms.free(),
            title="",
            offer={},
        )
    return booking


def all_given_back() -> Booking:
    booking = free(confirm(new_booking()))
    booking.goodwill = TOTAL
    refund(booking, TOTAL)
    return booking


def all_disputed(status: str) -> Booking:
    booking = free(confirm(new_booking()))
    dispute(booking, TOTAL, status)
    return booking


@pytest.mark.parametrize(
    ("booking", "to_refund", "in_dispute", "told"),
    [
        (free(confirm(new_booking())), TOUR, 0, "400.00 USD is being refunded"),
        (all_given_back(), 0, 0, "given back before"),
        (all_disputed("lost"), 0, 0, "given back before"),
        (all_disputed("open"), 0, TOUR, "is in dispute"),
    ],
    ids=["paid", "goodwill", "lost", "disputed"],
)
def test_a_change_tells_what_goes_back_as_the_cancel_dry_run_does(
    booking: Booking, to_refund: int, in_dispute: int, told: str
) -> None:
    tour = booking.items[2]
    quoted = quote_of(booking, [tour], [], NOON)
    cancelling = reckon(booking, [tour], NOON)
    assert (quoted.refund, quoted.in_dispute) == (cancelling.refund, cancelling.in_dispute)
    shown = figures(quoted)
    assert (shown.to_refund, shown.in_dispute) == (to_refund, in_dispute)
    assert (shown.old_total, shown.new_total) == (TOTAL, FLIGHT + HOTEL)
    asked = quote_answer(Quoted(booking, quoted)).money
    assert f"would give back {Money(amount=to_refund, currency='USD').format()}." in asked
    outcome = ChangeOutcome(
        change_id="c", carried_out=True, quote=quoted, refunded=to_refund, in_dispute=in_dispute
    )
    money = change_answer(Asked(booking, outcome, "c")).money
    assert told in money
    assert ("is being refunded." in money) is bool(to_refund)


def test_a_refund_of_a_change_that_failed_is_not_told_as_made() -> None:
    booking = free(confirm(new_booking()))
    quoted = quote_of(booking, [booking.items[2]], [], NOON)
    outcome = ChangeOutcome(change_id="c", carried_out=True, quote=quoted, refunded=0)
    money = change_answer(Asked(booking, outcome, "c")).money
    assert "is being refunded." not in money
    assert "400.00 USD could not be given back at once" in money


@pytest.mark.parametrize(
    ("status", "amount", "back"),
    [("open", TOUR, TOTAL - TOUR), ("lost", TOTAL, 0), ("lost", TOUR, TOTAL - TOUR)],
)
def test_the_figures_of_a_cancellation_agree(status: str, amount: int, back: int) -> None:
    booking = cancel(free(confirm(new_booking())), {1: 0, 2: 0, 3: 0})
    booking.state = BookingState.CANCELLED
    dispute(booking, amount, status)
    if back:
        refund(booking, back)
    answer = cancel_answer(booking, [])
    assert sum(one.refund for one in answer.cancelled_components) == answer.refund.amount == back
    assert answer.kept == 0
    assert "0.00 USD is kept" in told_money.money(booking)


def test_what_the_staff_paid_is_not_kept() -> None:
    booking = cancel(free(confirm(new_booking())), {1: 0, 2: 0, 3: 0})
    booking.state = BookingState.CANCELLED
    booking.paid_by_hand = TOTAL
    answer = cancel_answer(booking, [])
    assert sum(one.refund for one in answer.cancelled_components) == TOTAL
    assert answer.kept == 0


@pytest.mark.parametrize("booking", [all_given_back(), all_disputed("lost"), all_disputed("open")])
def test_the_lines_of_a_dry_run_are_its_total(booking: Booking) -> None:
    quoted = reckon(booking, booking.items, NOON)
    assert sum(line.refund for line in quoted.items) == quoted.refund == 0


@pytest.mark.parametrize(
    ("state", "stands"), [(BookingState.CONFIRMED, True), (BookingState.CANCELLED, False)]
)
def test_a_booking_that_was_cancelled_meanwhile_does_not_stand(
    state: BookingState, stands: bool
) -> None:
    booking = confirm(new_booking())
    booking.state = state
    given_up = Problem(code=Code.CANCELLED_BY_TRAVELER, step="cancel", message="")
    for outcome in (None, ChangeOutcome(change_id="c", problem=given_up)):
        money = change_answer(Asked(booking, outcome, "c")).money
        assert ("stands as it was" in money) is stands
        assert ("has been cancelled" in money) is not stands
