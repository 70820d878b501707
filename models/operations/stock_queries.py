"""What must always hold about nights and seats, as SQL: reliability.md §2, I10.

As those in ``models.operations.place_queries``. Of counters those are looked at that somebody may
still buy, or give back.
"""

# ruff: noqa: S608  (made of our own constants)

from models.marketplace.stock.tables import COUNTED

HELD_TOO_LONG = """
SELECT booking_id::text AS subject, booking_id,
    format('stock is held that was to be free at %s', min(expires_at)) AS what
FROM stock_claims WHERE state = 'HELD' AND expires_at < now() - interval '30 seconds'
GROUP BY booking_id
"""

_PAST = "(now() - interval '2 days')"
"""Counters from before are not looked at: two full rounds have seen them, a night apart."""

MISCOUNTED_NIGHTS = f"""
WITH live AS MATERIALIZED (
    SELECT room_id, lower(nights) + number AS night,
        sum(units) FILTER (WHERE state = 'HELD') AS held,
        sum(units) FILTER (WHERE state <> 'HELD') AS sold
    FROM stock_claims, generate_series(
        greatest(0, {_PAST}::date - lower(nights)), upper(nights) - lower(nights) - 1) AS number
    WHERE {COUNTED} AND room_id IS NOT NULL AND upper(nights) > {_PAST}::date
    GROUP BY 1, 2
), counted AS (
    SELECT * FROM inventory_nights WHERE night >= {_PAST}::date AND held + sold > 0
)
SELECT format('%s on %s', room_id, night) AS subject, NULL::uuid AS booking_id,
    format('%s are counted as held and %s as sold, and there are %s and %s',
        coalesce(n.held, 0), coalesce(n.sold, 0), coalesce(l.held, 0), coalesce(l.sold, 0)) AS what
FROM counted n FULL JOIN live l USING (room_id, night)
WHERE coalesce(n.held, 0) <> coalesce(l.held, 0) OR coalesce(n.sold, 0) <> coalesce(l.sold, 0)
"""

MISCOUNTED_SEATS = f"""
SELECT d.id::text AS subject, NULL::uuid AS booking_id,
    format('%s are counted as held and %s as sold, and there are %s and %s',
        d.held, d.sold, l.held, l.sold) AS what
FROM tour_departures d, LATERAL (
    SELECT coalesce(sum(units) FILTER (WHERE state = 'HELD'), 0) AS held,
        coalesce(sum(units) FILTER (WHERE state <> 'HELD'), 0) AS sold
    FROM stock_claims WHERE departure_id = d.id AND {COUNTED}) AS l
WHERE d.ends_at > {_PAST} AND (d.held <> l.held OR d.sold <> l.sold)
"""

AGAINST_BOOKING = """
SELECT b.id::text AS subject, b.id AS booking_id,
    format('the booking is %s, and its stock is %s', b.state,
        string_agg(DISTINCT c.state, ', ')) AS what
FROM stock_claims c JOIN bookings b ON b.id = c.booking_id
WHERE c.state IN ('HELD', 'SOLD') AND (b.state IN ('CANCELLED', 'EXPIRED', 'FAILED', 'COMPLETED')
    OR c.state = 'HELD' AND b.state IN ('PROCESSING', 'CONFIRMED', 'CHECKED_IN', 'NO_SHOW'))
GROUP BY b.id, b.state
UNION ALL
SELECT b.id::text, b.id, format('the booking is %s, and no stock is sold to it', b.state)
FROM bookings b
WHERE b.kind IN ('HOTEL_PACKAGE', 'STAY', 'TOUR_PACKAGE')
    AND b.state IN ('PROCESSING', 'CONFIRMED', 'CHECKED_IN')
    AND NOT EXISTS (SELECT FROM stock_claims c
        WHERE c.booking_id = b.id AND c.state IN ('SOLD', 'USED'))
"""
"""Claims follow their booking in its own transaction: the two must agree."""

CONSTRAINTS = (
    ("inventory_nights", "inventory_nights_units"),
    ("tour_departures", "tour_departures_seats"),
    ("stock_claims", "stock_claims_held"),
    ("stock_claims", "stock_claims_what"),
)
"""Table and name of what refuses to hold or sell more than there is."""
