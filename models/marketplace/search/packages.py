"""Hotel packages of a place, the cheapest for the party first; with a day, those free from then.

One statement, as for stays: a page costs what the place has, and ``OFFSET 0`` looks packages up.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cache

from sqlalchemy import RowMapping, TextClause, text

from models.core.database import Executor
from models.marketplace.quotes.parties import Party
from models.marketplace.search.pages import (
    ANY_PRICE,
    BEHIND,
    ORDER,
    Counts,
    Place,
    Prices,
    days,
    page_values,
    payable_in_sql,
    step_in_sql,
    taxes_in_sql,
)
from models.marketplace.search.places import Area

_COUNTS = Counts(
    adults="h.grown",
    persons="h.persons",
    units="CAST(:rooms AS int)",
    nights="h.nights",
)
_STATEMENT = """
WITH places AS MATERIALIZED (
    SELECT l.id, l.currency, l.taxes, g.grown,
        cardinality(CAST(:ages AS int[])) + CAST(:adults AS int) - g.grown AS young,
        cardinality(CAST(:ages AS int[])) + CAST(:adults AS int) AS persons,
        {step} AS step
    FROM listings l
    JOIN provider_profiles v ON v.id = l.provider_id AND v.verification_status = 'APPROVED'
    CROSS JOIN LATERAL (SELECT CAST(:adults AS int) + count(*)::int AS grown
        FROM unnest(CAST(:ages AS int[])) age WHERE age > l.child_age_max) g
    WHERE l.status = 'PUBLISHED' AND {where}
        AND (CAST(:currency AS text) IS NULL OR l.currency = :currency)
        AND l.check_in_from IS NOT NULL AND l.check_out_until IS NOT NULL
        AND coalesce(CAST(:check_in AS date), '9999-01-01')
            >= CAST(CAST(:days AS jsonb) ->> l.time_zone AS date)
), packages AS (
    SELECT h.id, h.nights, h.price_per_person, l.id AS listing_id, l.currency, l.taxes, l.step,
        l.grown, l.young, l.persons,
        (h.price_per_person * l.persons + l.step / 2) / l.step * l.step AS amount
    FROM places l
    CROSS JOIN LATERAL (SELECT h.id, h.nights, h.price_per_person, h.weekdays, h.season,
            h.availability_rule
        FROM hotel_packages h WHERE h.listing_id = l.id AND h.status = 'PUBLISHED' OFFSET 0) h
    WHERE CAST(:check_in AS date) IS NULL OR (
        extract(isodow FROM CAST(:check_in AS date))::int = ANY(coalesce(h.weekdays,
            CASE h.availability_rule WHEN 'WEEKEND_ONLY' THEN '{{5,6,7}}'::smallint[]
                ELSE '{{1,2,3,4,5,6,7}}'::smallint[] END))
        AND coalesce(daterange(CAST(:check_in AS date), CAST(:check_in AS date) + h.nights)
            <@ h.season, true))
), priced AS (
    SELECT h.*, h.amount + {taxes} AS total FROM packages h
), had AS (
    SELECT h.*, f.room_id, f.units FROM priced h
    CROSS JOIN LATERAL (
        SELECT r.id AS room_id, n.units
        FROM hotel_package_rooms o JOIN rooms r ON r.id = o.room_id AND r.status = 'ACTIVE'
            AND r.adults_max * :rooms >= h.grown AND r.children_max * :rooms >= h.young
        CROSS JOIN LATERAL (
            SELECT min(i.available) FILTER (WHERE i.night < CAST(:check_in AS date) + h.nights)
                AS units
            FROM inventory_nights i
            WHERE i.room_id = r.id
                AND i.night BETWEEN CAST(:check_in AS date) AND CAST(:check_in AS date) + h.nights
            HAVING CAST(:check_in AS date) IS NULL OR (
                count(*) FILTER (WHERE i.night < CAST(:check_in AS date) + h.nights
                    AND NOT i.closed AND i.available >= :rooms
                    AND (i.night > CAST(:check_in AS date) OR NOT i.closed_to_arrival)) = h.nights
                AND NOT coalesce(bool_or(i.closed_to_departure)
                    FILTER (WHERE i.night = CAST(:check_in AS date) + h.nights), false))
        ) n
        WHERE o.package_id = h.id AND o.units >= :rooms
        ORDER BY r.id LIMIT 1
    ) f
    WHERE {payable}
), page AS (
    SELECT * FROM had WHERE {behind} ORDER BY {order} LIMIT :limit
)
SELECT a.id::text, a.currency, a.total::bigint AS total, a.room_id::text, a.units,
    h.title, h.description, h.template, h.nights, h.availability_rule, h.weekdays,
    lower(h.season) AS season_from, upper(h.season) AS season_until, h.price_per_person,
    l.id::text AS listing_id, l.title AS listing_title, l.city, l.country, l.time_zone,
    l.child_age_max, r.name AS room_name
FROM page a JOIN hotel_packages h ON h.id = a.id JOIN listings l ON l.id = a.listing_id
    JOIN rooms r ON r.id = a.room_id
ORDER BY a.currency, a.total, a.id
"""


@dataclass(frozen=True)
class PackageQuestion:
    """Which packages are asked for."""

    area: Area
    party: Party
    rooms: int
    """Units of one type of room, over which the party is spread."""
    check_in: dt.date | None = None
    """None: whenever; nothing is said of what is free then."""
    prices: Prices = ANY_PRICE


@dataclass(frozen=True)
class FoundPackage:
    """A package, with the room that the party is offered."""

    row: RowMapping
    parties: tuple[Party, ...]
    """Who sleeps in each unit: what a quote is to be asked for."""
    place: Place


async def find_packages(
    executor: Executor,
    question: PackageQuestion,
    now: dt.datetime,
    *,
    after: Place | None,
    limit: int,
) -> list[FoundPackage]:
    """Return at most ``limit`` packages behind a place, with what they cost the whole party."""
    values = {
        **question.area.values(),
        **page_values(after, limit, question.prices),
        "check_in": question.check_in,
        "adults": question.party.adults,
        "ages": [*question.party.children],
        "rooms": question.rooms,
        "days": days(now),
    }
    rows = await executor.execute(_statement(question.area.condition), values)
    return [
        FoundPackage(
            row=row,
            parties=tuple(question.party.spread(question.rooms, row["child_age_max"])),
            place=Place(row["currency"], row["total"], row["id"]),
        )
        for row in rows.mappings()
    ]


@cache
def _statement(condition: str) -> TextClause:
    return text(
        _STATEMENT.format(
            where=condition.format(table="l"),
            step=step_in_sql("l.currency"),
            taxes=taxes_in_sql("h.taxes", "h.amount", "h.step", _COUNTS),
            payable=payable_in_sql("total", "currency"),
            behind=BEHIND,
            order=ORDER,
        )
    )
