"""A reservation is read once while it stays as it is, and told anew when anything has changed."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.core.callers import Callers
from api.core.entity_tags import version_of
from api.core.record import Record
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import BookingRequest, RequestKind, RequestOutcome
from models.bookings.repository import begin_request, end_requests
from models.core.callers import Scope
from models.core.cases import close_case, open_case
from models.reservations.policy import VenuePolicy
from models.reservations.venues import Venue, put_venue
from tests.api.conftest import client
from tests.api.conftest import lonely as lonely
from tests.api.server import Served, add_caller
from tests.api.test_who_may_what import counted
from tests.ledger.conftest import Books
from tests.reservations.books import Diary

S = BookingState
PATH = "/api/v1/bookings"


class Desk:
    """A caller of the API whose Temporal is away, with a venue."""

    def __init__(self, served: Served, http: httpx.AsyncClient, diary: Diary) -> None:
        self.served, self.http, self.diary = served, http, diary

    async def read(self, booking: Booking, *, statements: int | None = None) -> dict[str, Any]:
        """Read a reservation, with so many statements."""
        with counted(self.served) as sent:
            answer = await self.http.get(f"{PATH}/{booking.id}")
        assert answer.status_code == 200, answer.text
        assert statements in {None, len(sent)}, sent
        told: dict[str, Any] = answer.json()
        assert version_of(answer.headers["etag"]) == told["version"]
        return told

    async def kept(self, booking: Booking) -> dict[str, Any]:
        """Read a reservation until its answer is kept."""
        told = [await self.read(booking, statements=count) for count in (2, 3, 1)]
        assert told[0] == told[1] == told[2]
        return told[0]


@pytest.fixture
async def desk(lonely: Served, database_url: str, books: Books) -> AsyncIterator[Desk]:
    scopes = [Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE, Scope.VENUES_WRITE]
    key = add_caller(database_url, name=f"desk {uuid.uuid4()}", scopes=scopes)
    caller = await Callers(Record(books.sessions, at_once=1)).identify(key)
    diary = Diary(books, caller.id)
    await diary.open_venue()
    async with client(lonely.url, key) as http:
        yield Desk(lonely, http, diary)


async def test_one_at_rest_is_read_once(desk: Desk) -> None:
    booking = await desk.diary.confirmed()
    told = await desk.kept(booking)
    path = f"{PATH}/{booking.id}"
    tag = (await desk.http.get(path)).headers["etag"]
    assert version_of(tag) == told["version"]
    known = await desk.http.get(path, headers={"If-None-Match": tag})
    assert (known.status_code, known.headers["etag"]) == (304, tag)
    by_reference = await desk.http.get(f"{PATH}/reference/{told['booking_reference']}")
    assert by_reference.json() == told


async def test_what_has_changed_is_told(desk: Desk) -> None:
    """Also to who has it in the same version: the tag of an answer is of all that it says."""
    booking = await desk.diary.confirmed()
    told = await desk.kept(booking)
    path = f"{PATH}/{booking.id}"
    tags = [(await desk.http.get(path)).headers["etag"]]

    async def is_news() -> bool:
        answer = await desk.http.get(path, headers={"If-None-Match": tags[-1]})
        tags.append(answer.headers["etag"])
        return answer.status_code == 200

    sessions = desk.diary.books.sessions

    async with sessions.begin() as session:
        venue = Venue(
            "", desk.diary.external_id, "CAFE", "Zur Eule", "Europe/Berlin", VenuePolicy(), 1
        )
        await put_venue(session, desk.diary.caller, venue, expected=None)
    renamed = {**told["venue"], "type": "CAFE", "name": "Zur Eule"}
    told = {**told, "venue": renamed}
    assert await desk.read(booking) == told
    assert await is_news()

    source = f"supplier:{booking.id}"
    async with sessions.begin() as session:
        await open_case(
            session, kind="SUPPLIER", source=source, summary="look", booking_id=booking.id
        )
    assert await desk.read(booking) == {**told, "attention": True}
    assert await is_news()
    async with sessions.begin() as session:
        await close_case(session, source=source, by="ada", resolution="done")
    assert await desk.read(booking) == told
    assert await is_news()
    assert not await is_news()
    assert {version_of(tag) for tag in tags} == {told["version"]}

    await desk.diary.books.record(booking, S.CHECKED_IN)
    assert (await desk.read(booking))["status"] == "CHECKED_IN"


async def test_a_list_tells_offset_and_attention(desk: Desk) -> None:
    booking = await desk.diary.confirmed()

    async def listed() -> dict[str, Any]:
        page = await desk.http.get(f"{PATH}/venue/{desk.diary.external_id}")
        told: dict[str, Any] = page.json()["bookings"][0]
        return told

    before = await listed()
    assert (before["time"], before["utc_offset"]) == ("19:30", "+01:00")
    assert before["attention"] is False
    async with desk.diary.books.sessions.begin() as session:
        source = f"supplier:{booking.id}"
        await open_case(
            session, kind="SUPPLIER", source=source, summary="look", booking_id=booking.id
        )
    assert await listed() == {**before, "attention": True}


async def test_one_that_moves_is_read_each_time(desk: Desk) -> None:
    booking = await desk.diary.reserve()
    assert booking is not None
    for _ in range(3):
        assert (await desk.read(booking, statements=2))["status"] == "PENDING"
    booking = await desk.diary.books.record(booking, S.CONFIRMED)
    assert (await desk.kept(booking))["status"] == "CONFIRMED"


async def test_what_was_kept_is_forgotten_when_something_happens(desk: Desk) -> None:
    booking = await desk.diary.confirmed()
    told = await desk.kept(booking)
    asked = BookingRequest(
        id=str(uuid.uuid4()),
        kind=RequestKind.CANCEL,
        requested_at=dt.datetime.now(dt.UTC),
        who="test",
    )
    sessions = desk.diary.books.sessions
    async with sessions.begin() as session:
        await begin_request(session, booking.id, asked)
    for statements in (3, 2, 2):  # where it stands is looked up once
        assert await desk.read(booking, statements=statements) == told
    async with sessions.begin() as session:
        await end_requests(session, booking.id, [RequestOutcome(request=asked)])
    assert await desk.kept(booking) == told


async def test_what_was_kept_is_nobody_elses(desk: Desk, lonely: Served, database_url: str) -> None:
    booking = await desk.diary.confirmed()
    await desk.kept(booking)
    key = add_caller(database_url, name="another desk", scopes=[Scope.RESERVATIONS_READ])
    async with client(lonely.url, key) as http:
        theirs = await http.get(f"{PATH}/{booking.id}")
        unknown = await http.get(f"{PATH}/{uuid.uuid4()}")
    assert theirs.status_code == unknown.status_code != 200, "another caller's, kept or not"
    same = {"requestId": None, "instance": None}
    assert {**theirs.json(), **same} == {**unknown.json(), **same}


async def test_as_any_booking_it_is_told_otherwise(
    desk: Desk, lonely: Served, database_url: str
) -> None:
    """An operator reads it in both forms; neither is taken for the other."""
    booking = await desk.diary.confirmed()
    key = add_caller(database_url, name="reads both", role="operator")
    async with client(lonely.url, key) as http:
        for _ in range(3):
            assert "bookingId" in (await http.get(f"/booking/{booking.id}")).json()
            assert "booking_reference" in (await http.get(f"{PATH}/{booking.id}")).json()
