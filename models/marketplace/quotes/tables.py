"""Tables of quotes, and of the prices that bookings were made at."""

import datetime as dt
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Uuid
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, money_column, time_column, uuid_column


class QuoteRow(SQLModel, table=True):
    """A price that was told, and stands until it expires; it becomes at most one booking."""

    __tablename__ = "quotes"
    __table_args__ = (
        Index("ix_quotes_expiry", "expires_at"),
        Index("ux_quotes_booking", "booking_id", unique=True),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    subject_id: str = Field(sa_column=uuid_column())
    """Who asked: a caller, or a user."""
    user_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    product_type: str
    """A kind of booking (``BookingKind``)."""
    product_id: str = Field(sa_column=uuid_column())
    """Of the listing, the hotel package or the departure."""
    request: dict[str, Any] = Field(sa_column=json_column())
    snapshot: dict[str, Any] = Field(sa_column=json_column())
    """What a booking keeps as its first price snapshot."""
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Of the snapshot's canonical JSON."""
    total: int = Field(sa_column=money_column())
    currency: str
    expires_at: dt.datetime = Field(sa_column=time_column())
    booking_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """What it became: set once."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class PriceSnapshotRow(SQLModel, table=True):
    """What a booking costs and on which terms; never changed, followed by the next one."""

    __tablename__ = "price_snapshots"

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    version: int = Field(primary_key=True)
    data: dict[str, Any] = Field(sa_column=json_column())
    total: int = Field(sa_column=money_column())
    currency: str
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_sha256: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, nullable=True)
    )
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


QUOTES = SQLModel.metadata.tables["quotes"]

PRICE_SNAPSHOTS = SQLModel.metadata.tables["price_snapshots"]
