"""Tables of bookings: the booking, its items, its history and the allowed transitions.

Amounts are integers in minor units, times are UTC, ids of bookings are UUIDs. ``table=True`` models
do not validate: what reaches them has been validated by the messages.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.bookings.deadlines import Action
from models.bookings.lifecycle import MARKET, BookingKind
from models.core.columns import (
    booking_column,
    json_column,
    money_column,
    one_of,
    time_column,
    uuid_column,
)


def _list(name: str, *columns: str, where: str | None = None) -> Index:
    """Return the index of a list: of what these columns say, newest first."""
    newest_first = text("created_at DESC"), text("id DESC")
    condition = text(where) if where else None
    return Index(f"ix_bookings_{name}_list", *columns, *newest_first, postgresql_where=condition)


_REFERRED = "referral_code IS NOT NULL"


class BookingRow(SQLModel, table=True):
    """What all kinds of bookings share; what only a trip has stands in ``models.trips.tables``.

    ``state`` only moves along its kind's transitions (``models.bookings.lifecycle``, a trigger).
    """

    __tablename__ = "bookings"
    __table_args__ = (
        Index("ux_bookings_caller_kind_key", "caller_id", "kind", "idempotency_key", unique=True),
        # models.bookings.listing says what each is for
        _list("kind", "kind"),
        _list("state_kind", "state", "kind"),
        _list("caller_kind", "caller_id", "kind"),
        _list("caller_state", "caller_id", "state", "kind"),
        _list("user", "traveler_id", "caller_id"),
        _list("referral", "referral_code", where=_REFERRED),
        _list("caller_referral", "caller_id", "referral_code", where=_REFERRED),
        _list("owner", "user_id", where="user_id IS NOT NULL"),
        _list("provider", "provider_id", "state", where="provider_id IS NOT NULL"),
        Index("ix_bookings_trip_option", "trip_option_id"),
        CheckConstraint(
            f"kind IN ({','.join(repr(str(kind)) for kind in BookingKind)})", name="bookings_kind"
        ),
        CheckConstraint(
            "(kind = 'TRIP') = (trip_option_id IS NOT NULL)", name="bookings_trip_option"
        ),
        CheckConstraint(
            "0 <= refunded AND refunded <= captured"
            " AND captured <= coalesce(chargeable, accepted_total)",
            name="bookings_money",
        ),
        CheckConstraint("discount_percent BETWEEN 0 AND 100", name="bookings_discount"),
        CheckConstraint(
            f"({one_of('kind', sorted(MARKET))}) = (provider_id IS NOT NULL)"
            " AND (user_id IS NULL OR provider_id IS NOT NULL)"
            " AND (provider_id IS NULL OR state <> 'HELD' OR hold_expires_at IS NOT NULL)",
            name="bookings_market",
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    reference: str = Field(unique=True)
    caller_id: str = Field(sa_column=uuid_column())
    idempotency_key: str
    fingerprint: str
    run_id: str
    """The first run of the workflow that made it; a later one of this id must not repeat it."""
    kind: str = Field(default="TRIP", sa_column_kwargs={"server_default": "TRIP"})
    trip_option_id: str | None = None
    """Of a trip, and only of a trip."""
    user_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """Who bought it, where it is somebody with an account here; else its caller answers for it."""
    provider_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """Of whom it is bought; NULL for trips and reservations."""
    waits: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Whether a workflow waits for the traveller; a HELD booking without is at rest."""
    fence: list[int] | None = Field(
        default=None, sa_column=Column(ARRAY(BigInteger), nullable=True)
    )
    """The highest fencing token that has written (``models.bookings.messages.Fence``)."""
    traveler_id: str
    state: str
    version: int
    currency: str
    accepted_total: int = Field(sa_column=money_column())
    """The total accepted last: of the trip, or of its last change."""
    chargeable: int | None = Field(default=None, sa_column=money_column(nullable=True))
    """What the traveller has agreed in all to be charged, by all payments; NULL, from code
    older than changes: ``accepted_total``."""
    captured: int = Field(default=0, sa_column=money_column())
    refunded: int = Field(default=0, sa_column=money_column())
    paid_by_hand: int = Field(default=0, sa_column=money_column())
    """Owed to the traveller and paid out by a person, not through the gateway."""
    goodwill: int = Field(default=0, sa_column=money_column())
    """Given back although the terms would have kept it."""
    grants: list[str] = Field(default_factory=list, sa_column=json_column())
    """Keys of the goodwill refunds that have been granted."""
    referral_code: str | None = None
    """What the traveller was sent by; NULL for trips, whose planners name none."""
    discount_percent: Decimal | None = Field(
        default=None, sa_column=Column(Numeric(5, 2), nullable=True)
    )
    """Off the price, 0 to 100: told, never computed with. NULL as above."""
    travelers: list[dict[str, Any]] = Field(sa_column=json_column())
    contact: dict[str, Any] = Field(sa_column=json_column())
    warnings: list[str] = Field(default_factory=list, sa_column=json_column())
    problem: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    failed_step: str | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    hold_expires_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Until when what is held for it is held; only of kinds that hold first and are paid then."""
    created_at: dt.datetime = Field(sa_column=time_column())
    updated_at: dt.datetime = Field(sa_column=time_column())
    confirmed_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    cancelled_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


class BookingItemRow(SQLModel, table=True):
    """One item of a booking (contracts.md §1, "Stored per component")."""

    __tablename__ = "booking_items"
    __table_args__ = (
        Index("ix_booking_items_supplier_confirmation", "supplier", "vendor_confirmation"),
        Index("ix_booking_items_pnr", "pnr"),
        Index("ix_booking_items_supplier_status", "supplier", "status", text("created_at DESC")),
        Index("ix_booking_items_trip_option", "trip_option_id"),
        Index(
            "ix_booking_items_searched_hash",
            text("((offer -> 'offer'::text) ->> 'book_hash'::text)"),
            postgresql_where=text("(offer -> 'offer' ->> 'book_hash') IS NOT NULL"),
        ),
        Index(
            "ix_booking_items_booked_hash",
            text("((quote -> 'offer'::text) ->> 'book_hash'::text)"),
            postgresql_where=text("(quote -> 'offer' ->> 'book_hash') IS NOT NULL"),
        ),
        Index(
            "ix_booking_items_supplier_id",
            "supplier",
            "supplier_id",
            postgresql_where=text("supplier_id IS NOT NULL"),
        ),
        Index(
            "ix_booking_items_awaited",
            "updated_at",
            postgresql_where=text("saga_state = 'AWAITED'"),
        ),
        ForeignKeyConstraint(
            ["booking_id", "payment_number"],
            ["payments.booking_id", "payments.number"],
            name="booking_items_payment",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    number: int = Field(primary_key=True)
    trip_option_id: str | None = None
    type: str
    supplier: str
    component_ref: str
    title: str
    status: str
    saga_state: str
    reference: str = Field(unique=True)
    """Our reference, given to the supplier."""
    supplier_id: str | None = None
    vendor_confirmation: str | None = None
    booking_reference: str | None = None
    pnr: str | None = None
    payment_number: int = 1
    """The payment that pays for it."""
    amount: int = Field(sa_column=money_column())
    currency: str
    fee: int = Field(default=0, sa_column=money_column())
    offer: dict[str, Any] = Field(sa_column=json_column())
    """The component of the trip option, whole."""
    travelers: list[dict[str, Any]] | None = Field(
        default=None, sa_column=json_column(nullable=True)
    )
    """Who travels, where a change named others than the booking has."""
    change_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """The change that it came with; NULL for what was booked at first."""
    quote: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    details: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    """The reservation, whole."""
    error: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    booked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    cancelled_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column())
    updated_at: dt.datetime = Field(sa_column=time_column())


class HistoryRow(SQLModel, table=True):
    """One transition of a booking: from, to, who, why, when."""

    __tablename__ = "booking_history"

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    version: int = Field(primary_key=True)
    from_state: str | None = None
    to_state: str
    at: dt.datetime = Field(sa_column=time_column())
    """By the workflow's clock."""
    who: str
    why: str
    recorded_at: dt.datetime | None = Field(
        default=None,
        sa_column=Column(
            DateTime(timezone=True), nullable=True, server_default=text("clock_timestamp()")
        ),
    )
    """By the database's clock; NULL for what was written before there was this column."""
    digest: str | None = None
    """Of the transition's content: tells a repeat from another decision."""


