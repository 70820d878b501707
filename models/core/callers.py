"""The services that may call the API."""

import datetime as dt

from sqlalchemy import (
    CheckConstraint,
    Column,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from models.core.columns import time_column


class Caller(SQLModel, table=True):
    """A service that may call the API; only the hash of its key is kept."""

    __tablename__ = "callers"
    __table_args__ = (CheckConstraint("role IN ('planner','operator')", name="callers_role"),)

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    name: str
    key_hash: str = Field(unique=True)
    """SHA-256 of the key, hex; a key has 256 random bits, so a fast hash is enough."""
    key_prefix: str
    role: str = "planner"
    """"planner" books and sees its own bookings; "operator" sees all and settles cases."""
    may_hand_in_trips: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )
    """Whether it may send a whole trip with a booking, not only the id of a planner's option."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    revoked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
