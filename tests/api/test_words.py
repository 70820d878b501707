"""What a traveller reads: every code has its words, and the money is told as it is."""

import datetime as dt
from typing import Any

import pytest

from api.bookings import money as told_money
from api.bookings import texts, words
from api.trips.presenters import booking as translate
from models.bookings.booking import Booking, Item, OpenCase, PaymentView, RefundView
from models.bookings.lifecycle import (
    SETTLED_STATES,
    BookingState,
    CancelledBy,
    ItemStatus,
    PaymentStatus,
    SagaState,
)
from models.bookings.problems import Code, Problem
from models.core.money import Money
from models.core.supply import ItemType, Reservation

NOW = dt.datetime(2031, 3, 1, 12, tzinfo=dt.UTC)


MONEY_CASE = OpenCase(
    id=7,
    kind="SAGA",
    source="payment:b-1:1",
    summary="payment 8812 at stripe",
    details={"payment": 1},
    opened_at=NOW,
)


def booking(state: BookingState, **changes: Any) -> Booking:
    payment = {
        "payment_method_id": "pm_card_visa",
        "currency": "USD",
        "amount": 200000,
        **changes.pop("payment", {}),
    }
    return Booking(
        id="7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
        reference="TS-4K7QP-9XW2M",
        trip_option_id="t-1",
        state=state,
        currency="USD",
        accepted_total=200000,
        items=changes.pop("items", []),
        payments=[PaymentView(**payment)],
        created_at=NOW,
        updated_at=NOW,
        **changes,
    )


def item(kind: ItemType, saga: SagaState, status: ItemStatus, **changes: Any) -> Item:
    return Item(
        number=1,
        type=kind,
        supplier="amadeus",
        component_id="flight-1",
        title="DL 100",
        currency="USD",
        price=60000,
        reference="r-1-1",
        saga_state=saga,
        status=status,
        reservation=Reservation(
            reference="r-1-1",
            supplier_id="order-1",
            confirmation_code="QX7K2P",
            pnr="QX7K2P",
            provider="Delta",
            price=Money(amount=60000, currency="USD"),
        ),
        **changes,
    )


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_plain_words(code: Code) -> None:
    failed = booking(BookingState.FAILED, problem=Problem(code=code, step="validate", message=""))
    error = translate.error(failed)

    assert error is not None
    assert error.code is code
    for text in (error.message, error.next_step, error.money):
        assert text[0].isupper()
        assert text[-1] == "."
        assert "_" not in text
        assert not {"exception", "null", "none", "activity task"} & set(text.lower().split())


def test_no_words_are_left_over() -> None:
    assert set(texts.WORDS) == set(Code)


def test_the_sagas_own_words_win_and_become_sentences() -> None:
    problem = Problem(code=Code.PRICE_CHANGED, step="validate", message="the trip now costs more")
    error = translate.error(booking(BookingState.FAILED, problem=problem))
    assert error is not None
    assert error.message == "The trip now costs more."
    assert error.failed_step == "validate"


def test_what_a_supplier_says_is_told_in_our_words_and_names_the_item() -> None:
    flight = item(ItemType.FLIGHT, SagaState.REFUSED, ItemStatus.FAILED)
    failed = booking(BookingState.FAILED, items=[flight])
    failed.problem = Problem(
        code=Code.UNAVAILABLE, step="flight", message="34651 SEGMENT SELL FAILURE", item=1
    )
    error = translate.error(failed)
    assert error is not None
    assert error.message == "The flight “DL 100” is no longer available."
    assert "34651" not in error.message
    flight.problem = failed.problem
    for operator in (False, True):
        whole = translate.whole_booking(failed, [], operator=operator)
        (part,) = whole.components
        for told in (whole.error, part.error):
            assert told is not None
            assert told.message == error.message
            assert told.supplier_said == ("34651 SEGMENT SELL FAILURE" if operator else None)


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("travelers[0].document.number", "the document number of traveller 1"),
        ("travelers[1]", "traveller 2"),
        ("travelers", "these travellers"),
        ("userContact.phone", "the phone number of the contact"),
    ],
)
def test_what_a_supplier_does_not_accept_is_named(field: str, part: str) -> None:
    problem = Problem(
        code=Code.INVALID_TRIP, step="flight", message="477 INVALID FORMAT", item=1, field=field
    )
    flight = item(ItemType.FLIGHT, SagaState.REFUSED, ItemStatus.FAILED)
    error = translate.error(booking(BookingState.FAILED, items=[flight], problem=problem))
    assert error is not None
    assert error.field == field
    assert error.message == (
        "The flight “DL 100” could not be booked as it was described: Amadeus does not accept"
        f" {part}."
    )


