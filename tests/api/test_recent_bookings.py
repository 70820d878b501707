"""``GET /api/bookings``: what dashboards are told, page by page, and in which words of errors."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.core.callers import Callers
from api.core.record import Record
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.callers import Scope
from models.core.people import Traveler
from tests.api.conftest import client
from tests.api.server import Served, add_caller
from tests.ledger.bookings import NOON, confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.reservations.books import Diary

FIELDS = (
    *("id", "reference", "user_id", "username", "first_name", "product", "product_title", "status"),
    *("created_at", "referral_code", "discount_percent", "total", "currency"),
)
"""Of contracts.md §5 and its callers, in this order."""
S = BookingState


class Dashboard:
    """A caller of its own, with its bookings."""

    def __init__(self, http: httpx.AsyncClient, books: Books, caller_id: str) -> None:
        self.http, self.books, self.caller_id = http, books, caller_id

    async def begin(self, traveler: str = "trv_ada", **changes: Any) -> Booking:
        ada = Traveler(first_name="Ada", last_name="Moreno", date_of_birth="1990-05-01")
        asked = request().model_copy(
            update={
                "caller_id": self.caller_id,
                "traveler_id": traveler,
                "travelers": [ada],
                **changes,
            }
        )
        return await self.books.begin(asked)

    async def list(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/bookings", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def ids(self, **query: Any) -> set[str]:
        return {one["id"] for one in await self.list(**query)}


@pytest.fixture
async def dashboard(lonely: Served, database_url: str, books: Books) -> AsyncIterator[Dashboard]:
    key = add_caller(database_url, name=f"dashboard {uuid.uuid4()}")
    caller = await Callers(Record(books.sessions, at_once=1)).identify(key)
    async with client(lonely.url, key) as http:
        yield Dashboard(http, books, caller.id)


async def test_what_is_told_of_a_booking(dashboard: Dashboard) -> None:
    booking = await dashboard.begin()
    async with dashboard.books.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET referral_code = 'SPRING', discount_percent = 12.5,"
            " version = version + 1 WHERE id = %s",
            (booking.id,),
        )
    (told,) = await dashboard.list()
    assert tuple(told) == FIELDS
    assert told == {
        "id": booking.id,
        "reference": booking.reference,
        "user_id": "trv_ada",
        "username": "ada@example.org",
        "first_name": "Ada",
        "product": "TRIP",
        "product_title": "DL 100, Hotel Aurora, Harbour tour",
        "status": "Pending",
        "created_at": NOON.isoformat().replace("+00:00", "Z"),
        "referral_code": "SPRING",
        "discount_percent": 12.5,
        "total": 200_000,
        "currency": "USD",
    }
    assert await dashboard.ids(referral="SPRING") == {booking.id}
    assert await dashboard.ids(referral="WINTER") == set()


async def test_filters(
    dashboard: Dashboard, operator: httpx.AsyncClient, alone: httpx.AsyncClient
) -> None:
    pending = await dashboard.begin(travelers=[])
    going = await dashboard.begin("trv_bob")
    going = await dashboard.books.record(going, S.PROCESSING)
    confirmed = await dashboard.books.record(confirm(going), S.CONFIRMED)
    cancelled = await dashboard.begin()
    cancelled = await dashboard.books.record(cancelled, S.FAILED)
    found = {
        "All": {pending.id, confirmed.id, cancelled.id},
        "Pending": {pending.id},
        "Confirmed": {confirmed.id},
        "Cancelled": {cancelled.id},
    }
    for status, ids in found.items():
        assert await dashboard.ids(status=status) == ids
        assert await dashboard.ids(status=status, product="TRIP") == ids
        assert await dashboard.ids(status=status, product="STAY") == set()
    assert await dashboard.ids() == found["All"]
    assert await dashboard.ids(user="trv_bob") == {confirmed.id}
    assert await dashboard.ids(user="nobody") == set()
    (nameless,) = await dashboard.list(status="Pending")
    assert nameless["first_name"] is None
    users = (await operator.get("/api/bookings", params={"user": "trv_bob"})).json()
    assert confirmed.id in {one["id"] for one in users}
    theirs = await alone.get("/api/bookings", params={"user": "trv_bob"})
    assert (theirs.status_code, theirs.json()) == (200, []), "another caller's"


async def test_who_may_see_reservations_alone(
    lonely: Served, database_url: str, books: Books
) -> None:
    scopes = [Scope.RESERVATIONS_READ]
    key = add_caller(database_url, name=f"tables {uuid.uuid4()}", scopes=scopes)
    caller = await Callers(Record(books.sessions, at_once=1)).identify(key)
    diary = Diary(books, caller.id)
    await diary.open_venue()
    reservation = await diary.reserve()
    assert reservation is not None
    async with client(lonely.url, key) as http:
        tables = Dashboard(http, books, caller.id)
        await tables.begin()
        assert await tables.ids() == {reservation.id}
        assert await tables.ids(product="RESERVATION", status="Pending") == {reservation.id}
        assert await tables.ids(product="TRIP") == set()
        assert await tables.ids(user="trv_ada") == set()


async def test_pages_lead_to_each_other(dashboard: Dashboard) -> None:
    made = {(await dashboard.begin()).id for _ in range(5)}  # all at the same moment
    seen: list[str] = []
    address: str | None = "/api/bookings?status=Pending&limit=2"
    pages = 0
    while address:
        answer = await dashboard.http.get(address)
        assert answer.status_code == 200, answer.text
        seen += [one["id"] for one in answer.json()]
        address = answer.links.get("next", {}).get("url")
        pages += 1
    assert (pages, len(seen), set(seen)) == (3, 5, made)


async def test_a_list_is_counted_on_wish(dashboard: Dashboard) -> None:
    for _ in range(3):
        await dashboard.begin()
    plain = await dashboard.http.get("/api/bookings", params={"limit": 2})
    assert not {"x-total-count", "x-total-count-exceeded"} & plain.headers.keys()
    counted = await dashboard.http.get("/api/bookings", params={"limit": 2, "count": "true"})
    assert _count(counted) == ("3", "false")
    assert counted.json() == plain.json()
    assert counted.links == plain.links, "which are followed without counting again"
    for query, count in (
        ({"status": "Pending"}, "3"),
        ({"status": "Confirmed"}, "0"),
        ({"user": "trv_ada"}, "3"),
        ({"user": "nobody"}, "0"),
        ({"referral": "NONE"}, "0"),
        ({"product": "STAY"}, "0"),
    ):
        answer = await dashboard.http.get("/api/bookings", params={**query, "count": "true"})
        assert _count(answer) == (count, "false"), query


async def test_who_has_no_bookings_of_a_product_is_told_so(
    lonely: Served, database_url: str
) -> None:
    key = add_caller(database_url, name="counts tables", scopes=[Scope.RESERVATIONS_READ])
    async with client(lonely.url, key) as http:
        answer = await http.get("/api/bookings", params={"product": "TRIP", "count": "true"})
    assert (answer.json(), _count(answer)) == ([], ("0", "false"))


def _count(answer: httpx.Response) -> tuple[str, str]:
    headers = answer.headers
    return headers["x-total-count"], headers["x-total-count-exceeded"]


async def test_a_cursor_is_of_one_list(dashboard: Dashboard, lonely: Served, key: str) -> None:
    for _ in range(2):
        await dashboard.begin()
    first = await dashboard.http.get("/api/bookings", params={"limit": 1})
    link = httpx.URL(first.links["next"]["url"])
    cursor = link.params["cursor"]
    assert (await dashboard.http.get("/api/bookings", params={"cursor": cursor})).status_code == 200
    for query in ({"status": "Pending"}, {"product": "TRIP"}, {"user": "trv_ada"}):
        refused = await dashboard.http.get("/api/bookings", params={**query, "cursor": cursor})
        assert refused.status_code == 400, query
    trips = await dashboard.http.get("/booking", params={"after": cursor})
    assert (trips.status_code, trips.json()["code"]) == (400, "CURSOR_INVALID")
    for text in ("A" * 43, f"AX{cursor[2:]}", f"{cursor[:38]}AAAAA", f"AX____{cursor[6:]}"):
        answer = await dashboard.http.get("/api/bookings", params={"cursor": text})
        assert answer.status_code == 400, text
    async with client(lonely.url, key) as other:
        refused = await other.get("/api/bookings", params={"cursor": cursor})
        assert refused.status_code == 400, "another caller's"


@pytest.mark.parametrize(
    ("status", "query", "words"),
    [
        (422, {"stat": "All"}, "only count, cursor, limit, product, referral, status, user can"),
        (422, {"status": "Lost"}, "status must be All, Confirmed, Pending or Cancelled"),
        (422, {"product": "CAR"}, "product must be"),
        (422, {"limit": 0}, "limit must be at least 1"),
        (422, {"limit": 101}, "limit must be at most 100"),
        (422, {"user": "a", "status": "Pending"}, "status and product go together."),
        (422, {"user": "a", "referral": "b"}, "user cannot be given with other filters"),
        (422, {"cursor": "x"}, "cursor must be"),
        (400, {"cursor": "x" * 43}, "This cursor was not made for this list"),
    ],
)
async def test_errors_are_words_alone(
    dashboard: Dashboard, status: int, query: dict[str, Any], words: str
) -> None:
    answer = await dashboard.http.get("/api/bookings", params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]


async def test_nobody_is_told_more_than_words(
    lonely: Served, dashboard: Dashboard, database_url: str
) -> None:
    scoped = add_caller(database_url, name="no trips", scopes=[Scope.EVENTS_READ])
    for key, method, status in ((None, "GET", 401), (scoped, "GET", 403), (scoped, "POST", 405)):
        async with client(lonely.url, key) as http:
            answer = await http.request(method, "/api/bookings")
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
    twice = [("X-API-Key", "a"), ("X-API-Key", "b")]
    async with client(lonely.url) as http:
        answer = await http.get("/api/bookings", headers=twice)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert (await dashboard.http.get("/api/booking")).json()["code"] == "NOT_FOUND", "this route's"
