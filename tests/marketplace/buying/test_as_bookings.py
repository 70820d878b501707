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


@pytest.mark.parametrize("kind", sorted(set(BookingKind) - {BookingKind.TRIP}))
def test_the_workflow_changes_trips_alone(kind: BookingKind) -> None:
    confirmed = booking(BookingState.CONFIRMED).model_copy(update={"kind": kind})
    problem = refusal(confirmed, TripChanges())
    assert problem is not None
    assert (problem.code, "only trips" in problem.message) == (Code.NOT_CHANGEABLE, True)
