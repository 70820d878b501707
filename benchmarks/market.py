"""A market: rooms with two rate plans each and nights for sale, packages and tours.

Everything follows from numbers alone, so every run has the same market. Four rooms are of one
listing; one night in eleven is sold out and one in 29 closed. Rooms' nights lie together, as
providers put them up.
"""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass

import psycopg

FIRST_NIGHT = dt.date(2031, 1, 1)
ROOMS_OF_LISTING = 4
CURRENCY = "USD"
_NIGHTS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Size:
    """How large a market is."""

    rooms: int
    nights: int
    rooms_of_city: int

    @property
    def cities(self) -> int:
        """How many there are."""
        return self.rooms // self.rooms_of_city


def city(number: int) -> str:
    """Return the name of a city, from 0."""
    return f"city {number}"


def id_of(what: str, name: object) -> str:
    """Return the id of something by its number: what ``md5`` makes of both in the statements."""
    return str(uuid.UUID(hashlib.md5(f"{what} {name}".encode(), usedforsecurity=False).hexdigest()))


_PROVIDERS = """
INSERT INTO provider_profiles (id, user_id, provider_type, display_name,
    verification_status, version)
SELECT md5('provider ' || no)::uuid, md5('user ' || no)::uuid, 'HOTEL_MANAGER', 'Provider ' || no,
    'APPROVED', 1
FROM generate_series(0, %(listings)s / 10) no
"""
_LISTINGS = """
INSERT INTO listings (id, provider_id, title, description, address, city, city_norm, country, lat,
    lon, time_zone, check_in_from, check_out_until, amenities, currency, taxes, child_age_max,
    status, version)
SELECT md5('listing ' || no)::uuid, md5('provider ' || no / 10)::uuid, 'House ' || no,
    repeat('words ', 40), no || ' Main Road', c.name, c.name, 'PK',
    c.number %% 60 + no %% 250 / 1000.0, c.number / 60 + no / 250 %% 250 / 1000.0, 'Asia/Karachi',
    '14:00', '11:00', CASE WHEN no %% 3 = 0 THEN ARRAY['pool', 'wifi'] ELSE ARRAY['wifi'] END,
    'USD', '[{"name": "city tax", "kind": "SHARE", "basis_points": 650},
        {"name": "bed tax", "kind": "PER_ADULT_NIGHT", "amount": 150}]', 12, 'PUBLISHED', 1
FROM generate_series(0, %(listings)s - 1) no
CROSS JOIN LATERAL (SELECT no / %(listings_of_city)s AS number,
    'city ' || no / %(listings_of_city)s AS name) c
"""
_ROOMS = """
INSERT INTO rooms (id, listing_id, name, room_type, adults_max, children_max, beds, base_price,
    units_default, status, version)
SELECT md5('room ' || no)::uuid, md5('listing ' || no / 4)::uuid, 'Room ' || no, 'DOUBLE',
    1 + no %% 4, no %% 3, '[]', 5000 + hashint4(no) %% 3000, 5, 'ACTIVE', 1
FROM generate_series(0, %(rooms)s - 1) no
"""
_PLANS = """
INSERT INTO rate_plans (id, room_id, name, board, terms, no_show, price_rule, min_stay, status,
    version)
SELECT md5('plan ' || no || ' ' || plan)::uuid, md5('room ' || no)::uuid,
    CASE plan WHEN 0 THEN 'Flexible' ELSE 'Saver' END, 'BREAKFAST',
    CASE plan WHEN 0 THEN '[{"hours_before": 48, "kept": {"basis_points": 0}},
        {"kept": {"nights": 1}}]'::jsonb ELSE '[]' END,
    '{"basis_points": 10000}',
    jsonb_build_object('basis_points', 10000 - plan * 1250, 'included_adults', 2,
        'extra_adult', 1500, 'child', 700),
    1, 'ACTIVE', 1
FROM generate_series(0, %(rooms)s - 1) no CROSS JOIN generate_series(0, 1) plan
"""
_NIGHTS = """
INSERT INTO inventory_nights (room_id, night, units, held, sold, price, closed)
SELECT md5('room ' || no)::uuid, %(first)s + day, 5, 0,
    CASE WHEN hashint4(no * 400 + day) %% 11 = 0 THEN 5 ELSE 2 END,
    CASE WHEN day %% 7 > 4 THEN 9000 + abs(hashint4(no) %% 500) END,
    hashint4(no * 400 + day) %% 29 = 0
FROM generate_series(%(from)s::int, %(to)s::int - 1) no
CROSS JOIN generate_series(0, %(nights)s - 1) day
"""
_TOURS = """
INSERT INTO tour_packages (id, provider_id, title, description, city, city_norm, time_zone,
    start_time, days, max_seats, min_seats, price, currency, taxes, cutoff_hours, terms, status,
    version)
SELECT md5('tour ' || no)::uuid, md5('provider ' || no %% (%(listings)s / 10 + 1))::uuid,
    'Tour ' || no, '', c.name, c.name, 'Asia/Karachi', '08:00', 1 + no %% 5, 20, 0,
    10000 + hashint4(no) %% 4000, 'USD', '[]', 24, '[]', 'PUBLISHED', 1
FROM generate_series(0, %(listings)s / 5) no
CROSS JOIN LATERAL (SELECT 'city ' || no %% %(cities)s AS name) c
"""
_DEPARTURES = """
INSERT INTO tour_departures (id, package_id, departure_date, starts_at, ends_at, seats, held, sold,
    price, status, version)
SELECT md5('departure ' || no || ' ' || day)::uuid, md5('tour ' || no)::uuid, %(first)s + day,
    (%(first)s + day)::timestamp AT TIME ZONE 'UTC' + interval '3 hours',
    (%(first)s + day)::timestamp AT TIME ZONE 'UTC' + interval '12 hours', 20, 0,
    CASE WHEN day %% 5 = 0 THEN 20 ELSE 8 END, NULL,
    CASE WHEN day %% 7 = 0 THEN 'CLOSED' ELSE 'OPEN' END, 1
FROM generate_series(0, %(listings)s / 5) no CROSS JOIN generate_series(0, 59) day
"""
_PACKAGES = """
INSERT INTO hotel_packages (id, provider_id, listing_id, title, description, template, nights,
    availability_rule, price_per_person, terms, status, version)
SELECT md5('package ' || no)::uuid, md5('provider ' || no / 10)::uuid,
    md5('listing ' || no)::uuid, 'Package ' || no, '', 'SPA', 2 + no %% 4, 'FLEXIBLE',
    20000 + hashint4(no) %% 9000, '[]', 'PUBLISHED', 1
FROM generate_series(0, %(listings)s - 1) no WHERE no %% 3 = 0
"""
_PACKAGE_ROOMS = """
INSERT INTO hotel_package_rooms (package_id, room_id, units)
SELECT md5('package ' || no)::uuid, md5('room ' || no * 4 + 1)::uuid, 2
FROM generate_series(0, %(listings)s - 1) no WHERE no %% 3 = 0
"""


def fill(url: str, size: Size) -> None:
    """Write a market into a migrated database without one."""
    listings = size.rooms // ROOMS_OF_LISTING
    values = {
        "rooms": size.rooms,
        "nights": size.nights,
        "listings": listings,
        "listings_of_city": size.rooms_of_city // ROOMS_OF_LISTING,
        "cities": size.cities,
        "first": FIRST_NIGHT,
    }
    at_once = max(1, _NIGHTS_AT_ONCE // size.nights)
    with psycopg.connect(url, autocommit=True) as connection:
        # what a provider goes through before it is approved is not what is measured
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for statement in (_PROVIDERS, _LISTINGS, _ROOMS, _PLANS, _TOURS, _DEPARTURES, _PACKAGES):
            connection.execute(statement, values)
        connection.execute(_PACKAGE_ROOMS, values)
        for first in range(0, size.rooms, at_once):
            some = {**values, "from": first, "to": min(first + at_once, size.rooms)}
            connection.execute(_NIGHTS, some)
        connection.execute("VACUUM ANALYZE")
