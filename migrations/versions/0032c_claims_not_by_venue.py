"""Nobody looks among all claims of a venue any more. This can be repeated."""

import sqlalchemy as sa

from migrations.online import create_index, drop_index

revision = "0032c"
down_revision = "0032b"
branch_labels = None
depends_on = None

LIVE = {"postgresql_where": sa.text("state IN ('HELD','SOLD')")}


def upgrade() -> None:
    drop_index("ix_inventory_claims_venue")


def downgrade() -> None:
    create_index("ix_inventory_claims_venue", "inventory_claims", ["venue_id"], **LIVE)
