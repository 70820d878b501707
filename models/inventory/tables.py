"""Claims on places, and how many places of a venue are taken; the database refuses one too many."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, time_column

LIVE = "state IN ('HELD','SOLD')"
"""A claim in one of these states keeps others away."""


class ClaimRow(SQLModel, table=True):
    """A booking's claim on a slot of a venue, on a table of it, and on its guest's time.

    Its state follows that of its booking (``models.inventory.hook``) and only moves from HELD to
    SOLD, RELEASED or EXPIRED and from SOLD to RELEASED or USED (a trigger).
    """

    __tablename__ = "inventory_claims"
    __table_args__ = (
        # No extension is needed: a range carries the scalar.
        ExcludeConstraint(
            (text("int8range(resource_no, resource_no, '[]')"), "&&"),
            ("during", "&&"),
            name="claims_one_per_resource",
            using="gist",
            where=text(f"resource_no IS NOT NULL AND {LIVE}"),
        ),
        ExcludeConstraint(
            (text("int8range(guest_no, guest_no, '[]')"), "&&"),
            ("visit", "&&"),
            name="claims_one_per_guest",
            using="gist",
            where=text(f"guest_no IS NOT NULL AND NOT duplicate_ok AND {LIVE}"),
        ),
        Index("ux_inventory_claims_booking", "booking_id", "item", "version", unique=True),
        Index("ix_inventory_claims_overdue", "expires_at", postgresql_where=text("state = 'HELD'")),
        CheckConstraint(
            "state IN ('HELD','SOLD','USED','RELEASED','EXPIRED')", name="inventory_claims_state"
        ),
        CheckConstraint("state <> 'HELD' OR expires_at IS NOT NULL", name="inventory_claims_held"),
        CheckConstraint("units BETWEEN 1 AND 500", name="inventory_claims_units"),
        CheckConstraint(
            "NOT isempty(during) AND NOT isempty(visit) AND during @> visit",
            name="inventory_claims_during",
        ),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, primary_key=True, autoincrement=True),
    )
    booking_id: str = Field(sa_column=booking_column())
    item: int
    version: int = 1
    """1, 2, …: a reservation that is moved gets another claim."""
    venue_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("venues.id"), nullable=False)
    )
    resource_no: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """Of ``venue_resources``; NULL: any table will do."""
    guest_no: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """Of caller, venue and guest together, not negative; NULL: the guest may be there twice."""
    duplicate_ok: bool = False
    visit: Any = Field(sa_column=Column(TSTZRANGE, nullable=False))
    """From the beginning to the end, half-open."""
    during: Any = Field(sa_column=Column(TSTZRANGE, nullable=False))
    """The visit and the venue's buffers: what blocks is stored, not reckoned at a look. Of a claim
    that is USED both end when that was noted, or as they were to."""
    slot_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """When the venue's slot begins in which the visit does, where it is counted. NULL, also of one
    that is counted: its guests are counted without the buffers, and its start in its quarter of an
    hour, as the release before this column did and may still do while this one is rolled out."""
    units: int
    """The party's size."""
    counted: bool = False
    """Whether it is counted in ``venue_slots``."""
    state: str
    expires_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    changed_at: dt.datetime = Field(sa_column=time_column(now=True))


class VenueSlotRow(SQLModel, table=True):
    """How many guests are at a venue in a quarter of an hour, and how many arrive in a slot.

    Guests are counted in quarters of an hour of UTC, starts where a slot of the venue begins.
    Limits are those of the venue's policy when somebody last came, less what began in the same slot
    and is counted in another row; NULL: no limit.
    """

    __tablename__ = "venue_slots"
    __table_args__ = (
        CheckConstraint(
            "covers_taken >= 0 AND (covers IS NULL OR covers_taken <= covers)",
            name="venue_slots_covers",
        ),
        CheckConstraint(
            "starts_taken >= 0 AND (starts IS NULL OR starts_taken <= starts)",
            name="venue_slots_starts",
        ),
        CheckConstraint(
            "arrivals_taken >= 0 AND (arrivals IS NULL OR arrivals_taken <= arrivals)",
            name="venue_slots_arrivals",
        ),
    )

    venue_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("venues.id"), primary_key=True)
    )
    bucket: dt.datetime = Field(sa_column=Column(time_column().type, primary_key=True))
    covers: int | None = None
    covers_taken: int = 0
    """Guests who are there, or whose places are kept free before or after them."""
    starts: int | None = None
    starts_taken: int = 0
    """Parties that arrive."""
    arrivals: int | None = None
    arrivals_taken: int = 0
    """Guests who arrive."""


CLAIMS = SQLModel.metadata.tables["inventory_claims"]

VENUE_SLOTS = SQLModel.metadata.tables["venue_slots"]
