"""The emulated inventory by plain HTTP: capacity, references, tombstones, shifts, clocks, log."""

import asyncio
import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest

from sandbox.inventory.places import NAME
from sandbox.world import World
from tests.sandbox.venues.conftest import Caller, coming, last_sunday, slot, twin
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient

TUESDAY, MONDAY, SATURDAY = coming(1), coming(0), coming(5)


def live(world: World, venue: str) -> list[Any]:
    return [r for r in world.reservations.all(NAME) if r.live and r.data["venue"] == venue]


def fullest(world: World, venue: str, unit: str) -> int:
    """The most that is taken of a venue at any time."""
    taken = [
        (
            dt.datetime.fromisoformat(one.data["starts_at"]),
            dt.datetime.fromisoformat(one.data["ends_at"]),
            one.data["party"] if unit == "covers" else 1,
        )
        for one in live(world, venue)
    ]
    return max(sum(n for b, e, n in taken if b <= at < e) for at, _, _ in taken)


async def test_fifty_at_once_get_no_more_tables_than_there_are(caller: Caller) -> None:
    venue = twin("kantine")
    asked = slot(venue, TUESDAY, "19:00", 2, duration_minutes=90)
    free = (await caller.check(asked))["capacity"]
    assert free == {"total": 7, "free": 7, "unit": "resources"}
    ends = await asyncio.gather(*(caller.reserve(asked) for _ in range(50)))
    assert sorted(status for status, _ in ends) == [201] * 7 + [409] * 43
    assert {body["error"]["code"] for status, body in ends if status == 409} == {"full"}
    tables = [body["assigned_resource_id"] for status, body in ends if status == 201]
    assert len(set(tables)) == 7
    assert (await caller.check(asked))["capacity"]["free"] == 0


async def test_fifty_parties_of_all_sizes_never_fill_more_than_the_covers(caller: Caller) -> None:
    venue = twin("cafe-aurora")
    wishes = [
        slot(venue, TUESDAY, f"{14 + n % 2}:{15 * (n % 3):02}", 1 + n % 6, duration_minutes=60)
        for n in range(50)
    ]
    ends = await asyncio.gather(*map(caller.reserve, wishes))
    assert {status for status, _ in ends} == {201, 409}
    assert 18 < fullest(caller.world, venue, "covers") <= 24
    refused = [wish for wish, (status, _) in zip(wishes, ends, strict=True) if status == 409]
    for wish in refused:  # none was refused that would still fit
        assert (await caller.check(wish))["reason"] == "full"


async def test_one_table_is_one_party_s(caller: Caller) -> None:
    venue = twin("kantine")
    asked = slot(venue, TUESDAY, "19:00", 4, resource_id="table-7", duration_minutes=105)
    ends = await asyncio.gather(*(caller.reserve(asked) for _ in range(50)))
    assert sorted(status for status, _ in ends) == [201] + [409] * 49
    assert await caller.refused(asked) == "resource_taken"
    back_to_back = slot(venue, TUESDAY, "20:45", 4, resource_id="table-7", duration_minutes=105)
    assert (await caller.reserve(back_to_back))[0] == 201
    overlapping = slot(venue, TUESDAY, "18:00", 4, resource_id="table-7", duration_minutes=75)
    assert await caller.refused(overlapping) == "resource_taken"


async def test_alternatives_can_be_had(caller: Caller) -> None:
    venue = twin("kantine")
    asked = slot(venue, TUESDAY, "19:00", 8)
    assert (await caller.reserve(asked))[0] == 201
    answer = await caller.check(asked)
    assert (answer["available"], answer["reason"]) == (False, "full")
    assert answer["turn_minutes"] == 150
    assert 0 < len(answer["alternatives"]) <= 5
    for other in answer["alternatives"]:
        time = other["starts_at"][11:16]
        assert (await caller.check(slot(venue, TUESDAY, time, 8)))["available"]


async def test_a_stay_keeps_its_room_for_all_its_nights(caller: Caller) -> None:
    room: dict[str, Any] = {
        "venue": twin("hudson-nights"),
        "time": "15:00",
        "resource_id": "suite-1",
    }
    nights = 24 * 60
    asked = slot(date="2027-06-01", duration_minutes=3 * nights - 240, **room)
    assert (await caller.reserve(asked))[0] == 201
    for date, stays, free in (
        ("2027-06-03", 1, False),
        ("2027-05-25", 30, False),
        ("2027-06-04", 90, True),
        ("2027-05-31", 1, True),
    ):
        other = slot(date=date, duration_minutes=stays * nights - 240, **room)
        assert (await caller.check(other))["available"] is free, date
    late = slot(date="2027-06-01", duration_minutes=nights, **{**room, "time": "11:00"})
    assert await caller.refused(late) == "outside_shift"
    price = (await caller.ask("estimate", {"slot": asked}))[1]
    assert (price["total"], price["lines"][0]["quantity"]) == (63_000, 3)


