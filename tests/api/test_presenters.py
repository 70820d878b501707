"""What a booking's answers are made of, without a server."""

import datetime as dt
from typing import Any

import pytest

from api.trips.presenters.booking import whole_booking
from api.trips.presenters.changes import figures
from api.trips.presenters.confirmations import confirmations, pay_at_property
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus, SagaState
from models.bookings.progress import AttemptSeen, with_progress
from models.core.money import Money
from models.core.supply import PropertyCharge
from models.trips.changes import quote_of
from tests.ledger.bookings import NOON, confirm, new_booking, quote


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
