"""Payments on record, on PostgreSQL alone: what is written is read again, refunds count once."""

import datetime as dt

import psycopg
import pytest
from sqlalchemy import event

from models.bookings.booking import Booking, DisputeView, PaymentView, RefundView
from models.bookings.changes import payment_for
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentPurpose, PaymentStatus
from models.core.keys import change_id, payment_key
from models.payments import refunds, repository
from models.payments.recorded import gateway_balances, recorded_payments
from tests.ledger.bookings import NOON, TOTAL, TOUR, confirm, count
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books

S, P = BookingState, PaymentStatus
HOUR = dt.timedelta(hours=1)


def dearer(booking: Booking) -> PaymentView:
    """A change has added the tour, and paid it with a payment of its own."""
    payment = payment_for(booking, TOUR, None, change_id("caller", booking.id, "key"))
    payment.id = f"pi_change_{booking.id}"
    payment.status, payment.authorised, payment.captured = P.SUCCEEDED, TOUR, TOUR
    booking.payments = [*booking.payments, payment]
    tour = booking.item(3)
    tour.status, tour.booked_at, tour.payment = ItemStatus.CONFIRMED, NOON, payment.number
    return payment


def given_back(payment: PaymentView, amount: int, *, key: str | None = None) -> RefundView:
    """A refund as the gateway lists it."""
    made = RefundView(
        id=f"re_{len(payment.refunds)}_{payment.id}",
        amount=amount,
        status="succeeded",
        at=NOON + HOUR * len(payment.refunds),
        key=key,
    )
    payment.refunds = [*payment.refunds, made]
    count(payment)
    payment.status = P.PARTIALLY_REFUNDED
    return made


async def changed(books: Books) -> Booking:
    """A confirmed booking with two payments on record."""
    booking = await books.record(confirm(await books.open(), {1, 2}), S.CONFIRMED)
    dearer(booking)
    return await books.record(booking, S.CONFIRMED)


async def refund_rows(books: Books, booking: Booking) -> list[tuple[object, ...]]:
    async with books.connection() as connection:
        rows = await connection.execute(
            "SELECT number, payment_number, key IS NULL, status, recorded_in FROM refunds"
            " WHERE booking_id = %s ORDER BY number",
            (booking.id,),
        )
        return await rows.fetchall()


async def ask(books: Books, booking: Booking, payment: PaymentView, request: str) -> str:
    """Write a refund down, as the activity does before it asks the gateway."""
    assert payment.id is not None
    async with books.sessions.begin() as session:
        row = await refunds.request_refund(
            session,
            booking_id=booking.id,
            payment_number=payment.number,
            payment_intent_id=payment.id,
            amount=700,
            currency=booking.currency,
            request=f"{booking.id}:{request}",
            reason="late",
        )
    assert row is not None
    return row.key


async def test_all_payments_are_read_as_they_were_written(books: Books) -> None:
    booking = await changed(books)
    booking.payments[1].client_secret = "secret"
    booking.payments[1].next_action = {"type": "redirect"}
    booking.payments[1].waits_until = NOON
    booking.paid_by_hand, booking.goodwill, booking.grants = 300, 200, ["first"]
    given_back(booking.payments[0], 1_000)
    given_back(booking.payments[1], 700)
    given_back(booking.payments[1], 500)
    booking = await books.record(booking, S.CONFIRMED)
    stored = await books.stored(booking)
    assert stored.payments == booking.payments
    assert [payment.purpose for payment in stored.payments] == list(PaymentPurpose)
    assert (stored.paid_by_hand, stored.goodwill, stored.grants) == (300, 200, ["first"])
    assert [item.payment for item in stored.items] == [1, 1, 2]
    assert stored.next_hold == 3
    assert "cash" not in await books.wrong(booking)


async def test_a_lapsed_hold_is_replaced_under_the_next_free_ordinal(books: Books) -> None:
    booking = await changed(books)
    booking.payments[0].hold = booking.next_hold
    stored = await books.stored(await books.record(booking, S.CONFIRMED))
    assert [payment.hold for payment in stored.payments] == [3, 2]
    assert stored.next_hold == 4


async def test_the_second_payment_is_disputed(books: Books) -> None:
    booking = await changed(books)
    second = booking.payments[1]
    for status in ("open", "won", "open", "lost"):
        second.disputes = [disputed(second, status)]
        booking = await books.record(booking, S.CONFIRMED)
        second = booking.payments[1]
        stored = await books.stored(booking)
        assert stored.payments == booking.payments
        # A trip that stands and is not paid for any more waits for a person (decision 51).
        assert await books.wrong(booking) == (["suspense"] if status == "lost" else [])
        async with books.sessions() as session:
            (row,) = await recorded_payments(session, bookings=[booking.id])
            balances = await gateway_balances(session, [booking.id])
        taken = 0 if status == "won" else TOUR
        assert [paid.withdrawn for paid in row.payments] == [0, taken]
        assert [paid.disputed for paid in row.payments] == [False, True]
        assert balances == {(booking.id, 1): TOTAL - TOUR, (booking.id, 2): TOUR - taken}


def disputed(payment: PaymentView, status: str) -> DisputeView:
    """A dispute of a whole payment."""
    return DisputeView.model_validate(
        {"id": f"du_{payment.id}", "amount": payment.captured, "status": status, "at": NOON}
    )


async def test_each_payment_has_its_refunds_in_the_ledger(books: Books) -> None:
    booking = await changed(books)
    given_back(booking.payments[0], 1_000)
    given_back(booking.payments[1], 700)
    booking.goodwill = 1_700
    booking = await books.record(booking, S.CONFIRMED)
    async with books.sessions() as session:
        balances = await gateway_balances(session, [booking.id])
    assert balances == {(booking.id, 1): TOTAL - TOUR - 1_000, (booking.id, 2): TOUR - 700}
    assert await books.wrong(booking) == []