async def test_a_reference_reserves_once(caller: Caller) -> None:
    reference, asked = str(uuid.uuid4()), slot(twin("kantine"), TUESDAY, "19:00")
    ends = await asyncio.gather(*(caller.reserve(asked, reference) for _ in range(20)))
    assert sorted(status for status, _ in ends) == [200] * 19 + [201]
    assert len({body["inventory_reference"] for _, body in ends}) == 1
    other = slot(asked["venue"]["id"], TUESDAY, "19:30")
    status, body = await caller.reserve(other, reference)
    assert (status, body["error"]["code"]) == (422, "reference_reused")
    assert len(live(caller.world, asked["venue"]["id"])) == 1


async def test_a_released_reference_stays_released(caller: Caller) -> None:
    asked, known, unheard = (
        slot(twin("kantine"), TUESDAY, "19:00"),
        *(str(uuid.uuid4()) for _ in range(2)),
    )
    await caller.reserve(asked, known)
    for reference, already in ((known, False), (known, True), (unheard, True), (unheard, True)):
        status, body = await caller.ask("release", {"reference": reference})
        assert (status, body["status"], body["already"]) == (200, "released", already)
    for reference in (known, unheard):
        status, body = await caller.reserve(asked, reference)
        assert (status, body["error"]["code"]) == (409, "reference_released")
        change = {"reference": reference, "key": "k", "slot": asked}
        status, body = await caller.ask("update-reservation", change)
        assert (status, body["error"]["code"]) == (409, "reference_released")
    read = [await caller.ask("update-reservation", {"reference": one}) for one in (known, unheard)]
    assert (read[0][0], read[0][1]["status"]) == (200, "released")
    assert (read[1][0], read[1][1]["error"]["code"]) == (409, "reference_released")
    assert live(caller.world, asked["venue"]["id"]) == []
    assert (await caller.check(asked))["capacity"]["free"] == 7
    rows = caller.world.log.rows(supplier=NAME, reference=known)
    assert [row["effect"] for row in rows if row["effect"] != "none"] == ["created", "released"]


async def test_a_change_is_whole_and_made_once_for_each_key(caller: Caller) -> None:
    venue, reference = twin("kantine"), str(uuid.uuid4())
    first = slot(venue, TUESDAY, "19:00", 8)
    await caller.reserve(first, reference)

    async def move(key: str, to: dict[str, Any]) -> tuple[int, Any]:
        return await caller.ask(
            "update-reservation", {"reference": reference, "key": key, "slot": to}
        )

    # It may overlap itself, and is not in its own way.
    own = slot(venue, TUESDAY, "19:30", 8)
    assert not (await caller.check(own))["available"]
    assert (await caller.check(own, reference))["available"]
    status, body = await move("k1", own)
    assert (status, body["revision"], body["slot"]["time"]) == (200, 2, "19:30")
    later = slot(venue, TUESDAY, "20:30", 8)
    assert (await move("k2", later))[1]["revision"] == 3
    status, body = await move("k1", own)  # a late repeat does not move it back
    assert (status, body["revision"], body["slot"]["time"]) == (200, 3, "20:30")
    assert (await move("k1", first))[1]["error"]["code"] == "key_reused"
    lunch = slot(venue, TUESDAY, "12:30", 8)
    assert (await caller.reserve(lunch))[0] == 201
    status, body = await move("k3", lunch)
    assert (status, body["error"]["code"]) == (409, "full")
    status, body = await caller.ask("update-reservation", {"reference": reference})
    assert (body["revision"], body["slot"]["time"]) == (3, "20:30")
    status, body = await move("k4", slot(twin("kantine"), TUESDAY, "20:30", 8))
    assert (status, body["error"]["code"]) == (422, "other_venue")
    assert (await caller.ask("update-reservation", {"reference": "nobody"}))[0] == 404


