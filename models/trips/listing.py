"""Bookings of trips as callers and operators look for them, newest first. Only reads."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    and_,
    bindparam,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import BookingKind, BookingState
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.core.cases import has_open_case
from models.payments.tables import PAYMENTS

Place = tuple[dt.datetime, str]
"""Where a booking stands in the list: when it was made, and its id."""


@dataclass(frozen=True)
class BookingSearch:
    """Which bookings are looked for; all that is given must fit."""

    owner: str | None
    """The caller whose they are; None for anybody's (operators)."""
    states: Collection[BookingState] = ()
    attention: bool | None = None
    """Whether a case about the traveller is open."""
    travelers: Collection[tuple[str, str]] | None = None
    """Callers, each with its id of the traveller looked for (``models.core.keys.traveler_id``)."""
    code: str | None = None
    """A PNR, a supplier's confirmation code or id, or our reference at the supplier."""
    suppliers: Collection[str] = ()
    """All there are: the indexes of their codes begin with the supplier."""
    payment: str | None = None
    """The gateway's id of a payment."""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    """Made at this moment or later, and before that one."""


async def list_bookings(
    session: AsyncSession, search: BookingSearch, *, limit: int, after: Place | None = None
) -> Sequence[RowMapping]:
    """Return trips that fit, newest first; ``after`` is the last one of the page before."""
    booking, item = BOOKINGS.c, BOOKING_ITEMS.c
    titles = (
        select(func.array_agg(aggregate_order_by(item.title, item.number)))
        .where(item.booking_id == booking.id)
        .scalar_subquery()
    )
    attention = has_open_case(booking.id)
    statement: Select[Any] = (
        select(
            booking.id,
            booking.reference,
            booking.state,
            titles.label("titles"),
            booking.accepted_total,
            booking.captured,
            booking.refunded,
            booking.currency,
            attention.label("attention"),
            booking.failed_step,
            booking.created_at,
            booking.updated_at,
        )
        .where(booking.kind == BookingKind.TRIP)
        .order_by(booking.created_at.desc(), booking.id.desc())
        .limit(limit)
    )
    if search.owner is not None:
        statement = statement.where(booking.caller_id == search.owner)
    if search.states:
        statement = statement.where(booking.state.in_(search.states))
    if search.attention is not None:
        statement = statement.where(attention if search.attention else ~attention)
    if search.travelers is not None:
        pairs = tuple_(booking.caller_id, booking.traveler_id)
        statement = statement.where(pairs.in_(search.travelers))
    if search.code is not None:
        statement = statement.where(booking.id.in_(_with_code(search.code, search.suppliers)))
    if search.payment is not None:
        paid = PAYMENTS.c.payment_intent_id == search.payment
        statement = statement.where(booking.id.in_(select(PAYMENTS.c.booking_id).where(paid)))
    if search.since is not None:
        statement = statement.where(booking.created_at >= search.since)
    if search.until is not None:
        statement = statement.where(booking.created_at < search.until)
    if after is not None:
        columns = (booking.created_at, booking.id)
        values = (bindparam(None, v, c.type) for v, c in zip(after, columns, strict=True))
        statement = statement.where(tuple_(*columns) < tuple_(*values))
    rows: Sequence[RowMapping] = (await session.execute(statement)).mappings().all()
    return rows


def _with_code(code: str, suppliers: Collection[str]) -> CompoundSelect[Any]:
    """Return the bookings of which an item has this code; each part has an index."""
    item = BOOKING_ITEMS.c
    theirs = item.supplier.in_(suppliers)
    found: list[ColumnElement[bool]] = [
        item.pnr == code.upper(),
        and_(theirs, item.vendor_confirmation == code),
        and_(theirs, item.supplier_id == code),
        item.reference == code,
    ]
    return union_all(*(select(item.booking_id).where(condition) for condition in found))
