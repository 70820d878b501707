"""Reading the record: one statement for a booking and all that is shown of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Row, Select, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import (
    Booking,
    Bought,
    HistoryEntry,
    Item,
    OpenCase,
    PaymentView,
    Visit,
)
from models.bookings.lifecycle import MARKET, SETTLED_STATES, BookingState
from models.bookings.progress import AttemptSeen, with_progress
from models.bookings.repository.rows import ITEM_JSON, booking_of
from models.bookings.tables import BOOKINGS
from models.core.cases import open_cases_of
from models.core.database import Executor
from models.core.people import Address, Contact, Traveler
from models.payments.repository import PAYMENTS_JSON

Model = TypeVar("Model", bound=BaseModel)

_NOT_SHOWN = {"travelers", "contact", "referral_code", "discount_percent"}
_NOT_SHOWN |= {"user_id", "provider_id"}
_COLUMNS = [column for column in BOOKINGS.c if column.name not in _NOT_SHOWN]


def _json(name: str, sql: str) -> ColumnElement[Any]:
    return literal_column(f"({sql})", JSONB).label(name)


_ITEMS = _json(
    "items",
    f"SELECT jsonb_agg({ITEM_JSON} ORDER BY i.number) FROM booking_items i"  # noqa: S608
    " WHERE i.booking_id = bookings.id",
)
_PAYMENTS = _json("payments", PAYMENTS_JSON)
_CASES = open_cases_of(BOOKINGS.c.id).label("cases")
_HISTORY = _json(
    "history",
    "SELECT jsonb_agg(jsonb_build_object('version', h.version, 'from_state', h.from_state,"
    " 'to_state', h.to_state, 'at', h.at, 'recorded_at', coalesce(h.recorded_at, h.at),"
    " 'who', coalesce((SELECT 'caller ' || c.name FROM callers c"
    " WHERE c.id = bookings.caller_id AND h.who = 'caller ' || c.id), h.who),"
    " 'why', h.why) ORDER BY h.version)"
    " FROM booking_history h WHERE h.booking_id = bookings.id",
)
_ATTEMPTS = (
    "SELECT jsonb_agg(jsonb_build_object('id', a.id, 'item', a.item, 'provider', a.provider,"
    " 'operation', a.operation, 'number', a.number, 'outcome', a.outcome,"
    " 'started_at', a.started_at, 'finished_at', a.finished_at, 'settled', a.settled,"
    " 'unanswered_at', a.unanswered_at, 'http_status', a.http_status, 'result', CASE a.outcome"
    " WHEN 'done' THEN a.result - ARRAY['details', 'client_secret', 'next_action'] END)"
    " ORDER BY a.id) FROM attempts a WHERE a.booking_id = bookings.id"
)
_MARKET = ", ".join(f"'{kind}'" for kind in sorted(MARKET))
_VISIT = _json(
    "visit",
    "CASE WHEN bookings.kind = 'RESERVATION' THEN (SELECT jsonb_build_object("  # noqa: S608
    "'venue_id', v.external_id, 'starts_at', r.starts_at, 'ends_at', r.ends_at,"
    " 'time_zone', r.time_zone, 'party_size', r.party_size)"
    " FROM reservations r JOIN venues v ON v.id = r.venue_id"
    " WHERE r.booking_id = bookings.id)"
    f" WHEN bookings.kind IN ({_MARKET}) THEN (SELECT jsonb_build_object("
    "'provider_id', bookings.provider_id, 'starts_at', p.starts_at, 'ends_at', p.ends_at,"
    " 'time_zone', p.time_zone, 'party_size', p.guests)"
    " FROM purchases p WHERE p.booking_id = bookings.id) END",
)
_UNDER_WAY = (BookingState.PENDING, BookingState.VALIDATING, BookingState.PROCESSING)
_AT_REST = ", ".join(f"'{state}'" for state in sorted(SETTLED_STATES))
_BUSY: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT FROM booking_requests r"
    " WHERE r.booking_id = bookings.id AND r.ended_at IS NULL)"
).label("busy")
_NOW: ColumnElement[dt.datetime] = func.clock_timestamp().label("read_at")

_BOOKING: Select[Any] = select(*_COLUMNS, _ITEMS, _PAYMENTS, _CASES, _VISIT)
_WHOLE: Select[Any] = _BOOKING.add_columns(
    _HISTORY,
    _BUSY,
    _NOW,
    _json("attempts", f"CASE WHEN state NOT IN ({_AT_REST}) THEN ({_ATTEMPTS}) END"),
)
_WATCHED: Select[Any] = _BOOKING.add_columns(_HISTORY, _BUSY, _NOW, _json("attempts", _ATTEMPTS))
_NAMED = BOOKINGS.c.id == bindparam("named")
_OWN = BOOKINGS.c.caller_id == bindparam("owner")
# SQLAlchemy works out for each statement that is made what it keeps it by: long, for these.
_FOUND = {
    (attempts, own): selected.where(_NAMED, _OWN) if own else selected.where(_NAMED)
    for attempts, selected in ((False, _WHOLE), (True, _WATCHED))
    for own in (False, True)
}
"""By whether attempts are asked for, and whether of an owner alone."""


@dataclass(frozen=True)
class Found:
    """A booking with all that is shown of it."""

    booking: Booking
    """As it stands this moment: of a running booking with what attempts have come to."""
    history: list[HistoryEntry]
    attempts: list[AttemptSeen]
    """In the order in which they began; of a booking at rest only where they were asked for."""
    live: bool
    """Whether something happens to it: it is not at rest, or a request is being carried out."""
    caller_id: str
    """Whose it is."""
    fingerprint: str
    """Of the request that made it."""
    read_at: dt.datetime
    """By the database's clock."""


