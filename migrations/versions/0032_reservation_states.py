"""The state of a booking stands with its reservation too: lists filter by it within an index.

Triggers keep it, so that whoever moves a booking cannot forget it. What was there before is filled
in by 0032b.
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

FOLLOW = """
CREATE FUNCTION follow_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reservations SET state = NEW.state WHERE booking_id = NEW.id;
    RETURN NULL;
END $$
"""
FOLLOWS = """
CREATE TRIGGER follow_booking_state AFTER UPDATE OF state ON bookings FOR EACH ROW
WHEN (NEW.kind = 'RESERVATION' AND NEW.state IS DISTINCT FROM OLD.state)
EXECUTE FUNCTION follow_booking_state()
"""
TAKE = """
CREATE FUNCTION take_booking_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := (SELECT state FROM bookings WHERE id = NEW.booking_id);
    RETURN NEW;
END $$
"""
TAKES = """
CREATE TRIGGER take_booking_state BEFORE INSERT ON reservations
FOR EACH ROW EXECUTE FUNCTION take_booking_state()
"""


def upgrade() -> None:
    op.execute(FOLLOW)
    op.execute(FOLLOWS)
    # With a default no row is rewritten; without one, a row that no booking is behind is refused.
    op.execute("ALTER TABLE reservations ADD COLUMN state varchar NOT NULL DEFAULT 'PENDING'")
    op.execute("ALTER TABLE reservations ALTER COLUMN state DROP DEFAULT")
    op.execute(TAKE)
    op.execute(TAKES)


def downgrade() -> None:
    op.execute("DROP TRIGGER follow_booking_state ON bookings")
    op.execute("DROP TRIGGER take_booking_state ON reservations")
    op.drop_column("reservations", "state")
    op.execute("DROP FUNCTION follow_booking_state()")
    op.execute("DROP FUNCTION take_booking_state()")
