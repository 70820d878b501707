"""Who offers stays and tours, and what: profiles, listings, rooms, rate plans, packages, tours.

The transitions stand here as they were in models/marketplace/providers/lifecycle.py when this
migration was written; a change there needs a migration of its own (a test compares the two).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

MOVES = {
    "NOT_STARTED": ["IN_PROGRESS"],
    "IN_PROGRESS": ["SUBMITTED"],
    "SUBMITTED": ["IN_PROGRESS", "UNDER_REVIEW"],
    "UNDER_REVIEW": ["APPROVED", "REJECTED"],
    "APPROVED": ["SUSPENDED"],
    "REJECTED": ["IN_PROGRESS"],
    "SUSPENDED": ["APPROVED"],
}

_TRANSITIONS = sa.table("provider_transitions", sa.column("from_status"), sa.column("to_status"))

OFFERS = ("listings", "hotel_packages", "tour_packages")

GUARD_PROVIDER = """
CREATE FUNCTION guard_provider_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.provider_type <> OLD.provider_type THEN
        RAISE EXCEPTION 'provider % cannot become a %', OLD.id, NEW.provider_type
            USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_profiles_transition';
    END IF;
    IF NEW.version <> OLD.version
        + (NEW.verification_status <> OLD.verification_status)::int THEN
        RAISE EXCEPTION 'the version of provider % must grow by one with its status, and only then',
            OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_profiles_transition';
    END IF;
    IF NEW.verification_status <> OLD.verification_status AND NOT EXISTS (
        SELECT FROM provider_transitions
        WHERE from_status = OLD.verification_status AND to_status = NEW.verification_status
    ) THEN
        RAISE EXCEPTION 'provider % cannot become % from %',
            OLD.id, NEW.verification_status, OLD.verification_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_profiles_transition';
    END IF;
    RETURN NEW;
END $$
"""

# Read FOR SHARE: a suspension under way is waited for, and one that comes waits for us.
GUARD_PUBLISHING = """
CREATE FUNCTION guard_publishing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'ARCHIVED' AND NEW.status <> 'ARCHIVED' THEN
        RAISE EXCEPTION '% % is archived for good', TG_TABLE_NAME, NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'publishing_archived';
    END IF;
    IF NEW.status = 'PUBLISHED' AND (TG_OP = 'INSERT' OR OLD.status <> 'PUBLISHED'
            OR OLD.provider_id <> NEW.provider_id) THEN
        PERFORM FROM provider_profiles
            WHERE id = NEW.provider_id AND verification_status = 'APPROVED' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% % cannot be published: its provider is not approved',
                TG_TABLE_NAME, NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'publishing_gate';
        END IF;
    END IF;
    RETURN NEW;
