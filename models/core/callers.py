"""The services that may call the API, and their keys."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.core.columns import time_column


class Scope(StrEnum):
    """What a caller may do; each route of callers needs one."""

    TRIPS = "trips"
    """Book trips, and whatever becomes of them: read, pay, change, cancel."""
    RESERVATIONS_READ = "reservations:read"
    RESERVATIONS_WRITE = "reservations:write"
    VENUES_WRITE = "venues:write"
    EVENTS_READ = "events:read"
    WEBHOOKS_WRITE = "webhooks:write"
    MARKET = "market"
    OPERATOR = "operator"
    """Everything, for everybody's bookings, and what only operators do: settle cases."""


PLANNER = frozenset({Scope.TRIPS, Scope.EVENTS_READ, Scope.WEBHOOKS_WRITE})
"""What a caller may do of which nothing else is said."""


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
    scopes: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """What it may do (:class:`Scope`). NULL, from the release before: what :attr:`role` says."""
    role: str = "planner"
    """"operator" with that scope, else "planner". Read by the release before ``scopes``, which may
    still run while this one is rolled out."""
    may_hand_in_trips: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )
    """Whether it may send a whole trip with a booking, not only the id of a planner's option."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    # Read by the release before caller_keys, which may still run while this one is rolled out.
    key_hash: str | None = Field(default=None, unique=True)
    key_prefix: str | None = None
    revoked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))

    @property
    def granted(self) -> frozenset[str]:
        """What it may do, by the names of scopes."""
        return granted(self.scopes, self.role)


def granted(scopes: list[str] | None, role: str) -> frozenset[str]:
    """Return what a caller may do whose row has these columns."""
    if scopes is not None:
        return frozenset(scopes)
    return frozenset({Scope.OPERATOR}) if role == "operator" else PLANNER


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
