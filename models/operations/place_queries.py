"""What must always hold about places at venues, as SQL: reliability.md §2, I10.

As those in ``models.operations.invariant_queries``; what they look at is small, so all of it. Of
counters, of which a stay has 96 a night, those that somebody may still claim or give back.
"""

# ruff: noqa: S608  (made of our own constants)

from models.inventory.claims import by_bucket
from models.operations import stock_queries

LATE = "interval '15 minutes'"
"""Many times as long as a round of the loop that does what is due, and as its leases."""

HELD_TOO_LONG = f"""
SELECT booking_id::text AS subject, booking_id,
    format('a place is held that was to be free at %s', min(expires_at)) AS what
FROM inventory_claims WHERE state = 'HELD' AND expires_at < now() - {LATE} GROUP BY booking_id
"""

OVERDUE = f"""
SELECT booking_id::text AS subject, booking_id,
    string_agg(format('%s was due at %s and is not done, %s attempts', action, due_at, attempts),
        '; ' ORDER BY due_at) AS what
FROM booking_due WHERE due_at < now() - {LATE} GROUP BY booking_id
"""

PAST = "now() - interval '2 days'"
"""Counters from before are not looked at: two full rounds have seen them, a night apart."""

# A claim begins to be counted before it ends: of one that ended earlier there is nothing later.
MISCOUNTED = f"""
WITH standing AS (
    SELECT * FROM inventory_claims WHERE state IN ('HELD', 'SOLD', 'USED')
        AND upper(during) > {PAST}
), live AS (
    SELECT * FROM ({by_bucket("standing")}) AS claimed WHERE bucket > {PAST}
), counted AS (
    SELECT * FROM venue_slots WHERE bucket > {PAST}
)
SELECT format('%s at %s', venue_id, bucket) AS subject, NULL::uuid AS booking_id,
    format('%s guests, %s parties and %s arrivals are counted, and there are %s, %s and %s',
        coalesce(s.covers_taken, 0), coalesce(s.starts_taken, 0), coalesce(s.arrivals_taken, 0),
        coalesce(l.units, 0), coalesce(l.parties, 0), coalesce(l.arrivals, 0)) AS what
FROM counted s FULL JOIN live l USING (venue_id, bucket)
WHERE coalesce(s.covers_taken, 0) <> coalesce(l.units, 0)
    OR coalesce(s.starts_taken, 0) <> coalesce(l.parties, 0)
    OR coalesce(s.arrivals_taken, 0) <> coalesce(l.arrivals, 0)
"""

CONSTRAINTS = (
    ("inventory_claims", "claims_one_per_resource"),
    ("inventory_claims", "claims_one_per_guest"),
    ("venue_slots", "venue_slots_covers"),
    ("venue_slots", "venue_slots_starts"),
    ("venue_slots", "venue_slots_arrivals"),
    *stock_queries.CONSTRAINTS,
)
"""Table and name of what refuses two claims that cannot both be."""

UNCONSTRAINED = f"""
SELECT 'constraints' AS subject, NULL::uuid AS booking_id,
    'constraints missing: ' || string_agg(g.name || ' on ' || g.relation, ', ') AS what
FROM (VALUES {", ".join(f"('{table}', '{name}')" for table, name in CONSTRAINTS)})
    AS g(relation, name)
WHERE NOT EXISTS (
    SELECT FROM pg_constraint c WHERE c.conrelid = to_regclass(g.relation) AND c.conname = g.name
    AND c.convalidated)
HAVING count(*) > 0
"""