async def test_a_refund_of_ours_counts_once_a_transition_has_recorded_it(books: Books) -> None:
    booking = await changed(books)
    second = booking.payments[1]
    key = await ask(books, booking, second, "request-1")
    async with books.sessions.begin() as session:
        await refunds.end_refund(session, key, "succeeded", gateway_id="re_0_x", made_at=NOON)
    # The gateway has answered and the worker died: record and ledger still agree.
    assert (await books.stored(booking)).payments[1].refunds == []
    assert await books.wrong(booking) == []
    given_back(second, 700, key=key)
    booking.goodwill = 700
    booking = await books.record(booking, S.CONFIRMED)
    assert (await books.stored(booking)).payments == booking.payments
    assert await refund_rows(books, booking) == [(1, 2, False, "succeeded", booking.version)]
    # What comes late from a worker believed dead changes nothing any more.
    async with books.sessions.begin() as session:
        await refunds.end_refund(session, key, "refused")
    assert (await books.stored(booking)).payments == booking.payments
    assert await books.wrong(booking) == []


async def test_a_refund_without_an_answer_is_recorded_by_its_key(books: Books) -> None:
    booking = await changed(books)
    key = await ask(books, booking, booking.payments[0], "request-1")
    given_back(booking.payments[0], 400)  # by somebody else, meanwhile
    given_back(booking.payments[0], 700, key=key)
    booking.goodwill = 1_100
    booking = await books.record(booking, S.CONFIRMED)
    recorded = booking.version
    assert await refund_rows(books, booking) == [
        (1, 1, False, "succeeded", recorded),
        (2, 1, True, "succeeded", recorded),
    ]
    async with books.sessions() as session:
        assert await refunds.open_refund(session, booking.id) is None
    # It comes back: the row that recorded it first stays the one it is.
    booking.payments[0].refunds[1].status = "failed"
    count(booking.payments[0])
    booking.goodwill = 400
    booking = await books.record(booking, S.CONFIRMED)
    assert [row[3:] for row in await refund_rows(books, booking)] == [
        ("failed", recorded),
        ("succeeded", recorded),
    ]
    assert await books.wrong(booking) == []


async def test_one_request_makes_one_refund_and_one_is_open_at_a_time(books: Books) -> None:
    booking = await changed(books)
    key = await ask(books, booking, booking.payments[0], "request-1")
    assert key == payment_key(booking.id, 1, "refund", 1)

    async def again(request: str) -> refunds.RefundRequest | None:
        async with books.sessions.begin() as session:
            return await refunds.request_refund(
                session,
                booking_id=booking.id,
                payment_number=1,
                payment_intent_id="pi",
                amount=1,
                currency="USD",
                request=f"{booking.id}:{request}",
                reason="",
            )

    assert await again("request-2") is None, "the first one has no answer yet"
    async with books.sessions.begin() as session:
        assert await refunds.refund_status(session, f"{booking.id}:request-1") == "requested"
        assert await refunds.refund_status(session, f"{booking.id}:request-2") is None
        await refunds.end_refund(session, key, "refused", failure_reason="no")
    assert await again("request-1") is None, "a repeat gives nothing back"
    second = await again("request-2")
    assert second is not None
    assert second.key == payment_key(booking.id, 1, "refund", 2)


async def test_a_booking_with_nothing_to_pay(books: Books) -> None:
    booking = await books.open(prices=(TOUR,))
    payment = booking.payment
    payment.status, payment.amount, payment.payment_method_id = P.NOT_REQUIRED, 0, None
    booking.items[0].price = booking.accepted_total = 0
    booking = await books.record(booking, S.CONFIRMED)
    stored = await books.stored(booking)
    assert stored.payments == booking.payments
    assert (stored.chargeable, stored.owed, stored.due) == (0, 0, 0)
    assert await books.wrong(booking) == []
    async with books.sessions() as session:
        (on_record,) = await repository.payments_on_record(session, booking.id)
        assert (on_record.payment_id, on_record.payment_method_id) == (None, None)
        (row,) = await recorded_payments(session, bookings=[booking.id])
    assert row.payments == ()


async def test_what_needs_no_payment_can_have_none(books: Books) -> None:
    booking = await books.open()
    with pytest.raises(psycopg.errors.CheckViolation):
        async with books.connection() as connection:
            await connection.execute(
                "UPDATE payments SET status = 'not_required' WHERE booking_id = %s", (booking.id,)
            )


async def test_a_transition_writes_payments_with_one_statement(books: Books) -> None:
    """Refunds and disputes cost one each, only where there are any."""
    booking = await changed(books)
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement.split(" (")[0].split("\n")[-1].strip())

    event.listen(books.engine.sync_engine, "before_cursor_execute", note)
    try:
        async with books.sessions.begin() as session:
            await repository.write_payments(session, booking)
            await repository.write_what_went_back(session, booking, booking.version)
        plain, seen[:] = len(seen), []
        given_back(booking.payments[1], 700)
        given_back(booking.payments[0], 700)
        booking.payments[1].disputes = [disputed(booking.payments[1], "open")]
        async with books.sessions.begin() as session:
            await repository.write_payments(session, booking)
            await repository.write_what_went_back(session, booking, booking.version)
    finally:
        event.remove(books.engine.sync_engine, "before_cursor_execute", note)
    assert (plain, len(seen)) == (1, 3), seen
