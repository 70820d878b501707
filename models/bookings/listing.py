"""Lists of bookings, newest first, of which a page costs the same wherever it is.

Every index of a list ends with (``created_at``, ``id``), so all rows with the same first columns
are a range that is read in the list's order from any place on. What several ranges fit (two states,
two kinds) is merged from them row by row; nothing is sorted and nothing is read to be left out:

- ``ix_bookings_kind_list``, ``ix_bookings_caller_kind_list``: everything, anybody's or a caller's
- ``ix_bookings_state_kind_list``, ``ix_bookings_caller_state_list``: those in some states
- ``ix_bookings_user_list``: a traveller's, who is one caller's
- ``ix_bookings_referral_list``, ``ix_bookings_caller_referral_list``: those with a referral code
- ``ix_bookings_owner_list``: what a user has bought
- ``ix_bookings_provider_list``: what was bought of a provider, in some states or in any
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import (
    ColumnElement,
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
from sqlalchemy.sql import FromClause

from models.bookings.lifecycle import (
    BOOKABLE,
    GROUP_OF,
    MARKET_STATES,
    STATES_OF,
    BookingKind,
    BookingState,
    StatusGroup,
)
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS

Place = tuple[dt.datetime, str]
"""Where a booking stands in a list: when it was made, and its id."""

Range = ColumnElement[bool]
"""A condition that is one range of an index of lists."""

MOST_COUNTED = 1_000
"""A list is counted up to here, so that a count costs as little whatever the list's length."""


@dataclass(frozen=True)
class Count:
    """How many rows a list has."""

    rows: int
    """At most :data:`MOST_COUNTED`."""
    exceeded: bool
    """Whether it has more than that."""


def ranges(
    owner: str | None, kinds: Collection[BookingKind], states: Collection[BookingState] = ()
) -> list[Range]:
    """Return the ranges of these kinds, in these states or in any; of a caller or of anybody."""
    table = BOOKINGS.c
    whose = [] if owner is None else [table.caller_id == owner]
    of_kind = [table.kind == kind for kind in kinds]
    in_state = [[table.state == state] for state in sorted(states)] or [[]]
    return [and_(*whose, *state, kind) for state, kind in product(in_state, of_kind)]


def page(
    columns: Sequence[ColumnElement[Any]],
    merged: Sequence[Range],
    *conditions: ColumnElement[bool],
    limit: int,
    after: Place | None,
    source: FromClause = BOOKINGS,
) -> Select[Any]:
    """Select ``limit`` rows of merged ranges, newest first, behind the place ``after``.

    ``columns`` are of the ``source``, ``created_at`` and ``id`` among them. Rows that do not meet
    the ``conditions`` are read and left out: no range has them.
    """
    if after is not None:
        place = (source.c.created_at, source.c.id)
        values = (bindparam(None, v, c.type) for v, c in zip(after, place, strict=True))
        conditions = (*conditions, tuple_(*place) < tuple_(*values))
    # Each range has the limit of its own: PostgreSQL merges only what is in order by itself.
    parts: list[Select[Any]] = [
        select(*columns).where(one, *conditions).order_by(*newest_first(source)).limit(limit)
        for one in merged
    ]
    if len(parts) == 1:
        return parts[0]
    rows = union_all(*parts).subquery()
    return select(*rows.c).order_by(*newest_first(rows)).limit(limit)


async def count(session: AsyncSession, parts: Sequence[Select[Any]]) -> Count:
    """Count the rows of ranges, each of which is selected in the order of its index.

    Without that order PostgreSQL might read the table, of which a limit seems to make little.
    """
    most = MOST_COUNTED + 1  # the one that tells of more
    each = [part.limit(most) for part in parts]
    rows = (union_all(*each).limit(most) if len(each) > 1 else each[0]).subquery()
    found = await session.scalar(select(func.count()).select_from(rows)) or 0
    return Count(min(found, MOST_COUNTED), exceeded=found > MOST_COUNTED)


