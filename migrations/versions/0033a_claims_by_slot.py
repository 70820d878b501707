"""Where a claim's start is counted: in the slot of its venue, no longer in a quarter of an hour.

NULL for the claims that are there, which stay counted as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033a"
down_revision = "0032c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "inventory_claims", sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("inventory_claims", "slot_at")
