"""A stay where all bookings are: ``/booking/…`` reads and cancels it, and changes trips alone."""

from collections.abc import AsyncIterator

import httpx
import pytest

from models.bookings.lifecycle import BookingKind, BookingState
from models.bookings.problems import Code
from models.core.callers import Scope
from models.trips.changes import TripChanges, refusal
from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.api.test_words import booking
from tests.marketplace.buying.test_over_http import CARD, V1, held
from tests.marketplace.buying.test_over_http import shop as shop
from tests.marketplace.shop import Shop
from tests.support.stack import Stack


@pytest.fixture
async def agency(
    whole: Served, stack: Stack, database_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A service that sells trips, and what the marketplace has."""
    key = add_caller(database_url, scopes=(Scope.TRIPS, Scope.MARKET))
    async with client(whole.url, key) as http:
        yield http


async def test_a_stay_is_read_and_cancelled_there_and_not_changed_as_a_trip(
    agency: httpx.AsyncClient, shop: Shop
) -> None:
    stay = (await held(agency, shop))["id"]
    paid = await agency.post(f"{V1}/bookings/{stay}/pay", json=CARD)
    assert paid.json()["status"] == "CONFIRMED"
    read = (await agency.get(f"/booking/{stay}")).json()
    assert read["kind"] == "STAY"
    (component,) = read["components"]
    gone = {"changes": {"drop": [component["componentId"]]}}
    for body in (gone, {**gone, "acceptedTotal": 0}):
        answer = await agency.post(f"/booking/{stay}/modify", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CHANGEABLE"), answer.text
        assert answer.json()["detail"].startswith("This booking is no trip")
    assert (await agency.get(f"/api/v1/bookings/{stay}")).status_code in (403, 404)
    named = {"bookingId": stay, "components": [component["componentId"]]}
    quoted = await agency.post("/booking/cancel", params={"dryRun": "true"}, json=named)
    assert quoted.json()["total"]["refund"] == paid.json()["payment"]["captured"]
    done = await agency.post("/booking/cancel", json=named)
    assert done.json()["success"] is True, done.text
    assert (await agency.get(f"{V1}/bookings/{stay}")).json()["status"] == "CANCELLED_BY_GUEST"
    claims = shop.execute("SELECT state FROM stock_claims WHERE booking_id = %s", stay)
    assert claims == [("RELEASED",)]


async def test_lists_have_a_stay(agency: httpx.AsyncClient, shop: Shop) -> None:
    stay = (await held(agency, shop))["id"]
    await agency.post(f"{V1}/bookings/{stay}/pay", json=CARD)
    (component,) = (await agency.get(f"/booking/{stay}")).json()["components"]
    for query in ({}, {"code": component["vendorConfirmation"]}):
        listed = await agency.get("/booking", params={"kind": "STAY", **query})
        assert [one["bookingId"] for one in listed.json()["bookings"]] == [stay], query


@pytest.mark.parametrize("other", [None, Scope.RESERVATIONS_READ, Scope.TRIPS])
async def test_dashboards_of_who_sells_the_market_have_a_stay(
    whole: Served, stack: Stack, database_url: str, shop: Shop, other: Scope | None
) -> None:
    scopes = (Scope.MARKET,) if other is None else (Scope.MARKET, other)
    async with client(whole.url, add_caller(database_url, scopes=scopes)) as http:
        stay = (await held(http, shop))["id"]
        for query in ({}, {"product": "STAY"}):
            found = await http.get("/api/bookings", params=query)
            assert found.status_code == 200, found.text
            assert [one["id"] for one in found.json()] == [stay]
        for product in ("TRIP", "RESERVATION", "TOUR_PACKAGE"):
            assert (await http.get("/api/bookings", params={"product": product})).json() == []


@pytest.mark.parametrize("kind", sorted(set(BookingKind) - {BookingKind.TRIP}))
def test_the_workflow_changes_trips_alone(kind: BookingKind) -> None:
    confirmed = booking(BookingState.CONFIRMED).model_copy(update={"kind": kind})
    problem = refusal(confirmed, TripChanges())
    assert problem is not None
    assert (problem.code, "only trips" in problem.message) == (Code.NOT_CHANGEABLE, True)
