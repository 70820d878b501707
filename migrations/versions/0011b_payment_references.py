"""Check the references to payments that 0011 made for new rows only.

Checking needs no lock that a writer waits for, but would hold the ones of 0011 that does.
"""

from alembic import op

revision = "0011b"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("booking_items", "refunds", "disputes"):
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_payment")


def downgrade() -> None:
    """A checked reference does no harm to what was before."""
