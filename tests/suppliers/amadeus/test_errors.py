"""Every row of Amadeus' error table (providers.md §2), and answers other than asked."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import ItemType, Quote, Reservation, TripComponent
from sandbox import amadeus
from sandbox.amadeus.offers import recognise
from sandbox.amadeus.pricing import answer_body, priced
from sandbox.world import World
from settings import Settings
from suppliers.amadeus.adapter import AmadeusSupplier
from tests.suppliers.amadeus.world import people
from tests.suppliers.conftest import PATIENCE, Reply, Scripted, component, in_days

OURS = "5b0a9f0e-1c7d-4a3c-9a70-3d5f2f0f9b11-1-1"
TOKEN = Reply(200, {"access_token": "t", "expires_in": 1799})
PRICING, ORDERS, ORDER = "include=detailed-fare-rules", "/flight-orders", "/flight-orders/id%3D"
PARTY = people()

Json = dict[str, Any]


def error(status: int, code: int | None, **headers: str) -> Reply:
    issue: Json = {"status": status, "title": "SAID SO"}
    if code is not None:
        issue["code"] = code
    return Reply(status, {"errors": [issue]}, headers)


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[AmadeusSupplier]:
    scripted.say("/oauth2/token", TOKEN)
    supplier = AmadeusSupplier(
        Settings(amadeus={"base_url": scripted.url}, provider_timeout_seconds=PATIENCE)
    )
    yield supplier
    await supplier.close()


@pytest.fixture
def item() -> TripComponent:
    found = amadeus.live_offer(
        World(),
        origin="BOS",
        destination="BCN",
        depart=in_days(40),
        return_=in_days(47),
        adults=2,
        currency="USD",
    )
    return component(found, ItemType.FLIGHT, "amadeus")


@pytest.fixture
def pricing(item: TripComponent) -> Json:
    offer = recognise(item.offer)
    assert offer is not None
    return answer_body(offer, priced(offer, "1"), fare_rules=True)


@pytest.fixture
async def quote(
    scripted: Scripted, flights: AmadeusSupplier, item: TripComponent, pricing: Json
) -> Quote:
    scripted.say(PRICING, Reply(200, pricing))
    return await flights.quote(item, PARTY)


def ordered(quote: Quote) -> Json:
    return {
        "data": {
            "type": "flight-order",
            "id": "id=",
            "associatedRecords": [{"reference": "PNR123"}],
            "flightOffers": [copy.deepcopy(quote.offer["flight_offer"])],
            "travelers": [
                {"id": "1", "name": {"firstName": "ANA", "lastName": "ROE"}},
                {"id": "2", "name": {"firstName": "BO", "lastName": "ROE"}},
            ],
            "remarks": {"general": [{"subType": "X", "text": f"TRIP {OURS}".upper()}]},
        }
    }


CODES = [
    (37200, PriceChanged),
    (34651, Unavailable),
    (38034, Unavailable),
    (34107, Unavailable),
    (477, InvalidRequest),
    (2781, InvalidRequest),
    (2668, InvalidRequest),
    (4926, InvalidRequest),
    (32171, InvalidRequest),
    (1304, Declined),
    (34733, Declined),
    (99999, InvalidRequest),
    (None, InvalidRequest),
]
FOR_EVERY_CALL = [
    (error(401, 38190), AuthConfig),
    (error(401, 38191), AuthConfig),
    (error(401, 38192), AuthConfig),
    (error(401, 38193), AuthConfig),
    (error(401, 39683), AuthConfig),
    (error(401, 39686), AuthConfig),
    (Reply(403, {}), AuthConfig),
    (error(429, 38194), Retryable),
    (error(429, 38195), Retryable),
    (Reply(429, {}), Retryable),
]
NO_ANSWER = [
    error(500, 38189),
    error(400, 38189),
    Reply(503, b"<html>"),
    Reply(200, b"[]"),
    Reply(200, b'{"data": {'),
    Reply(200, b"\xff\xfe"),
    Reply(200, {}),
    Reply(202, {}),
    Reply(301, {}, {"Location": "/elsewhere"}),
    Reply(408, {}),
    Reply(0),
    Reply(200, b"{" + b" " * (5 * 1024 * 1024)),
    Reply(200, {}, delay=PATIENCE + 0.5),
]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *((error(400, code), kind) for code, kind in CODES),
        *FOR_EVERY_CALL,
        (error(400, 36870), UnknownOutcome),
        (error(400, 9112), UnknownOutcome),
        (Reply(400, b"<html>"), UnknownOutcome),
        (Reply(404, {"detail": "no such path"}), UnknownOutcome),
        *((reply, UnknownOutcome) for reply in NO_ANSWER),
    ],
)
async def test_errors_on_book(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    quote: Quote,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(ORDERS, reply)
    with pytest.raises(ProviderError) as caught:
        await flights.book(item, quote, PARTY, OURS)
    assert type(caught.value) is expected
    assert (caught.value.provider, caught.value.operation) == ("amadeus", "book")
    expired = reply.status == 401 and reply.body["errors"][0].get("code") == 38192
    asked = [path for path, _ in scripted.requests if path.endswith(ORDERS)]
    assert len(asked) == (2 if expired else 1)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *((error(400, code), kind) for code, kind in CODES),
        *FOR_EVERY_CALL,
        (Reply(404, {"detail": "no such path"}), AuthConfig),
        *((reply, Retryable) for reply in NO_ANSWER),
    ],
)
async def test_errors_on_quote(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(PRICING, reply)
    with pytest.raises(ProviderError) as caught:
        await flights.quote(item, PARTY)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(204), False),
        (error(404, 1797), True),
        (error(400, 4926), NotCancellable),
        (error(400, 36870), NotCancellable),
        *FOR_EVERY_CALL,
        (Reply(404, {"detail": "no such path"}), UnknownOutcome),
        (Reply(400, {}), UnknownOutcome),
        *((reply, UnknownOutcome) for reply in NO_ANSWER if reply.status != 400),
    ],
)
async def test_cancel(
    scripted: Scripted, flights: AmadeusSupplier, quote: Quote, reply: Reply, expected: Any
) -> None:
    booked = Reservation(
        reference=OURS,
        supplier_id="id=",
        confirmation_code="PNR123",
        provider="x",
        price=quote.price,
    )
    scripted.say(ORDER, reply)
    if isinstance(expected, bool):
        assert (await flights.cancel(booked, "key")).already is expected
        return
    with pytest.raises(ProviderError) as caught:
        await flights.cancel(booked, "key")
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (Reply(401, {"error": "invalid_client", "code": 38187}), AuthConfig),
        (Reply(400, {}), AuthConfig),
        (error(429, 38194), Retryable),
        (Reply(500, {}), Retryable),
        (Reply(200, b"{"), Retryable),
        (Reply(0), Retryable),
        (Reply(200, {}, delay=PATIENCE + 0.5), Retryable),
    ],
)
async def test_without_a_token_nothing_is_sent(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    quote: Quote,
    token: Reply,
    expected: type[ProviderError],
) -> None:
    flights._api._token.forget("t")
    scripted.say("/oauth2/token", token)
    with pytest.raises(ProviderError) as caught:
        await flights.book(item, quote, PARTY, OURS)
    assert type(caught.value) is expected
    assert not [path for path, _ in scripted.requests if path.endswith(ORDERS)]


@pytest.mark.parametrize(("said", "expected"), [("7", 7), ("nan", None), ("soon", None)])
async def test_how_long_to_wait(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    quote: Quote,
    said: str,
    expected: float | None,
) -> None:
    scripted.say(ORDERS, error(429, 38194, **{"Retry-After": said}))
    with pytest.raises(Retryable) as caught:
        await flights.book(item, quote, PARTY, OURS)
    pause = caught.value.retry_after
    assert (pause.total_seconds() if pause is not None else None) == expected


# -- answers other than asked -------------------------------------------------------------


async def test_the_answer_as_it_should_be(
    scripted: Scripted, flights: AmadeusSupplier, item: TripComponent, quote: Quote
) -> None:
    scripted.say(ORDERS, Reply(201, ordered(quote)))
    booked = await flights.book(item, quote, PARTY, OURS)
    assert (booked.supplier_id, booked.pnr) == ("id=", "PNR123")


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
        (_no_record, "not the published one"),
        (_no_id, "not the published one"),
    ],
)
async def test_an_order_other_than_asked(
    scripted: Scripted,
    flights: AmadeusSupplier,
    item: TripComponent,
    quote: Quote,
    change: Any,
    words: str,
) -> None:
    body = ordered(quote)
    change(body["data"])
    scripted.say(ORDERS, Reply(201, body))
    with pytest.raises(UnknownOutcome, match=words):
        await flights.book(item, quote, PARTY, OURS)


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
    item: TripComponent,
    pricing: Json,
    change: Any,
    code: str,
) -> None:
    change(pricing["data"])
    scripted.say(PRICING, Reply(200, pricing))
    with pytest.raises(Unavailable) as caught:
        await flights.quote(item, PARTY)
    assert caught.value.code == code


async def test_a_phone_that_the_airline_needs(
    scripted: Scripted, flights: AmadeusSupplier, item: TripComponent, pricing: Json
) -> None:
    pricing["data"]["bookingRequirements"]["mobilePhoneNumberRequired"] = True
    scripted.say(PRICING, Reply(200, pricing))
    assert (await flights.quote(item, PARTY)).price == item.money
    with pytest.raises(InvalidRequest, match="needs a phone number for Ana Roe"):
        await flights.quote(item, people(phone=None))


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
    item: TripComponent,
    pricing: Json,
    change: Any,
) -> None:
    change(pricing)
    scripted.say(PRICING, Reply(200, pricing))
    terms = (await flights.quote(item, PARTY)).terms
    assert [step.fee for step in terms.steps] == [0, item.price]
