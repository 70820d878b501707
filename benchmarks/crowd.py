"""Bookings by the million, skewed as real ones are: made by COPY, the same for every seed.

One caller has 60 % of them, one traveller a tenth of those; one state is that of one booking in ten
thousand; 500 in a row were made at the same moment. States are written as they are wanted, past the
trigger that guards them. What reservations have is made in ``benchmarks.crowd_at_venues``.
"""

import datetime as dt
import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from models.bookings.lifecycle import MARKET, BookingKind, BookingState
from models.core.keys import booking_reference

BIG_CALLER = "00000000-0000-4000-8000-000000000000"
SMALL_CALLER = "00000000-0000-4000-8000-000000000001"
CALLERS = 40
BIG_TRAVELER = "trv_0000000000000000"
BIG_REFERRAL = "SPRING"
RARE_STATE = BookingState.NO_SHOW
SAME_MOMENT = 500
"""So many bookings in a row were made at the same moment."""
NEWEST = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)

_STATES = {
    BookingState.CONFIRMED: 70_000,
    BookingState.COMPLETED: 14_000,
    BookingState.CANCELLED: 8_000,
    BookingState.FAILED: 6_000,
    BookingState.EXPIRED: 1_900,
    BookingState.PROCESSING: 50,
    BookingState.PAYMENT_PENDING: 20,
    BookingState.PENDING: 10,
    BookingState.HELD: 10,
    RARE_STATE: 10,
}
"""Of 100,000."""
_OPEN_CASES, _SETTLED_CASES = 0.000_2, 0.02
_REFERRED = 0.05
KINDS: Mapping[BookingKind, int] = {BookingKind.TRIP: 9, BookingKind.STAY: 1}
"""Kinds of which the crowd has bookings if nothing else is said, and how many of each."""
_AT_ONCE = 5_000
_SUPPLIERS = ("amadeus", "booking_com")

Row = Iterable[object]

_BOOKINGS = (
    "id, reference, caller_id, idempotency_key, fingerprint, run_id, kind, trip_option_id,"
    " traveler_id, state, version, currency, accepted_total, captured, refunded, paid_by_hand,"
    " goodwill, grants, travelers, contact, warnings, referral_code, discount_percent, created_at,"
    " updated_at, user_id, provider_id, hold_expires_at"
)
_ITEMS = (
    "booking_id, number, type, supplier, component_ref, title, status, saga_state, reference,"
    " supplier_id, vendor_confirmation, pnr, payment_number, amount, currency, fee, offer,"
    " created_at, updated_at"
)
_PAYMENTS = (
    "booking_id, number, purpose, gateway, payment_intent_id, payment_method_id, amount, currency,"
    " status, authorised, captured, refunded, hold, created_at, updated_at"
)
_CASES = "kind, source, booking_id, summary, details, opened_at, resolved_at, resolved_by"

_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename IN ('bookings', 'booking_items', 'payments', 'reservations', 'inventory_claims')
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass(frozen=True)
class Made:
    """A booking of the crowd, as far as others need it."""

    id: str
    caller_id: str
    kind: BookingKind
    state: BookingState
    traveler_id: str
    referral_code: str | None
    at: dt.datetime


