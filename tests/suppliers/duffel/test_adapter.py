"""What is particular about Duffel at its emulation: holds, orders made later, airlines, people."""

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
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.supply import Quote, Reservation, ReservationStatus, TripComponent
from sandbox.duffel.ledger import Later
from suppliers.core.protocol import Party
from suppliers.duffel.adapter import DuffelSupplier
from tests.suppliers.conftest import (
    LocalWorld,
    changed,
    flyer,
    in_days,
    now,
    party_of,
    reference,
)
from tests.suppliers.duffel.world import flight, ledger

AT_ONCE: dict[str, Any] = {"destination": "MAD"}
"""Where Duffel Airways wants its money at once."""


@pytest.fixture
async def flights(local: LocalWorld) -> AsyncIterator[DuffelSupplier]:
    supplier = DuffelSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def party() -> Party:
    return party_of()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return flight(local.world)


async def booked(
    flights: DuffelSupplier, item: TripComponent, party: Party, ref: str
) -> tuple[Quote, Reservation]:
    quote = await flights.quote(item, party)
    return quote, await flights.book(item, quote, party, ref)


# -- the whole way ---------------------------------------------------------------------------


async def test_hold_pay_cancel(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ref, began = reference(), now()
    quote = await flights.quote(item, party)
    assert quote.price == item.money
    assert quote.title.startswith("ZZ ")
    assert quote.expires_at is not None
    assert dt.timedelta(minutes=29) < quote.expires_at - now() <= dt.timedelta(minutes=30)
    leaves = item.starts_at
    assert quote.terms.fee_at(leaves - dt.timedelta(seconds=1), quote.price.amount) == 4_400
    assert quote.terms.fee_at(leaves, quote.price.amount) == quote.price.amount

    assert await flights.find(ref, since=began) is None
    held = await flights.book(item, quote, party, ref)
    assert held.status is ReservationStatus.HELD
    assert (held.reference, held.price, held.provider) == (ref, item.money, "Duffel Airways")
    assert held.supplier_id.startswith("ord_")
    assert held.confirmation_code == held.pnr
    assert (held.starts_at, held.ends_at) == (item.starts_at, item.ends_at)
    assert held.held_until is not None  # the price's guarantee ends before the seats do
    assert dt.timedelta(days=1.9) < held.held_until - now() <= dt.timedelta(days=2)
    assert await flights.find(ref, since=began) == held
    assert await flights.look(held) == held
    assert await flights.find(reference(), since=began) is None
    assert local.live("duffel", ref) == 1

    with pytest.raises(Duplicate):
        await flights.book(item, quote, party, ref)
    assert local.live("duffel", ref) == 1

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
    assert local.effects("duffel", ref) == ["created", "confirmed"]

    asked = await flights.cancel_quote(paid)
    assert asked.fee == Money(amount=4_400, currency="USD")
    assert asked.expires_at is not None
    assert local.live("duffel", ref) == 1, "a quote cancels nothing"
    cancelled = await flights.cancel(paid, "key")
    assert (cancelled.already, cancelled.fee) == (False, asked.fee)
    repeated = await flights.cancel(paid, "key")
    assert (repeated.already, repeated.fee) == (True, asked.fee)
    assert (await flights.cancel_quote(paid)).fee == asked.fee
    found = await flights.find(ref, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    assert (await flights.look(paid)).status is ReservationStatus.CANCELLED
    assert local.effects("duffel", ref) == ["created", "confirmed", "cancelled"]
    assert local.live("duffel", ref) == 0


async def test_instant(local: LocalWorld, flights: DuffelSupplier, party: Party) -> None:
    item, ref = flight(local.world, **AT_ONCE), reference()
    quote, made = await booked(flights, item, party, ref)
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
    assert local.effects("duffel", ref) == ["created", "cancelled"]


async def test_what_is_sent(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent
) -> None:
    ref = reference()
    party = party_of(
        flyer("Łucja", last_name="O'Brien", phone="+48 601 234 567", email="l@example.com"),
        flyer("Þór", last_name="Ægisson", gender="MALE"),
    )
    await booked(flights, item, party, ref)
    for exchange in local.recorder.exchanges:
        assert exchange.headers["authorization"] == "Bearer duffel_test_sandbox"
        assert exchange.headers["duffel-version"] == "v2"
        assert exchange.headers["accept"] == "application/json"
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    assert sent["type"] == "hold"
    assert "payments" not in sent
    assert sent["selected_offers"] == [item.offer["id"]]
    assert sent["metadata"] == {"trip_reference": ref}
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
    assert (second["title"], second["phone_number"]) == ("mr", "+12025550133")


async def test_names_of_twenty_letters(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent
) -> None:
    longest = flyer("Wolfeschlegelsteinha", last_name="O'Brien-Æbeltoft-Ås")
    ref = reference()
    await booked(flights, item, party_of(longest, flyer("Bo")), ref)
    assert local.live("duffel", ref) == 1


async def test_a_phone_that_cannot_be_used_is_replaced_by_ours(
    local: LocalWorld, item: TripComponent
) -> None:
    flights = DuffelSupplier(local.settings(), agency_phone="+12025550199")
    for number in ("+1234567890", "+1 2125", "5550100"):
        party = party_of(flyer("Ana", phone="+48 601 234 567"), flyer("Bo"), phone=number)
        (warning,) = (await flights.quote(item, party)).warnings
        assert number in warning
        assert "our number instead" in warning
    await booked(flights, item, party, reference())
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    numbers = [one["phone_number"] for one in sent["passengers"]]
    assert numbers == ["+48601234567", "+12025550199"]
    await flights.close()


async def test_an_order_of_a_carrier_without_e_tickets(
    local: LocalWorld, flights: DuffelSupplier, party: Party
) -> None:
    """It is paid, has no documents and does not say when it was paid: it stands."""
    ref, began = reference(), now()
    _, made = await booked(flights, flight(local.world, destination="LHR"), party, ref)
    kept = local.world.reservations.get("duffel", made.supplier_id)
    assert kept is not None
    assert kept.data["order"]["documents"] == []
    assert "paid_at" not in kept.data["order"]["payment_status"]
    assert made.status is ReservationStatus.CONFIRMED
    assert (await flights.look(made)).status is ReservationStatus.CONFIRMED
    found = await flights.find(ref, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CONFIRMED


async def test_the_agencys_phone(local: LocalWorld, item: TripComponent) -> None:
    flights = DuffelSupplier(local.settings(), agency_phone="+12025550199")
    await booked(flights, item, party_of(phone=None), reference())
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    assert {one["phone_number"] for one in sent["passengers"]} == {"+12025550199"}
    await flights.close()


async def test_find_reads_page_after_page(
    local: LocalWorld, flights: DuffelSupplier, party: Party
) -> None:
    began, ref = now(), reference()
    first = flight(local.world)
    await booked(flights, first, party, ref)
    offer = local.world.shelf("duffel_offers").get(first.offer["id"])
    assert offer is not None
    asked = {"type": "hold", "passengers": [], "metadata": {"trip_reference": "another"}}
    for number in range(120):
        ledger(local).make({**offer, "seats": 0, "request": f"orq_{number}"}, asked)
    local.recorder.exchanges.clear()
    found = await flights.find(ref, since=began)
    assert found is not None
    assert found.reference == ref
    assert len(local.recorder.to("/air/orders")) == 3
    # Later attempts need not read what is older than they.
    local.recorder.exchanges.clear()
    assert await flights.find(ref, since=now() + dt.timedelta(hours=1)) is None
    assert len(local.recorder.to("/air/orders")) == 1


async def test_what_is_taken_by_another_is_no_duplicate(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    await flights.book(item, quote, party, reference())
    with pytest.raises(Unavailable, match="another reference"):
        await flights.book(item, quote, party, reference())
    with pytest.raises(Unavailable):
        await flights.quote(item, party)


async def test_a_hold_lapses(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ref, began = reference(), now()
    local.arm("duffel", "book", "short_hold")
    quote, held = await booked(flights, item, party, ref)
    assert held.held_until is not None
    assert held.held_until - now() < dt.timedelta(seconds=0.3)
    await asyncio.sleep(0.5)
    assert local.live("duffel", ref) == 0, "nobody needs to look"
    assert (await flights.look(held)).status is ReservationStatus.CANCELLED
    found = await flights.find(ref, since=began)
    assert found is not None
    assert found.status is ReservationStatus.CANCELLED
    with pytest.raises(Unavailable):
        await flights.complete(held, quote, party, "key")
    assert (await flights.cancel(held, "key")).already
    assert local.effects("duffel", ref) == ["created", "released"]


async def test_an_offer_expires(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    quote = await flights.quote(item, party)
    local.world.ahead = dt.timedelta(minutes=31)
    with pytest.raises(Unavailable):
        await flights.quote(item, party)
    with pytest.raises(Unavailable):
        await flights.book(item, quote, party, reference())


async def test_seats_run_out(local: LocalWorld, flights: DuffelSupplier) -> None:
    item = flight(local.world, one_way=True)
    kept = local.world.shelf("duffel_offers").get(item.offer["id"])
    assert kept is not None
    asked = {"type": "instant", "passengers": [], "metadata": {}}
    quote = await flights.quote(item, party_of())
    for number in range(57):
        ledger(local).make({**kept, "seats": 7, "request": f"orq_{number}"}, asked)
    with pytest.raises(Unavailable):
        await flights.book(item, quote, party_of(), reference())
    with pytest.raises(Unavailable):
        await flights.quote(item, party_of())


async def test_no_cancelling_after_departure(
    local: LocalWorld, flights: DuffelSupplier, party: Party
) -> None:
    _, made = await booked(flights, flight(local.world, **AT_ONCE), party, reference())
    local.world.ahead = dt.timedelta(days=41)
    quote = await flights.cancel_quote(made)
    assert (quote.cancellable, quote.fee) == (False, None)
    assert quote.reason
    with pytest.raises(NotCancellable):
        await flights.cancel(made, "key")
    assert local.live("duffel", made.reference) == 1


# -- accepted, and made later ----------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("where", [{}, AT_ONCE])
async def test_an_order_that_is_made_later(
    local: LocalWorld,
    flights: DuffelSupplier,
    party: Party,
    status: int,
    where: dict[str, Any],
) -> None:
    item, ref, began = flight(local.world, **where), reference(), now()
    ledger(local).later.append(Later(created=True, seconds=3600, times=1, status=status))
    quote, waiting = await booked(flights, item, party, ref)
    assert waiting.status is ReservationStatus.PENDING
    assert waiting.supplier_id == item.offer["id"]
    assert waiting.settles_by is not None
    assert dt.timedelta(minutes=5) < waiting.settles_by - now() <= dt.timedelta(minutes=10)
    assert waiting.look_after is not None
    assert (await flights.look(waiting)).status is ReservationStatus.PENDING
    assert await flights.find(ref, since=began) is None
    with pytest.raises(Duplicate):
        await flights.book(item, quote, party, ref)
    with pytest.raises(Retryable):
        await flights.cancel(waiting, "key")
    with pytest.raises(Retryable):
        await flights.cancel_quote(waiting)
    assert ledger(local).settle() == 1
    seen = await flights.look(waiting)
    assert seen.status is (ReservationStatus.CONFIRMED if where else ReservationStatus.HELD)
    assert seen.supplier_id.startswith("ord_")
    assert await flights.find(ref, since=began) == seen
    if not where:
        paid = await flights.complete(waiting, quote, party, "key")
        assert paid.status is ReservationStatus.CONFIRMED
        assert paid.supplier_id == seen.supplier_id
        assert paid.confirmation_code == seen.confirmation_code != ""
    assert (await flights.cancel(waiting, "key")).fee is not None
    assert local.live("duffel", ref) == 0
    assert local.effects("duffel", ref)[0] == "created"


async def test_an_order_that_is_never_made(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    ledger(local).later.append(Later(created=False, seconds=3600, times=1))
    quote, waiting = await booked(flights, item, party, ref)
    assert (await flights.look(waiting)).status is ReservationStatus.PENDING
    assert ledger(local).settle() == 1
    assert (await flights.look(waiting)).status is ReservationStatus.REJECTED
    assert (await flights.cancel(waiting, "key")).already
    assert (await flights.cancel_quote(waiting)).fee == Money(amount=0, currency="USD")
    with pytest.raises(Unavailable):
        await flights.complete(waiting, quote, party, "key")
    assert local.effects("duffel", ref) == []


# -- what airlines do ------------------------------------------------------------------------


async def test_a_schedule_change_is_seen(
    local: LocalWorld, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    quote, held = await booked(flights, item, party, ref)
    async with httpx.AsyncClient(base_url=local.url) as http:
        answer = await http.post(
            f"/_sandbox/duffel/orders/{ref}/schedule_change", json={"minutes": 90}
        )
    assert answer.status_code == 201
    seen = await flights.look(held)
    assert seen.starts_at == item.starts_at + dt.timedelta(minutes=90)
    assert seen.ends_at == item.ends_at + dt.timedelta(minutes=90)
    assert seen.legs[0].start.utc == seen.starts_at
    assert seen.legs[-1].end is not None
    assert seen.legs[-1].end.utc == seen.ends_at
    assert seen.legs[0].place == quote.legs[0].place
    assert seen.details["airline_changes"] == [answer.json()["id"]]
    assert seen.status is ReservationStatus.HELD
    with pytest.raises(Unavailable):
        await flights.complete(held, quote, party, "key")


@pytest.mark.parametrize("where", [{}, AT_ONCE])
async def test_an_airline_cancels(
    local: LocalWorld, flights: DuffelSupplier, party: Party, where: dict[str, Any]
) -> None:
    ref = reference()
    _, made = await booked(flights, flight(local.world, **where), party, ref)
    async with httpx.AsyncClient(base_url=local.url) as http:
        path = f"/_sandbox/duffel/orders/{made.supplier_id}/airline_cancel"
        assert (await http.post(path)).status_code == 201
        assert (await http.post(path)).status_code == 404
    assert (await flights.look(made)).status is ReservationStatus.CANCELLED
    gone = await flights.cancel(made, "key")
    assert (gone.already, gone.fee) == (True, Money(amount=0, currency="USD"))
    assert local.effects("duffel", ref) == ["created", "cancelled"]


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
    "travelers",
    [
        (flyer("Ana"),),
        (flyer("Ana"), flyer("Bo"), flyer("Cy")),
        (flyer("Ana"), flyer("Bo", date_of_birth=in_days(-365 * 5))),
        (flyer("Ana"), flyer("Bo", gender="UNSPECIFIED")),
        (flyer("Ana"), flyer("Bo", document=None)),
        (flyer("Ana"), flyer("٪")),
        # 20 letters are the most that Duffel takes, as they are written there.
        (flyer("Ana"), flyer("Wolfeschlegelsteinhau")),
        (flyer("Ana"), flyer("Bo", last_name="Ærøskøbing-Marstal-Rø")),
        (flyer("Ana"), flyer("Ana")),
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
    short = flyer("Bo").document
    assert short is not None
    short = short.model_copy(update={"expiry_date": in_days(42)})
    with pytest.raises(InvalidRequest, match="expires"):
        await flights.quote(item, party_of(flyer("Ana"), flyer("Bo", document=short)))


async def test_children_and_infants(local: LocalWorld, flights: DuffelSupplier) -> None:
    async with httpx.AsyncClient(
        base_url=f"{local.url}/duffel",
        headers={"Authorization": "Bearer duffel_test_x", "Duffel-Version": "v2"},
    ) as http:
        search = {
            "slices": [
                {
                    "origin": "JFK",
                    "destination": "CDG",
                    "departure_date": in_days(40).isoformat(),
                }
            ],
            "passengers": [{"age": 1}, {"type": "adult"}, {"age": 8}],
        }
        found = (await http.post("/air/offer_requests", json={"data": search})).json()["data"]
    given = next(one for one in found["offers"] if one["owner"]["iata_code"] == "ZZ")
    item = flight(local.world, one_way=True)
    item = changed(item.model_copy(update={"price": 1}), **given)
    born = in_days(40) - dt.timedelta(days=366)
    eight = in_days(40).replace(year=in_days(40).year - 8, day=1)
    people = (
        flyer("Max", date_of_birth=eight, gender="MALE"),
        flyer("Ana"),
        flyer("Ida", date_of_birth=born),
    )
    ref = reference()
    _, made = await booked(flights, item, party_of(*people), ref)
    assert made.status is ReservationStatus.HELD
    [sent] = [e.body["data"] for e in local.recorder.to("/air/orders") if e.method == "POST"]
    by_name = {one["given_name"]: one for one in sent["passengers"]}
    infant, adult, child = (one["id"] for one in given["passengers"])
    assert (by_name["Ida"]["id"], by_name["Max"]["id"]) == (infant, child)
    assert by_name["Ana"]["id"] == adult
    assert by_name["Ana"]["infant_passenger_id"] == infant
    assert "infant_passenger_id" not in by_name["Max"]


async def test_a_repeat_waits_for_airlines(local: LocalWorld, flights: DuffelSupplier) -> None:
    assert flights.capabilities.repeat_after == dt.timedelta(0)
    real = DuffelSupplier(local.settings(duffel={"api_key": "duffel_test_abc"}))
    # Longer than airlines take: by then an order can be listed.
    assert real.capabilities.repeat_after > dt.timedelta(seconds=120)
    await real.close()
