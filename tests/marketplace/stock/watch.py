"""The database itself looks at counters within every commit: they are what the claims say."""

from tests.ledger.conftest import Books

# Deferred: within each COMMIT, when the transaction still has the locks of what it has counted.
_WATCH = """
CREATE OR REPLACE FUNCTION watch_nights() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
    SELECT n.held, n.sold, coalesce(sum(c.units) FILTER (WHERE c.state = 'HELD'), 0) AS is_held,
        coalesce(sum(c.units) FILTER (WHERE c.state <> 'HELD'), 0) AS is_sold INTO found
    FROM inventory_nights n LEFT JOIN stock_claims c ON c.room_id = n.room_id
        AND c.nights @> n.night AND c.state IN ('HELD', 'SOLD', 'USED')
    WHERE n.room_id = NEW.room_id AND n.night = NEW.night GROUP BY 1, 2;
    IF found.held <> found.is_held OR found.sold <> found.is_sold THEN
        RAISE EXCEPTION 'counted % and %, claimed % and %', found.held, found.sold, found.is_held,
            found.is_sold;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION watch_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
    SELECT n.held, n.sold, coalesce(sum(c.units) FILTER (WHERE c.state = 'HELD'), 0) AS is_held,
        coalesce(sum(c.units) FILTER (WHERE c.state <> 'HELD'), 0) AS is_sold INTO found
    FROM tour_departures n LEFT JOIN stock_claims c ON c.departure_id = n.id
        AND c.state IN ('HELD', 'SOLD', 'USED')
    WHERE n.id = NEW.id GROUP BY 1, 2;
    IF found.held <> found.is_held OR found.sold <> found.is_sold THEN
        RAISE EXCEPTION 'counted % and %, claimed % and %', found.held, found.sold, found.is_held,
            found.is_sold;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS watch ON inventory_nights;
CREATE CONSTRAINT TRIGGER watch AFTER UPDATE ON inventory_nights
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION watch_nights();
DROP TRIGGER IF EXISTS watch ON tour_departures;
CREATE CONSTRAINT TRIGGER watch AFTER UPDATE ON tour_departures
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION watch_seats();
"""


async def watch(books: Books) -> None:
    """Refuse every commit after which counters are not what the claims say."""
    async with books.connection() as connection:
        await connection.execute(_WATCH)
