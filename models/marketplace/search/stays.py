"""Stays that can be had in a place: the cheapest offer of each listing, the cheapest listing first.

One statement. It reads the nights of every room in the place that takes the party, so a page costs
what the place has, wherever in the list it is; nothing is read of other places. What an offer
costs is reckoned as quotes reckon it (``models.marketplace.quotes.pricing``; a test compares them).
Taxes are reckoned once a listing: what is cheapest without them is so with them. ``OFFSET 0`` has
rooms and plans looked up for each place, as many as there may be of them elsewhere.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cache

from sqlalchemy import RowMapping, TextClause, text

from models.core.database import Executor
from models.marketplace.catalogue.lifecycle import OfferStatus
from models.marketplace.quotes.offered import Listing, Plan
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.pricing import MOST
from models.marketplace.search.offers import Nights, OfferedRoom, StayOffer, stay_offer
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
    adults="o.grown",
    persons="CAST(:adults AS int) + cardinality(CAST(:ages AS int[]))",
    units="CAST(:rooms AS int)",
    nights="CAST(:nights AS int)",
)
_STATEMENT = """
WITH places AS MATERIALIZED (
    SELECT l.id, l.currency, l.taxes, g.grown,
        CAST(CAST(:days AS jsonb) ->> l.time_zone AS date) AS today,
        cardinality(CAST(:ages AS int[])) + CAST(:adults AS int) - g.grown AS young,
        {step} AS step
    FROM listings l
    JOIN provider_profiles v ON v.id = l.provider_id AND v.verification_status = 'APPROVED'
    CROSS JOIN LATERAL (SELECT CAST(:adults AS int) + count(*)::int AS grown
        FROM unnest(CAST(:ages AS int[])) age WHERE age > l.child_age_max) g
    WHERE l.status = 'PUBLISHED' AND {where}
        AND l.amenities @> CAST(:amenities AS text[])
        AND (CAST(:currency AS text) IS NULL OR l.currency = :currency)
        AND l.check_in_from IS NOT NULL AND l.check_out_until IS NOT NULL
), offers AS (
    SELECT DISTINCT ON (l.id) l.id, l.currency, l.taxes, l.step, l.grown,
        r.id AS room_id, p.id AS plan_id, n.prices, n.units, s.amount
    FROM places l
    CROSS JOIN LATERAL (
        SELECT r.id, r.adults_max, r.base_price FROM rooms r
        WHERE r.listing_id = l.id AND r.status = 'ACTIVE'
            AND r.adults_max * :rooms >= l.grown AND r.children_max * :rooms >= l.young OFFSET 0
    ) r
    CROSS JOIN LATERAL (
        SELECT min(i.available) FILTER (WHERE i.night < :check_out) AS units,
            array_agg(coalesce(i.price, r.base_price) ORDER BY i.night)
                FILTER (WHERE i.night < :check_out) AS prices
        FROM inventory_nights i
        WHERE i.room_id = r.id AND i.night BETWEEN :check_in AND :check_out
        HAVING count(*) FILTER (WHERE i.night < :check_out AND NOT i.closed
                AND i.available >= :rooms
                AND (i.night > :check_in OR (NOT i.closed_to_arrival
                    AND coalesce(i.min_stay, 1) <= :nights))) = :nights
            AND NOT coalesce(bool_or(i.closed_to_departure)
                FILTER (WHERE i.night = :check_out), false)
    ) n
    CROSS JOIN LATERAL (
        SELECT q.id, coalesce((q.price_rule->>'basis_points')::bigint, 10000) AS share,
            coalesce((q.price_rule->>'included_adults')::int, r.adults_max) AS included,
            coalesce((q.price_rule->>'extra_adult')::bigint, 0) AS extra,
            coalesce((q.price_rule->>'child')::bigint, 0) AS child
        FROM rate_plans q
        WHERE q.room_id = r.id AND q.status = 'ACTIVE' AND q.min_stay <= :nights
            AND coalesce(q.max_stay, :nights) >= :nights
            AND CAST(:check_in AS date) - l.today
                BETWEEN coalesce(q.book_ahead_min, 0) AND coalesce(q.book_ahead_max, 32767)
        OFFSET 0
    ) p
    CROSS JOIN LATERAL (
        SELECT sum((price * p.share + 10000 * (u.extras) + 5000 * l.step)
            / (10000 * l.step) * l.step)::bigint AS amount
        FROM unnest(n.prices) price
        CROSS JOIN (
            SELECT greatest(l.grown / :rooms + (no < l.grown % :rooms)::int - p.included, 0)
                    * p.extra
                + (l.young / :rooms + (:rooms - 1 - no < l.young % :rooms)::int)
                    * p.child AS extras
            FROM generate_series(0, :rooms - 1) no
        ) u
    ) s
    ORDER BY l.id, s.amount, r.id, p.id
), priced AS (
    SELECT o.*, o.amount + {taxes} AS total FROM offers o WHERE o.amount <= {most}
), page AS (
    SELECT * FROM priced WHERE {payable} AND {behind} ORDER BY {order} LIMIT :limit
)
SELECT a.id::text, a.currency, a.total::bigint AS total, a.room_id::text, a.prices, a.units,
    l.title, l.description, l.address, l.city, l.country, l.lat, l.lon, l.time_zone,
    l.check_in_from, l.check_out_until, l.amenities, l.child_age_max, l.taxes,
    r.name AS room_name, r.room_type, r.adults_max, r.children_max, r.beds,
    to_jsonb(q) AS plan
