"""Viator's answers that are no errors: statuses, terms, questions, fees, events."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    InvalidRequest,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import ReservationStatus, TripComponent
from suppliers.core.protocol import Party
from suppliers.viator import ViatorSupplier
from tests.suppliers.conftest import (
    Reply,
    Scripted,
    changed,
    expect,
    now,
    party_of,
    traveler,
)
from tests.suppliers.viator.script import (
    EVENT,
    ITEM,
    PRICE,
    QUOTE,
    RESERVATION,
    SCRIPT,
    booking,
    cancel_quote,
    check,
    error,
    prices,
    product,
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


async def test_questions_are_answered(
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


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("PICKUP_POINT", "pickup point"),
        ("WEIGHT", "weight"),
        ("HEIGHT", "height"),
        ("TRANSFER_ARRIVAL_MODE", "transfer arrival mode"),
        ("PASSPORT_PASSPORT_NO", "passport of each traveller"),
        ("SHOE_SIZE", "shoe size"),
    ],
)
async def test_a_question_that_has_no_answer_is_told_at_the_quote(
    scripted: Scripted, tours: ViatorSupplier, party: Party, question: str, words: str
) -> None:
    scripted.say("/products/5P1", product(bookingQuestions=["AGEBAND", question]))
    refused = await expect(InvalidRequest, tours.quote(ITEM, party), "quote")
    assert f"must know the {words}" in str(refused)
    quoted = QUOTE.model_copy(update={"offer": {**QUOTE.offer, "questions": [question]}})
    await expect(InvalidRequest, tours.book(ITEM, quoted, party, "ref-1"), "book")
    assert not any(path.endswith("/bookings/book") for path, _ in scripted.requests)


def aged(*ages: int) -> Party:
    return party_of(*(traveler(f"P{age}", date_of_birth=dt.date(2031 - age, 5, 1)) for age in ages))


def mixed(**counts: int) -> TripComponent:
    mix = [{"ageBand": band, "numberOfTravelers": count} for band, count in counts.items()]
    return changed(ITEM, paxMix=mix)


async def test_each_traveller_is_in_the_band_of_their_age(
    scripted: Scripted, tours: ViatorSupplier
) -> None:
    item, party = mixed(ADULT=1, CHILD=1, SENIOR=1), aged(70, 30, 6)
    scripted.say("/availability/check", check(**prices(people=3)))
    scripted.say("/bookings/book", booking(**prices(people=3)))
    quote = await tours.quote(item, party)
    await tours.book(item, quote, party, "ref-1")
    answers = scripted.requests[-1][1]["bookingQuestionAnswers"]
    assert [a["answer"] for a in answers if a["question"] == "AGEBAND"] == [
        "SENIOR",
        "ADULT",
        "CHILD",
    ]


@pytest.mark.parametrize(
    ("item", "party"),
    [
        (mixed(SENIOR=2), aged(30, 70)),
        (mixed(ADULT=1, CHILD=1), aged(30, 30)),
        (mixed(ADULT=2), aged(30, 12)),
        (mixed(CHILD=2), aged(6, 2)),
    ],
)
async def test_ages_that_do_not_fit_the_bands(
    scripted: Scripted, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    refused = await expect(InvalidRequest, tours.quote(item, party), "quote")
    assert "do not fit" in str(refused)
    assert [path for path, _ in scripted.requests] == ["/partner/products/5P1"]


@pytest.mark.parametrize("bands", [None, [], [{"ageBand": "ADULT"}], "?"])
async def test_bands_without_ages_take_anybody(
    scripted: Scripted, tours: ViatorSupplier, bands: Any
) -> None:
    scripted.say("/products/5P1", product(pricingInfo={"ageBands": bands}))
    quote = await tours.quote(mixed(ADULT=1, CHILD=1), aged(50, 40))
    assert quote.offer["bands"] == ["ADULT", "CHILD"]


def guides(*languages: str) -> list[dict[str, str]]:
    return [{"type": "GUIDE", "language": language} for language in languages]


@pytest.mark.parametrize(
    ("of_option", "of_product", "chosen", "booked"),
    [
        ([], [], None, None),
        (["es", "en"], ["fr"], None, "en"),
        (["es"], ["en"], None, "es"),
        ([], ["en", "es"], None, "en"),
        (["es", "en"], [], "es", "es"),
        ([], [], "es", "es"),
        (["es", "fr"], [], None, InvalidRequest),
        (["es", "fr"], ["en"], "en", Unavailable),
    ],
)
async def test_the_language_of_the_guide(
    scripted: Scripted,
    tours: ViatorSupplier,
    party: Party,
    of_option: list[str],
    of_product: list[str],
    chosen: str | None,
    booked: Any,
) -> None:
    option = {"productOptionCode": "TG1", "languageGuides": guides(*of_option)}
    offered = product(productOptions=[option], languageGuides=guides(*of_product))
    scripted.say("/products/5P1", offered)
    item = changed(ITEM, languageGuide=guides(chosen)[0]) if chosen else ITEM
    if isinstance(booked, type):
        await expect(booked, tours.quote(item, party), "quote")
        return
    await tours.book(item, await tours.quote(item, party), party, "ref-1")
    sent = scripted.requests[-1][1].get("languageGuide")
    assert sent == (guides(booked)[0] if booked else None)


@pytest.mark.parametrize("code", [None, "DEFAULT"])
async def test_a_product_without_options_and_start_times(
    scripted: Scripted, tours: ViatorSupplier, party: Party, code: str | None
) -> None:
    item = changed(ITEM, productOptionCode=code, startTime=None)
    scripted.say("/products/5P1", product(productOptions=[]))
    scripted.say("/availability/check", check(productOptionCode=None, startTime=None))
    quote = await tours.quote(item, party)
    assert quote.title == "Tour Five, 1 May 2031"
    day_before = dt.datetime(2031, 4, 30, 4, 0, tzinfo=dt.UTC)  # midnight in New York
    assert quote.terms.fee_at(day_before - dt.timedelta(seconds=1), PRICE.amount) == 0
    assert quote.terms.fee_at(day_before, PRICE.amount) == PRICE.amount
    await tours.book(item, quote, party, "ref-1")
    for path, sent in scripted.requests:
        if not path.endswith("/products/5P1"):
            assert "startTime" not in sent
            assert sent.get("productOptionCode") == code
    # Times that are needed must be there, and the other way round.
    scripted.say("/availability/check", check(productOptionCode="DEFAULT"))
    await expect(Unavailable, tours.quote(item, party), "quote")
    scripted.say("/availability/check", check(startTime=None))
    await expect(Unavailable, tours.quote(ITEM, party), "quote")


async def test_a_start_time_with_seconds(
    scripted: Scripted, tours: ViatorSupplier, party: Party
) -> None:
    scripted.say("/availability/check", check(startTime="09:30:00"))
    assert (await tours.quote(ITEM, party)).price == PRICE


@pytest.mark.parametrize(
    "change",
    [
        *({"totalPrice": total} for total in (None, 7, {}, {"price": 7})),
        prices(0.001),
        {"currency": "XXXX"},
        {"currency": "XXXX", "totalPrice": None},
    ],
)
async def test_a_price_that_it_does_not_say_is_kept(
    scripted: Scripted, tours: ViatorSupplier, change: dict[str, Any]
) -> None:
    scripted.say("/bookings/status", booking(**change))
    seen = await tours.look(RESERVATION)
    assert (seen.status, seen.price) == (ReservationStatus.CONFIRMED, RESERVATION.price)
    found = await tours.find("ref-1", since=now())
    assert found is not None
    assert found.details["price_stated"] is False


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../etc/passwd", "Europe", "", None])
async def test_a_time_zone_that_nobody_knows(
    scripted: Scripted, tours: ViatorSupplier, party: Party, zone: str | None
) -> None:
    """It starts as early as anywhere on earth, and the traveller is told no zone."""
    scripted.say("/products/5P1", product(timeZone=zone))
    quote = await tours.quote(ITEM, party)
    assert quote.terms.steps[0].until == dt.datetime(2031, 4, 29, 19, 30, tzinfo=dt.UTC)
    assert quote.legs[0].start.zone is None


@pytest.mark.parametrize(
    ("end", "reply"),
    [
        ("/cancel-quote", Reply(200, {"bookingId": "BR-2", "status": "CANCELLED"})),
        ("/cancel-quote", Reply(200, {"status": "CANCELLED"})),
        ("/cancel", Reply(200, {"bookingId": "BR-2", "status": "ACCEPTED"})),
        (
            "/cancel",
            Reply(200, {"bookingId": "", "status": "DECLINED", "reason": "ALREADY_CANCELLED"}),
        ),
    ],
)
async def test_what_is_not_named_is_not_believed_gone(
    scripted: Scripted, tours: ViatorSupplier, end: str, reply: Reply
) -> None:
    scripted.say(end, reply)
    await expect(
        UnknownOutcome if end == "/cancel" else Retryable, tours.cancel(RESERVATION, "key")
    )


@pytest.mark.parametrize("status", ["CANCELED", "REJECTED", "FAILED"])
async def test_a_status_that_does_not_name_our_reference_is_not_believed(
    scripted: Scripted, tours: ViatorSupplier, status: str
) -> None:
    scripted.say("/bookings/status", booking(status, partnerBookingRef=None))
    await expect(Retryable, tours.find("ref-1", since=now()))


async def test_on_hold_is_not_booked(
    scripted: Scripted, tours: ViatorSupplier, party: Party
) -> None:
    scripted.say("/bookings/book", booking("ON_HOLD"))
    scripted.say("/bookings/status", booking("ON_HOLD"))
    await expect(UnknownOutcome, tours.book(ITEM, QUOTE, party, "ref-1"))
    assert await tours.find("ref-1", since=now()) is None
    await expect(Retryable, tours.look(RESERVATION))


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
    gone = {"status": "CANCELED", "bookingRef": "BR-1", "partnerBookingRef": "ref-1"}
    scripted.say("/bookings/status", Reply(200, gone))
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