class BookingRequestRow(SQLModel, table=True):
    """A request about a booking that is carried out, or has ended (``BookingRequest``)."""

    __tablename__ = "booking_requests"
    __table_args__ = (
        Index("ix_booking_requests_booking", "booking_id", "requested_at"),
        Index("ix_booking_requests_begun", "booking_id", postgresql_where=text("ended_at IS NULL")),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    booking_id: str = Field(sa_column=booking_column())
    kind: str
    who: str
    body: dict[str, Any] = Field(sa_column=json_column())
    requested_at: dt.datetime = Field(sa_column=time_column())
    problem: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    """Why it was not carried out; NULL when it was."""
    ended_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """NULL while it is carried out."""


class TransitionRow(SQLModel, table=True):
    """An allowed transition of a kind; the trigger on ``bookings`` reads it."""

    __tablename__ = "booking_transitions"

    kind: str = Field(primary_key=True, sa_column_kwargs={"server_default": "TRIP"})
    from_state: str = Field(primary_key=True)
    to_state: str = Field(primary_key=True)


class DueRow(SQLModel, table=True):
    """What is to be done about a booking, and when (``models.bookings.due``)."""

    __tablename__ = "booking_due"
    __table_args__ = (
        Index("ix_booking_due", "due_at"),
        CheckConstraint(
            f"action IN ({','.join(repr(str(action)) for action in Action)})",
            name="booking_due_action",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    action: str = Field(primary_key=True)
    due_at: dt.datetime = Field(sa_column=time_column())
    leased_until: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Until when it is one worker's; NULL: nobody's."""
    attempts: int = 0
    """How often it was claimed since it became due."""
    rule: str


BOOKINGS = SQLModel.metadata.tables["bookings"]

BOOKING_ITEMS = SQLModel.metadata.tables["booking_items"]

HISTORY = SQLModel.metadata.tables["booking_history"]

BOOKING_REQUESTS = SQLModel.metadata.tables["booking_requests"]
