"""Tables that only trips have: trip options with their lock, and changes."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, money_column, time_column, uuid_column


class TripOptionRow(SQLModel, table=True):
    """Our own copy of what is bought, and whether a booking has it."""

    __tablename__ = "trip_options"
    __table_args__ = (
        CheckConstraint(
            "lock_status IN ('OPEN','LOCKED','BOOKED')", name="trip_options_lock_status"
        ),
        CheckConstraint(
            "(lock_status = 'OPEN') = (booking_id IS NULL)", name="trip_options_lock_holder"
        ),
    )

    id: str = Field(primary_key=True)
    lock_status: str = "LOCKED"
    booking_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """The booking that holds it; NULL when open."""
    total_price: int = Field(sa_column=money_column())
    currency: str
    data: dict[str, Any] = Field(sa_column=json_column())
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class ChangeRow(SQLModel, table=True):
    """A request to change a booking, what it was quoted, and how it ended."""

    __tablename__ = "booking_changes"
    __table_args__ = (
        CheckConstraint("status IN ('open','done','refused')", name="booking_changes_status"),
        Index("ix_booking_changes_booking", "booking_id", "created_at"),
        Index("ix_booking_changes_open", "created_at", postgresql_where=text("status = 'open'")),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    """Made of caller, booking and Idempotency-Key: the same for every repeat."""
    booking_id: str = Field(sa_column=booking_column())
    fingerprint: str
    """Of the request; a repeat with another one is refused."""
    who: str
    requested: dict[str, Any] = Field(
        sa_column=Column("wish", JSONB, key="requested", nullable=False)
    )
    """What was asked for, whole. The column keeps its first name: renaming it stops old workers."""
    quotes: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    """What suppliers quoted for the new items, offers included, by item number."""
    status: str = "open"
    outcome: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    """What was answered in the end: the quote, and why it was refused, if it was."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    ended_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


CHANGES = SQLModel.metadata.tables["booking_changes"]

TRIP_OPTIONS = SQLModel.metadata.tables["trip_options"]