END $$
"""

GUARD_LISTING = """
CREATE FUNCTION guard_listing_of() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % stays with its listing', TG_TABLE_NAME, OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'stays_with_its_listing';
END $$
"""

GUARD_PACKAGE_ROOM = """
CREATE FUNCTION guard_package_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM hotel_packages p JOIN rooms r ON r.listing_id = p.listing_id
        WHERE p.id = NEW.package_id AND r.id = NEW.room_id
    ) THEN
        RAISE EXCEPTION 'room % is none of the listing of package %', NEW.room_id, NEW.package_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'hotel_package_rooms_listing';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "provider_profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider_type", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("verification_status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
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
            "provider_type IN ('HOTEL_MANAGER','TOUR_OPERATOR')", name="provider_profiles_type"
        ),
        sa.CheckConstraint(
            "verification_status IN ('NOT_STARTED','IN_PROGRESS','SUBMITTED','UNDER_REVIEW',"
            "'APPROVED','REJECTED','SUSPENDED')",
            name="provider_profiles_status",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_provider_profiles_status",
        "provider_profiles",
        ["verification_status", "submitted_at", "id"],
    )
    op.create_index(
        "ux_provider_profiles_user", "provider_profiles", ["user_id", "provider_type"], unique=True
    )
    op.create_table(
        "provider_transitions",
        sa.Column("from_status", sa.String(), nullable=False),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("from_status", "to_status"),
    )
    op.create_table(
        "provider_history",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(), nullable=True),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.PrimaryKeyConstraint("provider_id", "version"),
    )
    op.create_table(
        "provider_members",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('OWNER','STAFF')", name="provider_members_role"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.PrimaryKeyConstraint("provider_id", "user_id"),
    )
    op.create_index("ix_provider_members_user", "provider_members", ["user_id"])
    op.create_table(
        "provider_onboarding",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.PrimaryKeyConstraint("provider_id", "step"),
    )
    op.create_table(
        "listings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("city_norm", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("check_in_from", sa.Time(), nullable=True),
        sa.Column("check_out_until", sa.Time(), nullable=True),
        sa.Column("amenities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("taxes", postgresql.JSONB(), nullable=False),
        sa.Column("child_age_max", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
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
            "(status = 'PAUSED') = (paused_by IS NOT NULL)"
            " AND paused_by IN ('PROVIDER','SUSPENSION')",
            name="listings_paused_by",
        ),
        sa.CheckConstraint(
            "status IN ('DRAFT','PUBLISHED','PAUSED','ARCHIVED')", name="listings_status"
        ),
        sa.CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="listings_place"
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_listings_city",
        "listings",
        ["city_norm", "id"],
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_listings_place",
        "listings",
        ["lat", "lon"],
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )
    op.create_index("ix_listings_provider", "listings", ["provider_id", "status"])
    op.create_index("ux_listings_of_provider", "listings", ["id", "provider_id"], unique=True)
    op.create_table(
        "rooms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("room_type", sa.String(), nullable=False),
        sa.Column("adults_max", sa.Integer(), nullable=False),
        sa.Column("children_max", sa.Integer(), nullable=False),
        sa.Column("beds", postgresql.JSONB(), nullable=False),
        sa.Column("base_price", sa.BigInteger(), nullable=False),
        sa.Column("units_default", sa.Integer(), nullable=False),
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
        sa.CheckConstraint("status IN ('ACTIVE','ARCHIVED')", name="rooms_status"),
        sa.CheckConstraint(
            "adults_max BETWEEN 1 AND 50 AND children_max BETWEEN 0 AND 50", name="rooms_guests"
        ),
        sa.CheckConstraint("base_price >= 0 AND units_default >= 0", name="rooms_amounts"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rooms_listing", "rooms", ["listing_id"])
    op.create_table(
        "rate_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("board", sa.String(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("no_show", postgresql.JSONB(), nullable=False),
        sa.Column("price_rule", postgresql.JSONB(), nullable=False),
        sa.Column("min_stay", sa.SmallInteger(), nullable=False),
        sa.Column("max_stay", sa.SmallInteger(), nullable=True),
        sa.Column("book_ahead_min", sa.SmallInteger(), nullable=True),
        sa.Column("book_ahead_max", sa.SmallInteger(), nullable=True),
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
            "board IN ('ROOM_ONLY','BREAKFAST','HALF_BOARD','FULL_BOARD','ALL_INCLUSIVE')",
            name="rate_plans_board",
        ),
        sa.CheckConstraint("status IN ('ACTIVE','ARCHIVED')", name="rate_plans_status"),
        sa.CheckConstraint(
            "min_stay >= 1 AND (max_stay IS NULL OR max_stay >= min_stay)", name="rate_plans_stay"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rate_plans_room", "rate_plans", ["room_id"])
    op.create_table(
        "hotel_packages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("nights", sa.Integer(), nullable=False),
        sa.Column("availability_rule", sa.String(), nullable=False),
        sa.Column("season", postgresql.DATERANGE(), nullable=True),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("price_per_person", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=True),
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
            "(status = 'PAUSED') = (paused_by IS NOT NULL)"
            " AND paused_by IN ('PROVIDER','SUSPENSION')",
            name="hotel_packages_paused_by",
        ),
        sa.CheckConstraint(
            "availability_rule <> 'SEASONAL' OR season IS NOT NULL", name="hotel_packages_season"
        ),
        sa.CheckConstraint(
            "availability_rule IN ('WEEKEND_ONLY','SEASONAL','FLEXIBLE')",
            name="hotel_packages_rule",
        ),
        sa.CheckConstraint(
            "status IN ('DRAFT','PUBLISHED','PAUSED','ARCHIVED')", name="hotel_packages_status"
        ),
        sa.CheckConstraint("nights BETWEEN 1 AND 90", name="hotel_packages_nights"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"]),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.ForeignKeyConstraint(
            ["listing_id", "provider_id"],
            ["listings.id", "listings.provider_id"],
            name="hotel_packages_listing_of_provider",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hotel_packages_listing", "hotel_packages", ["listing_id"])
    op.create_index("ix_hotel_packages_provider", "hotel_packages", ["provider_id", "status"])
    op.create_table(
        "hotel_package_rooms",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units BETWEEN 1 AND 50", name="hotel_package_rooms_units"),
        sa.ForeignKeyConstraint(["package_id"], ["hotel_packages.id"]),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"]),
        sa.PrimaryKeyConstraint("package_id", "room_id"),
    )
    op.create_table(
        "tour_packages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("city_norm", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("max_seats", sa.Integer(), nullable=False),
        sa.Column("min_seats", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("taxes", postgresql.JSONB(), nullable=False),
        sa.Column("cutoff_hours", sa.Integer(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=True),
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
            "(status = 'PAUSED') = (paused_by IS NOT NULL)"
            " AND paused_by IN ('PROVIDER','SUSPENSION')",
            name="tour_packages_paused_by",
        ),
        sa.CheckConstraint(
            "status IN ('DRAFT','PUBLISHED','PAUSED','ARCHIVED')", name="tour_packages_status"
        ),
        sa.CheckConstraint("days BETWEEN 1 AND 90", name="tour_packages_days"),
        sa.CheckConstraint(
            "max_seats BETWEEN 1 AND 500 AND min_seats BETWEEN 0 AND max_seats",
            name="tour_packages_seats",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider_profiles.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tour_packages_provider", "tour_packages", ["provider_id", "status"])
    op.create_table(
        "itinerary_days",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["tour_packages.id"]),
        sa.PrimaryKeyConstraint("package_id", "day"),
    )
    op.create_table(
        "pickups",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("minutes_before", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["tour_packages.id"]),
        sa.PrimaryKeyConstraint("package_id", "number"),
    )
    op.bulk_insert(
        _TRANSITIONS,
        [
            {"from_status": current, "to_status": following}
            for current, moves in MOVES.items()
            for following in moves
        ],
    )
    _create_guards()


def _create_guards() -> None:
    for function in (GUARD_PROVIDER, GUARD_PUBLISHING, GUARD_LISTING, GUARD_PACKAGE_ROOM):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER guard_provider_status BEFORE UPDATE ON provider_profiles"
        " FOR EACH ROW EXECUTE FUNCTION guard_provider_status()"
    )
    for table in OFFERS:
        op.execute(
            f"CREATE TRIGGER guard_publishing BEFORE INSERT OR UPDATE OF status, provider_id"
            f" ON {table} FOR EACH ROW EXECUTE FUNCTION guard_publishing()"
        )
    for table in ("rooms", "hotel_packages"):
        op.execute(
            f"CREATE TRIGGER guard_listing_of BEFORE UPDATE OF listing_id ON {table} FOR EACH ROW"
            " WHEN (NEW.listing_id <> OLD.listing_id) EXECUTE FUNCTION guard_listing_of()"
        )
    op.execute(
        "CREATE TRIGGER guard_package_room BEFORE INSERT OR UPDATE ON hotel_package_rooms"
        " FOR EACH ROW EXECUTE FUNCTION guard_package_room()"
    )


def downgrade() -> None:
    for table in (
        "pickups",
        "itinerary_days",
        "tour_packages",
        "hotel_package_rooms",
        "hotel_packages",
        "rate_plans",
        "rooms",
        "listings",
        "provider_onboarding",
        "provider_members",
        "provider_history",
        "provider_transitions",
        "provider_profiles",
    ):
        op.drop_table(table)
    for function in (
        "guard_provider_status",
        "guard_publishing",
        "guard_listing_of",
        "guard_package_room",
    ):
        op.execute(f"DROP FUNCTION {function}()")
