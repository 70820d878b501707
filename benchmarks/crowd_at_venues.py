"""A crowd of reservations: bookings as ``benchmarks.crowd`` makes them, with what they are beside.

Each caller has two hundred venues. One venue has a tenth of all reservations, and one guest 6 %; so
many begin at the same hour that pages end among them. Claims, and what is due by time, stand as the
booking's state would have them; all begin in 2031, so nothing is ever due.
"""

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import psycopg

from benchmarks import crowd
from benchmarks.crowd import BIG_CALLER, CALLERS, Copied, Made, Row
from models.bookings.deadlines import Action
from models.bookings.lifecycle import BookingKind, BookingState
from models.reservations.deadlines import HAS_DUE
from models.reservations.venues import venue_id

VENUES = 200
"""Of each caller."""
DAYS = 30
"""After they were made, reservations begin within so many days."""
BIG_VENUE = "cafe-aurora~crowd"
"""The sandbox has it too."""
VENUE_TYPE, ZONE = "CAFE", "Europe/Lisbon"
"""Of all venues. In winter clocks there show UTC."""

_S = BookingState
_CLAIMED = {
    **dict.fromkeys((_S.CONFIRMED, _S.CHECKED_IN, _S.PROCESSING), "SOLD"),
    **dict.fromkeys((_S.HELD, _S.PAYMENT_PENDING), "HELD"),
    **dict.fromkeys((_S.COMPLETED, _S.NO_SHOW), "USED"),
    **dict.fromkeys((_S.CANCELLED, _S.FAILED), "RELEASED"),
    _S.EXPIRED: "EXPIRED",
}
_RESERVATIONS = (
    "booking_id, caller_id, venue_id, guest_id, guest, party_size, local_date, local_time,"
    " time_zone, starts_at, ends_at, resource_id, notes, state"
)
_CLAIMS = (
    "booking_id, item, version, venue_id, resource_no, guest_no, duplicate_ok, visit, during,"
    " units, counted, state, expires_at, created_at, changed_at"
)
_DUE = "booking_id, action, due_at, attempts, rule"
_VENUE = """
INSERT INTO venues (id, caller_id, external_id, type, name, time_zone, policy, version)
VALUES (%s, %s, %s, %s, %s, %s, '{}', 1)
"""


@dataclass(frozen=True)
class _Visit:
    venue: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    random: int
    """What is left of the booking's random id: as good as unique."""


def fill(url: str, bookings: int, seed: int = 1) -> None:
    """Write a crowd of reservations into a migrated database without bookings."""
    crowd.fill(url, bookings, seed, {BookingKind.RESERVATION: 1}, _rows)
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(_VENUE, list(_venues()))
        connection.execute("VACUUM ANALYZE venues")


@cache
def venue_of(caller: str, number: int) -> str:
    """Return the id on record of the nth venue of a caller; the first of the biggest is busy."""
    return venue_id(caller, _name(caller, number))


def _name(caller: str, number: int) -> str:
    return BIG_VENUE if (caller, number) == (BIG_CALLER, 0) else f"venue-{number}"


def _venues() -> Iterable[Sequence[object]]:
    for caller in (f"{BIG_CALLER[:-3]}{number:03d}" for number in range(CALLERS)):
        for number in range(VENUES + 1):
            name = _name(caller, number)
            yield venue_of(caller, number), caller, name, VENUE_TYPE, f"Café {number}", ZONE


def _visit(one: Made) -> _Visit:
    rest, sixth = divmod(uuid.UUID(one.id).int, 6)
    rest, number = divmod(rest, VENUES)
    rest, days = divmod(rest, DAYS)
    busy = one.caller_id == BIG_CALLER and sixth == 0
    starts_at = one.at.replace(minute=0) + dt.timedelta(days=days + 1)
    venue = venue_of(one.caller_id, 0 if busy else number + 1)
    return _Visit(venue, starts_at, starts_at + dt.timedelta(hours=1), rest)


def _rows(part: Sequence[Made]) -> Sequence[Copied]:
    claimed = [one for one in part if one.state in _CLAIMED]
    due = [one for one in part if one.state in HAS_DUE]
    return (
        ("reservations", _RESERVATIONS, _reservation, part),
        ("inventory_claims", _CLAIMS, _claim, claimed),
        ("booking_due", _DUE, _due, due),
    )


def _reservation(one: Made) -> Iterable[Row]:
    visit = _visit(one)
    guest = {"name": "Ada Moreno", "email": f"{one.traveler_id}@example.com", "phone": None}
    yield (
        *(one.id, one.caller_id, visit.venue, one.traveler_id, json.dumps(guest), 2),
        *(visit.starts_at.date(), visit.starts_at.time(), ZONE, visit.starts_at, visit.ends_at),
        *(None, "", one.state),
    )


def _claim(one: Made) -> Iterable[Row]:
    visit, state = _visit(one), _CLAIMED[one.state]
    during = f'["{visit.starts_at}","{visit.ends_at}")'
    # No two have a table or a guest in common: what is measured is how many there are.
    table = visit.random % 2**48 + 2**48 if visit.random % 2 else None
    yield (
        *(one.id, 1, 1, visit.venue, table, visit.random % 2**62, "f", during, during, 2, "f"),
        *(state, visit.starts_at if state == "HELD" else None, one.at, one.at),
    )


def _due(one: Made) -> Iterable[Row]:
    held = one.state is BookingState.HELD
    action = Action.EXPIRE_HOLD if held else Action.COMPLETE
    yield one.id, action, _visit(one).ends_at, 0, "the visit ended"
