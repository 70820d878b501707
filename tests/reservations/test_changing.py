"""``PUT /api/v1/bookings/{booking_id}`` over HTTP, with everything else behind it."""

import asyncio
import uuid
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.reservations.test_api import PATH, SCOPES, by_hand, patiently, wanted
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key
from tests.support.selection import table
from tests.support.stack import Stack

CARD = {"payment": {"payment_method_id": "pm_card_visa"}}


async def made(dinner: httpx.AsyncClient, like: str = "kantine", **changes: Any) -> dict[str, Any]:
    answer = await dinner.post(PATH, json=wanted(like, **changes))
    assert answer.status_code == 201, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


async def put(
    http: httpx.AsyncClient, booking: dict[str, Any], headers: Any = None, **body: Any
) -> httpx.Response:
    asked = {"expected_version": booking["version"], **body}
    if asked["expected_version"] is None:
        del asked["expected_version"]
    return await http.put(f"{PATH}/{booking['id']}", json=asked, headers=headers)


async def test_guest_and_notes_change_at_once(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner, notes="window")
    changed = await put(dinner, booking, guest={"phone": "+4930123456"}, notes="high chair")
    assert changed.status_code == 200, changed.text
    now = changed.json()
    assert now["version"] == booking["version"] + 1
    assert changed.headers["ETag"].startswith(f'"{now["version"]}-')
    assert now["guest"] == {**booking["guest"], "phone": "+4930123456"}
    assert (now["notes"], now["starts_at"]) == ("high chair", booking["starts_at"])
    assert now["history"][-1]["why"] == "guest or notes were changed"
    nothing = await put(dinner, now, notes="high chair")
    assert (nothing.status_code, nothing.json()) == (200, now)
    gone = await put(dinner, now, guest={"phone": None, "name": "Ada O."})
    assert gone.json()["guest"] == {**booking["guest"], "phone": None, "name": "Ada O."}


