"""Tours of a city with departures that can be had, the cheapest first; departures of a tour by day.

One statement each: a page of tours costs what the city has, a page of departures what it shows.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import RowMapping, TextClause, text

from models.core.database import Executor
from models.marketplace.quotes.errors import OfferNotFound
from models.marketplace.quotes.offered import Outing
from models.marketplace.quotes.rules import expect_on_sale
from models.marketplace.search.pages import (
    BEHIND,
    ORDER,
    Counts,
    Place,
    Prices,
    page_values,
    payable_in_sql,
    step_in_sql,
    taxes_in_sql,
)
from models.marketplace.search.places import City

_COUNTS = Counts(adults="t.persons", persons="t.persons", units="0", nights="(t.days - 1)")
_STATEMENT = """
WITH tours AS (
    SELECT t.id, t.days, t.currency, t.taxes, d.id AS departure_id,
        CAST(:travelers AS int) AS persons,
        ({step}) AS step, coalesce(d.price, t.price) AS each, d.available
    FROM tour_packages t
    JOIN provider_profiles v ON v.id = t.provider_id AND v.verification_status = 'APPROVED'
    CROSS JOIN LATERAL (
        SELECT d.id, d.price, d.seats - d.held - d.sold AS available
        FROM tour_departures d
        WHERE d.package_id = t.id AND d.departure_date >= :since AND d.departure_date < :until
            AND d.status = 'OPEN' AND d.seats - d.held - d.sold >= :travelers
            AND d.starts_at - make_interval(hours => t.cutoff_hours) > :now
        ORDER BY coalesce(d.price, t.price), d.departure_date LIMIT 1
    ) d
    WHERE t.status = 'PUBLISHED' AND t.city_norm = :city AND t.time_zone IS NOT NULL
        AND (CAST(:currency AS text) IS NULL OR t.currency = :currency)
), costs AS (
    SELECT t.*, (t.each * t.persons + t.step / 2) / t.step * t.step AS amount FROM tours t
), priced AS (
    SELECT t.*, t.amount + {taxes} AS total FROM costs t
), page AS (
    SELECT * FROM priced WHERE {payable} AND {behind} ORDER BY {order} LIMIT :limit
)
SELECT a.id::text, a.currency, a.total::bigint AS total, a.departure_id::text, a.available,
    t.title, t.description, t.city, t.country, t.time_zone, t.days, t.cutoff_hours,
    d.departure_date, d.starts_at, d.ends_at
FROM page a JOIN tour_packages t ON t.id = a.id JOIN tour_departures d ON d.id = a.departure_id
ORDER BY a.currency, a.total, a.id
"""
_DEPARTURES = text("""
SELECT d.id::text, d.departure_date, d.starts_at, d.ends_at, d.price, d.status,
    d.seats - d.held - d.sold AS available
FROM tour_departures d
WHERE d.package_id = :tour AND d.departure_date >= :since AND d.departure_date < :until
    AND d.status = 'OPEN' AND d.seats - d.held - d.sold >= :travelers
    AND d.starts_at - make_interval(hours => :cutoff) > :now
ORDER BY d.departure_date LIMIT :limit
""")


@dataclass(frozen=True)
class TourQuestion:
    """Which tours are asked for."""

    city: City
    travelers: int
    since: dt.date
    """The first day of departure."""
    until: dt.date
    """The day after the last one."""
    prices: Prices


@dataclass(frozen=True)
class FoundTour:
    """A tour with the cheapest departure that can be had, of equal ones the first."""

    row: RowMapping
    place: Place


async def find_tours(
    executor: Executor,
    question: TourQuestion,
    now: dt.datetime,
    *,
    after: Place | None,
    limit: int,
) -> list[FoundTour]:
    """Return at most ``limit`` tours behind a place, with what all travellers pay together."""
    values = {
        **question.city.values(),
        **page_values(after, limit, question.prices),
        "travelers": question.travelers,
        "since": question.since,
        "until": question.until,
        "now": now,
    }
    rows = (await executor.execute(_statement(), values)).mappings()
    return [FoundTour(row, Place(row["currency"], row["total"], row["id"])) for row in rows]


async def find_departures(
    executor: Executor,
    read: Outing | None,
    travelers: int,
    since: dt.date,
    until: dt.date,
    *,
    limit: int,
) -> Sequence[RowMapping]:
    """Return at most ``limit`` departures of a tour that can be had from a day on, by their day.

    Raises:
        OfferNotFound, NotOnSale: the tour is not sold.
    """
    if read is None:
        raise OfferNotFound
    expect_on_sale("tour", read.tour.status, read.provider)
    values = {
        "tour": read.tour.id,
        "since": since,
        "until": until,
        "travelers": travelers,
        "cutoff": read.tour.cutoff_hours,
        "now": read.now,
        "limit": limit,
    }
    return (await executor.execute(_DEPARTURES, values)).mappings().all()


@cache
def _statement() -> TextClause:
    return text(
        _STATEMENT.format(
            step=step_in_sql("t.currency"),
            taxes=taxes_in_sql("t.taxes", "t.amount", "t.step", _COUNTS),
            payable=payable_in_sql("total", "currency"),
            behind=BEHIND,
            order=ORDER,
        )
    )
