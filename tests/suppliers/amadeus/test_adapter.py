"""What is particular about Amadeus at its emulation: tokens, names, phones, documents, terms."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
)
from models.core.people import Traveler
from models.core.supply import ReservationStatus, TripComponent
from models.suppliers.rate_limits import Rate
from sandbox.amadeus.tokens import token_at
from settings import Settings
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.terms import HOLD_DAYS
from suppliers.amadeus.travelers import latin_name
from suppliers.core.protocol import Party
from tests.suppliers.amadeus.script import REFERENCE
from tests.suppliers.amadeus.world import flight
from tests.suppliers.conftest import LocalWorld, flyer, in_days, party_of
from tests.support.environment import PRODUCTION, settings_from


@pytest.fixture
async def flights(local: LocalWorld) -> AsyncIterator[AmadeusSupplier]:
    supplier = AmadeusSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def party() -> Party:
    return party_of(flyer("Ana"), flyer("Bo", gender="UNSPECIFIED"))


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return flight(local)


async def test_the_whole_way(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    assert quote.price == item.money
    assert "JFK–LIS" in quote.title
    booked = await flights.book(item, quote, party, REFERENCE)
    assert (booked.reference, booked.price) == (REFERENCE, item.money)
    assert booked.status is ReservationStatus.CONFIRMED
    assert booked.pnr == booked.confirmation_code
    assert booked.pnr
    assert booked.provider == "Delta Air Lines"
    assert local.live("amadeus", REFERENCE) == 1
    (exchange,) = local.recorder.to("/flight-orders")
    data = exchange.body["data"]
    assert data["flightOffers"] == [quote.offer["flight_offer"]]
    assert data["ticketingAgreement"] == {"option": "DELAY_TO_CANCEL", "delay": "6D"}
    assert data["remarks"]["general"][0]["text"] == f"TRIP {REFERENCE}"
    assert [one["gender"] for one in data["travelers"]] == ["FEMALE", "UNSPECIFIED"]
    assert data["travelers"][0]["documents"][0] == {
        "documentType": "PASSPORT",
        "number": "XAna",
        "expiryDate": in_days(2000).isoformat(),
        "issuanceCountry": "US",
        "nationality": "US",
        "holder": True,
    }
    assert data["contacts"][0]["emailAddress"] == "ana@example.com"
    first, again = await flights.cancel(booked, "key"), await flights.cancel(booked, "key")
    assert (first.already, again.already) == (False, True)
    assert local.live("amadeus", REFERENCE) == 0


async def test_one_token_serves_everybody(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    await asyncio.gather(*(flights.quote(item, party) for _ in range(12)))
    assert len(local.recorder.to("/oauth2/token")) == 1


async def test_an_expired_token_is_renewed_once(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    flights._api._token.access_token = token_at(local.world.now() - dt.timedelta(hours=1))
    await flights.book(item, quote, party, REFERENCE)
    assert len(local.recorder.to("/oauth2/token")) == 2
    assert local.live("amadeus", REFERENCE) == 1


async def test_bad_credentials(local: LocalWorld, item: TripComponent, party: Party) -> None:
    settings = local.settings(
        amadeus={"api_key": "invalid", "api_secret": "x", "base_url": local.url},
    )
    supplier = AmadeusSupplier(settings)
    with pytest.raises(AuthConfig, match="Client credentials are invalid") as caught:
        await supplier.quote(item, party)
    assert (caught.value.code, caught.value.status) == ("38187", 401)
    await supplier.close()


# -- faults -------------------------------------------------------------------------------


async def test_price_drift_shows_in_the_quote_and_stops_the_order(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    local.world.faults.arm("amadeus", "quote", "price_drift")
    drifted = await flights.quote(item, party)
    assert item.price * 1.09 < drifted.price.amount < item.price * 1.11
    local.world.faults.arm("amadeus", "book", "price_drift")
    with pytest.raises(PriceChanged) as caught:
        await flights.book(item, quote, party, REFERENCE)
    assert caught.value.code == "37200"
    assert local.live("amadeus", REFERENCE) == 0


async def test_a_call_given_up_while_waiting_is_never_sent(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    impatient = AmadeusSupplier(local.settings(provider_timeout_seconds=0.4))
    with impatient._api._token._lock:  # as if another thread fetched a token, slowly
        with pytest.raises(Retryable) as caught:
            await impatient.book(item, quote, party, REFERENCE)
        assert caught.value.code == "not_sent"
        waiting = asyncio.ensure_future(impatient.book(item, quote, party, REFERENCE))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await asyncio.sleep(0.3)
    await impatient.close()
    assert local.live("amadeus", REFERENCE) == 0
    assert local.recorder.to("/flight-orders") == []


@pytest.mark.parametrize(
    ("more", "rate"),
    [
        ({}, None),
        ({"AMADEUS_API_KEY": "k"}, Rate(1, 0.1)),
        (
            {**PRODUCTION, "MOCK_STRIPE": "true"},
            Rate(40, 1),
        ),
    ],
)
async def test_rates(more: dict[str, str], rate: Rate | None) -> None:
    supplier = AmadeusSupplier(settings_from(more))
    assert supplier._api._limiter._rate == rate
    assert supplier.capabilities.timeout == dt.timedelta(seconds=30 if rate else 8)
    await supplier.close()


async def test_the_sdk_prints_nothing(local: LocalWorld) -> None:
    before = list(logging.getLogger("amadeus").handlers)
    await AmadeusSupplier(local.settings()).close()
    assert logging.getLogger("amadeus").handlers == before


# -- what the trip says, and what is there ------------------------------------------------


async def test_flights_other_than_in_the_trip(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    late = item.model_copy(update={"starts_at": item.starts_at + dt.timedelta(days=2)})
    with pytest.raises(Unavailable) as caught:
        await flights.quote(late, party)
    assert caught.value.code == "other_dates"
    back = item.model_copy(update={"ends_at": item.ends_at - dt.timedelta(days=2)})
    with pytest.raises(Unavailable):
        await flights.quote(back, party)
    euro = item.model_copy(update={"currency": "EUR"})
    with pytest.raises(Unavailable) as caught:
        await flights.quote(euro, party)
    assert caught.value.code == "other_currency"
    segment = item.offer["itineraries"][0]["segments"][0]
    segment["number"] = "1"
    with pytest.raises(Unavailable):
        await flights.quote(item, party)


@pytest.mark.parametrize("offer", [{}, {"type": "hotel-offer"}, {"type": "flight-offer", "id": 1}])
async def test_offers_that_are_none(
    flights: AmadeusSupplier, item: TripComponent, party: Party, offer: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match="not an offer of amadeus"):
        await flights.quote(item.model_copy(update={"offer": offer}), party)


@pytest.mark.parametrize(
    ("travelers", "phone", "words"),
    [
        ([flyer("Ana")], None, "priced for 2, but 1"),
        ([flyer("Ana"), flyer("Kid", date_of_birth=in_days(-900))], None, "of that age"),
        ([flyer("Ana"), flyer("Bo", document=None)], None, "passport or identity card of Bo"),
        ([flyer("Ana"), flyer("!!!")], None, "cannot be written"),
        ([flyer("Ana"), flyer("Bo")], "1234", "too few or too many digits"),
        ([flyer("Ana", document=None), flyer("Bo")], "600 000 000", "needs its country code"),
    ],
)
async def test_people_who_cannot_fly(
    flights: AmadeusSupplier,
    item: TripComponent,
    travelers: list[Traveler],
    phone: str | None,
    words: str,
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        await flights.quote(item, party_of(*travelers, phone=phone))


async def test_passports_that_expire(flights: AmadeusSupplier, item: TripComponent) -> None:
    ana = flyer("Ana")
    assert ana.document is not None
    old = ana.document.model_copy(update={"expiry_date": in_days(42)})
    with pytest.raises(InvalidRequest, match="expires on"):
        await flights.quote(item, party_of(flyer("Bo"), flyer("Ana", document=old)))
    odd = ana.document.model_copy(update={"document_type": "LIBRARY CARD"})
    with pytest.raises(InvalidRequest, match="LIBRARY CARD"):
        await flights.quote(item, party_of(flyer("Bo"), flyer("Ana", document=odd)))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ana", "ANA"),
        ("Zoë", "ZOE"),
        ("Müller", "MUELLER"),
        ("Mu\u0308ller", "MUELLER"),
        ("Weiß", "WEISS"),
        ("Łucja", "LUCJA"),
        ("O'Brien", "OBRIEN"),
        ("Jean-Luc", "JEAN LUC"),
        ("Ørsted Åberg", "OERSTED AABERG"),
        ("Иван", "IVAN"),
        ("Anna Maria 3rd", "ANNA MARIA RD"),
        ("42", ""),
    ],
)
def test_names(name: str, written: str) -> None:
    assert latin_name(name) == written


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+1 202 555 0133", ("+1", "2025550133", "MOBILE")),
        ("+34 600 000 000", ("34", "600000000", "MOBILE")),
        ("+49 30 901820", ("49", "30901820", "LANDLINE")),
        ("(202) 555-0133", ("+1", "2025550133", "MOBILE")),
        ("+39 06 698 1234", ("39", "066981234", "LANDLINE")),
    ],
)
async def test_phone_numbers(
    local: LocalWorld,
    flights: AmadeusSupplier,
    item: TripComponent,
    phone: str,
    expected: tuple[str, str, str],
) -> None:
    party = party_of(phone=phone)
    await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    (exchange,) = local.recorder.to("/flight-orders")
    for who in (*exchange.body["data"]["travelers"], *exchange.body["data"]["contacts"]):
        (sent,) = who.get("contact", who)["phones"]
        assert (sent["countryCallingCode"], sent["number"], sent["deviceType"]) == expected


async def test_no_phone_is_fine_where_none_is_needed(
    flights: AmadeusSupplier, item: TripComponent
) -> None:
    party = party_of(phone=None)
    await flights.book(item, await flights.quote(item, party), party, REFERENCE)


async def test_terms(local: LocalWorld, flights: AmadeusSupplier) -> None:
    sources = set()
    for origin, destination in (("JFK", "LIS"), ("LHR", "CDG"), ("MAD", "FCO"), ("HND", "SYD")):
        item = flight(local, origin=origin, destination=destination)
        quote = await flights.quote(item, party_of())
        now, price = dt.datetime.now(dt.UTC), quote.price.amount
        refundable = item.offer["pricingOptions"]["refundableFare"]
        sources.add(refundable)
        assert quote.terms.fee_at(now + dt.timedelta(days=HOLD_DAYS, minutes=-1), price) == 0
        later = quote.terms.fee_at(now + dt.timedelta(days=HOLD_DAYS, minutes=1), price)
        # Two tickets at 90 euro, in dollars.
        assert later == (2 * 9900 if refundable else price)
        assert quote.terms.fee_at(item.starts_at + dt.timedelta(hours=1), price) == price
        assert "NON-REFUNDABLE" in quote.terms.source
    assert sources == {True, False}


async def test_terms_of_a_flight_that_must_be_ticketed_soon(
    local: LocalWorld, flights: AmadeusSupplier
) -> None:
    item = flight(local, days=3)
    quote = await flights.quote(item, party_of())
    last = dt.datetime.combine(in_days(2), dt.time(10), dt.UTC)
    assert quote.terms.steps[0].until == last
    assert quote.terms.fee_at(last, quote.price.amount) > 0


async def test_currencies_without_decimals(local: LocalWorld, flights: AmadeusSupplier) -> None:
    item = flight(local, origin="HND", destination="SYD", currency="JPY")
    quote = await flights.quote(item, party_of())
    booked = await flights.book(item, quote, party_of(), REFERENCE)
    assert booked.price == item.money
    assert local.world.reservations.all("amadeus")[0].price == item.price


async def test_a_token_from_where_nobody_is(
    flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    """The token came from where the orders are not any more: refused before it was sent."""
    quote = await flights.quote(item, party)
    absent = AmadeusSupplier(Settings(sandbox_url="http://127.0.0.1:9"))
    absent._api._token.access_token = "t"
    absent._api._token.expires_at = 2**40
    with pytest.raises(Retryable) as caught:
        await absent.book(item, quote, party, REFERENCE)
    assert caught.value.code == "not_sent"
    await absent.close()


async def test_a_look_shows_the_same_order_until_it_is_gone(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    booked = await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    assert await flights.look(booked) == booked
    assert booked.details["departs"] < booked.details["arrives"]
    rows = local.world.log.rows(reference=REFERENCE)
    assert [row["operation"] for row in rows] == ["book", "find"]
    await flights.cancel(booked, "key")
    seen = await flights.look(booked)
    assert (seen.status, seen.pnr) == (ReservationStatus.CANCELLED, booked.pnr)
    quoted = await flights.cancel_quote(booked)
    assert (quoted.cancellable, quoted.gone) == (False, True)


async def test_a_ticketed_order_is_for_the_consolidator(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    booked = await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    assert (await flights.cancel_quote(booked)).cancellable
    orders = "/_sandbox/amadeus/orders"
    assert (await local.post(f"{orders}/{REFERENCE}/ticket"))["status"] == "TICKETED"
    assert (await flights.look(booked)).details["ticketed"] is True
    quoted = await flights.cancel_quote(booked)
    assert (quoted.cancellable, quoted.gone) == (False, False)
    assert "tickets are issued" in quoted.reason
    with pytest.raises(NotCancellable):
        await flights.cancel(booked, "key")
    assert local.live("amadeus", REFERENCE) == 1
