"""Reservations over HTTP, with the venues' services and everything else behind it."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from models.core.callers import Scope
from models.core.keys import item_reference
from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.support.stack import Stack

SCOPES = (Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE, Scope.VENUES_WRITE)
PATH = "/api/v1/bookings"


@pytest.fixture(scope="session")
def venue_key(database_url: str) -> str:
    return add_caller(database_url, name="dinner app", scopes=SCOPES)


@pytest.fixture
async def dinner(whole: Served, stack: Stack, venue_key: str) -> Any:
    """A caller that reserves, a healthy worker and no faults."""
    async with client(whole.url, venue_key) as http:
        yield http


def wanted(like: str = "kantine", **changes: Any) -> dict[str, Any]:
    """A reservation at a venue of a test's own."""
    asked: dict[str, Any] = {
        "guest": {"id": str(uuid.uuid4()), "name": "Ada Okafor", "email": "ada@example.com"},
        "venue": {"id": f"{like}~{uuid.uuid4().hex[:12]}", "type": "RESTAURANT"},
        "date": a_day().isoformat(),
        "time": "19:30",
        "party_size": 2,
    }
    return {**asked, **changes}


async def patiently(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask as a client does: "try again shortly" is obeyed."""
    answer = await ask()
    for _ in range(20):
        if answer.status_code != 503:
            break
        await asyncio.sleep(float(answer.headers["Retry-After"]))
        answer = await ask()
    return answer


def a_day() -> dt.date:
    """A Thursday in two or three weeks."""
    today = dt.datetime.now(dt.UTC).date()
    return today + dt.timedelta(days=14 + (3 - today.weekday()) % 7)


async def test_a_table_is_reserved(dinner: httpx.AsyncClient) -> None:
    asked = wanted(notes="high chair\nby the window", payment={"payment_method_id": "pm_card_visa"})
    answer = await dinner.post(PATH, json=asked)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["attention"]) == ("CONFIRMED", False)
    assert made["guest"]["name"] == "Ada Okafor"
    assert (made["venue"]["name"], made["venue"]["time_zone"]) == ("Kantine", "Europe/Berlin")
    assert (made["date"], made["time"], made["duration_minutes"]) == (asked["date"], "19:30", 90)
    assert made["payment"]["status"] == "not_required"
    assert "neither kept nor charged" in made["payment"]["note"]
    assert made["inventory_reference"]
    assert (made["resource_id"], made["assigned_resource_id"]) == (None, "table-1")
    assert [step["to"] for step in made["history"]] == ["PENDING", "CONFIRMED"]
    read = await dinner.get(f"{PATH}/{made['id']}")
    assert read.json() == made
    tag = answer.headers["ETag"]
    assert tag.startswith(f'"{made["version"]}-')
    assert read.headers["ETag"] == tag
    spelt = made["booking_reference"].lower().replace("-", " ")
    by_reference = await dinner.get(f"{PATH}/reference/{spelt}")
    assert by_reference.json() == made
    known = await dinner.get(f"{PATH}/{made['id']}", headers={"If-None-Match": tag})
    assert known.status_code == 304


async def test_a_deposit_is_paid_and_given_back(dinner: httpx.AsyncClient) -> None:
    asked = wanted("chefs-table")
    unpaid = await dinner.post(PATH, json=asked)
    assert (unpaid.status_code, unpaid.json()["code"]) == (422, "PAYMENT_METHOD_MISSING")
    paying = {**asked, "payment": {"payment_method_id": "pm_card_visa"}}
    made = await dinner.post(PATH, json=paying)
    assert made.status_code == 201, made.text
    paid = made.json()
    assert paid["payment"]["captured"] == 4_000
    assert (paid["price_snapshot"]["total"], paid["price_snapshot"]["deposit"]) == (19_000, 4_000)
    quote = await dinner.post(f"{PATH}/{paid['id']}/cancel", json={}, params={"dry_run": "true"})
    assert (quote.json()["fee"], quote.json()["refund"]) == (0, 4_000)
    gone = await dinner.post(f"{PATH}/{paid['id']}/cancel", json={"reason": "ill"})
    assert gone.status_code == 200, gone.text
    cancelled = gone.json()
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["cancellation"] == {"by": "GUEST", "reason": "ill", "fee": 0, "refund": 4_000}
    again = await dinner.post(
        PATH, json={**asked, "payment": {"payment_method_id": "pm_card_visa"}}
    )
    assert again.status_code == 201, again.text


async def test_a_refused_card_leaves_the_place_held(dinner: httpx.AsyncClient) -> None:
    asked = wanted("chefs-table", payment={"payment_method_id": "pm_card_chargeDeclined"})
    answer = await dinner.post(PATH, json=asked)
    assert answer.status_code == 202, answer.text
    held = answer.json()
    assert (held["status"], held["failure"]["code"]) == ("PENDING", "PAYMENT_DECLINED")
    assert held["hold_expires_at"]
    assert held["payment"]["waits_until"]
    taken = await dinner.post(PATH, json={**asked, "guest": {**asked["guest"], "id": "g-2"}})
    assert taken.status_code == 202


@pytest.mark.parametrize("many", [12, pytest.param(100, marks=pytest.mark.exhaustive)])
async def test_one_of_many_has_the_table(
    dinner: httpx.AsyncClient, stack: Stack, database_url: str, many: int
) -> None:
    """R1; reports 1 and 7. Everybody else is told of other times, and the inventory saw one."""
    venue = wanted()["venue"]
    asked = [wanted(venue=venue, resource_id="table-7", party_size=4) for _ in range(many)]
    asking = [patiently(partial(dinner.post, PATH, json=body)) for body in asked]
    answers = await asyncio.gather(*asking)
    assert sorted(one.status_code for one in answers) == [201, *[409] * (many - 1)]
    for one in answers:
        if one.status_code == 409:
            assert one.json()["code"] == "SLOT_UNAVAILABLE", one.text
    (told,) = (one.json() for one in answers if one.status_code == 201)
    now = (await dinner.get(f"{PATH}/{told['id']}")).json()
    assert (now["status"], now["version"]) == ("CONFIRMED", told["version"])
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        found = await connection.execute(
            "SELECT booking_id::text, state FROM inventory_claims c JOIN venues v"
            " ON v.id = c.venue_id WHERE v.external_id = %s AND state IN ('HELD', 'SOLD')",
            (venue["id"],),
        )
        assert await found.fetchall() == [(told["id"], "SOLD")]
    slots = (await stack.sandbox.http.get("/_sandbox/venues")).json()["taken"]
    references = [one["reference"] for one in slots if one["venue"] == venue["id"]]
    assert references == [item_reference(told["id"], 1)]


async def test_nobody_waits_for_another_guests_bank(
    dinner: httpx.AsyncClient, stack: Stack
) -> None:
    """Report 11: whoever pays holds a row, and no lock."""
    card = {"payment_method_id": "pm_card_visa"}
    venue = wanted("chefs-table")["venue"]
    armed = await stack.sandbox.arm("stripe", "confirm", "commit_then_hang", seconds=20)
    slow = asyncio.create_task(dinner.post(PATH, json=wanted(venue=venue, payment=card)))
    while not await stack.sandbox.fired(armed):
        await asyncio.sleep(0.02)
    other = await dinner.post(PATH, json=wanted(venue=venue, payment=card))
    assert other.status_code == 201, other.text
    assert not slow.done()
    assert (await slow).status_code == 201


async def test_a_guest_is_in_one_place_at_a_time(dinner: httpx.AsyncClient) -> None:
    asked = wanted()
    first = (await dinner.post(PATH, json=asked)).json()
    second = await dinner.post(PATH, json={**asked, "time": "20:00"})
    assert (second.status_code, second.json()["code"]) == (409, "DUPLICATE_RESERVATION")
    assert second.json()["details"]["reference"] == first["booking_reference"]
    third = await dinner.post(PATH, json={**asked, "time": "20:00", "allow_duplicate": True})
    assert third.status_code == 201


async def test_a_key_makes_one_reservation(dinner: httpx.AsyncClient) -> None:
    asked = {**wanted(), "idempotency_key": str(uuid.uuid4())}
    answers = await asyncio.gather(*(dinner.post(PATH, json=asked) for _ in range(8)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["id"] for one in answers}) == 1
    other = await dinner.post(PATH, json={**asked, "party_size": 3})
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("letter", ["N", "ñ", "😀"])
async def test_a_venue_with_a_long_name_is_reserved(dinner: httpx.AsyncClient, letter: str) -> None:
    asked = wanted()
    path = f"/api/v1/venues/{asked['venue']['id']}"
    put = {"type": "RESTAURANT", "name": letter * 300, "time_zone": "Europe/Berlin"}
    assert (await dinner.put(path, json=put)).status_code == 200
    made = (await dinner.post(PATH, json=asked)).json()
    assert made["status"] == "CONFIRMED", made
    assert made["venue"]["name"] == letter * 300


async def test_a_stay_of_several_nights(dinner: httpx.AsyncClient) -> None:
    """At a hotel, and nowhere else; each night is its guest's, counted where the hotel counts."""
    asked = wanted("hudson-nights", time="15:00", duration_minutes=4_080)
    asked["venue"]["type"] = "HOTEL"
    asked["payment"] = {"payment_method_id": "pm_card_visa"}
    put = {"type": "HOTEL", "name": "Hudson House", "time_zone": "America/New_York"}
    policy = {"slot_minutes": 60, "capacity_mode": "COVERS", "covers": 3}
    path = f"/api/v1/venues/{asked['venue']['id']}"
    assert (await dinner.put(path, json={**put, "policy": policy})).status_code == 200
    made = await dinner.post(PATH, json=asked)
    assert made.status_code == 201, made.text
    assert (made.json()["duration_minutes"], made.json()["price_snapshot"]["total"]) == (
        *(4_080, 63_000),
    )
    other = {**asked, "guest": {**asked["guest"], "id": "g-2"}}
    for days, status in ((2, 409), (-2, 409), (3, 201), (-3, 201)):
        date = (a_day() + dt.timedelta(days=days)).isoformat()
        answer = await dinner.post(PATH, json={**other, "date": date})
        assert answer.status_code == status, answer.text
    table = wanted(duration_minutes=1_441)
    refused = await dinner.post(PATH, json=table)
    assert (refused.status_code, refused.json()["field"]) == (422, "duration_minutes")


async def test_a_venue_says_what_it_takes(dinner: httpx.AsyncClient) -> None:
    asked = wanted()
    path = f"/api/v1/venues/{asked['venue']['id']}"
    assert (await dinner.get(path)).status_code == 404
    policy = {"max_party": 4, "slot_minutes": 30, "capacity_mode": "COVERS", "covers": 3}
    put = {"type": "RESTAURANT", "name": "Kantine", "time_zone": "Europe/Berlin", "policy": policy}
    for name in (None, "", " "):
        nameless = await dinner.put(path, json={**put, "name": name})
        assert (nameless.status_code, nameless.json()["code"]) == (422, "INVALID_REQUEST")
    stored = (await dinner.put(path, json=put)).json()
    assert (stored["version"], stored["policy"]["covers"]) == (1, 3)
    assert (await dinner.put(path, json=put)).json() == stored
    assert (await dinner.get(path)).json() == stored
    stale = await dinner.put(path, json={**put, "name": "K", "expected_version": 7})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    for zone in ("Europe/Nowhere", "localtime"):
        nowhere = await dinner.put(path, json={**put, "time_zone": zone})
        assert (nowhere.status_code, nowhere.json()["field"]) == (422, "time_zone")
    for date in ("0001-01-01", "9999-12-31"):
        never = await dinner.post(PATH, json={**asked, "date": date})
        assert (never.status_code, never.json()["field"]) == (422, "date")
    for field, value in (("party_size", 5), ("time", "19:15")):
        refused = await dinner.post(PATH, json={**asked, field: value})
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await dinner.post(PATH, json=asked)).status_code == 201
    full = await dinner.post(PATH, json={**asked, "guest": {**asked["guest"], "id": "g-2"}})
    assert (full.status_code, full.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    listed = await dinner.get(f"{PATH}/venue/{asked['venue']['id']}", params={"date": "9999-12-31"})
    assert listed.status_code == 422, listed.text


async def test_what_is_free_is_told(dinner: httpx.AsyncClient) -> None:
    asked = wanted(resource_id="table-7")
    question = {
        name: asked[name] for name in ("venue", "date", "time", "party_size", "resource_id")
    }
    question["guest_id"] = asked["guest"]["id"]
    free = await dinner.post(f"{PATH}/availability/check", json=question)
    assert free.status_code == 200, free.text
    assert (free.json()["available"], free.json()["conflicts"]) == (True, [])
    made = (await dinner.post(PATH, json=asked)).json()
    taken = (await dinner.post(f"{PATH}/availability/check", json=question)).json()
    assert taken["available"] is False
    assert [one["booking_reference"] for one in taken["conflicts"]] == [made["booking_reference"]]
    without = {**question, "exclude_booking_id": made["id"]}
    assert (await dinner.post(f"{PATH}/availability/check", json=without)).json()["available"]


async def test_a_time_that_the_clocks_skip_is_refused(dinner: httpx.AsyncClient) -> None:
    venue = {"id": f"nachtcafe~{uuid.uuid4().hex[:12]}", "type": "CAFE"}
    skipped = wanted(venue=venue, date="2027-03-28", time="02:30")
    for _ in ("unknown", "registered"):
        answer = await dinner.post(PATH, json=skipped)
        assert (answer.status_code, answer.json()["code"]) == (422, "TIME_DOES_NOT_EXIST")
        assert answer.json()["details"]["next"] == {"date": "2027-03-28", "time": "03:00"}
        put = {"type": "CAFE", "name": "Nachtcafé", "time_zone": "Europe/Berlin"}
        assert (await dinner.put(f"/api/v1/venues/{venue['id']}", json=put)).status_code == 200
    twice = {**skipped, "date": "2027-10-31"}
    first = (await dinner.post(PATH, json=twice)).json()
    second = await dinner.post(
        PATH, json={**twice, "utc_offset": "+01:00", "allow_duplicate": True}
    )
    assert (first["starts_at"], second.json()["starts_at"]) == (
        "2027-10-31T00:30:00Z",
        "2027-10-31T01:30:00Z",
    )


async def test_a_reservation_moves_as_it_may(dinner: httpx.AsyncClient) -> None:
    made = (await dinner.post(PATH, json=wanted())).json()
    path = f"{PATH}/{made['id']}/status"
    early = await dinner.post(path, json={"status": "CHECKED_IN"})
    assert (early.status_code, early.json()["code"]) == (409, "STATE_CONFLICT")
    stale = await dinner.post(path, json={"status": "CHECKED_IN", "expected_version": 1})
    assert (stale.status_code, stale.json()["details"]["current_version"]) == (409, made["version"])
    assert stale.json()["details"]["current"] == made
    matched = await dinner.post(path, json={"status": "CHECKED_IN"}, headers={"If-Match": '"1"'})
    assert matched.status_code == 412
    old = await dinner.post(f"{PATH}/{made['id']}/cancel", json={"expected_version": 1})
    assert (old.status_code, old.json()["details"]["current"]) == (409, made)
    expired = await dinner.post(path, json={"status": "EXPIRED"})
    assert (expired.status_code, expired.json()["code"]) == (409, "STATE_CONFLICT")
    cancelled = await dinner.post(path, json={"status": "CANCELLED", "reason": "closed"})
    assert cancelled.json()["cancellation"]["by"] == "VENUE"
    over = await dinner.post(path, json={"status": "NO_SHOW"})
    assert (over.status_code, over.json()["details"]["allowed"]) == (409, [])


async def test_a_venue_whose_time_zone_nobody_knows_is_registered_first(
    dinner: httpx.AsyncClient,
) -> None:
    asked = wanted("popup")
    asked["venue"]["type"] = "CAFE"
    question = {name: asked[name] for name in ("venue", "date", "time", "party_size")}
    for path, body in ((PATH, asked), (f"{PATH}/availability/check", question)):
        answer = await dinner.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "VENUE_TIME_ZONE_UNKNOWN")
    put = {"type": "CAFE", "name": "Pop-up", "time_zone": "Europe/Madrid"}
    await dinner.put(f"/api/v1/venues/{asked['venue']['id']}", json=put)
    made = await dinner.post(PATH, json=asked)
    assert made.status_code == 201, made.text
    assert made.json()["venue"]["time_zone"] == "Europe/Madrid"
    moved = {"expected_version": made.json()["version"], "time": "20:30"}
    later = await dinner.put(f"{PATH}/{made.json()['id']}", json=moved)
    assert later.status_code == 200, later.text