class BookingIdentity(BaseModel):
    """Whose booking it is and which request made it."""

    caller_id: str
    fingerprint: str


async def load_identity(session: AsyncSession, booking_id: str) -> BookingIdentity | None:
    """Return whose booking it is; None when there is none."""
    row = (
        await session.execute(
            select(BOOKINGS.c.caller_id, BOOKINGS.c.fingerprint).where(BOOKINGS.c.id == booking_id)
        )
    ).one_or_none()
    return None if row is None else BookingIdentity(caller_id=row[0], fingerprint=row[1])


@dataclass(frozen=True)
class People:
    """Who travels, where they are reached, and what they pay in."""

    travelers: list[Traveler]
    contact: Contact
    currency: str
    address: Address | None
    """Where the bill goes, as far as that was given."""


_ADDRESS = _json(
    "address",
    "SELECT p.billing_details->'address' FROM payments p"
    " WHERE p.booking_id = bookings.id AND p.number = 1",
)


async def load_people(session: AsyncSession, booking_id: str) -> People:
    """Return who travels with a booking that is on record."""
    table = BOOKINGS.c
    row = (
        await session.execute(
            select(table.travelers, table.contact, table.currency, _ADDRESS).where(
                table.id == booking_id
            )
        )
    ).one()
    return People(
        travelers=[Traveler.model_validate(one) for one in row.travelers],
        contact=Contact.model_validate(row.contact),
        currency=row.currency,
        address=Address.model_validate(row.address) if row.address else None,
    )


async def load_booking(session: AsyncSession, booking_id: str) -> Booking | None:
    """Return the booking as recorded, without offers (they are large); None when unknown."""
    row = (await session.execute(_BOOKING.where(BOOKINGS.c.id == booking_id))).one_or_none()
    return None if row is None else _booking(row)


async def count_under_way(session: AsyncSession) -> int:
    """Return how many bookings a workflow is carrying out now, and that wait for no traveller.

    What has not moved for an hour is stuck, and is no work.
    """
    count = await session.scalar(
        select(func.count()).where(
            BOOKINGS.c.state.in_(_UNDER_WAY),
            BOOKINGS.c.updated_at > func.now() - dt.timedelta(hours=1),
        )
    )
    return count or 0


async def find_booking(
    connection: Executor, booking_id: str, owner: str | None, *, attempts: bool = False
) -> Found | None:
    """Return a booking of ``owner`` (of anybody when None) with all that is shown of it.

    Ownership stands in the WHERE, not after the read (S5). None: there is none, or it is not
    ``owner``'s. ``attempts`` asks for those of a booking at rest as well.
    """
    query = _FOUND[attempts, owner is not None]
    values = {"named": booking_id} if owner is None else {"named": booking_id, "owner": owner}
    row = (await connection.execute(query, values)).one_or_none()
    if row is None:
        return None
    booking = _booking(row)
    seen = _all(AttemptSeen, row.attempts)
    return Found(
        booking=booking if booking.at_rest else with_progress(booking, seen),
        history=_all(HistoryEntry, row.history),
        attempts=seen,
        live=bool(row.busy) or not booking.at_rest,
        caller_id=row.caller_id,
        fingerprint=row.fingerprint,
        read_at=row.read_at,
    )


async def load_run(session: AsyncSession, booking_id: str) -> str | None:
    """Return the first run id of the workflow that made a booking; None when there is none."""
    run: str | None = await session.scalar(
        select(BOOKINGS.c.run_id).where(BOOKINGS.c.id == booking_id)
    )
    return run


def _booking(row: Row[Any]) -> Booking:
    booking = booking_of(row, _all(Item, row.items), _all(PaymentView, row.payments))
    booking.cases = _all(OpenCase, row.cases)
    if row.visit:
        visit = Bought if booking.kind in MARKET else Visit
        booking.visit = visit.model_validate(row.visit)
    return booking


def _all(model: type[Model], rows: Sequence[dict[str, Any]] | None) -> list[Model]:
    return [model.model_validate(row) for row in rows or []]