async def test_two_that_change_places_at_once_both_stand_somewhere(caller: Caller) -> None:
    venue, references = twin("kantine"), [str(uuid.uuid4()) for _ in range(2)]
    places = [slot(venue, TUESDAY, time, 8) for time in ("12:00", "19:00")]
    for reference, place in zip(references, places, strict=True):
        assert (await caller.reserve(place, reference))[0] == 201
    ends = await asyncio.gather(
        *(
            caller.ask("update-reservation", {"reference": r, "key": "swap", "slot": place})
            for r, place in zip(references, reversed(places), strict=True)
        )
    )
    assert [status for status, _ in ends] == [409, 409]
    assert len(live(caller.world, venue)) == 2
    assert fullest(caller.world, venue, "resources") == 1


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        ("venue_closed", slot("kantine", MONDAY, "19:00")),
        ("outside_shift", slot("kantine", TUESDAY, "16:00")),
        ("outside_shift", slot("kantine", TUESDAY, "22:30", 4)),
        ("not_a_start_time", slot("kantine", TUESDAY, "19:05")),
        ("party_too_large", slot("kantine", TUESDAY, "19:00", 9)),
        ("party_too_large", slot("kantine", TUESDAY, "19:00", 4, resource_id="table-1")),
        ("duration_not_offered", slot("kantine", TUESDAY, "19:00", duration_minutes=100)),
        ("in_the_past", slot("kantine", "2021-03-02", "19:00")),
        ("too_far_ahead", slot("kantine", "2099-06-02", "19:00")),
    ],
)
async def test_what_is_not_to_be_had(caller: Caller, reason: str, asked: dict[str, Any]) -> None:
    assert await caller.refused(asked) == reason


async def test_friday_s_dinner_ends_on_saturday(caller: Caller) -> None:
    friday = coming(4)
    assert (await caller.check(slot("kantine", friday, "23:00", 4)))["available"]
    assert await caller.refused(slot("kantine", friday, "23:15", 4)) == "outside_shift"
    after = slot("nachtcafe", SATURDAY, "03:30")  # of the night before
    answer = await caller.check(after)
    assert answer["available"]
    assert [one["opens_at"][11:] for one in answer["shifts"]] == ["22:00:00+02:00"] * 2


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("unknown_venue", slot("nowhere", TUESDAY, "19:00")),
        ("unknown_resource", slot("kantine", TUESDAY, "19:00", resource_id="table-99")),
        (
            "venue_type_mismatch",
            {**slot("kantine", TUESDAY, "19:00"), "venue": {"id": "kantine", "type": "HOTEL"}},
        ),
        ("utc_offset_wrong", slot("kantine", TUESDAY, "19:00", utc_offset="+05:00")),
        ("invalid_request", slot("kantine", TUESDAY, "7pm")),
        ("invalid_request", slot("kantine", TUESDAY, "19:00", 0)),
        ("invalid_request", slot("kantine", TUESDAY, "19:00", color="red")),
    ],
)
async def test_what_nobody_could_have_meant(
    caller: Caller, code: str, asked: dict[str, Any]
) -> None:
    for path, body in (
        ("check-availability", {"slot": asked}),
        ("reserve", {"slot": asked, "reference": "wrong", "guest_name": "Ada"}),
        ("calculate", {"slot": asked}),
    ):
        status, answer = await caller.ask(path, body)
        assert (400 <= status < 500, answer["error"]["code"]) == (True, code)


async def test_in_spring_an_hour_is_skipped(caller: Caller) -> None:
    sunday = last_sunday(3).isoformat()
    venue = twin("nachtcafe")
    asked = slot(venue, sunday, "02:30", duration_minutes=60)
    assert await caller.refused(asked) == "time_does_not_exist"
    answer = await caller.check(asked)
    assert (answer["slot"]["time"], answer["slot"]["utc_offset"]) == ("03:00", "+02:00")
    # Open from 22:00 to 05:00: six hours in this night. 01:30 plus 60 minutes is 03:30.
    answer = await caller.check(slot(venue, sunday, "01:30", duration_minutes=60))
    assert answer["available"]
    assert answer["slot"]["ends_at"] == f"{sunday}T03:30:00+02:00"
    night = answer["shifts"][0]
    opened, closed = (dt.datetime.fromisoformat(night[at]) for at in ("opens_at", "closes_at"))
    assert closed - opened == dt.timedelta(hours=6)


