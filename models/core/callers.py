"""The services that may call the API, and their keys."""

import datetime as dt

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from models.core.columns import time_column


class Caller(SQLModel, table=True):
    """A service that may call the API. Bookings are its own, whichever of its keys it used."""

    __tablename__ = "callers"
    __table_args__ = (
        CheckConstraint("role IN ('planner','operator')", name="callers_role"),
        CheckConstraint("name <> ''", name="callers_name"),
        Index("ux_callers_name", "name", unique=True),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    name: str
    role: str = "planner"
    """"planner" books and sees its own bookings; "operator" sees all and settles cases."""
    may_hand_in_trips: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )
    """Whether it may send a whole trip with a booking, not only the id of a planner's option."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    # Read by the release before caller_keys, which may still run while this one is rolled out.
    key_hash: str | None = Field(default=None, unique=True)
    key_prefix: str | None = None
    revoked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


class CallerKey(SQLModel, table=True):
    """A key of a caller; only its hash is kept."""

    __tablename__ = "caller_keys"
    __table_args__ = (Index("ux_caller_keys_name", "caller_id", "name", unique=True),)

    key_hash: str = Field(primary_key=True)
    """SHA-256 of the key, hex; a key has 256 random bits, so a fast hash is enough."""
    caller_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("callers.id"), nullable=False)
    )
    name: str
    prefix: str
    """How the key begins, for people."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    last_used_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """To the minute."""
    expires_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    revoked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