async def by_hand(dinner: httpx.AsyncClient, like: str = "kantine") -> dict[str, Any]:
    """A reservation that waits for its venue's approval."""
    asked = wanted(like, payment={"payment_method_id": "pm_card_visa"})
    put = {
        "type": "RESTAURANT",
        "name": "Kantine",
        "time_zone": "Europe/Berlin",
        "policy": {"approval": "manual", "check_in": "tracked"},
    }
    stored = await dinner.put(f"/api/v1/venues/{asked['venue']['id']}", json=put)
    assert stored.json()["policy"]["approval"] == "manual", stored.text
    answer = await dinner.post(PATH, json=asked)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_venue_approves_by_hand(dinner: httpx.AsyncClient) -> None:
    made = await by_hand(dinner, "chefs-table")
    assert (made["status"], made["payment"]["status"]) == ("PENDING", "authorised")
    assert (made["payment"]["captured"], made["failure"]) == (0, None)
    ends = dt.datetime.fromisoformat(made["hold_expires_at"])
    held = ends - dt.datetime.fromisoformat(made["created_at"])
    assert dt.timedelta(hours=23) < held <= dt.timedelta(hours=24)
    assert (await dinner.get(f"{PATH}/{made['id']}")).json() == made
    path = f"{PATH}/{made['id']}/status"
    early = await dinner.post(path, json={"status": "CHECKED_IN"})
    assert (early.status_code, early.json()["code"]) == (409, "STATE_CONFLICT")
    assert early.json()["details"]["allowed"] == ["CANCELLED", "CONFIRMED"]
    stale = await dinner.post(path, json={"status": "CONFIRMED", "expected_version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    yes = {"status": "CONFIRMED", "reason": "welcome", "expected_version": made["version"]}
    answers = await asyncio.gather(*(dinner.post(path, json=yes) for _ in range(3)))
    assert [one.status_code for one in answers] == [200] * 3, [one.text for one in answers]
    for one in answers:
        assert (one.json()["status"], one.json()["payment"]["captured"]) == ("CONFIRMED", 4_000)
        approved = one.json()["history"][-1]
        assert (approved["to"], approved["why"]) == ("CONFIRMED", "welcome")
        assert approved["who"].startswith("planner dinner app")
    assert answers[0].json()["hold_expires_at"] is None


async def test_a_venue_refuses_by_hand(dinner: httpx.AsyncClient) -> None:
    made = await by_hand(dinner)
    assert made["payment"]["status"] == "not_required"
    path = f"{PATH}/{made['id']}/status"
    refused = await dinner.post(path, json={"status": "CANCELLED", "reason": "closed"})
    assert refused.status_code == 200, refused.text
    assert refused.json()["cancellation"]["by"] == "VENUE"
    late = await dinner.post(path, json={"status": "CONFIRMED"})
    assert (late.status_code, late.json()["details"]["allowed"]) == (409, [])


async def test_another_callers_reservation_is_unknown(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    made = (await dinner.post(PATH, json=wanted())).json()
    key = add_caller(database_url, name="another app", scopes=SCOPES)
    async with client(whole.url, key) as other:
        for path in (f"{PATH}/{made['id']}", f"{PATH}/reference/{made['booking_reference']}"):
            assert (await other.get(path)).status_code == 404
        moved = await other.post(f"{PATH}/{made['id']}/cancel", json={})
        assert moved.status_code == 404


async def test_reservations_are_listed(dinner: httpx.AsyncClient) -> None:
    asked = wanted(party_size=1)
    names = ["18:00", "20:00", "22:00"]
    made = [
        (await dinner.post(PATH, json={**asked, "time": time, "duration_minutes": 60})).json()
        for time in names
    ]
    guest, venue = f"{PATH}/guest/{asked['guest']['id']}", f"{PATH}/venue/{asked['venue']['id']}"
    for path, order in ((guest, names[::-1]), (venue, names)):
        first = (await dinner.get(path, params={"limit": 2})).json()
        assert ([one["time"] for one in first["bookings"]], first["has_more"]) == (order[:2], True)
        behind = {"limit": 2, "cursor": first["next_cursor"]}
        second = (await dinner.get(path, params=behind)).json()
        assert [one["time"] for one in second["bookings"]] == order[2:]
        assert second["has_more"] is False
        other = await dinner.get(path, params={**behind, "status": "CONFIRMED"})
        assert (other.status_code, other.json()["code"]) == (400, "CURSOR_INVALID")
        none = await dinner.get(path, params={"status": "CANCELLED"})
        assert none.json() == {"bookings": [], "has_more": False, "next_cursor": None}
        counted = (await dinner.get(path, params={**behind, "count": "true"})).json()
        assert counted == {**second, "count": 3, "count_exceeded": False}
        some = {"status": "CANCELLED", "count": "true"}
        assert (await dinner.get(path, params=some)).json()["count"] == 0
        plain = (await dinner.get(path, params={"limit": 2, "count": "false"})).json()
        assert plain.keys() == none.json().keys()
    day = await dinner.get(venue, params={"date": asked["date"], "count": "true"})
    assert [one["id"] for one in day.json()["bookings"]] == [one["id"] for one in made]
    tomorrow = (a_day() + dt.timedelta(days=1)).isoformat()
    after = await dinner.get(venue, params={"date": tomorrow, "count": "true"})
    assert after.json()["bookings"] == []
    assert (day.json()["count"], after.json()["count"]) == (3, 0)
    late = await dinner.get(guest, params={"from": made[1]["starts_at"], "count": "true"})
    assert [one["time"] for one in late.json()["bookings"]] == ["22:00", "20:00"]
    assert late.json()["count"] == 2


async def test_lists_have_nothing_of_other_callers(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    asked = wanted()
    await dinner.post(PATH, json=asked)
    key = add_caller(database_url, name="yet another app", scopes=SCOPES)
    async with client(whole.url, key) as other:
        none = {"bookings": [], "has_more": False, "next_cursor": None}
        for name in (f"guest/{asked['guest']['id']}", f"venue/{asked['venue']['id']}"):
            for path in (f"{PATH}/{name}", f"{PATH}/{name}x"):
                assert (await other.get(path)).json() == none
                counted = await other.get(path, params={"count": "true"})
                assert counted.json() == {**none, "count": 0, "count_exceeded": False}
