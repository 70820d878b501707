"""What is said of a reservation that is to be cancelled, and of one that is looked past."""

import httpx

from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.reservations.test_api import PATH, SCOPES, wanted
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key
from tests.reservations.test_changing import CARD, made, put
from tests.support.stack import Stack


async def test_a_place_that_is_not_let_go_of_is_not_cancelled(
    dinner: httpx.AsyncClient, stack: Stack
) -> None:
    booking = await made(dinner, "chefs-table", **CARD)
    path = f"{PATH}/{booking['id']}/cancel"
    await stack.sandbox.arm("inventory", "release", "refuse", reference=booking["id"])
    answer = await dinner.post(path, json={"reason": "ill"})
    told = answer.json()
    assert (answer.status_code, told["status"], told["attention"]) == (202, "CONFIRMED", True)
    assert "It was to be cancelled, and the venue has not let go of it" in told["message"]
    assert "was taken from your card" in told["message"]
    assert told["history"][-1]["why"] == "to be cancelled by guest: ill: it could not be done yet"
    again = await dinner.post(path, json={"reason": "ill"})
    assert (again.status_code, again.json()["status"]) == (200, "CANCELLED"), again.text


async def test_cancelling_is_about_the_version_that_was_seen(dinner: httpx.AsyncClient) -> None:
    first = await made(dinner, "chefs-table", **CARD)
    now = (await put(dinner, first, notes="high chair")).json()
    path = f"{PATH}/{first['id']}/cancel"
    for params in ({}, {"dry_run": "true"}):
        seen = {"If-Match": f'"{first["version"]}"'}
        stale = await dinner.post(path, json={}, params=params, headers=seen)
        assert (stale.status_code, stale.json()["code"]) == (412, "VERSION_CONFLICT"), stale.text
        named = {"expected_version": first["version"]}
        stale = await dinner.post(path, json=named, params=params)
        assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT"), stale.text
    seen = {"If-Match": f'"{now["version"]}"'}
    gone = await dinner.post(path, json={}, headers=seen)
    assert (gone.status_code, gone.json()["status"]) == (200, "CANCELLED"), gone.text
    quote = (await dinner.post(path, json={}, params={"dry_run": "true"})).json()
    done = gone.json()["cancellation"]
    assert (quote["fee"], quote["refund"]) == (done["fee"], done["refund"])


async def test_only_ones_own_reservation_is_looked_past(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    booking = await made(dinner, "chefs-table", **CARD)
    asked = {name: booking[name] for name in ("date", "time", "party_size")}
    asked["venue"] = {"id": booking["venue"]["id"], "type": "RESTAURANT"}
    for name in (booking["id"], booking["booking_reference"]):
        body = {**asked, "exclude_booking_id": name}
        own = await dinner.post(f"{PATH}/availability/check", json=body)
        assert own.json()["available"], own.text
    key = add_caller(database_url, name="another app", scopes=SCOPES)
    async with client(whole.url, key) as other:
        for name in (booking["id"], "TS-00000-00000"):
            body = {**asked, "exclude_booking_id": name}
            another = await other.post(f"{PATH}/availability/check", json=body)
            assert (another.status_code, another.json()["code"]) == (404, "BOOKING_UNKNOWN")


async def test_a_venue_that_is_elsewhere_is_said_to_be(dinner: httpx.AsyncClient) -> None:
    asked = wanted()
    put = {"type": "RESTAURANT", "name": "Kantine", "time_zone": "Europe/Paris"}
    answer = await dinner.put(f"/api/v1/venues/{asked['venue']['id']}", json=put)
    assert answer.status_code == 200, answer.text
    looked = {name: asked[name] for name in ("venue", "date", "time", "party_size")}
    for path, body in ((PATH, asked), (f"{PATH}/availability/check", looked)):
        refused = await dinner.post(path, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, "venue.id"), refused.text
        assert "Europe/Paris" in refused.json()["detail"]
