"""Callers have scopes; those there are may do what they could."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default: NULL is what the release before writes, and means what the role says.
    op.add_column("callers", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.execute("""
        UPDATE callers SET scopes = CASE role
            WHEN 'operator' THEN ARRAY['operator']
            ELSE ARRAY['events:read', 'trips', 'webhooks:write']
        END
    """)


def downgrade() -> None:
    op.drop_column("callers", "scopes")
