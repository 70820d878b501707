"""What is particular about Amadeus at its emulation: tokens, names, phones, documents, terms."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

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
from models.core.supply import FOUND_BY_HAND, ItemType, ReservationStatus, TripComponent
from models.suppliers.rate_limits import Rate
from sandbox.amadeus.offers import recognise
from sandbox.amadeus.search import by_body
from sandbox.amadeus.tokens import token_at
from settings import Settings
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.orders import in_path
from suppliers.amadeus.travelers import latin_name
from suppliers.core.protocol import Party
from tests.suppliers.amadeus.script import REFERENCE
from tests.suppliers.amadeus.world import flight
from tests.suppliers.conftest import LocalWorld, component, expect, flyer, in_days, party_of
from tests.support.environment import PRODUCTION, settings_from

PARIS = ZoneInfo("Europe/Paris")


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
        (
            [flyer("Ana"), flyer("Bo", document=None)],
            None,
            "identity card of traveller 2",
        ),
        ([flyer("Ana"), flyer("!!!")], None, "cannot be written"),
        ([flyer("Ana"), flyer("Bo", date_of_birth=in_days(-300))], None, "of that age"),
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
    with pytest.raises(InvalidRequest, match="of traveller 2 expires") as caught:
        await flights.quote(item, party_of(flyer("Bo"), flyer("Ana", document=old)))
    assert caught.value.field == "travelers[1].document.expiryDate"
    odd = ana.document.model_copy(update={"document_type": "LIBRARY CARD"})
    with pytest.raises(InvalidRequest, match="the type of document of traveller 2"):
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
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent
) -> None:
    party = party_of(phone=None)
    quote = await flights.quote(item, party)
    assert quote.warnings == ()
    await flights.book(item, quote, party, REFERENCE)
    (exchange,) = local.recorder.to("/flight-orders")
    assert "phones" not in exchange.body["data"]["travelers"][0]["contact"]


@pytest.mark.parametrize(
    ("phone", "words"),
    [
        # The number of the oldest caller's sample request.
        ("+1234567890", "too few or too many digits"),
        ("1234", "too few or too many digits"),
        ("600 000 000", "needs its country code"),
    ],
)
async def test_a_phone_that_cannot_be_used_is_replaced_by_ours(
    local: LocalWorld, item: TripComponent, phone: str, words: str
) -> None:
    flights = AmadeusSupplier(local.settings(agency_phone="+1 202 555 0199"))
    bo = flyer("Bo", gender="MALE", document=None if "600" in phone else flyer("Bo").document)
    item = flight(local, origin="JFK", destination="BOS") if bo.document is None else item
    ana = flyer("Ana", document=bo.document and flyer("Ana").document, phone="+34 600 000 000")
    party = party_of(ana, bo, phone=phone)
    quote = await flights.quote(item, party)
    (warning,) = quote.warnings
    assert words in warning
    assert "our number instead" in warning
    await flights.book(item, quote, party, REFERENCE)
    (exchange,) = local.recorder.to("/flight-orders")
    people = exchange.body["data"]["travelers"]
    numbers = [one["contact"]["phones"][0]["number"] for one in people]
    assert numbers == ["600000000", "2025550199"], "of each their own, and ours for who has none"
    assert exchange.body["data"]["contacts"][0]["phones"][0]["number"] == "600000000"
    await flights.close()


async def test_without_any_number_that_can_be_used(local: LocalWorld, item: TripComponent) -> None:
    flights = AmadeusSupplier(local.settings(agency_phone=""))
    (warning,) = (await flights.quote(item, party_of(phone="+1234567890"))).warnings
    assert "none of yours" in warning
    await flights.close()


# -- fares, and whom they are for -----------------------------------------------------------------


def aged(years: int, name: str, **more: Any) -> Traveler:
    """Somebody of this age on the day the flights leave, in 40 days."""
    leaves = in_days(40)
    return flyer(name, date_of_birth=leaves.replace(year=leaves.year - years, day=1), **more)


async def priced_for(local: LocalWorld, *kinds: tuple[str, str | None]) -> TripComponent:
    """A flight there and back that is sold to these types of travellers, on these laps."""
    people = [
        {"id": str(number), "travelerType": kind, **({"associatedAdultId": lap} if lap else {})}
        for number, (kind, lap) in enumerate(kinds, start=1)
    ]
    ways = (("JFK", "LIS", 40), ("LIS", "JFK", 47))
    found = by_body(
        {
            "currencyCode": "USD",
            "sources": ["GDS"],
            "travelers": people,
            "originDestinations": [
                {
                    "id": str(number),
                    "originLocationCode": start,
                    "destinationLocationCode": end,
                    "departureDateTimeRange": {"date": in_days(days).isoformat()},
                }
                for number, (start, end, days) in enumerate(ways, start=1)
            ],
        },
        local.world.now(),
    )
    offer = found.body["data"][0]
    itinerary = recognise(offer)
    assert itinerary is not None
    given = {
        "title": "",
        "price": itinerary.price,
        "currency": "USD",
        "starts_at": itinerary.departs,
        "ends_at": itinerary.arrives,
        "offer": offer,
    }
    return component(given, ItemType.FLIGHT, "amadeus")


ADULT, SENIOR, CHILD = ("ADULT", None), ("SENIOR", None), ("CHILD", None)


@pytest.mark.parametrize(
    ("kinds", "ages", "words"),
    [
        ((ADULT, SENIOR), (30, 70), None),
        ((ADULT, SENIOR), (70, 30), None),  # whoever is old enough takes it
        ((ADULT, SENIOR), (30, 59), "priced for senior"),
        ((ADULT, CHILD), (30, 11), None),
        ((ADULT, CHILD), (30, 12), "priced for child"),
        ((ADULT, ("HELD_INFANT", "1")), (30, 1), None),
        ((ADULT, ("HELD_INFANT", "1")), (30, 2), "priced for held infant"),
        ((ADULT, ("HELD_INFANT", "1"), ("HELD_INFANT", "1")), (30, 1, 1), "lap for itself"),
        ((ADULT, ADULT, ("HELD_INFANT", "1"), ("HELD_INFANT", "1")), (30, 31, 1, 1), "lap for it"),
        ((ADULT, ADULT, ("HELD_INFANT", "2"), ("HELD_INFANT", "1")), (30, 31, 1, 1), None),
        ((ADULT, CHILD, ("HELD_INFANT", "2")), (30, 9, 1), "lap for itself"),
    ],
)
async def test_ages_against_fares(
    local: LocalWorld,
    flights: AmadeusSupplier,
    kinds: tuple[tuple[str, str | None], ...],
    ages: tuple[int, ...],
    words: str | None,
) -> None:
    item = await priced_for(local, *kinds)
    party = party_of(*(aged(age, f"P{'abcd'[i]}") for i, age in enumerate(ages)))
    if words is not None:
        with pytest.raises(InvalidRequest, match=words):
            await flights.quote(item, party)
        return
    await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    assert local.live("amadeus", REFERENCE) == 1


async def test_an_infant_who_turns_two_before_the_way_back(
    local: LocalWorld, flights: AmadeusSupplier
) -> None:
    item = await priced_for(local, ADULT, ("HELD_INFANT", "1"))
    kid = flyer("Kid", date_of_birth=in_days(46 - 731))  # two years before the day they fly back
    with pytest.raises(InvalidRequest, match="priced for held infant"):
        await flights.quote(item, party_of(flyer("Ana"), kid))


async def test_terms(local: LocalWorld, flights: AmadeusSupplier) -> None:
    sources = set()
    for origin, destination in (("JFK", "LIS"), ("LHR", "CDG"), ("MAD", "FCO"), ("HND", "SYD")):
        item = flight(local, origin=origin, destination=destination)
        quote = await flights.quote(item, party_of())
        now, price = dt.datetime.now(dt.UTC), quote.price.amount
        refundable = item.offer["pricingOptions"]["refundableFare"]
        sources.add(refundable)
        # Amadeus acts at 00:00 on the sixth day: where it is almost midnight, in little more than
        # five days.
        assert quote.terms.fee_at(now + dt.timedelta(days=5, minutes=-1), price) == 0
        later = quote.terms.fee_at(now + dt.timedelta(days=5, minutes=1), price)
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


async def test_the_free_time_ends_before_the_hold_does(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    for hour in range(0, 24, 3):  # whatever the time of day at which it is booked
        local.world.ahead = dt.timedelta(hours=hour)
        flights._api._token.access_token = token_at(local.world.now())
        quote = await flights.quote(item, party)
        booked = await flights.book(item, quote, party, REFERENCE)
        ends = dt.datetime.fromisoformat(
            local.world.reservations.all("amadeus")[-1].data["cancel_at"]
        )
        assert booked.details["held_until"] == ends.astimezone(PARIS).date().isoformat()
        free_until = quote.terms.steps[0].until
        assert free_until is not None
        assert free_until + local.world.ahead <= ends


async def test_what_is_ticketed_at_once_is_not_held_and_not_free(
    local: LocalWorld, flights: AmadeusSupplier, party: Party
) -> None:
    item = flight(local, origin="DXB", destination="FCO")
    quote = await flights.quote(item, party)
    assert quote.holdable is False
    now, price = dt.datetime.now(dt.UTC), quote.price.amount
    assert quote.terms.fee_at(now, price) > 0
    booked = await flights.book(item, quote, party, REFERENCE)
    (exchange,) = local.recorder.to("/flight-orders")
    assert exchange.body["data"]["ticketingAgreement"] == {"option": "CONFIRM"}
    assert booked.details["ticketed"] is True
    assert "held_until" not in booked.details


# -- what becomes of an order ---------------------------------------------------------------------


async def test_the_id_goes_into_the_path_as_given(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    booked = await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    assert booked.supplier_id.endswith("%3D")
    assert (await flights.look(booked)).supplier_id == booked.supplier_id
    # As a person may have typed it in.
    decoded = booked.model_copy(update={"supplier_id": unquote(booked.supplier_id)})
    assert (await flights.look(decoded)).status is ReservationStatus.CONFIRMED
    assert not (await flights.cancel(decoded, "key")).already
    assert local.live("amadeus", REFERENCE) == 0


async def test_an_id_that_a_person_typed_in(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    """It is cancelled if it carries our reference, and told as cancelled if it says so itself."""
    booked = await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    by_hand = booked.model_copy(update={"details": {FOUND_BY_HAND: True}})
    for change in ({"reference": "another"}, {"supplier_id": "eJzTd9f3bm9uZQ%3D%3D"}):
        with pytest.raises(NotCancellable, match="does not carry our reference"):
            await flights.cancel(by_hand.model_copy(update=change), "key")
    assert local.live("amadeus", REFERENCE) == 1
    for already in (False, True):
        assert (await flights.cancel(by_hand, "key")).already is already
    assert local.live("amadeus", REFERENCE) == 0


@pytest.mark.parametrize("order", ["\ud800", "eJz\udfff", "a?b", "../orders"])
def test_what_is_no_id_is_refused(order: str) -> None:
    with pytest.raises(InvalidRequest, match="is no id of amadeus"):
        in_path(order, "find")


@pytest.mark.parametrize(
    "status", ["CANCELLED", "DENIED", "WAITLISTED", "PENDING", "UNHEARD_OF", "confirmed"]
)
async def test_what_the_airline_says_of_flights(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party, status: str
) -> None:
    booked = await flights.book(item, await flights.quote(item, party), party, REFERENCE)
    path = f"/_sandbox/amadeus/orders/{REFERENCE}/segments"
    await local.post(path, status=status, segments=["1"])
    seen = await flights.look(booked)
    if status == "confirmed":
        assert seen == booked
        return
    assert seen.status is ReservationStatus.PENDING, "one flight of two: not as booked, not gone"
    assert list(seen.details["not_confirmed"].values()) == [status]
    await local.post(path, status=status)
    gone = status in ("CANCELLED", "DENIED")
    seen = await flights.look(booked)
    assert seen.status is (ReservationStatus.CANCELLED if gone else ReservationStatus.PENDING)
    await local.post(path, status="CONFIRMED")
    assert await flights.look(seen) == booked
    assert not (await flights.cancel(booked, "key")).already
    assert local.live("amadeus", REFERENCE) == 0


async def test_a_host_that_is_closed_is_no_proof(
    local: LocalWorld, flights: AmadeusSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    booked = await flights.book(item, quote, party, REFERENCE)
    await local.post("/_sandbox/amadeus/closed")
    for call in (
        flights.cancel(booked, "key"),
        flights.look(booked),
        flights.cancel_quote(booked),
        flights.quote(item, party),
        flights.book(item, quote, party, REFERENCE),
    ):
        error = await expect(AuthConfig, call)
        assert error.code == "38196"
    assert local.live("amadeus", REFERENCE) == 1


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
