"""Viator's answers that are no errors: statuses, terms, questions, fees, events."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import Retryable
from models.core.supply import ReservationStatus
from suppliers.core.protocol import Party
from suppliers.viator import ViatorSupplier
from tests.suppliers.conftest import Reply, Scripted, now
from tests.suppliers.viator.script import (
    EVENT,
    ITEM,
    PRICE,
    QUOTE,
    RESERVATION,
    SCRIPT,
    booking,
    cancel_quote,
    error,
    rejected,
)


@pytest.fixture
async def tours(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


async def test_terms_count_local_days(tours: ViatorSupplier, party: Party) -> None:
    terms = (await tours.quote(ITEM, party)).terms
    day_before = dt.datetime(2031, 4, 30, 13, 30, tzinfo=dt.UTC)  # 09:30 in New York
    assert terms.fee_at(day_before - dt.timedelta(seconds=1), PRICE.amount) == 0
    assert terms.fee_at(day_before, PRICE.amount) == PRICE.amount


async def test_questions_are_answered_as_far_as_known(
    scripted: Scripted, tours: ViatorSupplier, party: Party
) -> None:
    await tours.book(ITEM, await tours.quote(ITEM, party), party, "ref-1")
    sent = scripted.requests[-1][1]
    assert sent["bookingRef"] == "BR-1"
    assert [
        (a["travelerNum"], a["question"], a["answer"]) for a in sent["bookingQuestionAnswers"]
    ] == [
        (1, "AGEBAND", "ADULT"),
        (1, "FULL_NAMES_FIRST", "Ana"),
        (1, "DATE_OF_BIRTH", "1990-01-31"),
        (2, "AGEBAND", "ADULT"),
        (2, "FULL_NAMES_FIRST", "Bo"),
        (2, "DATE_OF_BIRTH", "1990-01-31"),
    ]


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
async def test_pending_is_a_reservation(
    scripted: Scripted,
    tours: ViatorSupplier,
    party: Party,
    status: str,
) -> None:
    scripted.say("/bookings/book", booking(status, lineItems=[], totalPrice=None))
    booked = await tours.book(ITEM, QUOTE, party, "ref-1")
    assert booked.status is ReservationStatus.PENDING
    assert booked.price == PRICE


async def test_find_without_a_price_says_so(scripted: Scripted, tours: ViatorSupplier) -> None:
    scripted.say("/bookings/status", Reply(200, {"status": "CANCELED", "bookingRef": "BR-1"}))
    found = await tours.find("ref-1", since=dt.datetime.now(dt.UTC))
    assert found is not None
    assert found.details["price_stated"] is False


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(404, "NOT_FOUND"), None),
        (rejected("WEATHER"), None),
        (booking(), ReservationStatus.CONFIRMED),
        (booking("PENDING"), ReservationStatus.PENDING),
        (booking("IN_PROGRESS"), ReservationStatus.PENDING),
        (booking("CANCELED"), ReservationStatus.CANCELLED),
    ],
)
async def test_find(scripted: Scripted, tours: ViatorSupplier, reply: Reply, expected: Any) -> None:
    scripted.say("/bookings/status", reply)
    found = await tours.find("ref-1", since=now())
    assert (found.status if found else None) == expected
    assert found is None or found.price == PRICE


@pytest.mark.parametrize(
    ("quoted", "cancelled", "already", "fee"),
    [
        (cancel_quote(refundPercentage=100), {"status": "ACCEPTED"}, False, 0),
        (cancel_quote(refundPercentage=50), {"status": "ACCEPTED"}, False, 6170),
        (cancel_quote(refundPercentage=33), {"status": "ACCEPTED"}, False, 12340 - 4072),
        (cancel_quote(refundPercentage=0), {"status": "ACCEPTED"}, False, 12340),
        (cancel_quote(), {"status": "ACCEPTED"}, False, None),
        (
            cancel_quote(refundPercentage=100),
            {"status": "DECLINED", "reason": "ALREADY_CANCELLED"},
            True,
            0,
        ),
        (cancel_quote("CANCELLED"), None, True, None),
    ],
)
async def test_cancel(
    scripted: Scripted,
    tours: ViatorSupplier,
    quoted: Reply,
    cancelled: dict[str, Any] | None,
    already: bool,
    fee: int | None,
) -> None:
    scripted.say("/cancel-quote", quoted)
    scripted.say("/cancel", Reply(200, {"bookingId": "BR-1", **(cancelled or {})}))
    done = await tours.cancel(RESERVATION, "key")
    assert done.already == already
    assert (done.fee.amount if done.fee else None) == fee
    assert any(path.endswith("/cancel") for path, _ in scripted.requests) == (cancelled is not None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CONFIRMED", ReservationStatus.CONFIRMED),
        ("PENDING", ReservationStatus.PENDING),
        ("IN_PROGRESS", ReservationStatus.PENDING),
        ("CANCELED", ReservationStatus.CANCELLED),
        ("REJECTED", ReservationStatus.REJECTED),
        ("FAILED", ReservationStatus.REJECTED),
    ],
)
async def test_every_status(
    scripted: Scripted,
    tours: ViatorSupplier,
    status: str,
    expected: ReservationStatus,
) -> None:
    scripted.say("/bookings/status", booking(status, totalPrice=None))
    seen = await tours.look(RESERVATION)
    assert (seen.status, seen.price) == (expected, RESERVATION.price)
    # Pending without a time to ask again: three minutes, as documented.
    assert (seen.look_after is not None) == (expected is ReservationStatus.PENDING)
    if seen.look_after is not None:
        assert dt.timedelta(minutes=2) < seen.look_after - now() <= dt.timedelta(minutes=3)


async def test_events_that_viator_has_forgotten_do_not_hold_up_the_others(
    scripted: Scripted, tours: ViatorSupplier
) -> None:
    scripted.replies.clear()
    scripted.say("", Reply(200, {"bookings": [EVENT, {**EVENT, "transactionRef": "T-2"}]}))
    listed = await tours.changes(now())
    gone = error(404, "NOT_FOUND")
    gone.body["unknownTransactionRefs"] = ["T-1"]
    scripted.say("", gone, Reply(204, b""))
    await tours.acknowledge(listed)
    assert [body for _, body in scripted.requests[1:]] == [
        {"transactionRefs": ["T-1", "T-2"]},
        {"transactionRefs": ["T-2"]},
    ]
    scripted.say("", gone)
    await tours.acknowledge(listed[:1])
    gone.body["unknownTransactionRefs"] = ["T-9"]
    with pytest.raises(Retryable):
        await tours.acknowledge(listed)
    scripted.say("", error(500, "INTERNAL_SERVER_ERROR"))
    with pytest.raises(Retryable):
        await tours.acknowledge(listed)


async def test_a_list_of_events_without_an_end(scripted: Scripted, tours: ViatorSupplier) -> None:
    scripted.say("", Reply(200, {"bookings": [EVENT], "nextCursor": "always"}))
    with pytest.raises(Retryable):
        await tours.changes(now())