async def test_in_autumn_an_hour_comes_twice(caller: Caller) -> None:
    sunday = last_sunday(10).isoformat()
    venue = twin("nachtcafe")
    slots = [
        slot(venue, sunday, "02:30", 7, utc_offset=offset, duration_minutes=60)
        for offset in (None, "+02:00", "+01:00")
    ]
    unsaid, first, second = [(await caller.check(one))["slot"] for one in slots]
    assert unsaid == first
    assert (first["utc_offset"], second["utc_offset"]) == ("+02:00", "+01:00")
    begins = [dt.datetime.fromisoformat(one["starts_at"]) for one in (first, second)]
    assert begins[1] - begins[0] == dt.timedelta(hours=1)
    # Seven of twelve covers, an hour each: the two do not meet, a third one does.
    assert [(await caller.reserve(one))[0] for one in slots[1:]] == [201, 201]
    assert await caller.refused(slots[0]) == "full"
    long = slot(venue, sunday, "01:45", 1, duration_minutes=120)
    assert (await caller.check(long))["slot"]["ends_at"] == f"{sunday}T02:45:00+01:00"


async def test_every_slot_offered_around_the_clocks_changes_is_to_be_had(caller: Caller) -> None:
    for day in (last_sunday(3), last_sunday(10)):
        venue = twin("nachtcafe")
        full = slot(venue, day.isoformat(), "01:00", 8)
        assert (await caller.reserve(full))[0] == 201
        found = (await caller.check(full))["alternatives"]
        assert len(found) == 5
        for one in found:
            moment = dt.datetime.fromisoformat(one["starts_at"])
            again = slot(
                venue,
                moment.date().isoformat(),
                f"{moment:%H:%M}",
                8,
                utc_offset=one["starts_at"][-6:],
            )
            answer = await caller.check(again)
            assert (answer["available"], answer["slot"]["starts_at"]) == (True, one["starts_at"])


async def test_the_log_is_only_added_to(caller: Caller) -> None:
    before = [{**row} for row in caller.world.log.rows()]
    reference, asked = str(uuid.uuid4()), slot(twin("kantine"), TUESDAY, "19:00")
    await caller.reserve(asked, reference)
    await caller.ask(
        "update-reservation",
        {"reference": reference, "key": "k", "slot": {**asked, "time": "19:30"}},
    )
    await caller.ask("release", {"reference": reference})
    await caller.ask("release", {"reference": reference})
    after = caller.world.log.rows()
    assert after[: len(before)] == before
    rows = [row for row in after if row["reference"] == reference]
    assert [(row["operation"], row["effect"], row["status"]) for row in rows] == [
        ("reserve", "created", 201),
        ("update", "changed", 200),
        ("release", "released", 200),
        ("release", "none", 200),
    ]
    assert len({row["id"] for row in rows}) == 1


async def test_what_is_taken_is_shown(caller: Caller) -> None:
    venue, reference = twin("atelier"), str(uuid.uuid4())
    status, body = await caller.reserve(slot(venue, TUESDAY, "10:30"), reference)
    assert status == 201, body
    shown = (await caller.http.get("/_sandbox/venues")).json()
    assert {"kantine", "atelier", "hudson-day"} <= {one["venue"] for one in shown["venues"]}
    (row,) = [one for one in shown["taken"] if one["reference"] == reference]
    assert (row["begins"], row["ends"]) == (f"{TUESDAY} 10:30", "11:00")
    assert (row["place"], row["free"], row["zone"]) == ("fitting-1", "2 of 3", "Europe/Paris")
    assert "fetch" in (await caller.http.get("/_sandbox")).text
    assert "/_sandbox/venues" in (await caller.http.get("/_sandbox")).text


async def test_all_of_it_survives_a_kill(tmp_path: Path) -> None:
    announce, state = tmp_path / "url", tmp_path / "state"

    def start() -> tuple[Process, str]:
        announce.unlink(missing_ok=True)
        arguments = ("--port", "0", "--announce-file", str(announce), "--state-file", str(state))
        process = Process("-m", "sandbox", *arguments, env={})
        return process, process.wait_for(announce)

    async def ask(client: SandboxClient, path: str, body: Any) -> Any:
        answer = await client.http.post(f"/inventory_service/api/v1/inventory/{path}", json=body)
        return answer.json()

    asked = slot("kantine", TUESDAY, "19:00", 8)
    reserve = {"slot": asked, "guest_name": "Ada", "notes": ""}
    process, url = start()
    client = SandboxClient(url)
    try:
        made = await ask(client, "reserve", {**reserve, "reference": "stays"})
        await ask(client, "release", {"reference": "gone"})
        process.kill()
        await client.close()
        process, url = start()
        client = SandboxClient(url)
        assert await ask(client, "reserve", {**reserve, "reference": "stays"}) == made
        for reference, code in (("gone", "reference_released"), ("new", "full")):
            answer = await ask(client, "reserve", {**reserve, "reference": reference})
            assert answer["error"]["code"] == code
    finally:
        await client.close()
        process.kill()