def crowd(
    bookings: int, seed: int = 1, kinds_of: Mapping[BookingKind, int] = KINDS
) -> Iterator[Made]:
    """Yield so many bookings, oldest first."""
    draw = random.Random(seed)
    states, weights = [*_STATES], [*_STATES.values()]
    kinds, shares = [*kinds_of], [*kinds_of.values()]
    for number in range(bookings):
        big = draw.random() < 0.6
        caller = 0 if big else draw.randrange(1, CALLERS)
        traveler = 0 if big and draw.random() < 0.1 else draw.randrange(1, bookings // 5 + 2)
        code = draw.choice((BIG_REFERRAL, f"R{draw.randrange(1_000)}"))
        yield Made(
            id=str(uuid.UUID(int=draw.getrandbits(128))),
            caller_id=f"{BIG_CALLER[:-3]}{caller:03d}",
            kind=draw.choices(kinds, shares)[0],
            state=draw.choices(states, weights)[0],
            traveler_id=f"trv_{caller:03d}{traveler:013d}",
            referral_code=code if draw.random() < _REFERRED else None,
            at=NEWEST - dt.timedelta(minutes=(bookings - number - 1) // SAME_MOMENT),
        )


Copied = tuple[str, str, Callable[[Made], Iterable[Row]], Sequence[Made]]
"""A table, columns of it, the rows of a booking there, and the bookings that have some."""


def fill(
    url: str,
    bookings: int,
    seed: int = 1,
    kinds: Mapping[BookingKind, int] = KINDS,
    beside: Callable[[Sequence[Made]], Sequence[Copied]] = lambda _: (),
) -> None:
    """Write the crowd into a migrated database without bookings, and have its statistics made.

    ``beside``: what else is written, of bookings that were just made.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        # No triggers and no foreign keys: neither is what is measured, and each costs minutes. So
        # do indexes that grow row by row: they are built afterwards.
        connection.execute("SET session_replication_role = replica")
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO callers (id, name, role) VALUES (%s, %s, 'planner')",
                [(f"{BIG_CALLER[:-3]}{n:03d}", f"caller {n}") for n in range(CALLERS)],
            )
        draw = random.Random(seed + 1)
        part: list[Made] = []
        for made in crowd(bookings, seed, kinds):
            part.append(made)
            if len(part) == _AT_ONCE:
                _write(connection, part, draw, beside)
                part.clear()
        _write(connection, part, draw, beside)
        for _, made_by in indexes:
            connection.execute(made_by)
        connection.execute("VACUUM ANALYZE")


def _write(
    connection: psycopg.Connection,
    part: list[Made],
    draw: random.Random,
    beside: Callable[[Sequence[Made]], Sequence[Copied]],
) -> None:
    cased = [one for one in part if draw.random() < _SETTLED_CASES]
    open_ = [one for one in part if draw.random() < _OPEN_CASES]
    rows: list[Copied] = [
        ("bookings", _BOOKINGS, _booking, part),
        ("booking_items", _ITEMS, _items, part),
        ("payments", _PAYMENTS, _payment, part),
        ("cases", _CASES, lambda one: _case(one, settled=True), cased),
        ("cases", _CASES, lambda one: _case(one, settled=False), open_),
        *beside(part),
    ]
    with connection.transaction(), connection.cursor() as cursor:
        for table, columns, of, bookings in rows:
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                copy.write("".join(_line(row) for one in bookings for row in of(one)))


def _line(row: Row) -> str:
    return "\t".join("\\N" if value is None else str(value) for value in row) + "\n"


def _booking(one: Made) -> Iterable[Row]:
    people = [{"firstName": "Ada", "lastName": "Moreno", "dateOfBirth": "1990-05-01"}]
    contact = {"email": f"{one.traveler_id}@example.com", "phone": "+12125550123"}
    trip = f"t-{one.id}" if one.kind is BookingKind.TRIP else None
    yield (
        *(one.id, booking_reference(one.id), one.caller_id, one.id, "f", "r", one.kind, trip),
        *(one.traveler_id, one.state, 5, "USD", 200_000, 0, 0, 0, 0, "[]"),
        *(json.dumps(people), json.dumps(contact), "[]", one.referral_code),
        *("12.50" if one.referral_code else None, one.at, one.at),
        # bought by whoever is as frequent as its caller, of a provider who is
        *((*[one.caller_id] * 2, one.at) if one.kind in MARKET else [None] * 3),
    )


def _items(one: Made) -> Iterable[Row]:
    for number, supplier in enumerate(_SUPPLIERS, start=1):
        code = f"{one.id[:8].upper()}{number}"
        yield (
            *(one.id, number, "HOTEL", supplier, f"c{number}", f"Part {number} of a trip"),
            *("CONFIRMED", "BOOKED", f"{one.id}-{number}-1", f"s-{code}", code, code[:6], 1),
            *(100_000, "USD", 0, "{}", one.at, one.at),
        )


def _payment(one: Made) -> Iterable[Row]:
    yield (
        *(one.id, 1, "booking", "stripe", f"pi_{one.id}", "pm", 200_000, "USD", "succeeded"),
        *(200_000, 0, 0, 1, one.at, one.at),
    )


def _case(one: Made, *, settled: bool) -> Iterable[Row]:
    by = (one.at, "somebody") if settled else (None, None)
    yield ("SAGA", f"crowd:{settled}:{one.id}", one.id, "Something", "{}", one.at, *by)
