"""Other times that are told can be had: inventory, our record and the policy have room then."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from api.reservations import alternatives, venues
from api.reservations.requests import AvailabilityBody
from models.core.callers import Scope
from models.core.venues import Alternative, Availability, SlotCapacity, SlotWish
from models.reservations.conflicts import Room
from models.reservations.policy import VenuePolicy
from models.reservations.venues import Venue
from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.reservations.books import EVENING, Diary, slot
from tests.reservations.test_api import PATH, SCOPES, a_day, wanted
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key
from tests.support.stack import Stack

CHECK = f"{PATH}/availability/check"
ASKED = ("venue", "date", "time", "party_size", "resource_id")


async def put_venue(http: httpx.AsyncClient, asked: dict[str, Any], **policy: Any) -> None:
    put = {"type": "RESTAURANT", "name": "Kantine", "time_zone": "Europe/Berlin", "policy": policy}
    stored = await http.put(f"/api/v1/venues/{asked['venue']['id']}", json=put)
    assert stored.status_code == 200, stored.text


async def check(http: httpx.AsyncClient, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    question = {name: asked[name] for name in ASKED if name in asked}
    answer = await http.post(CHECK, json={**question, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["available"] is (told["reason"] is None)
    return told


async def reserve(http: httpx.AsyncClient, asked: dict[str, Any], **at: Any) -> dict[str, Any]:
    guest = {**asked["guest"], "id": str(uuid.uuid4())}
    answer = await http.post(PATH, json={**asked, "guest": guest, **at})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def can_be_had(http: httpx.AsyncClient, asked: dict[str, Any], told: list[Any]) -> list[str]:
    """Reserve at each of the times, one after the other; returns them."""
    assert 0 < len(told) <= 5
    for one in told:
        at = {name: one[name] for name in ("date", "time", "utc_offset")}
        made = await reserve(http, asked, **at)
        gone = await http.post(f"{PATH}/{made['id']}/cancel", json={})
        assert gone.json()["status"] == "CANCELLED"
    return [one["time"] for one in told]


# Each stays for an hour and a half; the inventory's dinner is from 18:00 to 23:30.
REFUSALS: dict[str, tuple[dict[str, Any], str, str, list[str]]] = {
    "covers": (
        {"capacity_mode": "COVERS", "covers": 3, "buffer_after_minutes": 15},
        *("19:30", "venue"),
        ["21:15", "21:30", "21:45", "22:00"],
    ),
    "pacing": (
        {"pacing": {"parties": 1}, "slot_minutes": 30},
        *("19:30", "venue"),
        ["19:00", "18:30", "20:30", "18:00", "21:00"],
    ),
    "table": ({"buffer_before_minutes": 20}, "21:00", "resource", ["21:30", "21:45", "22:00"]),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_where_we_have_no_room(dinner: httpx.AsyncClient, what: str) -> None:
    """The inventory has; it names no other time, and is asked."""
    policy, time, reason, times = REFUSALS[what]
    asked = wanted(resource_id="table-7" if what == "table" else None)
    await put_venue(dinner, asked, **policy)
    await reserve(dinner, asked)
    if what == "pacing":
        await reserve(dinner, asked, time="20:00")
    told = await check(dinner, {**asked, "time": time})
    assert told["reason"] == reason
    assert await can_be_had(dinner, asked, told["alternatives"]) == times
    other = {**asked, "time": time, "guest": {**asked["guest"], "id": "g-2"}}
    refused = await dinner.post(PATH, json=other)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    details = refused.json()["details"]
    assert details == {"reason": reason, "alternatives": told["alternatives"]}


async def test_where_the_inventory_has_no_room(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    """It does not know our own rules, by which most of what it names cannot be had."""
    asked = wanted("chefs-table", resource_id="seat-1", time="21:30")
    asked["payment"] = {"payment_method_id": "pm_card_visa"}
    key = add_caller(database_url, name=f"another {uuid.uuid4()}", scopes=SCOPES)
    async with client(whole.url, key) as other:  # of whose reservations we know nothing
        await reserve(other, asked, duration_minutes=60)
    rules = {"slot_minutes": 30, "turn_minutes": [{"up_to": 6, "minutes": 60}]}
    await put_venue(dinner, asked, **rules, pacing={"parties": 1})
    await reserve(dinner, asked, time="20:30", resource_id="seat-2")
    told = await check(dinner, asked)
    assert told["reason"] == "resource_taken"
    assert await can_be_had(dinner, asked, told["alternatives"]) == ["22:30", "20:00"]
    refused = await dinner.post(PATH, json={**asked, "guest": {**asked["guest"], "id": "g-2"}})
    assert refused.json()["details"]["reason"] == "resource_taken"
    assert refused.json()["details"]["alternatives"] == told["alternatives"]


async def test_the_inventory_is_asked_about_times_nearby(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    asked = wanted(resource_id="table-7")
    key = add_caller(database_url, name=f"another {uuid.uuid4()}", scopes=SCOPES)
    async with client(whole.url, key) as other:
        await reserve(other, asked, time="22:45", duration_minutes=45)
    await put_venue(dinner, asked, buffer_before_minutes=10)
    await reserve(dinner, asked)
    told = await check(dinner, {**asked, "time": "21:00"})
    assert told["reason"] == "resource"
    assert await can_be_had(dinner, asked, told["alternatives"]) == ["21:15"]


async def test_where_a_reservation_cannot_move(dinner: httpx.AsyncClient) -> None:
    """As if it were not there: it may move by a little, where only its own place is in the way."""
    asked = wanted()
    await put_venue(dinner, asked, capacity_mode="COVERS", covers=3)
    await reserve(dinner, asked, time="21:00")
    made = await reserve(dinner, asked)
    change = {"expected_version": made["version"], "time": "20:30"}
    refused = await dinner.put(f"{PATH}/{made['id']}", json=change)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    told = [one["time"] for one in refused.json()["details"]["alternatives"]]
    assert told == ["19:15", "19:00", "18:45", "18:30", "18:15"]
    moved = await dinner.put(f"{PATH}/{made['id']}", json={**change, "time": "19:15"})
    assert moved.status_code == 200, moved.text


@pytest.mark.parametrize(
    ("policy", "days", "reason"),
    [
        ({"book_ahead_max_days": 3}, 0, "too_far_ahead"),
        ({"book_ahead_min_minutes": 60 * 24 * 40, "book_ahead_max_days": 60}, 0, "too_soon"),
        ({}, 400, "too_far_ahead"),
    ],
)
async def test_what_is_out_of_time_is_not_available(
    dinner: httpx.AsyncClient, policy: dict[str, int], days: int, reason: str
) -> None:
    """What the check says and what reserving does agree (report 4 of the design)."""
    asked = wanted(date=(a_day() + dt.timedelta(days=days)).isoformat())
    if policy:
        await put_venue(dinner, asked, **policy)
    told = await check(dinner, asked)
    assert (told["available"], told["reason"], told["alternatives"]) == (False, reason, [])
    refused = await dinner.post(PATH, json=asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "SLOT_REFUSED")


async def test_of_one_day_only_later_times_can_be_had(dinner: httpx.AsyncClient) -> None:
    """The limit of how soon something begins is at eight in the evening of that day."""
    asked = wanted()
    begins = dt.datetime.fromisoformat((await check(dinner, asked))["starts_at"])
    ahead = begins + dt.timedelta(minutes=10) - dt.datetime.now(dt.UTC)
    minutes = int(ahead.total_seconds()) // 60
    await put_venue(dinner, asked, book_ahead_min_minutes=minutes)
    told = await check(dinner, asked)
    assert told["reason"] == "too_soon"
    times = await can_be_had(dinner, asked, told["alternatives"])
    assert times == ["19:45", "20:00", "20:15", "20:30", "20:45"]


async def test_what_the_guest_has_elsewhere_is_told(dinner: httpx.AsyncClient) -> None:
    """At another of the caller's venues it stands in nobody's way; at this one it does."""
    asked, elsewhere = wanted(), wanted("galerie-on-request")
    made = await dinner.post(PATH, json={**elsewhere, "guest": asked["guest"], "time": "20:30"})
    assert made.status_code == 201, made.text
    question = {**asked, "guest": None}
    assert (await check(dinner, question))["conflicts"] == []
    told = await check(dinner, question, guest_id=asked["guest"]["id"])
    assert told["available"]
    conflict = {
        "kind": "GUEST",
        "venue_id": elsewhere["venue"]["id"],
        "booking_reference": made.json()["booking_reference"],
        "starts_at": made.json()["starts_at"],
        "ends_at": made.json()["ends_at"],
    }
    assert told["conflicts"] == [conflict]
    before = await check(dinner, {**question, "time": "18:45"}, guest_id=asked["guest"]["id"])
    assert before["conflicts"] == []
    own = await dinner.post(PATH, json=asked)
    assert own.status_code == 201, own.text
    told = await check(dinner, question, guest_id=asked["guest"]["id"])
    assert (told["available"], told["reason"]) == (False, "guest")
    assert [one["venue_id"] for one in told["conflicts"]] == [
        asked["venue"]["id"],
        elsewhere["venue"]["id"],
    ]
    free = {one["time"] for one in told["alternatives"]}
    assert free
    assert not free & {"18:15", "18:30", "20:45"}, "the guest is there then"


async def test_who_only_reads_may_ask(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    scopes = [Scope.RESERVATIONS_READ]
    key = add_caller(database_url, name=f"looks {uuid.uuid4()}", scopes=scopes)
    async with client(whole.url, key) as http:
        assert (await check(http, wanted()))["available"]
        assert (await http.post(PATH, json=wanted())).status_code == 403


async def test_a_stay_is_told_other_days(dinner: httpx.AsyncClient) -> None:
    """Rooms are ready at one time of the day; a quarter of an hour later is no other stay."""
    asked = wanted("hudson-nights", time="16:00", party_size=2, duration_minutes=2 * 1_440)
    asked |= {"payment": {"payment_method_id": "pm_card_visa"}}
    asked["venue"]["type"] = "HOTEL"
    put = {"type": "HOTEL", "name": "Hudson", "time_zone": "America/New_York"}
    policy = {"capacity_mode": "COVERS", "covers": 2, "book_ahead_max_days": 60}
    stored = await dinner.put(
        f"/api/v1/venues/{asked['venue']['id']}", json=put | {"policy": policy}
    )
    assert stored.status_code == 200, stored.text
    await reserve(dinner, asked)
    told = await check(dinner, asked, duration_minutes=asked["duration_minutes"])
    assert told["reason"] == "venue"
    day = dt.date.fromisoformat(asked["date"])
    days = [(dt.date.fromisoformat(one["date"]) - day).days for one in told["alternatives"]]
    assert days == [-2, 2, -3, 3, -4]
    assert await can_be_had(dinner, asked, told["alternatives"]) == ["16:00"] * 5


async def test_a_slow_inventory_keeps_no_refusal_waiting(
    dinner: httpx.AsyncClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused is told so, without other times; a repeat tells of them again."""
    asked = wanted()
    await put_venue(dinner, asked, capacity_mode="COVERS", covers=3)
    await reserve(dinner, asked)
    other = {**asked, "guest": {**asked["guest"], "id": "g-2"}}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    # The first question is whether the time can be had. The others take no longer than they may.
    monkeypatch.setattr(alternatives, "SECONDS", 0.3)
    await stack.sandbox.arm("inventory", "check", "slow", nth=2, times=9, seconds=0.6)
    refused = await dinner.post(PATH, json=other, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    assert refused.json()["details"] == {"reason": "venue", "alternatives": []}
    monkeypatch.undo()
    await stack.sandbox.clear()
    again = await dinner.post(PATH, json=other, headers=key)
    assert again.status_code == 409
    assert again.json()["details"]["alternatives"]


async def test_a_process_asks_about_few_other_times_at_once(
    dinner: httpx.AsyncClient, whole: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others' are being asked about, who is refused waits for its turn, and not for long."""
    asked = wanted()
    await put_venue(dinner, asked, capacity_mode="COVERS", covers=3)
    await reserve(dinner, asked)
    other = {**asked, "guest": {**asked["guest"], "id": "g-2"}}
    busy = asyncio.Semaphore(0)
    context = replace(whole.app.state.context, nearby=busy)
    with monkeypatch.context() as patch:
        patch.setattr(alternatives, "SECONDS", 0.3)
        patch.setattr(whole.app.state, "context", context)
        refused = await dinner.post(PATH, json=other)
    assert refused.json()["details"] == {"reason": "venue", "alternatives": []}
    told = await dinner.post(PATH, json=other)
    assert told.json()["details"]["alternatives"]


async def test_who_may_be_there_twice_is_told_all_times(dinner: httpx.AsyncClient) -> None:
    """Of a change as of a reservation; its own present place is no other time."""
    asked = wanted()
    await put_venue(dinner, asked, pacing={"parties": 1}, slot_minutes=30)
    await reserve(dinner, asked, time="20:00")
    first = await dinner.post(PATH, json={**asked, "time": "19:00"})
    assert first.status_code == 201, first.text
    second = {**asked, "time": "21:30", "allow_duplicate": True}
    made = (await dinner.post(PATH, json=second)).json()
    change = {"expected_version": made["version"], "time": "20:00"}
    refused = await dinner.put(f"{PATH}/{made['id']}", json=change)
    told = [one["time"] for one in refused.json()["details"]["alternatives"]]
    assert told == ["19:30", "20:30", "21:00", "18:30", "18:00"]
    moved = await dinner.put(f"{PATH}/{made['id']}", json={**change, "time": "19:30"})
    assert moved.status_code == 200, moved.text


async def test_an_inventory_has_slots_of_its_own(diary: Diary) -> None:
    """Where nobody has registered the venue, no policy says when reservations begin."""
    begins = EVENING.replace(year=dt.datetime.now(dt.UTC).year + 1)
    other = Alternative(starts_at=begins + dt.timedelta(minutes=50), free=2)
    found = Availability(
        available=False,
        reason="full",
        slot=slot(begins),
        turn_minutes=90,
        capacity=SlotCapacity(total=4, free=0, unit="covers"),
        alternatives=(other,),
        checked_at=begins,
    )

    async def read(query: Callable[[AsyncSession], Awaitable[list[Room]]]) -> list[Room]:
        async with diary.books.sessions() as session:
            return await query(session)

    context: Any = SimpleNamespace(record=SimpleNamespace(read=read))
    policy = VenuePolicy(book_ahead_max_days=730)
    venue = Venue(diary.venue, diary.external_id, "RESTAURANT", "", "", policy, 1)
    search = alternatives.Search(diary.caller, venue, None)
    (told,) = await alternatives.find(context, search, found)
    assert told.starts_at == other.starts_at
    registered = replace(search, venue=replace(venue, time_zone="Europe/Berlin"))
    assert await alternatives.find(context, registered, found) == []


def test_no_zone_is_told_of_a_venue_that_nobody_registered() -> None:
    body = AvailabilityBody.model_validate(
        {
            "venue": {"id": "v", "type": "CAFE"},
            "date": "2031-03-14",
            "time": "19:30",
            "party_size": 2,
        }
    )
    wish = venues.wished(VenuePolicy(), "", body, body.venue)
    assert SlotWish.model_validate(wish.model_dump()) == body.wish(body.venue)
