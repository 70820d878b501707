"""Amadeus' answers that are no errors by themselves: tokens, pauses, other orders, terms."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import ReservationStatus
from suppliers.amadeus import AmadeusSupplier
from tests.suppliers.amadeus.script import (
    ID,
    ITEM,
    NOT_FOUND,
    ORDER,
    ORDERS,
    PARTY,
    PRICING,
    QUOTE,
    REFERENCE,
    RESERVATION,
    SCRIPT,
    SHOWN,
    Json,
    error,
    flown,
    ordered,
    other,
    pricing,
)
from tests.suppliers.conftest import Reply, Scripted, expect, now, party_of


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


async def test_cancelled(scripted: Scripted, flights: AmadeusSupplier) -> None:
    assert not (await flights.cancel(RESERVATION, "key")).already
    # A repeat: the order itself says that it is gone.
    scripted.say(ORDER, NOT_FOUND)
    scripted.say(SHOWN, Reply(200, flown("CANCELLED")))
    assert (await flights.cancel(RESERVATION, "key")).already


async def test_what_is_not_found_is_not_gone(scripted: Scripted, flights: AmadeusSupplier) -> None:
    """Code 1797 names no order, and a wrongly built path gets it, too: a person must tell."""
    scripted.say(ORDER, NOT_FOUND)
    scripted.say(SHOWN, NOT_FOUND)
    for call in (flights.cancel(RESERVATION, "key"), flights.look(RESERVATION)):
        error = await expect(AuthConfig, call)
        assert error.code == "1797"
        assert "PNR123" in str(error)
        assert f"TRIP {REFERENCE}" in str(error)


@pytest.mark.parametrize(
    "odd", ["", ".", "..", "../../v2/x", "..%2F..%2Fx", "a/%2E%2e/b", "a?b=c#d", "100%"]
)
async def test_ids_that_lead_elsewhere(
    scripted: Scripted, flights: AmadeusSupplier, odd: str
) -> None:
    elsewhere = RESERVATION.model_copy(update={"supplier_id": odd})
    for call in (flights.look(elsewhere), flights.cancel(elsewhere, "key")):
        await expect(InvalidRequest, call)
    assert scripted.requests == []


@pytest.mark.parametrize("odd", ["a b", "a/b", "é"])
async def test_whatever_else_an_id_has_stays_in_the_path(
    scripted: Scripted, flights: AmadeusSupplier, odd: str
) -> None:
    order = other(id=odd)
    scripted.say("?", order)
    seen = await flights.look(RESERVATION.model_copy(update={"supplier_id": odd}))
    assert seen.status is ReservationStatus.CONFIRMED
    ((path, _),) = [one for one in scripted.requests if "token" not in one[0]]
    assert path == f"/v1/booking/flight-orders/{quote(odd, safe='')}?"


@pytest.mark.parametrize(
    ("statuses", "waits"),
    [
        (("PENDING",), True),
        (("CONFIRMED", "WAITLISTED"), True),
        (("CONFIRMED", "DENIED"), False),
        (("CANCELLED",), False),
        (("UNHEARD_OF",), False),
        ((7,), False),
    ],
)
async def test_an_order_that_is_made_and_not_confirmed_is_never_gone(
    scripted: Scripted, flights: AmadeusSupplier, statuses: tuple[Any, ...], waits: bool
) -> None:
    """There is an order, so that undoing it deletes it; how long is waited, the words tell."""
    scripted.say(ORDERS, Reply(201, flown(*statuses)))
    made = await flights.book(ITEM, QUOTE, PARTY, REFERENCE)
    assert (made.status, made.supplier_id) == (ReservationStatus.PENDING, ID)
    assert made.settles_by is not None
    assert (made.settles_by > now() + dt.timedelta(minutes=1)) is waits


@pytest.mark.parametrize("status", ["CONFIRMED", None, ""])
async def test_an_order_that_is_confirmed(
    scripted: Scripted, flights: AmadeusSupplier, status: str | None
) -> None:
    """Flight Create Orders says nothing of its flights."""
    scripted.say(ORDERS, Reply(201, flown(status)))
    made = await flights.book(ITEM, QUOTE, PARTY, REFERENCE)
    assert made.status is ReservationStatus.CONFIRMED


async def test_an_expired_token_alone_repeats_a_call(
    scripted: Scripted, flights: AmadeusSupplier
) -> None:
    for code, calls in ((38192, 2), ("38192", 2), (38190, 1)):
        scripted.requests.clear()
        scripted.say(ORDERS, error(401, code))
        await expect(AuthConfig, flights.book(ITEM, QUOTE, PARTY, REFERENCE), "book")
        assert sum(path.endswith(ORDERS) for path, _ in scripted.requests) == calls


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (Reply(401, {"error": "invalid_client", "code": 38187}), AuthConfig),
        (Reply(400, {}), AuthConfig),
        (error(429, 38194), Retryable),
        (Reply(500, {}), Retryable),
        (Reply(200, b"{"), Retryable),
        (Reply(0), Retryable),
    ],
)
async def test_without_a_token_nothing_is_sent(
    scripted: Scripted,
    flights: AmadeusSupplier,
    token: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/oauth2/token", token)
    with pytest.raises(ProviderError) as caught:
        await flights.book(ITEM, QUOTE, PARTY, REFERENCE)
    assert type(caught.value) is expected
    assert not [path for path, _ in scripted.requests if path.endswith(ORDERS)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", 7), ("Wed, 21 Oct 2015 07:00:30 GMT", 30), ("nan", None), ("soon", None)],
)
async def test_how_long_to_wait(
    scripted: Scripted,
    flights: AmadeusSupplier,
    header: str,
    expected: float | None,
) -> None:
    asked = {"Retry-After": header, "Date": "Wed, 21 Oct 2015 07:00:00 GMT"}
    scripted.say(ORDERS, error(429, 38194, **asked))
    with pytest.raises(Retryable) as caught:
        await flights.book(ITEM, QUOTE, PARTY, REFERENCE)
    pause = caught.value.retry_after
    assert (pause.total_seconds() if pause is not None else None) == expected


async def test_the_answer_as_it_should_be(scripted: Scripted, flights: AmadeusSupplier) -> None:
    scripted.say(ORDERS, Reply(201, ordered()))
    booked = await flights.book(ITEM, QUOTE, PARTY, REFERENCE)
    assert (booked.supplier_id, booked.pnr) == (ID, "PNR123")


def _price(data: Json) -> None:
    data["flightOffers"][0]["price"]["grandTotal"] = "1.00"


def _currency(data: Json) -> None:
    data["flightOffers"][0]["price"]["currency"] = "EUR"


def _no_money(data: Json) -> None:
    data["flightOffers"][0]["price"]["grandTotal"] = "1.001"


def _flight(data: Json) -> None:
    data["flightOffers"][0]["itineraries"][0]["segments"][0]["number"] = "1"


def _one_way(data: Json) -> None:
    data["flightOffers"][0]["itineraries"].pop()


def _name(data: Json) -> None:
    data["travelers"][1]["name"]["firstName"] = "EVE"


def _fewer(data: Json) -> None:
    data["travelers"].pop()


def _remark(data: Json) -> None:
    data["remarks"]["general"][0]["text"] = "TRIP another"


def _no_remarks(data: Json) -> None:
    del data["remarks"]


def _no_record(data: Json) -> None:
    data["associatedRecords"] = []


def _no_id(data: Json) -> None:
    data["id"] = ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_price, "PNR PNR123.*it costs 1.00 USD instead of"),
        (_currency, "EUR instead of"),
        (_no_money, "impossible amount"),
        (_flight, "instead of"),
        (_one_way, "instead of"),
        (_name, "travellers are others"),
        (_fewer, "travellers are others"),
        (_remark, "does not carry our remark"),
        (_no_remarks, "does not carry our remark"),
        (_no_record, "no associatedRecords.reference"),
        (_no_id, "data.id: "),
    ],
)
async def test_an_order_other_than_asked(
    scripted: Scripted,
    flights: AmadeusSupplier,
    change: Any,
    words: str,
) -> None:
    body = ordered()
    change(body["data"])
    scripted.say(ORDERS, Reply(201, body))
    with pytest.raises(UnknownOutcome, match=words):
        await flights.book(ITEM, QUOTE, PARTY, REFERENCE)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_flight, "other_flights"),
        (_one_way, "other_flights"),
        (_currency, "other_currency"),
        (lambda data: data["flightOffers"][0]["travelerPricings"].pop(), "other_people"),
    ],
)
async def test_a_price_for_something_else(
    scripted: Scripted,
    flights: AmadeusSupplier,
    change: Any,
    code: str,
) -> None:
    body = pricing()
    change(body["data"])
    scripted.say(PRICING, Reply(200, body))
    with pytest.raises(Unavailable) as caught:
        await flights.quote(ITEM, PARTY)
    assert caught.value.code == code


async def test_a_phone_that_the_airline_needs(scripted: Scripted, flights: AmadeusSupplier) -> None:
    body = pricing()
    body["data"]["bookingRequirements"]["mobilePhoneNumberRequired"] = True
    scripted.say(PRICING, Reply(200, body))
    assert (await flights.quote(ITEM, PARTY)).price == ITEM.money
    assert (await flights.quote(ITEM, party_of(phone=None))).price == ITEM.money, "ours"
    flights._agency_phone = ""
    for phone in (None, "+1234567890"):
        with pytest.raises(InvalidRequest, match="needs a phone number for traveller 1"):
            await flights.quote(ITEM, party_of(phone=phone))


def _silent(body: Json) -> None:
    del body["included"]


def _one_rule_short(body: Json) -> None:
    body["included"]["detailed-fare-rules"]["1"].pop("fareNotes")


def _odd_penalty(body: Json) -> None:
    for rule in body["included"]["detailed-fare-rules"].values():
        rule["fareNotes"] = {"category": "REFUND", "maxPenaltyAmount": "much"}


@pytest.mark.parametrize("change", [_silent, _one_rule_short, _odd_penalty])
async def test_terms_nobody_stated_keep_everything_after_the_hold(
    scripted: Scripted,
    flights: AmadeusSupplier,
    change: Any,
) -> None:
    body = pricing()
    change(body)
    scripted.say(PRICING, Reply(200, body))
    terms = (await flights.quote(ITEM, PARTY)).terms
    assert [step.fee for step in terms.steps] == [0, ITEM.price]


async def test_what_the_order_says_now(scripted: Scripted, flights: AmadeusSupplier) -> None:
    order = ordered()
    order["data"]["associatedRecords"][0]["reference"] = "OTHER1"
    scripted.say(SHOWN, Reply(200, order))
    seen = await flights.look(RESERVATION)
    assert (seen.pnr, seen.price) == ("OTHER1", QUOTE.price)
    assert (seen.reference, seen.provider) == (REFERENCE, RESERVATION.provider)
    assert seen.details["kept"] == "yes"
    assert seen.details["held_until"] == RESERVATION.details["held_until"]


@pytest.mark.parametrize(
    ("day", "free"),
    [(None, True), ("", True), ("soon", False), (7, False), ("2020-01-01T23:59:00", False)],
)
async def test_the_last_ticketing_day_in_whatever_form(
    scripted: Scripted, flights: AmadeusSupplier, day: Any, free: bool
) -> None:
    """One that is stated and cannot be read ends the free time; one that is not stated does not."""
    body = pricing()
    body["data"]["flightOffers"][0]["lastTicketingDate"] = day
    scripted.say(PRICING, Reply(200, body))
    terms = (await flights.quote(ITEM, PARTY)).terms
    assert (terms.fee_at(now(), ITEM.price) == 0) is free


async def test_a_token_that_does_not_come(scripted: Scripted) -> None:
    impatient = SCRIPT.supplier(scripted, timeout=0.3)
    scripted.say("/oauth2/token", Reply(200, {}, delay=1))
    error = await expect(Retryable, impatient.book(ITEM, QUOTE, PARTY, REFERENCE), "book")
    assert error.code == "not_sent"
    await impatient.close()
