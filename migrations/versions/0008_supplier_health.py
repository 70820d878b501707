"""How suppliers do: the circuit of each, how unknown outcomes were settled; cases about fees."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = "'SAGA','DISPUTE','REFUND','INVARIANT','WEBHOOK','RECONCILIATION','SUPPLIER'"

_HASHES = (
    ("ix_booking_items_searched_hash", "offer"),
    ("ix_booking_items_booked_hash", "quote"),
)


def _time(name: str, *, nullable: bool = True) -> sa.Column[dt.datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "supplier_health",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        _time("since", nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        _time("last_fault_at"),
        sa.Column("last_fault_code", sa.String(), nullable=True),
        sa.Column("last_fault", sa.String(), nullable=True),
        _time("last_success_at"),
        _time("tried_at"),
        sa.CheckConstraint("state IN ('up','down','trying')", name="supplier_health_state"),
        sa.CheckConstraint("faults >= 0", name="supplier_health_faults"),
        sa.PrimaryKeyConstraint("supplier"),
    )
    op.add_column("attempts", sa.Column("settled", sa.String(), nullable=True))
    op.create_index("ix_attempts_provider", "attempts", ["provider", "id"])
    op.create_index("ix_attempts_started", "attempts", ["started_at"], postgresql_using="brin")
    op.create_index(
        "ix_attempts_bulky",
        "attempts",
        ["started_at"],
        postgresql_where=sa.text("outcome = 'done' AND result ? 'details'"),
    )
    op.create_index(
        "ix_booking_items_supplier_status",
        "booking_items",
        ["supplier", "status", sa.text("created_at DESC")],
    )
    for name, column in _HASHES:
        op.create_index(
            name,
            "booking_items",
            [sa.text(f"({column} -> 'offer' ->> 'book_hash')")],
            postgresql_where=sa.text(f"({column} -> 'offer' ->> 'book_hash') IS NOT NULL"),
        )
    op.drop_constraint("cases_kind", "cases")
    op.create_check_constraint("cases_kind", "cases", f"kind IN ({_KINDS},'FEE')")


def downgrade() -> None:
    op.execute("DELETE FROM cases WHERE kind = 'FEE'")
    op.drop_constraint("cases_kind", "cases")
    op.create_check_constraint("cases_kind", "cases", f"kind IN ({_KINDS})")
    for name, _ in _HASHES:
        op.drop_index(name, "booking_items")
    op.drop_index("ix_booking_items_supplier_status", "booking_items")
    op.drop_index("ix_attempts_bulky", "attempts")
    op.drop_index("ix_attempts_started", "attempts")
    op.drop_index("ix_attempts_provider", "attempts")
    op.drop_column("attempts", "settled")
    op.drop_table("supplier_health")
