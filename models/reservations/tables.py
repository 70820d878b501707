"""Tables that only reservations have: venues, their tables, and what a reservation is."""

import datetime as dt
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Time,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, time_column, uuid_column
from models.core.venues import VenueType


class VenueRow(SQLModel, table=True):
    """A venue, under the id that its caller knows it by."""

    __tablename__ = "venues"
    __table_args__ = (
        Index("ux_venues_external", "caller_id", "external_id", unique=True),
        CheckConstraint(
            f"type IN ({','.join(map(repr, get_args(VenueType)))})", name="venues_type"
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    caller_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("callers.id"), nullable=False)
    )
    external_id: str
    type: str
    name: str
    time_zone: str
    """IANA."""
    policy: dict[str, Any] = Field(sa_column=json_column())
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class VenueResourceRow(SQLModel, table=True):
    """A table, a room, a stylist: what one party at a time has."""

    __tablename__ = "venue_resources"
    __table_args__ = (Index("ux_venue_resources_external", "venue_id", "external_id", unique=True),)

    no: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    venue_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("venues.id"), nullable=False)
    )
    external_id: str


class ReservationRow(SQLModel, table=True):
    """What a reservation is, beside its booking; it changes when the reservation is moved."""

    __tablename__ = "reservations"
    __table_args__ = (
        Index(
            "ix_reservations_guest_list",
            "caller_id",
            "guest_id",
            "state",
            text("starts_at DESC"),
            text("booking_id DESC"),
        ),
        Index("ix_reservations_venue_list", "venue_id", "state", "starts_at", "booking_id"),
        CheckConstraint("party_size BETWEEN 1 AND 500", name="reservations_party"),
        CheckConstraint("ends_at > starts_at", name="reservations_times"),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    caller_id: str = Field(sa_column=uuid_column())
    """The booking's, for lists."""
    venue_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("venues.id"), nullable=False)
    )
    guest_id: str
    guest: dict[str, Any] = Field(sa_column=json_column())
    party_size: int
    local_date: dt.date = Field(sa_column=Column(Date, nullable=False))
    local_time: dt.time = Field(sa_column=Column(Time, nullable=False))
    time_zone: str
    starts_at: dt.datetime = Field(sa_column=time_column())
    ends_at: dt.datetime = Field(sa_column=time_column())
    resource_id: str | None = None
    notes: str = ""
    state: str
    """The booking's, for lists; triggers write it, nobody else does."""


VENUES = SQLModel.metadata.tables["venues"]

VENUE_RESOURCES = SQLModel.metadata.tables["venue_resources"]

RESERVATIONS = SQLModel.metadata.tables["reservations"]