async def test_a_table_moves_and_its_old_time_can_be_had(dinner: httpx.AsyncClient) -> None:
    """Report 4 of the design, at our own record and at the inventory."""
    asked = wanted(resource_id="table-7", party_size=2)
    booking = (await dinner.post(PATH, json=asked)).json()
    moved = await put(dinner, booking, time="21:30", party_size=4, notes="late")
    assert moved.status_code == 200, moved.text
    now = moved.json()
    assert (now["time"], now["party_size"], now["notes"]) == ("21:30", 4, "late")
    assert (now["duration_minutes"], now["resource_id"]) == (90, "table-7")
    assert now["inventory_reference"] == booking["inventory_reference"]
    assert now["status"] == "CONFIRMED"
    assert (await dinner.get(f"{PATH}/{booking['id']}")).json() == now
    question = {name: asked[name] for name in ("venue", "date", "time", "party_size")}
    free = await dinner.post(
        f"{PATH}/availability/check", json={**question, "resource_id": "table-7"}
    )
    assert (free.json()["available"], free.json()["conflicts"]) == (True, [])
    again = await dinner.post(PATH, json=asked)  # the very same guest, too
    assert again.status_code == 201, again.text
    back = await put(dinner, now, time="19:30")
    assert (back.status_code, back.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    assert (await dinner.get(f"{PATH}/{booking['id']}")).json() == now


async def test_one_may_stay_longer_at_ones_own_table(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner, resource_id="table-7")
    longer = await put(dinner, booking, time="19:45", duration_minutes=120)
    assert longer.status_code == 200, longer.text
    assert (longer.json()["time"], longer.json()["duration_minutes"]) == ("19:45", 120)
    shorter = await put(dinner, longer.json(), duration_minutes=None, resource_id=None)
    assert (shorter.json()["duration_minutes"], shorter.json()["resource_id"]) == (90, None)


async def test_buffers_keep_a_move_away(dinner: httpx.AsyncClient) -> None:
    """Report 6 of the design: a hand-made request went around the buffers."""
    asked = wanted(resource_id="table-7")
    policy = {"buffer_before_minutes": 30, "buffer_after_minutes": 30}
    registered = {
        "type": "RESTAURANT",
        "name": "Kantine",
        "time_zone": "Europe/Berlin",
        "policy": policy,
    }
    await dinner.put(f"/api/v1/venues/{asked['venue']['id']}", json=registered)
    assert (await dinner.post(PATH, json=asked)).status_code == 201
    guest = {**asked["guest"], "id": str(uuid.uuid4())}
    other = {**asked, "guest": guest, "time": "22:00", "duration_minutes": 60}
    booking = (await dinner.post(PATH, json=other)).json()
    near = await put(dinner, booking, time="21:15")  # the table is free; the buffer is not
    assert (near.status_code, near.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    assert near.json()["details"]["reason"] == "resource"
    far = await put(dinner, booking, time="22:15")
    assert far.status_code == 200, far.text


async def test_a_change_names_its_version(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner)
    tag = {"If-Match": f'"{booking["version"]}"'}
    missing = await put(dinner, booking, expected_version=None, notes="a")
    assert (missing.status_code, missing.json()["code"]) == (428, "VERSION_REQUIRED")
    differ = await put(dinner, booking, tag, expected_version=1, notes="a")
    assert (differ.status_code, differ.json()["code"]) == (422, "CONTRADICTORY_REQUEST")
    done = await put(dinner, booking, tag, expected_version=None, notes="a")
    assert done.status_code == 200, done.text
    old = await put(dinner, booking, notes="b", time="21:00")
    assert (old.status_code, old.json()["code"]) == (409, "VERSION_CONFLICT")
    assert old.json()["details"]["current_version"] == done.json()["version"]
    assert old.json()["details"]["current"] == done.json()
    matched = await put(dinner, booking, tag, expected_version=None, notes="b")
    assert (matched.status_code, matched.json()["field"]) == (412, "If-Match")


@pytest.mark.parametrize(
    "body",
    [
        {"time": None},
        {"party_size": 0},
        {"guest": {"id": "g-2"}},
        {"venue": {"id": "v"}},
        {"notes": None},
        {"guest": {"email": None}},
    ],
)
async def test_what_makes_no_sense_is_refused(
    dinner: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await dinner.put(f"{PATH}/{uuid.uuid4()}", json={"expected_version": 1, **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


async def test_what_is_over_is_not_changed(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner)
    await dinner.post(f"{PATH}/{booking['id']}/cancel", json={})
    now = (await dinner.get(f"{PATH}/{booking['id']}")).json()
    for body in ({"notes": "late"}, {"time": "21:00"}):
        answer = await put(dinner, now, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
        assert answer.json()["details"]["allowed"] == []


async def test_what_waits_for_its_venue_gets_no_other_place(dinner: httpx.AsyncClient) -> None:
    """It is said what can be done; guest and notes are nothing that anybody decides about."""
    made = await by_hand(dinner, "chefs-table")
    moved = await put(dinner, made, time="20:00")
    assert (moved.status_code, moved.json()["code"]) == (409, "STATE_CONFLICT"), moved.text
    assert moved.json()["details"] == {"status": "PENDING", "allowed": ["CANCELLED", "CONFIRMED"]}
    assert "approval" in moved.json()["detail"]
    told = await put(dinner, made, notes="high chair", guest={"phone": "+4930123456"})
    assert told.status_code == 200, told.text
    now = told.json()
    assert (now["notes"], now["guest"]["phone"]) == ("high chair", "+4930123456")
    for name in ("status", "hold_expires_at", "payment", "starts_at", "inventory_reference"):
        assert now[name] == made[name], name
    yes = {"status": "CONFIRMED", "expected_version": now["version"]}
    confirmed = await dinner.post(f"{PATH}/{made['id']}/status", json=yes)
    assert (confirmed.status_code, confirmed.json()["notes"]) == (200, "high chair")
    assert confirmed.json()["payment"]["captured"] == 4_000


async def test_what_waits_for_its_payment_is_not_changed(dinner: httpx.AsyncClient) -> None:
    """It is refused at once: nobody waits for a bank to be told to come again."""
    card = {"payment": {"payment_method_id": "pm_card_chargeDeclined"}}
    waits = (await dinner.post(PATH, json=wanted("chefs-table", **card))).json()
    assert waits["payment"]["waits_until"]
    for change in ({"time": "20:00"}, {"notes": "late"}):
        answer = await put(dinner, waits, **change)
        assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
        assert answer.json()["details"] == {"status": "PENDING", "allowed": ["CANCELLED"]}
        assert "payment" in answer.json()["detail"]
    assert (await dinner.get(f"{PATH}/{waits['id']}")).json()["version"] == waits["version"]


async def test_what_it_costs_more_is_accepted_and_paid(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner, "chefs-table", party_size=1, **CARD)
    assert booking["payment"]["captured"] == 2000
    dearer = await put(dinner, booking, party_size=2)
    assert (dearer.status_code, dearer.json()["code"]) == (409, "PRICE_CHANGED")
    figures = dearer.json()["details"]
    assert (figures["old_price"], figures["new_price"]) == (2000, 4000)
    paid = await put(dinner, booking, party_size=2, accepted_total=4000)
    assert paid.status_code == 200, paid.text
    now = paid.json()
    assert (now["payment"]["amount"], now["payment"]["captured"]) == (4000, 4000)
    assert now["price_snapshot"]["total"] == 19000
    cheaper = await put(dinner, now, party_size=1)
    assert cheaper.status_code == 200, cheaper.text
    assert (cheaper.json()["payment"]["captured"], cheaper.json()["payment"]["refunded"]) == (
        4000,
        2000,
    )
    cancelled = await dinner.post(f"{PATH}/{booking['id']}/cancel", json={})
    assert cancelled.json()["cancellation"]["refund"] == 4000, cancelled.text


@pytest.mark.parametrize(
    "method",
    table(
        ["pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedStolenCard"],
        quick=["pm_card_visa_chargeDeclinedStolenCard"],
    ),
)
async def test_a_refused_card_leaves_it_as_it_was(dinner: httpx.AsyncClient, method: str) -> None:
    booking = await made(dinner, "chefs-table", party_size=1, **CARD)
    card = {"payment": {"payment_method_id": method}}
    refused = await put(dinner, booking, party_size=2, accepted_total=4000, **card)
    now = (await dinner.get(f"{PATH}/{booking['id']}")).json()
    if refused.status_code == 202:  # another card is waited for, then it is given up
        async with asyncio.timeout(30):
            while now["payment"]["waits_until"]:
                await asyncio.sleep(0.2)
                now = (await dinner.get(f"{PATH}/{booking['id']}")).json()
    else:
        assert (refused.status_code, refused.json()["code"]) == (409, "PAYMENT_DECLINED")
    assert (now["party_size"], now["payment"]["captured"], now["status"]) == (1, 2000, "CONFIRMED")


async def test_a_repeat_is_answered_alike(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner)
    for body in ({"notes": "a"}, {"time": "21:00"}):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        first = await put(dinner, booking, key, **body)
        second = await put(dinner, booking, key, **body)
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json() == second.json()
        booking = first.json()
    other = await put(dinner, booking, key, time="21:30")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_another_version_under_a_key_is_another_request(dinner: httpx.AsyncClient) -> None:
    """Whether body or header names it: nobody is told of a change that was not looked at."""
    booking = await made(dinner)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    tag = {"If-Match": f'"{booking["version"]}"'}
    first = await put(dinner, booking, key | tag, expected_version=None, notes="a")
    again = await put(dinner, booking, key | tag, expected_version=None, notes="a")
    assert (first.status_code, again.json()) == (200, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    for other in ({"If-Match": first.headers["ETag"]}, {}):
        reused = await put(dinner, booking, key | other, expected_version=None, notes="a")
        assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    current = (await dinner.get(f"{PATH}/{booking['id']}")).json()
    assert current == first.json()


@pytest.mark.parametrize(
    ("tag", "version", "field"),
    [('"1"', 2, "expected_version"), ("soon", None, "If-Match"), ('"1", "2"', 1, "If-Match")],
)
@pytest.mark.parametrize("route", ["", "/status"])
async def test_versions_that_disagree_are_refused(
    dinner: httpx.AsyncClient, route: str, tag: str, version: int | None, field: str
) -> None:
    asked = {"expected_version": version} if version else {}
    body = {**asked, **({"status": "CHECKED_IN"} if route else {"notes": "a"})}
    ask = dinner.post if route else dinner.put
    answer = await ask(
        f"{PATH}/{(await made(dinner))['id']}{route}", json=body, headers={"If-Match": tag}
    )
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == ("CONTRADICTORY_REQUEST", field)


async def judge_rivals(
    dinner: httpx.AsyncClient, booking: dict[str, Any], answers: list[httpx.Response]
) -> None:
    """R3: one of them is made, and the others name its version."""
    won = [one for one in answers if one.status_code == 200]
    assert len(won) == 1, [one.text for one in answers]
    now = (await dinner.get(f"{PATH}/{booking['id']}")).json()
    assert now == won[0].json()
    for lost in answers:
        if lost is not won[0]:
            assert (lost.status_code, lost.json()["code"]) == (409, "VERSION_CONFLICT"), lost.text
            assert lost.json()["details"]["current_version"] == now["version"]


@pytest.mark.parametrize(
    "rivals", [pytest.param(20), pytest.param(100, marks=pytest.mark.exhaustive)]
)
@pytest.mark.parametrize("moves", [False, True], ids=["notes", "times"])
async def test_of_many_changes_of_a_version_one_is_made(
    dinner: httpx.AsyncClient, rivals: int, moves: bool
) -> None:
    booking = await made(dinner)
    times = ["20:00", "20:30", "21:00", "21:30"]
    changes = [{"time": times[n % 4]} if moves else {"notes": f"no. {n}"} for n in range(rivals)]
    asked = [patiently(partial(put, dinner, booking, **change)) for change in changes]
    await judge_rivals(dinner, booking, await asyncio.gather(*asked))


async def test_a_change_waits_for_what_is_under_way(
    dinner: httpx.AsyncClient, stack: Stack
) -> None:
    booking = await made(dinner)
    about = {"reference": booking["id"], "seconds": 0.8}
    await stack.sandbox.arm("inventory", "update", "slow", **about)
    slow = asyncio.create_task(put(dinner, booking, time="21:00"))
    while not await stack.sandbox.fired():
        await asyncio.sleep(0.02)
    late = await put(dinner, booking, notes="me too")
    assert (await slow).status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "VERSION_CONFLICT")
    assert late.json()["details"]["current"]["time"] == "21:00"


async def test_the_guests_own_other_reservation_is_named(dinner: httpx.AsyncClient) -> None:
    """In words of a change: what would let it be reserved all the same is no field of it."""
    asked = wanted()
    other = (await dinner.post(PATH, json=asked)).json()
    booking = (await dinner.post(PATH, json={**asked, "time": "21:30"})).json()
    twice = await put(dinner, booking, time="20:00")
    problem = twice.json()
    assert (twice.status_code, problem["code"]) == (409, "DUPLICATE_RESERVATION")
    assert problem["details"] == {"reference": other["booking_reference"]}
    assert "field" not in problem
    assert "stands as it was" in problem["detail"]


async def test_the_other_reservation_is_named_however_long_the_visit_is(
    dinner: httpx.AsyncClient,
) -> None:
    """A party of four is given longer by the inventory: only that meets the other one."""
    asked = wanted()
    other = (await dinner.post(PATH, json={**asked, "time": "21:45"})).json()
    booking = (await dinner.post(PATH, json={**asked, "time": "18:00"})).json()
    changes = {"time": "20:00", "party_size": 4, "duration_minutes": None}
    twice = await put(dinner, booking, **changes)
    assert (twice.status_code, twice.json()["code"]) == (409, "DUPLICATE_RESERVATION")
    assert twice.json()["details"] == {"reference": other["booking_reference"]}


async def test_two_cannot_swap_their_tables(dinner: httpx.AsyncClient) -> None:
    """R5: both or neither, and nobody is told of a deadlock."""
    asked = wanted(resource_id="table-7")
    here = (await dinner.post(PATH, json=asked)).json()
    guest = {**asked["guest"], "id": str(uuid.uuid4())}
    there = (await dinner.post(PATH, json={**asked, "guest": guest, "time": "21:30"})).json()
    answers = await asyncio.gather(
        put(dinner, here, time="21:30"), put(dinner, there, time="19:30")
    )
    assert [one.status_code for one in answers] == [409, 409]
    assert {one.json()["code"] for one in answers} == {"SLOT_UNAVAILABLE"}
    for booking in (here, there):
        assert (await dinner.get(f"{PATH}/{booking['id']}")).json() == booking


async def test_another_callers_reservation_is_not_changed(
    dinner: httpx.AsyncClient, whole: Served, database_url: str
) -> None:
    booking = await made(dinner)
    key = add_caller(database_url, name="a third app", scopes=SCOPES)
    async with client(whole.url, key) as other:
        assert (await put(other, booking, notes="mine")).status_code == 404