@pytest.mark.parametrize(
    ("state", "payment", "expected"),
    [
        ("FAILED", {}, "Your card was not charged."),
        ("FAILED", {"id": "pi_1", "status": "failed"}, "Your card was not charged."),
        ("FAILED", {"id": "pi_1", "status": "released", "authorised": 9}, "has been released"),
        (
            "FAILED",
            {"status": "refunded", "captured": 5000, "refunded": 5000},
            "50.00 USD is being refunded: everything",
        ),
        ("CONFIRMED", {"status": "succeeded", "captured": 5000}, "50.00 USD was taken"),
        (
            "CANCELLED",
            {"status": "partially_refunded", "captured": 5000, "refunded": 2000},
            "20.00 USD is being refunded; 30.00 USD is kept",
        ),
        ("CANCELLED", {"status": "succeeded", "captured": 5000}, "50.00 USD was taken"),
        (
            "FAILED, unsettled",
            {"id": "pi_1", "status": "authorised", "authorised": 200000},
            "Up to 2,000.00 USD may be set aside",
        ),
        (
            "FAILED, unsettled",
            {"status": "succeeded", "captured": 5000},
            "50.00 USD has been taken",
        ),
        ("FAILED, unsettled", {"status": "released"}, "has been released"),
        ("PROCESSING", {"status": "authorised", "authorised": 5000}, "50.00 USD is set aside"),
        ("FAILED, unsettled", {}, "Your card was not charged."),
    ],
)
def test_the_money_is_told_as_it_is(state: str, payment: dict[str, Any], expected: str) -> None:
    state, _, unsettled = state.partition(", ")
    cases = [MONEY_CASE] if unsettled else []
    assert expected in told_money.money(booking(BookingState(state), payment=payment, cases=cases))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            Problem(code=Code.AUTHENTICATION_REQUIRED, step="authorise", message="too late"),
            "Your card was not charged.",
        ),
        (
            Problem(code=Code.CANCELLED_BY_TRAVELER, step="cancel", message=""),
            (
                "Your card was not charged. Whatever was set aside on it has been released; some"
                " banks take a few days to show it."
            ),
        ),
    ],
)
def test_an_amount_that_was_never_set_aside_is_not_told_of(problem: Problem, told: str) -> None:
    released = booking(BookingState.FAILED, problem=problem, payment={"status": "released"})
    assert told_money.money(released) == told


def test_money_of_a_currency_without_minor_units() -> None:
    assert told_money.amount(12000, "JPY") == "12,000 JPY"


def test_what_was_undone_is_named() -> None:
    undone = item(ItemType.FLIGHT, SagaState.UNDONE, ItemStatus.CANCELLED)
    refused = item(ItemType.HOTEL, SagaState.REFUSED, ItemStatus.FAILED)
    error = translate.error(booking(BookingState.FAILED, items=[undone, refused]))
    assert error is not None
    assert [(one.type, one.message) for one in error.undone] == [
        ("FLIGHT", "The flight “DL 100” was cancelled again.")
    ]


@pytest.mark.parametrize("state", list(BookingState))
def test_every_state_can_be_answered(state: BookingState) -> None:
    answer = translate.book_answer(booking(state))
    whole = translate.whole_booking(booking(state), [])
    cancelled = translate.cancel_answer(booking(state), [])
    ended = state in SETTLED_STATES
    assert (answer.status_url is None) is ended
    assert (answer.message is None) is ended
    assert answer.success is (state in {"CONFIRMED", "CHECKED_IN", "COMPLETED"})
    assert whole.state == cancelled.state == state
    if state in {BookingState.FAILED, BookingState.EXPIRED}:
        assert "person" not in words.not_cancellable(booking(state))
        told = words.not_cancellable(booking(state, cases=[MONEY_CASE]))
        assert "a person is settling" in told
        assert "undone" not in told


