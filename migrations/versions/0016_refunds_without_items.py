"""What of a refund is for which item is not stored any more: nobody has ever read it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("refunds", "items")


def downgrade() -> None:
    op.add_column(
        "refunds",
        sa.Column("items", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")),
    )
    op.alter_column("refunds", "items", server_default=None)