FROM page a JOIN listings l ON l.id = a.id JOIN rooms r ON r.id = a.room_id
    JOIN rate_plans q ON q.id = a.plan_id
ORDER BY a.currency, a.total, a.id
"""


@dataclass(frozen=True)
class StayQuestion:
    """Which stays are asked for."""

    area: Area
    check_in: dt.date
    check_out: dt.date
    party: Party
    rooms: int
    """Units of one type of room, over which the party is spread."""
    amenities: tuple[str, ...] = ()
    """All of them."""
    prices: Prices = ANY_PRICE

    @property
    def nights(self) -> int:
        """How many they are."""
        return (self.check_out - self.check_in).days


async def find_stays(
    executor: Executor, question: StayQuestion, now: dt.datetime, *, after: Place | None, limit: int
) -> list["FoundStay"]:
    """Return at most ``limit`` listings behind a place, each with its cheapest offer.

    A listing whose cheapest offer is not among the wanted prices, or cannot be paid by card, is
    left out.
    """
    values = {
        **question.area.values(),
        **page_values(after, limit, question.prices),
        "check_in": question.check_in,
        "check_out": question.check_out,
        "nights": question.nights,
        "adults": question.party.adults,
        "ages": [*question.party.children],
        "rooms": question.rooms,
        "amenities": [*question.amenities],
        "days": days(now),
    }
    rows = await executor.execute(_statement(question.area.condition), values)
    return [_found(row, question, now) for row in rows.mappings()]


@cache
def _statement(condition: str) -> TextClause:
    return text(
        _STATEMENT.format(
            where=condition.format(table="l"),
            step=step_in_sql("l.currency"),
            taxes=taxes_in_sql("o.taxes", "o.amount", "o.step", _COUNTS),
            payable=payable_in_sql("total", "currency"),
            behind=BEHIND,
            order=ORDER,
            most=MOST,
        )
    )


@dataclass(frozen=True)
class FoundStay:
    """A listing with its cheapest offer."""

    listing: Listing
    description: str
    lat: float | None
    lon: float | None
    amenities: tuple[str, ...]
    offer: StayOffer
    place: Place
    """In the order of the list."""


def _found(row: RowMapping, question: StayQuestion, now: dt.datetime) -> FoundStay:
    listing = Listing(**{name: row[name] for name in _OF_LISTING}, status=OfferStatus.PUBLISHED)
    room = OfferedRoom(
        id=row["room_id"],
        name=row["room_name"],
        room_type=row["room_type"],
        adults_max=row["adults_max"],
        children_max=row["children_max"],
        beds=tuple(row["beds"]),
    )
    plan = Plan.model_validate(row["plan"])
    sold = Nights(question.check_in, row["prices"], row["units"])
    return FoundStay(
        listing=listing,
        description=row["description"],
        lat=row["lat"],
        lon=row["lon"],
        amenities=tuple(row["amenities"]),
        offer=stay_offer(listing, room, plan, sold, question.party, question.rooms, now),
        place=Place(row["currency"], row["total"], row["id"]),
    )


_OF_LISTING = [name for name in Listing.model_fields if name != "status"]
