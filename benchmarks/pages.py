"""Pages of every list of bookings, with every filter, as the API asks for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.crowd import (
    BIG_CALLER,
    BIG_REFERRAL,
    BIG_TRAVELER,
    CALLERS,
    KINDS,
    NEWEST,
    RARE_STATE,
    SMALL_CALLER,
)
from benchmarks.plans import Query
from models.bookings.lifecycle import (
    MARKET_STATES,
    STATES_OF,
    BookingKind,
    BookingState,
    StatusGroup,
)
from models.bookings.listing import MOST_COUNTED, Listing, Place, count_recent, list_recent
from models.suppliers.listings import BY_NAME
from models.trips.listing import BookingSearch, list_bookings

LIMIT = 20
TENTH_THOUSAND = 10_000
_MOST = 10_000_000
OWNERS = {"anybody's": None, "60 %": BIG_CALLER, "1 %": SMALL_CALLER}
"""Whose: operators list anybody's; callers with so much of everything list their own."""

_RARE = {RARE_STATE, BookingState.PENDING}


@dataclass(frozen=True)
class Case:
    """A list with its filters."""

    list: str
    name: str
    ask: Callable[[AsyncSession, int, Place | None], Any]
    """Asks for so many rows behind a place."""
    ranges: int = 1
    """How many of an index are merged for it."""
    named: int = 0
    """How many bookings the filter looks up at most."""
    joined: int = 0
    """How many rows of other tables are looked up for each that is shown."""
    place: tuple[str, str] = ("created_at", "id")
    """The columns that say where a row stands."""
    whole: bool = False
    """Whether the list is walked to its end for the last page; else it is everybody's."""
    counts: bool = False
    """Whether its rows are counted instead; then places and limits say nothing."""

    @property
    def limit(self) -> int:
        """How many rows it comes to at most, but for the one that tells of more."""
        return MOST_COUNTED if self.counts else LIMIT

    def page(self, after: Place | None) -> Query:
        """Return the query of a page as the API sends it: with the row that tells of more."""
        return lambda session: self.ask(session, LIMIT + 1, after)

    async def places(self, session: AsyncSession, oldest: Place) -> dict[str, Place | None]:
        """Return where pages are looked at: the first, behind the 10,000th row, the last."""
        if self.counts:
            return {"count": None}
        most = _MOST if self.whole else TENTH_THOUSAND
        rows: Sequence[RowMapping] = await self.ask(session, most, None)
        found: dict[str, Place | None] = {"first": None}
        if len(rows) > LIMIT:
            number = TENTH_THOUSAND - 1 if len(rows) >= TENTH_THOUSAND else len(rows) // 2
            found["10,000th"] = self._place_of(rows[number])
            found["last"] = self._place_of(rows[-LIMIT - 1]) if len(rows) < most else oldest
        return found

    def _place_of(self, row: RowMapping) -> Place:
        at, booking = self.place
        return row[at], str(row[booking])


