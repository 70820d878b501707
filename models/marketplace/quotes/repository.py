"""Quotes on record: made of one reading of catalogue and stock, and read by whoever asked.

A hold takes a quote (``models.marketplace.stock``); nothing else of one is ever changed, which the
database sees to.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import RowMapping, text

from models.core.database import Executor
from models.core.text import storable_dump
from models.marketplace.quotes.errors import OfferNotFound, QuoteNotFound
from models.marketplace.quotes.lodgings import Quoted, quote_package, quote_stay
from models.marketplace.quotes.messages import Asker, SeatsWish, StayWish, Wish
from models.marketplace.quotes.outings import quote_seats
from models.marketplace.quotes.reading import read_listing, read_package, read_tour
from models.marketplace.quotes.rules import expect_dates
from models.marketplace.quotes.snapshot import Snapshot, sha256_of
from models.marketplace.stock.wanted import CLAIMS

VALID_FOR: Final = dt.timedelta(minutes=15)
UNITS_LEFT: Final = "units_left"
"""The name in ``quotes.request``."""
KEPT: Final = dt.timedelta(hours=24)
"""So long after it has expired a quote that nobody took may be read: then it is purged."""
PURGED_AT_ONCE: Final = 1_000

_COLUMNS = """
id::text, product_type, product_id::text, request, snapshot, sha256, total, currency, created_at,
expires_at, booking_id::text, expires_at <= clock_timestamp() AS expired
"""
_INSERT = text(f"""
INSERT INTO quotes (id, subject_id, user_id, product_type, product_id, request, snapshot, sha256,
    total, currency, created_at, expires_at)
SELECT :id, :subject, :user, :type, :product, CAST(:request AS jsonb), CAST(:snapshot AS jsonb),
    :sha256, :total, :currency, now, now + :valid
FROM (SELECT clock_timestamp() AS now) clock
ON CONFLICT (id) DO NOTHING
RETURNING {_COLUMNS}
""")  # noqa: S608
_FIND = text(f"SELECT {_COLUMNS} FROM quotes WHERE id = :id AND subject_id = :subject")  # noqa: S608
_PURGE = text("""
DELETE FROM quotes WHERE id IN (
    SELECT id FROM quotes WHERE expires_at < now() - :age AND booking_id IS NULL
    ORDER BY expires_at LIMIT :batch FOR UPDATE SKIP LOCKED)
""")


@dataclass(frozen=True)
class Quote:
    """A quote on record."""

    id: str
    product_id: str
    snapshot: Snapshot
    sha256: bytes
    """Of what is stored, not of what is read from it."""
    units_left: int
    """How often the same could be had when it was made."""
    created_at: dt.datetime
    expires_at: dt.datetime
    expired: bool
    """By the database's clock, when it was read."""
    booking_id: str | None

    @property
    def status(self) -> Literal["QUOTE", "TAKEN", "EXPIRED"]:
        """Whether it can be held."""
        if self.booking_id is not None:
            return "TAKEN"
        return "EXPIRED" if self.expired else "QUOTE"


async def make_quote(executor: Executor, quote_id: str, asker: Asker, wish: Wish) -> Quote:
    """Price what is wished for, and keep the price for 15 minutes; nothing is held.

    Whoever repeats a request, by the same id, gets the quote that was made.

    Raises:
        DomainError: of ``models.marketplace.quotes.errors``; nothing is written then.
    """
    product_id, quoted = await _priced(executor, wish)
    content = quoted.snapshot.content()
    values = {
        "id": quote_id,
        "subject": asker.subject_id,
        "user": asker.user_id,
        "type": wish.kind,
        "product": product_id,
        "request": storable_dump(
            {CLAIMS: quoted.wanted.model_dump(mode="json"), UNITS_LEFT: quoted.units_left}
        ),
        "snapshot": storable_dump(content),
        "sha256": sha256_of(content),
        "total": quoted.snapshot.price.total,
        "currency": quoted.snapshot.price.currency,
        "valid": VALID_FOR,
    }
    row = (await executor.execute(_INSERT, values)).mappings().one_or_none()
    return await find_quote(executor, quote_id, asker) if row is None else _quote(row)


async def find_quote(executor: Executor, quote_id: str, asker: Asker) -> Quote:
    """Return a quote of whoever asks.

    Raises:
        QuoteNotFound: there is none of this id, or it is somebody else's.
    """
    found = await executor.execute(_FIND, {"id": quote_id, "subject": asker.subject_id})
    row = found.mappings().one_or_none()
    if row is None:
        raise QuoteNotFound
    return _quote(row)


async def purge_quotes(
    executor: Executor, age: dt.timedelta, *, batch: int = PURGED_AT_ONCE
) -> int:
    """Delete quotes that expired ``age`` ago and became no booking; returns how many.

    ``batch`` at most: repeat it while it returns so many.
    """
    done = await executor.execute(_PURGE, {"age": age, "batch": batch})
    return int(done.rowcount)  # type: ignore[attr-defined]


async def _priced(executor: Executor, wish: Wish) -> tuple[str, Quoted]:
    """Return the id of what is sold, and what it comes to."""
    if isinstance(wish, SeatsWish):
        outing = await read_tour(executor, wish.tour_id, wish.departure_id)
        if outing is None:
            raise OfferNotFound
        return wish.departure_id, quote_seats(wish, outing)
    return wish.product_id, await _lodged(executor, wish)


async def _lodged(executor: Executor, wish: StayWish) -> Quoted:
    if wish.package_id is not None:
        read = await read_package(executor, wish.package_id, wish.check_in, wish.room_ids)
        if read is None:
            raise OfferNotFound
        return quote_package(wish, read)
    assert wish.listing_id is not None, "a stay names its listing"
    assert wish.check_out is not None, "and its end"
    # before anything is read: a stay of a thousand years would be read whole
    expect_dates(wish.check_in, wish.check_out)
    read = await read_listing(
        executor, wish.listing_id, wish.check_in, wish.check_out, wish.room_ids
    )
    if read is None:
        raise OfferNotFound
    return quote_stay(wish, read)


def _quote(row: RowMapping) -> Quote:
    request: dict[str, Any] = row["request"]
    return Quote(
        id=row["id"],
        product_id=row["product_id"],
        snapshot=Snapshot.model_validate(row["snapshot"]),
        sha256=bytes(row["sha256"]),
        units_left=request[UNITS_LEFT],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        expired=row["expired"],
        booking_id=row["booking_id"],
    )
