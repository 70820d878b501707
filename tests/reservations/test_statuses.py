"""Statuses that a venue sets by itself, of the version that it has seen: no Temporal is needed."""

import uuid

import pytest

from api.core.entity_tags import version_of
from models.bookings.lifecycle import BookingState
from tests.ledger.conftest import books as books
from tests.reservations.books import slot
from tests.reservations.test_due import ago
from tests.reservations.test_reading import PATH, Desk
from tests.reservations.test_reading import desk as desk
from tests.reservations.test_reading import lonely as lonely

S = BookingState


async def test_a_guest_who_comes_after_a_no_show_needs_a_reason(desk: Desk) -> None:
    booking = await desk.diary.confirmed(slot(ago(minutes=45)))
    await desk.diary.books.record(booking, S.NO_SHOW)
    path = f"{PATH}/{booking.id}/status"
    for reason in ({}, {"reason": "  "}):
        answer = await desk.http.post(path, json={"status": "CHECKED_IN", **reason})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "INVALID_REQUEST")
        assert problem["field"] == "reason"
    key = {"Idempotency-Key": str(uuid.uuid4())}
    asked = {"status": "CHECKED_IN"}
    assert (await desk.http.post(path, json=asked, headers=key)).status_code == 422
    told = {**asked, "reason": "stood in a jam"}  # under the same key: nothing was done by it
    came = await desk.http.post(path, json=told, headers=key)
    assert (came.status_code, came.json()["status"]) == (200, "CHECKED_IN")
    assert came.json()["history"][-1]["why"] == "stood in a jam"


async def test_a_tag_names_its_version_whatever_else_is_told_since(desk: Desk) -> None:
    booking = await desk.diary.confirmed(slot(ago(minutes=5)))
    path = f"{PATH}/{booking.id}"
    seen = await desk.http.get(path)
    tag = seen.headers["etag"]
    venue = {"type": "RESTAURANT", "name": "Zur Eule", "time_zone": "Europe/Berlin"}
    await desk.http.put(f"/api/v1/venues/{desk.diary.external_id}", json=venue)
    assert (await desk.http.get(path)).headers["etag"] != tag
    in_ = {"status": "CHECKED_IN"}
    moved = await desk.http.post(f"{path}/status", json=in_, headers={"If-Match": tag})
    assert moved.status_code == 200, moved.text
    out = {"status": "COMPLETED"}
    late = await desk.http.post(f"{path}/status", json=out, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "VERSION_CONFLICT")
    assert late.json()["details"]["current"] == moved.json()
    for wrong in ('"x"', '"x-3"', '"3', "W/3", "3,4", '"3-a", "4-b"'):
        answer = await desk.http.post(f"{path}/status", json=out, headers={"If-Match": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "CONTRADICTORY_REQUEST")


@pytest.mark.parametrize(
    ("given", "version"),
    [
        (" 5 ", 5),
        ('"5"', 5),
        ('W/"5-1f0c"', 5),
        ('"5-1f0c-gzip"', 5),
        ('"5-a", W/"5-b"', 5),
        ('"x", "5-a"', 5),
        ('"5-a", "6-b"', None),
        ('"5', None),
        ('5"', None),
        ("W/5", None),
        ('"5a"', None),
        ('"5-a" "5-b"', None),
        ('"x"5"', None),
        ("", None),
    ],
)
def test_tags_name_one_version_or_none(given: str, version: int | None) -> None:
    assert version_of(given) == version


async def test_nobody_moves_a_reservation_to_expired(desk: Desk) -> None:
    """Neither where it is there already: time alone does that."""
    booking = await desk.diary.reserve(slot(ago(minutes=-60)))
    assert booking is not None
    await desk.diary.books.record(booking, S.EXPIRED)
    path = f"{PATH}/{booking.id}/status"
    asked = await desk.http.post(path, json={"status": "EXPIRED"})
    assert (asked.status_code, asked.json()["code"]) == (409, "STATE_CONFLICT")
