"""The database has the id of its world."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "world",
        sa.Column("single", sa.Boolean(), server_default=sa.true(), primary_key=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint("single", name="world_single"),
    )
    op.execute("INSERT INTO world DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("world")
