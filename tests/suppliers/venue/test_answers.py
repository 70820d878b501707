"""Answers that are no success, or of something else than was asked for (F8): how each ends."""

import copy
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from models.core.errors import (
    AuthConfig,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import Quote, Reservation
from models.core.venues import slot_in
from suppliers.venue import VenueSupplier
from tests.suppliers.conftest import Reply, Scripted, expect
from tests.suppliers.venue.conftest import DOCUMENTS, GUEST, problems, wish

DAY: Final = dt.date(2031, 6, 3)
WISH: Final = wish("v-9", "19:30", date=DAY, duration_minutes=105)
SLOT: Final[dict[str, Any]] = {
    "venue": {"id": "v-9", "type": "RESTAURANT"},
    "date": "2031-06-03",
    "time": "19:30",
    "utc_offset": "+02:00",
    "time_zone": "Europe/Berlin",
    "starts_at": "2031-06-03T19:30:00+02:00",
    "ends_at": "2031-06-03T19:15:00Z",
    "duration_minutes": 105,
    "party_size": 4,
    "resource_id": None,
}
CHECKED: Final[dict[str, Any]] = {
    "available": True,
    "reason": None,
    "slot": SLOT,
    "turn_minutes": 120,
    "capacity": {"total": 6, "free": 3, "unit": "resources"},
    "checked_at": "2031-01-01T00:00:00Z",
}
PRICED: Final[dict[str, Any]] = {
    "slot": SLOT,
    "lines": [{"description": "Menu", "quantity": 4, "unit_amount": 2500, "amount": 10_000}],
    "total": 10_000,
    "currency": "EUR",
    "deposit": 4_000,
    "no_show_fee": 4_000,
    "cancellation": [{"until": "2031-06-02T16:00:00Z", "fee": 0}, {"until": None, "fee": 4_000}],
    "valid_until": "2031-01-01T00:15:00Z",
}
RESERVED: Final[dict[str, Any]] = {
    "inventory_reference": "inv_1",
    "reference": "ours",
    "status": "reserved",
    "revision": 1,
    "slot": SLOT,
}
RELEASED: Final = {"reference": "ours", "status": "released", "already": False}
PROBED: Final = {**RELEASED, "reference": "probe"}


def failure(status: int, code: str, **headers: str) -> Reply:
    body = {"error": {"code": code, "message": "words"}}
    return Reply(status, body, {"X-Request-Id": "r-1", **headers})


TOMBSTONE: Final = failure(409, "reference_released")


def but(whole: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A message with something else at a place in it."""
    changed = copy.deepcopy(whole)
    *ways, last = path.split(".")
    node: Any = changed
    for way in ways:
        node = node[int(way) if way.isdecimal() else way]
    node[last] = value
    return changed


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}


@pytest.fixture
async def quote(scripted: Scripted, told: VenueSupplier) -> Quote:
    """What the services say when all is well; they are proved, and reserve nothing yet."""
    scripted.say("/check-availability", Reply(200, CHECKED))
    scripted.say("/calculate", Reply(200, PRICED))
    scripted.say("/estimate", Reply(200, {**PRICED, "valid_until": None}))
    scripted.say("/release", Reply(200, PROBED))
    scripted.say("/reserve", TOMBSTONE)
    scripted.say("/update-reservation", TOMBSTONE)
    found = await told.quote(WISH, GUEST)
    await expect(Unavailable, told.book(slot_in(found), found, GUEST, "ours"), "book")
    scripted.requests.clear()
    return found


Call = Callable[[VenueSupplier, Quote], Awaitable[object]]
RESERVATION: Final = {"reference": "ours", "supplier_id": "inv_1", "confirmation_code": "inv_1"}


def held(quote: Quote) -> Reservation:
    return Reservation(**RESERVATION, provider="v-9", price=quote.price)


CALLS: Final[dict[str, tuple[str, bool, Call]]] = {
    "/check-availability": ("quote", False, lambda s, _: s.availability(WISH)),
    "/calculate": ("quote", False, lambda s, _: s.quote(WISH, GUEST)),
    "/estimate": ("quote", False, lambda s, _: s.estimate(WISH)),
    "/reserve": ("book", True, lambda s, q: s.book(slot_in(q), q, GUEST, "ours")),
    "/update-reservation": (
        "change",
        True,
        lambda s, q: s.change(held(q), slot_in(q), q, GUEST, "k"),
    ),
    "/release": ("cancel", True, lambda s, _: s.release("ours")),
}
"""Each route: the operation, whether it changes something, and how it is asked."""

TABLE: Final[list[tuple[Reply, type[ProviderError]]]] = [
    (failure(401, "unauthorized"), AuthConfig),
    (Reply(403, b"<html>no</html>"), AuthConfig),
    (failure(404, "unknown_venue"), InvalidRequest),
    (failure(404, "unknown_resource"), InvalidRequest),
    (failure(409, "full"), Unavailable),
    (failure(409, "venue_closed"), Unavailable),
    (failure(409, "reference_released"), Unavailable),
    (failure(409, "being_worked_on"), Retryable),
    (failure(409, "not_releasable"), NotCancellable),
    (failure(422, "time_does_not_exist"), Unavailable),
    (failure(422, "reference_reused"), Duplicate),
    (failure(422, "invalid_request"), InvalidRequest),
    (failure(429, "slow_down", **{"Retry-After": "1"}), Retryable),
]
"""What every route may answer, and what it ends in."""


@pytest.mark.parametrize("path", CALLS)
async def test_errors(
    scripted: Scripted, told: VenueSupplier, quote: Quote, path: str, subtests: pytest.Subtests
) -> None:
    operation, changes, call = CALLS[path]
    unsure = UnknownOutcome if changes else Retryable
    for reply, expected in (
        *((Reply(s, b"", {}), unsure) for s in (404, 500, 502, 503)),
        (failure(500, "internal"), unsure),
        (Reply(0), unsure),
        (Reply(200, b"<html>"), unsure),
        (Reply(200, b'{"slot": {'), unsure),
        (Reply(200, []), unsure),
        (Reply(200, {}), unsure),
        (Reply(302, b"", {"Location": "/elsewhere"}), unsure),
        *TABLE,
    ):
        with subtests.test(f"{reply.status} {reply.body!s:.60}"):
            scripted.requests.clear()
            scripted.say(path, reply)
            error = await expect(expected, call(told, quote), operation)
            assert error.provider == "venue"
            if "X-Request-Id" in reply.headers:
                assert error.request_id == "r-1"
            sent = [one for one, _ in scripted.requests if one.endswith(path)]
            assert len(sent) == 1, "adapters never retry"


OTHER: Final = [
    ("slot.venue.id", "v-10"),
    ("slot.venue.type", "CAFE"),
    ("slot.party_size", 3),
    ("slot.resource_id", "table-1"),
]
"""Slots that are not the one that was asked for."""
MOVED: Final[dict[str, Any]] = {
    "time": "20:30",
    "starts_at": "2031-06-03T20:30:00+02:00",
    "ends_at": "2031-06-03T20:15:00Z",
}
SHORTER: Final = {"duration_minutes": 60, "ends_at": "2031-06-03T18:30:00Z"}
CANNOT_BE: Final = [
    ("slot.ends_at", "2031-06-03T19:30:00Z"),
    ("slot.starts_at", "2031-06-03T19:30:00"),
    ("slot.starts_at", 1_938_000_000),
    ("slot.time_zone", "Mars/Olympus"),
    ("slot.time_zone", "America/New_York"),
    ("slot.party_size", "4"),
    ("slot.party_size", None),
]
"""Slots that contradict themselves, or are of another form."""


@pytest.mark.parametrize(
    ("path", "good"), [("/reserve", RESERVED), ("/update-reservation", RESERVED)]
)
async def test_what_was_made_is_what_was_asked_for(
    scripted: Scripted,
    told: VenueSupplier,
    quote: Quote,
    subtests: pytest.Subtests,
    path: str,
    good: dict[str, Any],
) -> None:
    operation, _, call = CALLS[path]
    scripted.say(path, Reply(201, good))
    await call(told, quote)
    wrong = [
        *(but(good, place, value) for place, value in (*OTHER, *CANNOT_BE)),
        but(good, "slot", {**SLOT, **MOVED}),
        but(good, "slot", {**SLOT, **SHORTER}),
        but(good, "reference", "another"),
        but(good, "inventory_reference", ""),
        but(good, "status", "waiting"),
        but(good, "revision", 0),
        *(without(good, name) for name in good),
    ]
    for answer in wrong:
        with subtests.test(str(answer)):
            scripted.say(path, Reply(201, answer))
            error = await expect(UnknownOutcome, call(told, quote), operation)
            assert error.code in ("other_than_asked", "malformed_answer")


async def test_what_was_reserved_and_is_released_is_not_to_be_had(
    scripted: Scripted, told: VenueSupplier, quote: Quote
) -> None:
    scripted.say("/reserve", Reply(200, {**RESERVED, "status": "released"}))
    error = await expect(Unavailable, told.book(slot_in(quote), quote, GUEST, "ours"), "book")
    assert error.code == "reference_released"


@pytest.mark.parametrize(
    ("path", "good"), [("/check-availability", CHECKED), ("/calculate", PRICED)]
)
async def test_what_is_read_is_about_what_was_asked_for(
    scripted: Scripted,
    told: VenueSupplier,
    quote: Quote,
    subtests: pytest.Subtests,
    path: str,
    good: dict[str, Any],
) -> None:
    wrong = [
        *(but(good, place, value) for place, value in (*OTHER, *CANNOT_BE)),
        but(good, "slot", {**SLOT, **MOVED}),
        but(good, "slot", {**SLOT, **SHORTER}),
        *(without(good, name) for name in good),
    ]
    own = {
        "/check-availability": [
            ("available", "yes"),
            ("available", False),  # without a reason
            ("reason", "full"),  # and yet available
            ("capacity.free", -1),
            ("capacity.unit", "chairs"),
            ("turn_minutes", 0),
            ("turn_minutes", 90.5),
        ],
        "/calculate": [
            ("total", 9_999),
            ("total", -1),
            ("total", 100.0 / 3),
            ("currency", "XYZ"),
            ("currency", "eur"),
            ("deposit", 10_001),
            ("no_show_fee", 4_001),
            ("lines.0.amount", 10_001),
            ("lines.0.quantity", 0),
            ("cancellation", []),
            ("cancellation.1.fee", 4_001),
            ("cancellation.1.until", "2031-06-03T16:00:00Z"),  # and then?
            ("cancellation.0.until", None),
            ("cancellation.0.until", "2031-06-02"),
        ],
    }[path]
    for answer in (*wrong, *(but(good, place, value) for place, value in own)):
        with subtests.test(str(answer)):
            scripted.say(path, Reply(200, answer))
            error = await expect(Retryable, told.quote(WISH, GUEST), "quote")
            assert error.code == "malformed_answer"


async def test_a_time_zone_that_is_not_told_is_the_registered_one(
    scripted: Scripted, told: VenueSupplier, quote: Quote
) -> None:
    for path, answer in (("/calculate", PRICED), ("/check-availability", CHECKED)):
        scripted.say(path, Reply(200, but(answer, "slot.time_zone", None)))
    error = await expect(InvalidRequest, told.quote(WISH, GUEST), "quote")
    assert isinstance(error, InvalidRequest)
    assert (error.code, error.field) == ("time_zone_unknown", "venue.id")
    known = WISH.model_copy(update={"time_zone": "Europe/Berlin"})
    assert (await told.quote(known, GUEST)).offer == quote.offer
    elsewhere = WISH.model_copy(update={"time_zone": "Asia/Tokyo"})
    await expect(Retryable, told.quote(elsewhere, GUEST), "quote")  # 19:30 is not then, there


async def test_both_must_speak_of_one_time(
    scripted: Scripted, told: VenueSupplier, quote: Quote
) -> None:
    """Seen from Tokyo, 19:30 is another moment."""
    there = {
        **SLOT,
        "time_zone": "Asia/Tokyo",
        "utc_offset": "+09:00",
        "starts_at": "2031-06-03T19:30:00+09:00",
        "ends_at": "2031-06-03T12:15:00Z",
    }
    scripted.say("/calculate", Reply(200, {**PRICED, "slot": there}))
    error = await expect(Retryable, told.quote(WISH, GUEST), "quote")
    assert error.code == "malformed_answer"
    for path, answer in (("/calculate", PRICED), ("/check-availability", CHECKED)):
        scripted.say(path, Reply(200, {**answer, "slot": there}))
    # A zone that is known is asked for by its offset.
    await expect(Retryable, told.quote(slot_in(quote), GUEST), "quote")


async def test_of_two_times_the_first_is_meant(scripted: Scripted, told: VenueSupplier) -> None:
    asked = WISH.model_copy(update={"date": dt.date(2031, 10, 26), "time": dt.time(2, 30)})
    for hour, offset in (("00", "+02:00"), ("01", "+01:00")):
        twice = {
            **SLOT,
            "date": "2031-10-26",
            "time": "02:30",
            "utc_offset": offset,
            "starts_at": f"2031-10-26T{hour}:30:00Z",
            "ends_at": f"2031-10-26T{int(hour) + 2:02}:15:00Z",
        }
        scripted.say("/check-availability", Reply(200, {**CHECKED, "slot": twice}))
        if offset == "+02:00":
            assert (await told.availability(asked)).slot.utc_offset_minutes == 120
        else:
            await expect(Retryable, told.availability(asked), "quote")


async def test_what_is_not_needed_is_read_loosely(
    scripted: Scripted, told: VenueSupplier, subtests: pytest.Subtests
) -> None:
    for name, value in (
        ("alternatives", None),
        ("alternatives", [{"starts_at": "soon", "free": 1}]),
        ("shifts", "always"),
        ("more", {"of": "it"}),
        ("slot", {**SLOT, "venue": {**SLOT["venue"], "name": None}, "more": 1}),
    ):
        with subtests.test(name):
            scripted.say("/check-availability", Reply(200, {**CHECKED, name: value}))
            found = await told.availability(WISH)
            assert (found.alternatives, found.shifts) == ((), ())


async def test_a_look_that_proves_nothing(
    scripted: Scripted, told: VenueSupplier, quote: Quote
) -> None:
    for reply in (
        failure(404, "unknown_reference"),
        Reply(404, b""),
        Reply(200, {**RESERVED, "reference": "another"}),
    ):
        scripted.say("/update-reservation", reply)
        await expect(Retryable, told.look(held(quote)), "find")
    for reply in (Reply(200, {**RESERVED, "status": "released"}), TOMBSTONE):
        scripted.say("/update-reservation", reply)
        assert (await told.look(held(quote))).status == "CANCELLED"


@pytest.mark.parametrize(
    ("path", "reply", "expected"),
    [
        ("/release", Reply(404, b""), AuthConfig),
        ("/release", Reply(200, RELEASED), AuthConfig),
        ("/release", Reply(503, b""), Retryable),
        ("/reserve", Reply(201, {**RESERVED, "reference": "probe"}), AuthConfig),
        ("/reserve", failure(404, "unknown_venue"), AuthConfig),
        ("/reserve", failure(429, "later"), Retryable),
        ("/update-reservation", Reply(404, b""), AuthConfig),
        ("/update-reservation", failure(404, "unknown_reference"), AuthConfig),
        ("/update-reservation", failure(401, "unauthorized"), AuthConfig),
    ],
)
async def test_a_service_without_tombstones_is_refused_before_the_first_reservation(
    scripted: Scripted,
    told: VenueSupplier,
    path: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/check-availability", Reply(200, CHECKED))
    scripted.say("/calculate", Reply(200, PRICED))
    quote = await told.quote(WISH, GUEST)
    scripted.say("/release", Reply(200, PROBED))
    scripted.say("/reserve", TOMBSTONE)
    scripted.say("/update-reservation", TOMBSTONE)
    scripted.say(path, reply)
    await expect(expected, told.book(slot_in(quote), quote, GUEST, "ours"), "book")
    assert "ours" not in str(scripted.requests)
    # Once it can, it is asked, and not proved again.
    scripted.say("/release", Reply(200, PROBED))
    scripted.say("/update-reservation", TOMBSTONE)
    scripted.say("/reserve", TOMBSTONE, Reply(201, RESERVED))
    if reply.status != 429:  # that asked for a pause
        await told.book(slot_in(quote), quote, GUEST, "ours")
        scripted.requests.clear()
        await told.book(slot_in(quote), quote, GUEST, "ours")
        assert len(scripted.requests) == 1


def test_the_answers_here_are_as_documented() -> None:
    for name, schema, answer in (
        ("inventory", "Availability", CHECKED),
        ("inventory", "Reservation", RESERVED),
        ("inventory", "Released", RELEASED),
        ("pricing", "Price", PRICED),
    ):
        found = DOCUMENTS[name]["components"]["schemas"][schema]
        assert problems(DOCUMENTS[name], found, answer) == []
        # They say no more than what must be said: that is enough for us.
        assert set(answer) == set(found["required"])