def newest_first(rows: FromClause) -> Sequence[ColumnElement[Any]]:
    """Return the order of all lists."""
    return rows.c.created_at.desc(), rows.c.id.desc()


@dataclass(frozen=True)
class Listing:
    """Which bookings are listed. ``user`` and ``referral`` stand alone: no index has more.

    Bookings of other kinds are left out of them row by row. ``buyer`` and ``provider`` list what is
    bought of providers for whom it concerns, whoever its caller is: no ``owner`` goes with them.
    """

    owner: str | None
    """The caller whose they are; None for anybody's (operators)."""
    group: StatusGroup | None = None
    kinds: Collection[BookingKind] = BOOKABLE
    user: str | None = None
    """A traveller's id (``models.core.keys.traveler_id``)."""
    referral: str | None = None
    buyer: str | None = None
    """A user with an account here; stands alone."""
    provider: str | None = None
    """Of whom it was bought; ``group`` may go with it."""

    def ranges(self) -> list[Range]:
        """Return the ranges it is merged from."""
        table = BOOKINGS.c
        if self.buyer is not None:
            return [table.user_id == self.buyer]
        if self.provider is not None:
            states = STATES_OF[self.group] if self.group else MARKET_STATES
            of_it = table.provider_id == self.provider
            return [and_(of_it, table.state == state) for state in sorted(states)]
        kind = [] if self.kinds == BOOKABLE else [table.kind.in_(self.kinds)]
        if self.user is not None:
            owner: Any = self.owner
            if owner is None:  # a traveller's id is of one caller alone
                other = BOOKINGS.alias("other").c
                found = select(other.caller_id).where(other.traveler_id == self.user).limit(1)
                owner = found.scalar_subquery()
            return [and_(table.traveler_id == self.user, table.caller_id == owner, *kind)]
        if self.referral is not None:
            whose = [] if self.owner is None else [table.caller_id == self.owner]
            return [and_(*whose, table.referral_code == self.referral, *kind)]
        return ranges(self.owner, self.kinds, STATES_OF[self.group] if self.group else ())


async def list_recent(
    session: AsyncSession, listing: Listing, *, limit: int, after: Place | None = None
) -> Sequence[RowMapping]:
    """Return what dashboards show of bookings (contracts.md §5), newest first.

    ``after`` is the last one of the page before.
    """
    statement = page(_COLUMNS, listing.ranges(), limit=limit, after=after)
    found: Sequence[RowMapping] = (await session.execute(statement)).mappings().all()
    return found


async def count_recent(session: AsyncSession, listing: Listing) -> Count:
    """Return how many bookings a list has, on all its pages."""
    ordered = select(_T.id).order_by(*newest_first(BOOKINGS))
    return await count(session, [ordered.where(one) for one in listing.ranges()])


_T = BOOKINGS.c
_COLUMNS: list[ColumnElement[Any]] = [
    _T.id,
    _T.reference,
    _T.traveler_id,
    _T.contact["email"].astext.label("email"),
    _T.travelers[0]["firstName"].astext.label("first_name"),
    _T.kind,
    _T.state,
    _T.created_at,
    _T.referral_code,
    _T.discount_percent,
    _T.accepted_total,
    _T.currency,
]


async def titles_of(session: AsyncSession, bookings: Collection[str]) -> Mapping[str, list[str]]:
    """Return the titles of the items of bookings, in their order, by the booking's id."""
    item = BOOKING_ITEMS.c
    rows = await session.execute(
        select(item.booking_id, func.array_agg(aggregate_order_by(item.title, item.number)))
        .where(item.booking_id.in_(bookings))
        .group_by(item.booking_id)
    )
    return {row[0]: row[1] for row in rows}


def group_of(state: str) -> StatusGroup:
    """Return what dashboards show of a state."""
    return GROUP_OF[BookingState(state)]
