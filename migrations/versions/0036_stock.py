"""Nights and departures for sale, and what bookings claim of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inventory_nights",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "available",
            sa.Integer(),
            sa.Computed("units - held - sold", persisted=True),
            nullable=False,
        ),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "closed_to_arrival", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "closed_to_departure", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("min_stay", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "held >= 0 AND sold >= 0 AND units >= 0 AND held + sold <= units",
            name="inventory_nights_units",
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"]),
        sa.PrimaryKeyConstraint("room_id", "night"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_inventory_nights_night", "inventory_nights", ["night"])
    op.create_table(
        "tour_departures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("departure_date", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('OPEN','CLOSED','CANCELLED')", name="tour_departures_status"
        ),
        sa.CheckConstraint(
            "held >= 0 AND sold >= 0 AND seats >= 0 AND held + sold <= seats",
            name="tour_departures_seats",
        ),
        sa.ForeignKeyConstraint(["package_id"], ["tour_packages.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_tour_departures_date", "tour_departures", ["package_id", "departure_date"], unique=True
    )
    op.create_table(
        "stock_claims",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("nights", postgresql.DATERANGE(), nullable=True),
        sa.Column("departure_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("state <> 'HELD' OR expires_at IS NOT NULL", name="stock_claims_held"),
        sa.CheckConstraint(
            "state IN ('HELD','SOLD','USED','RELEASED','EXPIRED')", name="stock_claims_state"
        ),
        sa.CheckConstraint(
            "(room_id IS NOT NULL) = (nights IS NOT NULL)"
            " AND (room_id IS NULL) = (departure_id IS NOT NULL)"
            " AND NOT isempty(nights)",
            name="stock_claims_what",
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 500", name="stock_claims_units"),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_stock_claims_booking", "stock_claims", ["booking_id"])
    op.create_index(
        "ix_stock_claims_departure",
        "stock_claims",
        ["departure_id"],
        postgresql_where=sa.text("state IN ('HELD','SOLD')"),
    )
    op.create_index(
        "ix_stock_claims_overdue",
        "stock_claims",
        ["expires_at"],
        postgresql_where=sa.text("state = 'HELD'"),
    )
    op.create_index(
        "ix_stock_claims_room",
        "stock_claims",
        ["room_id"],
        postgresql_where=sa.text("state IN ('HELD','SOLD')"),
    )


def downgrade() -> None:
    for table in (
        "stock_claims",
        "tour_departures",
        "inventory_nights",
    ):
        op.drop_table(table)
