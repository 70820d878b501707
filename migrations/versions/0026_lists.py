"""What bookings were sold with: a referral code and a discount."""

import sqlalchemy as sa
from alembic import op

from migrations.online import add_check

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("referral_code", sa.String(), nullable=True))
    op.add_column("bookings", sa.Column("discount_percent", sa.Numeric(5, 2), nullable=True))
    add_check("bookings", "bookings_discount", "discount_percent BETWEEN 0 AND 100")


def downgrade() -> None:
    op.drop_column("bookings", "discount_percent")
    op.drop_column("bookings", "referral_code")
