"""What quotes are made of, read in one statement each: catalogue, stock and the clock agree."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text

from models.core.database import Executor
from models.marketplace.quotes.offered import Lodging, Outing

_PROVIDER = """
jsonb_build_object('id', v.id, 'display_name', v.display_name,
    'verification_status', v.verification_status) AS provider
"""

_ROOMS = """
(SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'room_type', r.room_type,
    'adults_max', r.adults_max, 'children_max', r.children_max, 'beds', r.beds,
    'base_price', r.base_price, 'status', r.status,
    'plans', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', q.id, 'name', q.name,
            'board', q.board, 'terms', q.terms, 'no_show', q.no_show, 'price_rule', q.price_rule,
            'min_stay', q.min_stay, 'max_stay', q.max_stay, 'book_ahead_min', q.book_ahead_min,
            'book_ahead_max', q.book_ahead_max, 'status', q.status) ORDER BY q.id), '[]')
        FROM rate_plans q WHERE q.room_id = r.id),
    'nights', (SELECT coalesce(jsonb_agg(jsonb_build_object('night', n.night,
            'available', n.available, 'price', n.price, 'closed', n.closed,
            'closed_to_arrival', n.closed_to_arrival,
            'closed_to_departure', n.closed_to_departure, 'min_stay', n.min_stay)
            ORDER BY n.night), '[]')
        FROM inventory_nights n
        WHERE n.room_id = r.id AND n.night BETWEEN d.check_in AND d.check_out)
    ) ORDER BY r.id), '[]')
FROM rooms r WHERE r.listing_id = l.id
    AND (CAST(:rooms AS uuid[]) IS NULL OR r.id = ANY(CAST(:rooms AS uuid[])))) AS rooms
"""
_LISTING = """
jsonb_build_object('id', l.id, 'title', l.title, 'address', l.address, 'city', l.city,
    'country', l.country, 'time_zone', l.time_zone, 'check_in_from', l.check_in_from,
    'check_out_until', l.check_out_until, 'currency', l.currency, 'taxes', l.taxes,
    'child_age_max', l.child_age_max, 'status', l.status) AS listing
"""
_LODGING = text(f"""
SELECT clock_timestamp() AS now, {_LISTING}, {_PROVIDER}, {_ROOMS}, NULL AS package
FROM listings l JOIN provider_profiles v ON v.id = l.provider_id
CROSS JOIN (SELECT CAST(:check_in AS date) AS check_in, CAST(:check_out AS date) AS check_out) d
WHERE l.id = :id
""")  # noqa: S608

_PACKAGE = text(f"""
SELECT clock_timestamp() AS now, {_LISTING}, {_PROVIDER}, {_ROOMS},
    jsonb_build_object('id', h.id, 'title', h.title, 'template', h.template, 'nights', h.nights,
        'availability_rule', h.availability_rule, 'season_from', lower(h.season),
        'season_until', upper(h.season), 'weekdays', h.weekdays,
        'price_per_person', h.price_per_person, 'terms', h.terms, 'status', h.status,
        'units', (SELECT coalesce(jsonb_object_agg(o.room_id, o.units), '{{}}')
            FROM hotel_package_rooms o WHERE o.package_id = h.id)) AS package
FROM hotel_packages h JOIN listings l ON l.id = h.listing_id
    JOIN provider_profiles v ON v.id = h.provider_id
CROSS JOIN LATERAL (SELECT CAST(:check_in AS date) AS check_in,
    CAST(:check_in AS date) + h.nights AS check_out) d
WHERE h.id = :id
""")  # noqa: S608

_OUTING = text(f"""
SELECT clock_timestamp() AS now, {_PROVIDER},
    jsonb_build_object('id', t.id, 'title', t.title, 'city', t.city, 'country', t.country,
        'time_zone', t.time_zone, 'days', t.days, 'price', t.price, 'currency', t.currency,
        'taxes', t.taxes, 'cutoff_hours', t.cutoff_hours, 'terms', t.terms,
        'status', t.status) AS tour,
    (SELECT jsonb_build_object('id', d.id, 'departure_date', d.departure_date,
            'starts_at', d.starts_at, 'ends_at', d.ends_at,
            'available', d.seats - d.held - d.sold, 'price', d.price, 'status', d.status)
        FROM tour_departures d
        WHERE d.id = CAST(:departure AS uuid) AND d.package_id = t.id) AS departure
FROM tour_packages t JOIN provider_profiles v ON v.id = t.provider_id WHERE t.id = :id
""")  # noqa: S608


async def read_listing(
    executor: Executor,
    listing_id: str,
    check_in: dt.date,
    check_out: dt.date,
    rooms: Sequence[str] | None = None,
) -> Lodging | None:
    """Return a listing with these rooms, or all of them; None: there is none of this id."""
    values = {"id": listing_id, "check_in": check_in, "check_out": check_out}
    found = await executor.execute(
        _LODGING, {**values, "rooms": None if rooms is None else [*rooms]}
    )
    row = found.mappings().one_or_none()
    return None if row is None else Lodging.model_validate(dict(row))


async def read_package(
    executor: Executor, package_id: str, check_in: dt.date, rooms: Sequence[str]
) -> Lodging | None:
    """Return a hotel package with its listing and these rooms; None: there is none of this id."""
    values = {"id": package_id, "check_in": check_in, "rooms": [*rooms]}
    row = (await executor.execute(_PACKAGE, values)).mappings().one_or_none()
    return None if row is None else Lodging.model_validate(dict(row))


async def read_tour(executor: Executor, tour_id: str, departure_id: str | None) -> Outing | None:
    """Return a tour with a departure of it, if that exists; None: there is no tour of this id."""
    values = {"id": tour_id, "departure": departure_id}
    row = (await executor.execute(_OUTING, values)).mappings().one_or_none()
    return None if row is None else Outing.model_validate(dict(row))
