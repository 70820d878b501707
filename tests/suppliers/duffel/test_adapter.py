"""Duffel's adapter against its emulation: the whole way, and every fault on it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import Quote, Reservation, ReservationStatus, TripComponent
from sandbox.duffel.ledger import Later
from suppliers.core.protocol import Party
from suppliers.duffel.adapter import DuffelSupplier
from tests.suppliers.conftest import in_days
from tests.suppliers.duffel.world import (
    DuffelWorld,
    changed,
    flight,
    now,
    party_of,
    reference,
    served,
    traveler,
)

AT_ONCE: dict[str, Any] = {"destination": "MAD"}
"""Where Duffel Airways wants its money at once."""


@pytest.fixture
async def local() -> AsyncIterator[DuffelWorld]:
    async with served() as world:
        yield world


@pytest.fixture
async def flights(local: DuffelWorld) -> AsyncIterator[DuffelSupplier]:
    supplier = DuffelSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: DuffelWorld) -> TripComponent:
    return flight(local.world)


@pytest.fixture
def party() -> Party:
    return party_of()


async def booked(
    flights: DuffelSupplier, item: TripComponent, party: Party, ours: str
) -> tuple[Quote, Reservation]:
    quote = await flights.quote(item, party)
    return quote, await flights.book(item, quote, party, ours)


# -- the whole way ---------------------------------------------------------------------------


async def test_hold_pay_cancel(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ours, began = reference(), now()
    quote = await flights.quote(item, party)
    assert quote.price == item.money
    assert quote.title.startswith("ZZ ")
    assert quote.expires_at is not None
    assert dt.timedelta(minutes=29) < quote.expires_at - now() <= dt.timedelta(minutes=30)
    leaves = item.starts_at
    assert quote.terms.fee_at(leaves - dt.timedelta(seconds=1), quote.price.amount) == 4_400
    assert quote.terms.fee_at(leaves, quote.price.amount) == quote.price.amount

    assert await flights.find(ours, since=began) is None
    held = await flights.book(item, quote, party, ours)
    assert held.status is ReservationStatus.HELD
    assert (held.reference, held.price, held.provider) == (ours, item.money, "Duffel Airways")
    assert held.supplier_id.startswith("ord_")
    assert held.confirmation_code == held.pnr
    assert (held.starts_at, held.ends_at) == (item.starts_at, item.ends_at)
    assert held.held_until is not None  # the price's guarantee ends before the seats do
    assert dt.timedelta(days=1.9) < held.held_until - now() <= dt.timedelta(days=2)
    assert await flights.find(ours, since=began) == held
    assert await flights.look(held) == held
    assert await flights.find(reference(), since=began) is None
    assert local.live(ours) == 1

    with pytest.raises(Duplicate):
        await flights.book(item, quote, party, ours)
    assert local.live(ours) == 1

    free = await flights.cancel_quote(held)
    assert (free.cancellable, free.fee) == (True, Money(amount=0, currency="USD"))
    paid = await flights.complete(held, quote, party, "key")
    assert paid.status is ReservationStatus.CONFIRMED
    assert paid.held_until is None
    seen = await flights.look(paid)
    assert seen.status is ReservationStatus.CONFIRMED
    assert len(seen.details["tickets"]) == 2
    again = await flights.complete(held, quote, party, "key")
    assert (again.status, again.supplier_id) == (ReservationStatus.CONFIRMED, held.supplier_id)
    assert local.effects(ours) == ["created", "confirmed"]

    asked = await flights.cancel_quote(paid)
    assert asked.fee == Money(amount=4_400, currency="USD")
    assert asked.expires_at is not None
    assert local.live(ours) == 1, "a quote cancels nothing"
    cancelled = await flights.cancel(paid, "key")
    assert (cancelled.already, cancelled.fee) == (False, asked.fee)
    repeated = await flights.cancel(paid, "key")
    assert (repeated.already, repeated.fee) == (True, asked.fee)
    assert (await flights.cancel_quote(paid)).fee == asked.fee
    found = await flights.find(ours, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    assert (await flights.look(paid)).status is ReservationStatus.CANCELLED
    assert local.effects(ours) == ["created", "confirmed", "cancelled"]
    assert local.live(ours) == 0


async def test_instant(local: DuffelWorld, flights: DuffelSupplier, party: Party) -> None:
    item, ours = flight(local.world, **AT_ONCE), reference()
    quote, made = await booked(flights, item, party, ours)
    assert made.status is ReservationStatus.CONFIRMED
    assert made.held_until is None
    assert len(made.details["tickets"]) == 2
    [exchange] = [e for e in local.recorder.to("/air/orders") if e.method == "POST"]
    assert exchange.body["data"]["type"] == "instant"
    assert exchange.body["data"]["payments"] == [
        {
            "type": "balance",
            "amount": f"{item.price // 100}.{item.price % 100:02d}",
            "currency": "USD",
        }
    ]
    with pytest.raises(InvalidRequest):
        await flights.complete(made, quote, party, "key")
    # Not refundable: cancelled all the same, and everything is kept.
    assert quote.terms.fee_at(now(), item.price) == item.price
    assert (await flights.cancel(made, "key")).fee == quote.price
    assert local.effects(ours) == ["created", "cancelled"]


async def test_what_is_sent(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent
) -> None:
    ours = reference()
    party = party_of(
        traveler("Łucja", last_name="O'Brien", phone="+48 601 234 567", email="l@example.com"),
        traveler("Þór", last_name="Ægisson", gender="MALE"),
    )
    await booked(flights, item, party, ours)
    for exchange in local.recorder.exchanges:
        assert exchange.headers["authorization"] == "Bearer duffel_test_sandbox"
        assert exchange.headers["duffel-version"] == "v2"
        assert exchange.headers["accept"] == "application/json"
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    assert sent["type"] == "hold"
    assert "payments" not in sent
    assert sent["selected_offers"] == [item.offer["id"]]
    assert sent["metadata"] == {"trip_reference": ours}
    first, second = sent["passengers"]
    assert [first["id"], second["id"]] == [one["id"] for one in item.offer["passengers"]]
    assert (first["given_name"], first["family_name"]) == ("Łucja", "O'Brien")
    assert (first["phone_number"], first["email"]) == ("+48601234567", "l@example.com")
    assert (first["title"], first["gender"]) == ("ms", "f")
    assert first["identity_documents"] == [
        {
            "type": "passport",
            "unique_identifier": "XŁucja",
            "issuing_country_code": "US",
            "expires_on": in_days(2000).isoformat(),
        }
    ]
    # Letters that airlines cannot read are written in others.
    assert (second["given_name"], second["family_name"]) == ("Thor", "Aegisson")
    assert (second["title"], second["phone_number"]) == ("mr", "+12125550100")


async def test_the_agencys_phone(local: DuffelWorld, item: TripComponent) -> None:
    flights = DuffelSupplier(local.settings(), agency_phone="+12025550199")
    await booked(flights, item, party_of(phone=None), reference())
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    assert {one["phone_number"] for one in sent["passengers"]} == {"+12025550199"}
    await flights.close()


async def test_find_reads_page_after_page(
    local: DuffelWorld, flights: DuffelSupplier, party: Party
) -> None:
    began, ours = now(), reference()
    first = flight(local.world)
    await booked(flights, first, party, ours)
    offer = local.world.shelf("duffel_offers").get(first.offer["id"])
    assert offer is not None
    asked = {"type": "hold", "passengers": [], "metadata": {"trip_reference": "another"}}
    for number in range(120):
        local.ledger.make({**offer, "seats": 0, "request": f"orq_{number}"}, asked)
    local.recorder.exchanges.clear()
    found = await flights.find(ours, since=began)
    assert found is not None
    assert found.reference == ours
    assert len(local.recorder.to("/air/orders")) == 3
    # Later attempts need not read what is older than they.
    local.recorder.exchanges.clear()
    assert await flights.find(ours, since=now() + dt.timedelta(hours=1)) is None
    assert len(local.recorder.to("/air/orders")) == 1


async def test_what_is_taken_by_another_is_no_duplicate(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    await flights.book(item, quote, party, reference())
    with pytest.raises(Unavailable, match="another reference"):
        await flights.book(item, quote, party, reference())
    with pytest.raises(Unavailable):
        await flights.quote(item, party)


async def test_a_hold_lapses(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ours, began = reference(), now()
    local.arm("book", "short_hold")
    quote, held = await booked(flights, item, party, ours)
    assert held.held_until is not None
    assert held.held_until - now() < dt.timedelta(seconds=0.3)
    await asyncio.sleep(0.5)
    assert local.live(ours) == 0, "nobody needs to look"
    assert (await flights.look(held)).status is ReservationStatus.CANCELLED
    found = await flights.find(ours, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    with pytest.raises(Unavailable):
        await flights.complete(held, quote, party, "key")
    assert (await flights.cancel(held, "key")).already
    assert local.effects(ours) == ["created", "released"]


async def test_an_offer_expires(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    local.world.ahead = dt.timedelta(minutes=31)
    with pytest.raises(Unavailable):
        await flights.quote(item, party)
    with pytest.raises(Unavailable):
        await flights.book(item, quote, party, reference())


async def test_seats_run_out(local: DuffelWorld, flights: DuffelSupplier) -> None:
    item = flight(local.world, one_way=True)
    kept = local.world.shelf("duffel_offers").get(item.offer["id"])
    assert kept is not None
    asked = {"type": "instant", "passengers": [], "metadata": {}}
    quote = await flights.quote(item, party_of())
    for number in range(57):
        local.ledger.make({**kept, "seats": 7, "request": f"orq_{number}"}, asked)
    with pytest.raises(Unavailable):
        await flights.book(item, quote, party_of(), reference())
    with pytest.raises(Unavailable):
        await flights.quote(item, party_of())


async def test_no_cancelling_after_departure(
    local: DuffelWorld, flights: DuffelSupplier, party: Party
) -> None:
    _, made = await booked(flights, flight(local.world, **AT_ONCE), party, reference())
    local.world.ahead = dt.timedelta(days=41)
    quote = await flights.cancel_quote(made)
    assert (quote.cancellable, quote.fee) == (False, None)
    assert quote.reason
    with pytest.raises(NotCancellable):
        await flights.cancel(made, "key")
    assert local.live(made.reference) == 1


# -- accepted, and made later ----------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("where", [{}, AT_ONCE])
async def test_an_order_that_is_made_later(
    local: DuffelWorld,
    flights: DuffelSupplier,
    party: Party,
    status: int,
    where: dict[str, Any],
) -> None:
    item, ours, began = flight(local.world, **where), reference(), now()
    local.ledger.later.append(Later(created=True, seconds=3600, times=1, status=status))
    quote, waiting = await booked(flights, item, party, ours)
    assert waiting.status is ReservationStatus.PENDING
    assert waiting.supplier_id == item.offer["id"]
    assert waiting.settles_by is not None
    assert dt.timedelta(minutes=5) < waiting.settles_by - now() <= dt.timedelta(minutes=10)
    assert waiting.look_after is not None
    assert (await flights.look(waiting)).status is ReservationStatus.PENDING
    assert await flights.find(ours, since=began) is None
    with pytest.raises(Duplicate):
        await flights.book(item, quote, party, ours)
    with pytest.raises(Retryable):
        await flights.cancel(waiting, "key")
    with pytest.raises(Retryable):
        await flights.cancel_quote(waiting)
    assert local.ledger.settle() == 1
    seen = await flights.look(waiting)
    assert seen.status is (ReservationStatus.CONFIRMED if where else ReservationStatus.HELD)
    assert seen.supplier_id.startswith("ord_")
    assert await flights.find(ours, since=began) == seen
    if not where:
        paid = await flights.complete(waiting, quote, party, "key")
        assert paid.status is ReservationStatus.CONFIRMED
        assert paid.supplier_id == seen.supplier_id
        assert paid.confirmation_code == seen.confirmation_code != ""
    assert (await flights.cancel(waiting, "key")).fee is not None
    assert local.live(ours) == 0
    assert local.effects(ours)[0] == "created"


async def test_an_order_that_is_never_made(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ours = reference()
    local.ledger.later.append(Later(created=False, seconds=3600, times=1))
    quote, waiting = await booked(flights, item, party, ours)
    assert (await flights.look(waiting)).status is ReservationStatus.PENDING
    assert local.ledger.settle() == 1
    assert (await flights.look(waiting)).status is ReservationStatus.REJECTED
    assert (await flights.cancel(waiting, "key")).already
    assert (await flights.cancel_quote(waiting)).fee == Money(amount=0, currency="USD")
    with pytest.raises(Unavailable):
        await flights.complete(waiting, quote, party, "key")
    assert local.effects(ours) == []


# -- what airlines do ------------------------------------------------------------------------


async def test_a_schedule_change_is_seen(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ours = reference()
    quote, held = await booked(flights, item, party, ours)
    async with httpx.AsyncClient(base_url=local.url) as http:
        answer = await http.post(
            f"/_sandbox/duffel/orders/{ours}/schedule_change", json={"minutes": 90}
        )
    assert answer.status_code == 201
    seen = await flights.look(held)
    assert seen.starts_at == item.starts_at + dt.timedelta(minutes=90)
    assert seen.ends_at == item.ends_at + dt.timedelta(minutes=90)
    assert seen.details["airline_changes"] == [answer.json()["id"]]
    assert seen.status is ReservationStatus.HELD
    with pytest.raises(Unavailable):
        await flights.complete(held, quote, party, "key")


@pytest.mark.parametrize("where", [{}, AT_ONCE])
async def test_an_airline_cancels(
    local: DuffelWorld, flights: DuffelSupplier, party: Party, where: dict[str, Any]
) -> None:
    ours = reference()
    _, made = await booked(flights, flight(local.world, **where), party, ours)
    async with httpx.AsyncClient(base_url=local.url) as http:
        path = f"/_sandbox/duffel/orders/{made.supplier_id}/airline_cancel"
        assert (await http.post(path)).status_code == 201
        assert (await http.post(path)).status_code == 404
    assert (await flights.look(made)).status is ReservationStatus.CANCELLED
    gone = await flights.cancel(made, "key")
    assert (gone.already, gone.fee) == (True, Money(amount=0, currency="USD"))
    assert local.effects(ours) == ["created", "cancelled"]


# -- what is not as it claims ----------------------------------------------------------------


def _renumbered(offer: dict[str, Any]) -> None:
    offer["slices"][0]["segments"][0]["marketing_carrier_flight_number"] = "1"


def _other_day(offer: dict[str, Any]) -> None:
    offer["slices"][0]["segments"][0]["departing_at"] = "2031-01-01T10:00:00"


def _one_way(offer: dict[str, Any]) -> None:
    offer["slices"].pop()


def _other_place(offer: dict[str, Any]) -> None:
    offer["slices"][0]["segments"][-1]["destination"]["iata_code"] = "ORY"


def _other_people(offer: dict[str, Any]) -> None:
    offer["passengers"][0]["id"] = "pas_other"


def _unknown(offer: dict[str, Any]) -> None:
    offer["id"] = "off_unknown"


@pytest.mark.parametrize(
    "change", [_renumbered, _other_day, _one_way, _other_place, _other_people, _unknown]
)
async def test_an_offer_that_is_not_what_it_claims(
    flights: DuffelSupplier, item: TripComponent, party: Party, change: Any
) -> None:
    claimed = changed(item)
    change(claimed.offer)
    with pytest.raises(Unavailable):
        await flights.quote(claimed, party)


@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
async def test_another_time_than_the_trips(
    flights: DuffelSupplier, item: TripComponent, party: Party, name: str
) -> None:
    moved = getattr(item, name) + dt.timedelta(hours=2)
    with pytest.raises(Unavailable) as caught:
        await flights.quote(item.model_copy(update={name: moved}), party)
    assert caught.value.code == "other_dates"


@pytest.mark.parametrize(
    "offer",
    [
        {"id": ""},
        {"id": 7},
        {"slices": []},
        {"passengers": []},
        {"total_amount": 12.5},
        {"expires_at": "soon"},
        {"payment_requirements": None},
        {"total_currency": "EUR"},
    ],
)
async def test_no_offer_of_duffels(
    flights: DuffelSupplier, item: TripComponent, party: Party, offer: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        await flights.quote(changed(item, **offer), party)


@pytest.mark.parametrize(
    "travelers",
    [
        (traveler("Ana"),),
        (traveler("Ana"), traveler("Bo"), traveler("Cy")),
        (traveler("Ana"), traveler("Bo", date_of_birth=in_days(-365 * 5))),
        (traveler("Ana"), traveler("Bo", gender="UNSPECIFIED")),
        (traveler("Ana"), traveler("Bo", document=None)),
        (traveler("Ana"), traveler("Bo", phone="+1 2125")),
        (traveler("Ana"), traveler("Bo", phone="5550100")),
        (traveler("Ana"), traveler("٪")),
    ],
)
async def test_people_who_cannot_travel(
    flights: DuffelSupplier, item: TripComponent, travelers: Any
) -> None:
    with pytest.raises(InvalidRequest):
        await flights.quote(item, party_of(*travelers, phone=None))


async def test_a_passport_that_expires_on_the_way(
    flights: DuffelSupplier, item: TripComponent
) -> None:
    short = traveler("Bo").document
    assert short is not None
    short = short.model_copy(update={"expiry_date": in_days(42)})
    with pytest.raises(InvalidRequest, match="expires"):
        await flights.quote(item, party_of(traveler("Ana"), traveler("Bo", document=short)))


async def test_children_and_infants(local: DuffelWorld, flights: DuffelSupplier) -> None:
    async with httpx.AsyncClient(
        base_url=f"{local.url}/duffel",
        headers={"Authorization": "Bearer duffel_test_x", "Duffel-Version": "v2"},
    ) as http:
        wish = {
            "slices": [
                {
                    "origin": "JFK",
                    "destination": "CDG",
                    "departure_date": in_days(40).isoformat(),
                }
            ],
            "passengers": [{"age": 1}, {"type": "adult"}, {"age": 8}],
        }
        found = (await http.post("/air/offer_requests", json={"data": wish})).json()["data"]
    given = next(one for one in found["offers"] if one["owner"]["iata_code"] == "ZZ")
    item = flight(local.world, one_way=True)
    item = changed(item.model_copy(update={"price": 1}), **given)
    born = in_days(40) - dt.timedelta(days=366)
    eight = in_days(40).replace(year=in_days(40).year - 8, day=1)
    people = (
        traveler("Max", date_of_birth=eight, gender="MALE"),
        traveler("Ana"),
        traveler("Ida", date_of_birth=born),
    )
    ours = reference()
    _, made = await booked(flights, item, party_of(*people), ours)
    assert made.status is ReservationStatus.HELD
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    by_name = {one["given_name"]: one for one in sent["passengers"]}
    infant, adult, child = (one["id"] for one in given["passengers"])
    assert (by_name["Ida"]["id"], by_name["Max"]["id"]) == (infant, child)
    assert by_name["Ana"]["id"] == adult
    assert by_name["Ana"]["infant_passenger_id"] == infant
    assert "infant_passenger_id" not in by_name["Max"]


# -- every kind of fault at every operation --------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse", Unavailable),
        ("error", Retryable),
        ("reset", Retryable),
        ("hang", Retryable),
        ("commit_then_hang", Retryable),
        ("late_commit", Retryable),
        ("commit_then_error", Retryable),
        ("malformed", Retryable),
        ("duplicate", None),
        ("authenticate", None),
        ("slow", None),
        ("short_hold", None),
    ],
)
async def test_faults_on_quote(
    local: DuffelWorld,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    local.arm("quote", kind)
    if error is None:
        assert (await flights.quote(item, party)).price == item.money
    else:
        with pytest.raises(error):
            await flights.quote(item, party)
    assert [fault.fired for fault in local.world.faults.list()] == [1]


async def test_price_drift_on_quote(
    local: DuffelWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    local.arm("quote", "price_drift")
    quote = await flights.quote(item, party)
    assert quote.price.amount == item.price + item.price // 10
    assert (await flights.book(item, quote, party, reference())).price == quote.price


BOOK_FAULTS = [
    ("refuse", Unavailable, 0),
    ("error", UnknownOutcome, 0),
    ("reset", UnknownOutcome, 0),
    ("hang", UnknownOutcome, 0),
    ("commit_then_hang", UnknownOutcome, 1),
    ("late_commit", UnknownOutcome, 1),
    ("commit_then_error", UnknownOutcome, 1),
    ("malformed", UnknownOutcome, 1),
    ("duplicate", Duplicate, 1),
    ("price_drift", PriceChanged, 0),
    ("authenticate", None, 1),
    ("slow", None, 1),
    ("short_hold", None, 1),
]


@pytest.mark.parametrize("where", [{}, AT_ONCE])
@pytest.mark.parametrize(("kind", "error", "live"), BOOK_FAULTS)
async def test_faults_on_book(
    local: DuffelWorld,
    flights: DuffelSupplier,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
    where: dict[str, Any],
) -> None:
    item, ours, began = flight(local.world, **where), reference(), now()
    quote = await flights.quote(item, party)
    local.arm("book", kind)
    if error is None:
        await flights.book(item, quote, party, ours)
    else:
        with pytest.raises(error) as caught:
            await flights.book(item, quote, party, ours)
        assert caught.value.operation == "book"
    await asyncio.sleep(0.3 if kind == "late_commit" else 0)
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live(ours) == live
    if kind == "price_drift":
        assert isinstance(caught.value, PriceChanged)
        assert caught.value.new_price == Money(amount=item.price + item.price // 10, currency="USD")
        return
    if error in (UnknownOutcome, Duplicate):
        # What the saga does: look, and where nothing is to be seen, ask again.
        found = await flights.find(ours, since=began)
        assert (found is not None) == bool(live)
        if found is None:
            await flights.book(item, quote, party, ours)
        else:
            assert found.price == quote.price
            with pytest.raises(Duplicate):
                await flights.book(item, quote, party, ours)
        assert local.live(ours) == 1
    assert local.effects(ours).count("created") <= 1


@pytest.mark.parametrize(
    ("kind", "error", "paid"),
    [
        ("refuse", Unavailable, False),
        ("error", UnknownOutcome, False),
        ("reset", UnknownOutcome, False),
        ("hang", UnknownOutcome, False),
        ("commit_then_hang", UnknownOutcome, True),
        ("late_commit", UnknownOutcome, True),
        ("commit_then_error", UnknownOutcome, True),
        ("malformed", UnknownOutcome, True),
        ("duplicate", None, True),
        ("price_drift", PriceChanged, False),
        ("authenticate", None, True),
        ("slow", None, True),
        ("short_hold", None, True),
    ],
)
async def test_faults_on_complete(
    local: DuffelWorld,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    paid: bool,
) -> None:
    ours = reference()
    quote, held = await booked(flights, item, party, ours)
    local.arm("complete", kind)
    if error is None:
        done = await flights.complete(held, quote, party, "key")
        assert done.status is ReservationStatus.CONFIRMED
    else:
        with pytest.raises(error) as caught:
            await flights.complete(held, quote, party, "key")
        assert caught.value.operation == "complete"
        if isinstance(caught.value, PriceChanged):
            new = Money(amount=item.price + item.price // 10, currency="USD")
            assert caught.value.new_price == new
    await asyncio.sleep(0.3 if kind == "late_commit" else 0)
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    seen = await flights.look(held)
    assert seen.status is (ReservationStatus.CONFIRMED if paid else ReservationStatus.HELD)
    if error is UnknownOutcome:
        done = await flights.complete(held, quote, party, "key")
        assert done.status is ReservationStatus.CONFIRMED
        assert local.effects(ours) == ["created", "confirmed"]


@pytest.mark.parametrize("operation", ["find", "look"])
@pytest.mark.parametrize(
    "kind",
    ["refuse", "error", "reset", "hang", "commit_then_hang", "commit_then_error", "malformed"],
)
async def test_faults_on_find(
    local: DuffelWorld,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    operation: str,
) -> None:
    ours, began = reference(), now()
    _, held = await booked(flights, item, party, ours)
    local.arm("find", kind)
    with pytest.raises(Retryable):
        await (flights.find(ours, since=began) if operation == "find" else flights.look(held))
    assert [fault.fired for fault in local.world.faults.list()] == [1]


@pytest.mark.parametrize("where", [{}, AT_ONCE])
@pytest.mark.parametrize(
    ("kind", "error", "live"),
    [
        ("refuse", NotCancellable, 1),
        ("error", UnknownOutcome, 1),
        ("reset", UnknownOutcome, 1),
        ("hang", UnknownOutcome, 1),
        ("commit_then_hang", UnknownOutcome, 0),
        ("late_commit", UnknownOutcome, 0),
        ("commit_then_error", UnknownOutcome, 0),
        ("malformed", UnknownOutcome, 0),
        ("duplicate", None, 0),
        ("price_drift", None, 0),
        ("authenticate", None, 0),
        ("slow", None, 0),
        ("short_hold", None, 0),
    ],
)
async def test_faults_on_cancel(
    local: DuffelWorld,
    flights: DuffelSupplier,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    live: int,
    where: dict[str, Any],
) -> None:
    ours = reference()
    _, made = await booked(flights, flight(local.world, **where), party, ours)
    local.arm("cancel", kind)
    if error is None:
        assert (await flights.cancel(made, "key")).fee is not None
    else:
        with pytest.raises(error):
            await flights.cancel(made, "key")
    await asyncio.sleep(0.3 if kind == "late_commit" else 0)
    assert [fault.fired for fault in local.world.faults.list()] == [1]
    assert local.live(ours) == live
    if error is UnknownOutcome:
        again = await flights.cancel(made, "key")
        assert again.already == (live == 0)
        assert local.effects(ours) == ["created", "cancelled"]


async def test_capabilities(local: DuffelWorld, flights: DuffelSupplier) -> None:
    can = flights.capabilities
    assert (can.finds, can.holds, can.confirms_later, can.quotes_cancel) == ((True,) * 4)
    assert not can.repeats, "Duffel does not promise that it is safe"
    assert can.completes == "after_capture"
    assert not can.changes_travelers
    assert not can.lists_changes
    assert can.repeat_after == dt.timedelta(0)
    real = DuffelSupplier(local.settings(duffel={"api_key": "duffel_test_abc"}))
    # Longer than airlines take: by then an order can be listed.
    assert real.capabilities.repeat_after > dt.timedelta(seconds=120)
    await real.close()
