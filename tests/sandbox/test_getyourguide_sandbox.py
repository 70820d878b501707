"""GetYourGuide's emulation by itself: what it refuses, sells, forgets and keeps."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.app import create_app
from sandbox.getyourguide import live_offers
from sandbox.getyourguide.catalogue import (
    FIXED,
    MANUAL,
    SCARCE,
    STANDARD,
    tour_in,
    tour_like,
    tour_of,
    tour_of_option,
)
from sandbox.getyourguide.ledger import RESERVATION, Start, ledger_of
from sandbox.state_file import StateFile
from sandbox.world import World
from tests.suppliers.conftest import MovableWorld

Json = dict[str, Any]
DAY = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date()
LOCAL = dt.datetime.combine(DAY, dt.time(10))
PERSON = {
    "first_name": "Ana",
    "last_name": "Roe",
    "email": "ana@example.com",
    "phone_number": "+1 212 555 0100",
}
SHOWN = {"cnt_language": "en", "currency": "EUR"}


@pytest.fixture
def world() -> MovableWorld:
    return MovableWorld()


@pytest.fixture
async def http(world: MovableWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client(world) as found:
        yield found


def client(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(world)),
        base_url="http://sandbox/getyourguide/1",
        headers={"X-ACCESS-TOKEN": "k"},
    )


def booking_body(kind: int = STANDARD, people: int = 2, **change: Any) -> Json:
    tour = tour_like(77_777, kind, "Lisbon")
    names = {"traveler_name": {"first_name": "Ana", "last_name": "Roe"}}
    bookable = {
        "external_reference_id": "ref-1",
        "option_id": tour.option_id,
        "datetime": LOCAL.isoformat(),
        "price": tour.price(people, "EUR") / 100,
        "categories": [{"category_id": tour.category_id, "number_of_participants": people}],
        "questions": {
            "conduction_language": {"type": "language_live", "value": "en"},
            "participant_questions": [
                {"category_id": tour.category_id, "participant_answers": names}
            ]
            * people,
        },
        **change,
    }
    return {"base_data": {"currency": "EUR"}, "data": {"booking": {"bookable": bookable}}}


async def hold(http: httpx.AsyncClient, body: Json | None = None) -> Json:
    answer = await http.post("/bookings", json=body or booking_body())
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"]["bookings"])


def checkout(cart: str, **change: Any) -> Json:
    body = {
        "shopping_cart_hash": cart,
        "billing": {**PERSON, "country_code": "US"},
        "traveler": PERSON,
        "payment": {"master_bill": True},
        **change,
    }
    return {"base_data": {"currency": "EUR"}, "data": {"shopping_cart": body}}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"option_id": 1}, 404),
        ({"datetime": LOCAL.replace(hour=3).isoformat()}, 400),
        ({"datetime": "2020-01-01T10:00:00"}, 400),
        ({"price": 1.0}, 400),
        ({"categories": [{"category_id": 1, "number_of_participants": 2}]}, 400),
        ({"categories": []}, 400),
        ({"questions": {}}, 400),
        ({"external_reference_id": "x" * 256}, 400),
    ],
)
async def test_bookings_that_are_refused(
    http: httpx.AsyncClient, world: MovableWorld, change: Json, status: int
) -> None:
    answer = await http.post("/bookings", json=booking_body(**change))
    assert answer.status_code == status, answer.text
    assert world.reservations.all() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"shopping_cart_hash": "unknown"}, 404),
        ({"payment": {"master_bill": False}}, 400),
        ({"payment": {}}, 400),
        ({"billing": PERSON}, 400),
        ({"traveler": {**PERSON, "first_name": "A" * 45}}, 400),
        ({"traveler": {**PERSON, "phone_number": "555"}}, 400),
    ],
)
async def test_carts_that_are_refused(
    http: httpx.AsyncClient, world: MovableWorld, change: Json, status: int
) -> None:
    cart = (await hold(http))["shopping_cart_hash"]
    answer = await http.post("/carts", json=checkout(cart, **change))
    assert answer.status_code == status, answer.text
    assert [record.status for record in world.reservations.all()] == ["temp"]


async def test_a_cart_holds_several_and_is_confirmed_once(
    http: httpx.AsyncClient, world: MovableWorld
) -> None:
    first = await hold(http)
    cart = first["shopping_cart_hash"]
    body = booking_body(MANUAL)
    body["data"]["booking"]["shopping_cart_hash"] = cart
    second = await hold(http, body)
    assert second["shopping_cart_hash"] == cart
    shown = (await http.get(f"/carts/{cart}", params=SHOWN)).json()["data"]["shopping_cart"]
    assert (shown["status"], len(shown["bookings"])) == ("open", 2)
    assert not any(record.live for record in world.reservations.all())
    done = (await http.post("/carts", json=checkout(cart))).json()["data"]
    assert done["status"] == "completed"
    assert [one["booking_status"] for one in done["bookings"]] == ["confirmed", "unconfirmed"]
    assert done["payment_info"]["total_price"] == shown["payment_info"]["total_price"]
    assert (await http.post("/carts", json=checkout(cart))).status_code == 400
    assert (await http.post("/bookings", json=body)).status_code == 400
    rows = world.log.rows(supplier="getyourguide")
    assert [row["effect"] for row in rows] == ["none", "none", "none", "created", "none", "none"]
    assert {row["reference"] for row in rows} == {"ref-1"}


async def test_temporary_bookings_take_places_until_the_daemon_comes(
    http: httpx.AsyncClient, world: MovableWorld
) -> None:
    kept = await hold(http, booking_body(SCARCE, 3))
    assert (await http.post("/bookings", json=booking_body(SCARCE))).status_code == 400
    world.ahead = RESERVATION
    gone = await http.get(f"/bookings/{kept['booking_hash']}", params=SHOWN)
    assert gone.json()["booking"]["booking_status"] == "deleted_by_daemon"
    late = await http.post("/carts", json=checkout(kept["shopping_cart_hash"]))
    assert late.status_code == 400
    await hold(http, booking_body(SCARCE))


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    before = MovableWorld()
    file = StateFile(tmp_path / "state", before)
    file.load()
    async with client(before) as http:
        kept = await hold(http, booking_body(SCARCE))
        other = await hold(http, booking_body(SCARCE, 1))
        await http.delete(f"/bookings/{other['booking_hash']}", params=SHOWN)
    await file.close()

    after = MovableWorld()
    file = StateFile(tmp_path / "state", after)
    file.load()
    tour = tour_like(77_777, SCARCE, "Lisbon")
    assert ledger_of(after).left(tour, LOCAL) == 2
    async with client(after) as http:
        done = await http.post("/carts", json=checkout(kept["shopping_cart_hash"]))
        assert done.json()["data"]["status"] == "completed"
    assert ledger_of(after).left(tour, LOCAL) == 2
    await file.close()


def test_ids_and_tours() -> None:
    for kind in range(STANDARD, FIXED + 1):
        tour = tour_like(12_345, kind, "New York")
        assert (tour_of(tour.id), tour_of_option(tour.option_id)) == (tour, tour)
        assert tour.zone == "America/New_York"
    assert [tour_of(number) for number in (0, 1, 77_777_099, 77_777_999, 77_777_800)] == [None] * 5
    assert tour_of_option(777_770_192) is None
    assert tour_in("Nowhere", 0).zone == "UTC"
    assert tour_in("Lisbon", 0) != tour_in("Lisbon", 1)


@pytest.mark.parametrize(("asked", "billed"), [("EUR", "EUR"), ("PLN", "PLN"), ("JPY", "USD")])
def test_offers_of_a_planner(asked: str, billed: str) -> None:
    world = MovableWorld()
    offers = live_offers(world, city="Tokyo", date=DAY, adults=3, currency=asked, count=7)
    assert len({offer["offer"]["tour_id"] for offer in offers}) == 7
    for offer in offers:
        assert offer["currency"] == offer["offer"]["currency"] == billed
        local = dt.datetime.fromisoformat(offer["offer"]["datetime"])
        tour = tour_of(offer["offer"]["tour_id"])
        assert tour is not None
        assert (local.date(), offer["price"]) == (DAY, Start(tour, local, 3, billed).price)
        assert offer["starts_at"] < offer["ends_at"]
    assert world.log.rows() == []
    for nobody in (0, 16):
        with pytest.raises(ValueError, match="party"):
            live_offers(world, city="Rome", date=DAY, adults=nobody, currency="EUR", count=1)