def test_the_client_secret_is_shown_only_while_it_is_needed() -> None:
    payment = {"id": "pi_1", "client_secret": "s", "next_action": {"type": "x"}}
    for state in BookingState:
        shown = translate.book_answer(booking(state, payment=payment)).model_dump_json()
        whole = translate.whole_booking(booking(state, payment=payment), []).model_dump_json()
        needed = state is BookingState.PAYMENT_PENDING
        assert ('"s"' in shown) is needed
        assert ('"s"' in whole) is needed


def test_the_case_of_operators_is_not_shown_to_travellers() -> None:
    whole = translate.whole_booking(booking(BookingState.FAILED, cases=[MONEY_CASE]), [])
    assert "8812" not in whole.model_dump_json()
    assert whole.needs_attention
    assert [(case.case_id, case.kind) for case in whole.cases] == [(7, "SAGA")]


def test_a_cancellation_is_told_from_the_booking_alone() -> None:
    gone = item(ItemType.FLIGHT, SagaState.UNDONE, ItemStatus.CANCELLED, fee=10000)
    refund = RefundView(id="re_1", amount=50000, status="succeeded", at=NOW)
    answer = translate.cancel_answer(
        booking(
            BookingState.CANCELLED,
            items=[gone],
            cancelled_by=CancelledBy.GUEST,
            payment={
                "captured": 60000,
                "refunded": 50000,
                "refunds": [refund],
                "status": PaymentStatus.PARTIALLY_REFUNDED,
            },
        ),
        [],
    )
    assert answer.success
    assert answer.kept == 10000
    assert answer.cancelled_components[0].refund == 50000
    assert (answer.refund.amount, answer.refund.status, answer.refund.ids) == (
        50000,
        "partially_refunded",
        ["re_1"],
    )


@pytest.mark.parametrize("state", [BookingState.FAILED, BookingState.CANCELLED])
@pytest.mark.parametrize("code", Code)
def test_nobody_is_promised_a_person_who_has_settled_it(code: Code, state: BookingState) -> None:
    gone = item(ItemType.FLIGHT, SagaState.UNDONE, ItemStatus.FAILED)
    problem = Problem(code=code, step="book", message="it is so", item=1)
    failed = {"items": [gone], "problem": problem}
    told = translate.error(booking(state, **failed))
    waits = translate.error(booking(state, **failed, cases=[MONEY_CASE]))
    assert told is not None
    assert waits is not None
    assert "a person is looking after it" in waits.next_step
    assert "person" not in told.message + told.next_step
    if "person" in texts.WORDS[code].next_step:
        assert told.message.endswith("nothing of the trip is booked.")
        assert "nothing of the trip" not in waits.message


def test_of_a_booking_that_stands_nothing_is_told_once_it_is_settled() -> None:
    """What it goes without could not be undone, and then was: the rest of the trip is booked."""
    stands = item(ItemType.FLIGHT, SagaState.BOOKED, ItemStatus.CONFIRMED)
    given = {"items": [stands], "payment": {"captured": 60000, "status": PaymentStatus.SUCCEEDED}}
    waits = booking(BookingState.CONFIRMED, **given, cases=[MONEY_CASE])
    settled = booking(BookingState.CONFIRMED, **given)
    refused = translate.cancel_answer(waits, []).error
    assert refused is not None
    assert (refused.code, refused.next_step) == (
        Code.NEEDS_ATTENTION,
        texts.WORDS[Code.NEEDS_ATTENTION].next_step,
    )
    assert translate.cancel_answer(settled, []).error is None
    for one in (waits, settled):
        whole = translate.whole_booking(one, [])
        assert (whole.error, whole.needs_attention) == (None, one is waits)
        assert translate.book_answer(one).success
    assert "person" not in translate.whole_booking(settled, []).model_dump_json()
