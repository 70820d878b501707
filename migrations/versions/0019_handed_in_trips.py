"""Callers may be given the right to hand in a whole trip with a booking."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "callers",
        sa.Column(
            "may_hand_in_trips", sa.Boolean(), nullable=False, server_default=sa.text("false")
        ),
    )


def downgrade() -> None:
    op.drop_column("callers", "may_hand_in_trips")
