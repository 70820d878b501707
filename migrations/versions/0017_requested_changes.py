"""What a change of a booking asks for is stored as ``requested``."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("booking_changes", "wish", new_column_name="requested")


def downgrade() -> None:
    op.alter_column("booking_changes", "requested", new_column_name="wish")