def oldest_place(connection: psycopg.Connection) -> Place:
    """Return the place behind which the last page of everything begins."""
    row = connection.execute(
        "SELECT created_at, id::text FROM bookings ORDER BY created_at, id OFFSET %s LIMIT 1",
        [LIMIT],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def cases(connection: psycopg.Connection) -> Iterator[Case]:
    """Yield all there are, for the crowd in this database."""
    for whose, owner in OWNERS.items():
        yield from _recent(whose, owner)
        yield from _trips(whose, owner, connection)
    yield from _bought()


def _bought() -> Iterator[Case]:
    def case(name: str, ranges: int, **filters: Any) -> Case:
        listing = Listing(owner=None, **filters)

        async def ask(session: AsyncSession, limit: int, after: Place | None) -> Any:
            return await list_recent(session, listing, limit=limit, after=after)

        return Case("/market/v1", name, ask, ranges)

    for whose in ("60 %", "1 %"):
        yield case(f"bought by {whose}", 1, buyer=OWNERS[whose])
        for group in (None, *StatusGroup):
            states = len(STATES_OF[group] if group else MARKET_STATES)
            name = f"sold by {whose}, status {group or 'All'}"
            yield case(name, states, provider=OWNERS[whose], group=group)


def _recent(whose: str, owner: str | None) -> Iterator[Case]:
    def case(name: str, ranges: int, **filters: Any) -> Iterator[Case]:
        listing = Listing(owner=owner, **filters)

        async def ask(session: AsyncSession, limit: int, after: Place | None) -> Any:
            return await list_recent(session, listing, limit=limit, after=after)

        async def ask_how_many(session: AsyncSession, *_: Any) -> Any:
            return await count_recent(session, listing)

        for counts in (False, True):
            asking = ask_how_many if counts else ask
            yield Case("/api/bookings", f"{whose}, {name}", asking, ranges, counts=counts)

    for group in (None, *StatusGroup):
        states = len(STATES_OF[group]) if group else 1
        for product, kinds in (
            ("all", tuple(KINDS)),
            *((kind.lower(), (kind,)) for kind in (*KINDS, BookingKind.RESERVATION)),
        ):
            name = f"status {group or 'All'}, product {product}"
            yield from case(name, states * len(kinds), group=group, kinds=kinds)
    yield from case("user with 6 %", 1, user=BIG_TRAVELER)
    yield from case("user unknown", 1, user="nobody")
    yield from case("referral with 2 %", 1, referral=BIG_REFERRAL)
    yield from case("referral unknown", 1, referral="NONE")


def _trips(whose: str, owner: str | None, connection: psycopg.Connection) -> Iterator[Case]:
    def case(name: str, named: int = 0, /, **filters: Any) -> Case:
        search = BookingSearch(owner=owner, suppliers=tuple(BY_NAME), **filters)

        async def ask(session: AsyncSession, limit: int, after: Place | None) -> Any:
            return await list_bookings(session, search, limit=limit, after=after)

        ranges = len(filters.get("states", ())) or 1
        return Case("/booking", f"{whose}, {name}", ask, ranges, named)

    yield case("all")
    yield case("state CONFIRMED", states=[BookingState.CONFIRMED])
    yield case(f"state {RARE_STATE}", states=[RARE_STATE])
    yield case("two rare states", states=_RARE)
    yield case("a rare and a frequent state", states={RARE_STATE, BookingState.CONFIRMED})
    yield case("every state", states=set(BookingState))
    since, until = NEWEST - timedelta(minutes=9), NEWEST - timedelta(minutes=4)
    yield case("five minutes", since=since, until=until)
    yield case("five minutes, a rare state", states=[RARE_STATE], since=since, until=until)
    yield case("no attention", attention=False)
    yield case("no attention, a state", attention=False, states=[BookingState.FAILED])
    row = connection.execute("SELECT count(*) FROM cases WHERE resolved_at IS NULL").fetchone()
    assert row is not None
    yield case("attention", row[0], attention=True)
    yield case("attention, a state", row[0], attention=True, states=[BookingState.CONFIRMED])
    row = connection.execute(
        "SELECT vendor_confirmation, pnr, payment_intent_id FROM bookings b"
        " JOIN booking_items i ON i.booking_id = b.id JOIN payments p ON p.booking_id = b.id"
        " WHERE b.caller_id = %s AND b.kind = 'TRIP' LIMIT 1",
        [owner or BIG_CALLER],
    ).fetchone()
    assert row is not None
    code, pnr, payment = row
    yield case("code", 8, code=code)
    yield case("pnr", 8, code=pnr)
    yield case("code unknown", 8, code="none")
    yield case("code, a state", 8, code=code, states=[BookingState.CONFIRMED])
    yield case("payment", 1, payment=payment)
    yield case("payment unknown", 1, payment="none")
    callers = range(CALLERS) if owner is None else [_NUMBER[owner]]
    travelers = [(f"{BIG_CALLER[:-3]}{n:03d}", f"trv_{n:03d}{7:013d}") for n in callers]
    yield case("email", len(travelers), travelers=travelers)
    if owner == BIG_CALLER:
        yield case("email with 6 %", 1, travelers=[(BIG_CALLER, BIG_TRAVELER)])


_NUMBER = {BIG_CALLER: 0, SMALL_CALLER: 1}
