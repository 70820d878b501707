"""The record: tables of bookings, items, payments, history, trip options, attempts and callers.

Written only by ``activities`` (bookings) and the command line (callers); read by the API.
Amounts are integers in minor units, times are UTC, ids of bookings are UUIDs.
``table=True`` models do not validate: what reaches them has been validated by the messages.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Uuid,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

OPEN_PAYMENT = (
    "payment_intent_id IS NOT NULL AND (status IN ('pending','authorised')"
    """ OR refunds @> '[{"status": "pending"}]' OR refunds @> '[{"status": "requires_action"}]'"""
    """ OR disputes @> '[{"status": "open"}]')"""
)
"""Payments whose money may still move by itself; the condition of an index."""

DOUBTFUL_BOOKING = (
    "operation = 'book' AND (outcome IS NULL OR outcome IN ('unknown','repeated') OR"
    " (outcome = 'not_done' AND coalesce(result->>'kind', '') <> 'Retryable'))"
)
"""Attempts to book that nobody ever got an answer to; the condition of an index."""

BULKY_ANSWER = "outcome = 'done' AND result ? 'details'"
"""Attempts whose answers are forgotten some time after their bookings' end (models.retention)."""


def _uuid(*, nullable: bool = False) -> Any:
    return Column(Uuid(as_uuid=False), nullable=nullable)


def _booking(*, primary_key: bool = False) -> Any:
    return Column(
        Uuid(as_uuid=False), ForeignKey("bookings.id"), primary_key=primary_key, nullable=False
    )


def _time(*, nullable: bool = False, now: bool = False) -> Any:
    return Column(
        DateTime(timezone=True), nullable=nullable, server_default=text("now()") if now else None
    )


def _json(*, nullable: bool = False) -> Any:
    return Column(JSONB(none_as_null=True), nullable=nullable)


def _money(*, nullable: bool = False) -> Any:
    return Column(BigInteger, nullable=nullable)


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
    created_at: dt.datetime = Field(sa_column=_time(now=True))
    revoked_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))


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
    booking_id: str | None = Field(default=None, sa_column=_uuid(nullable=True))
    """The booking that holds it; NULL when open."""
    total_price: int = Field(sa_column=_money())
    currency: str
    data: dict[str, Any] = Field(sa_column=_json())
    created_at: dt.datetime = Field(sa_column=_time(now=True))
    updated_at: dt.datetime = Field(sa_column=_time(now=True))


class BookingRow(SQLModel, table=True):
    """A booking. ``state`` only moves along ``models.lifecycle.TRANSITIONS`` (trigger)."""

    __tablename__ = "bookings"
    __table_args__ = (
        Index("ux_bookings_caller_key", "caller_id", "idempotency_key", unique=True),
        Index("ix_bookings_caller_created", "caller_id", text("created_at DESC")),
        Index("ix_bookings_state_created", "state", text("created_at DESC")),
        Index("ix_bookings_trip_option", "trip_option_id"),
        Index("ix_bookings_traveler", "traveler_id"),
        CheckConstraint(
            "0 <= refunded AND refunded <= captured"
            " AND captured <= coalesce(chargeable, accepted_total)",
            name="bookings_money",
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    reference: str = Field(unique=True)
    caller_id: str = Field(sa_column=_uuid())
    idempotency_key: str
    fingerprint: str
    run_id: str
    """The first run of the workflow that made it; a later one of this id must not repeat it."""
    trip_option_id: str
    traveler_id: str
    state: str
    version: int
    currency: str
    accepted_total: int = Field(sa_column=_money())
    """The total accepted last: of the trip, or of its last change."""
    chargeable: int | None = Field(default=None, sa_column=_money(nullable=True))
    """What the traveller has agreed in all to be charged, supplements included; NULL, from code
    older than changes: ``accepted_total``."""
    captured: int = Field(default=0, sa_column=_money())
    refunded: int = Field(default=0, sa_column=_money())
    travelers: list[dict[str, Any]] = Field(sa_column=_json())
    contact: dict[str, Any] = Field(sa_column=_json())
    warnings: list[str] = Field(default_factory=list, sa_column=_json())
    problem: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    case: dict[str, Any] | None = Field(
        default=None, sa_column=Column("attention_case", JSONB(none_as_null=True), nullable=True)
    )
    failed_step: str | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    created_at: dt.datetime = Field(sa_column=_time())
    updated_at: dt.datetime = Field(sa_column=_time())
    confirmed_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))
    cancelled_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))


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
    )

    booking_id: str = Field(sa_column=_booking(primary_key=True))
    number: int = Field(primary_key=True)
    trip_option_id: str
    type: str
    supplier: str
    component_ref: str
    title: str
    status: str
    saga_state: str
    reference: str = Field(unique=True)
    """Ours, given to the supplier."""
    supplier_id: str | None = None
    vendor_confirmation: str | None = None
    booking_reference: str | None = None
    pnr: str | None = None
    payment_intent_id: str | None = None
    amount: int = Field(sa_column=_money())
    currency: str
    fee: int = Field(default=0, sa_column=_money())
    offer: dict[str, Any] = Field(sa_column=_json())
    """The component of the trip option, whole."""
    travelers: list[dict[str, Any]] | None = Field(default=None, sa_column=_json(nullable=True))
    """Who travels, where a change named others than the booking has."""
    change_id: str | None = Field(default=None, sa_column=_uuid(nullable=True))
    """The change that it came with; NULL for what was booked at first."""
    quote: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    details: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    """The reservation, whole."""
    error: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    booked_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))
    cancelled_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: dt.datetime = Field(sa_column=_time())
    updated_at: dt.datetime = Field(sa_column=_time())


class PaymentRow(SQLModel, table=True):
    """The payment of a booking (contracts.md §1, "Stored per payment")."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_trip_option", "trip_option_id"),
        Index("ix_payments_status", "status"),
        Index("ix_payments_updated", "updated_at"),
        Index("ix_payments_open", "booking_id", postgresql_where=text(OPEN_PAYMENT)),
    )

    booking_id: str = Field(sa_column=_booking(primary_key=True))
    trip_option_id: str
    payment_intent_id: str | None = Field(default=None, unique=True)
    charge_id: str | None = None
    payment_method_id: str
    billing_details: dict[str, Any] = Field(sa_column=_json())
    amount: int = Field(sa_column=_money())
    currency: str
    status: str
    authorised: int = Field(default=0, sa_column=_money())
    captured: int = Field(default=0, sa_column=_money())
    refunded: int = Field(default=0, sa_column=_money())
    refunds: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    disputes: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    paid_by_hand: int = Field(default=0, sa_column=_money())
    goodwill: int = Field(default=0, sa_column=_money())
    hold: int = 1
    """Which payment of the booking this is; a hold that lapsed was replaced by another."""
    details: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    created_at: dt.datetime = Field(sa_column=_time())
    updated_at: dt.datetime = Field(sa_column=_time())


class SupplementRow(SQLModel, table=True):
    """A further payment of a booking: what a change of it cost more."""

    __tablename__ = "supplements"
    __table_args__ = (
        Index("ix_supplements_updated", "updated_at"),
        Index("ix_supplements_open", "booking_id", postgresql_where=text(OPEN_PAYMENT)),
        CheckConstraint("number > 0", name="supplements_number"),
        CheckConstraint(
            "0 <= refunded AND refunded <= captured AND captured <= amount",
            name="supplements_money",
        ),
    )

    booking_id: str = Field(sa_column=_booking(primary_key=True))
    number: int = Field(primary_key=True)
    """1, 2, …: the first payment is the one in ``payments``."""
    payment_intent_id: str | None = Field(default=None, unique=True)
    charge_id: str | None = None
    payment_method_id: str
    amount: int = Field(sa_column=_money())
    currency: str
    status: str
    authorised: int = Field(default=0, sa_column=_money())
    captured: int = Field(default=0, sa_column=_money())
    refunded: int = Field(default=0, sa_column=_money())
    refunds: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    disputes: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    hold: int
    """Its count at the gateway (``models.supplements``)."""
    details: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    created_at: dt.datetime = Field(sa_column=_time())
    updated_at: dt.datetime = Field(sa_column=_time())


class ChangeRow(SQLModel, table=True):
    """A wish to change a booking, what it was quoted, and how it ended."""

    __tablename__ = "booking_changes"
    __table_args__ = (
        CheckConstraint("status IN ('open','done','refused')", name="booking_changes_status"),
        Index("ix_booking_changes_booking", "booking_id", "created_at"),
        Index("ix_booking_changes_open", "created_at", postgresql_where=text("status = 'open'")),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    """Made of caller, booking and Idempotency-Key: the same for every repeat."""
    booking_id: str = Field(sa_column=_booking())
    fingerprint: str
    """Of the request; a repeat with another one is refused."""
    who: str
    wish: dict[str, Any] = Field(sa_column=_json())
    """What was asked for, whole."""
    quotes: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    """What suppliers quoted for the new items, offers included, by item number."""
    status: str = "open"
    outcome: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    """What was answered in the end: the quote, and why it was refused, if it was."""
    created_at: dt.datetime = Field(sa_column=_time(now=True))
    ended_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))


class RefundRow(SQLModel, table=True):
    """Money to be given back: written before the gateway is asked, owner of the key.

    Never two open rows for one booking: the next refund begins when this one has been answered.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        Index(
            "ux_refunds_open",
            "booking_id",
            unique=True,
            postgresql_where=text("status = 'requested'"),
        ),
        CheckConstraint("amount > 0", name="refunds_amount"),
        CheckConstraint(
            "status IN ('requested','pending','requires_action','succeeded','failed','canceled',"
            "'refused')",
            name="refunds_status",
        ),
    )

    booking_id: str = Field(sa_column=_booking(primary_key=True))
    number: int = Field(primary_key=True)
    """1, 2, …: equal amounts are told apart by it."""
    key: str = Field(unique=True)
    """The idempotency key, ``v1:{booking}:payment:refund:{number}``."""
    request: str = Field(unique=True)
    """The business key of what asked for it: one request, one refund."""
    payment_intent_id: str
    amount: int = Field(sa_column=_money())
    currency: str
    reason: str = ""
    items: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    """What of it is for which item: amounts in minor units by item number."""
    status: str = "requested"
    """requested, then the gateway's own; refused when the gateway said no."""
    gateway_id: str | None = Field(default=None, unique=True)
    failure_reason: str | None = None
    created_at: dt.datetime = Field(sa_column=_time(now=True))
    updated_at: dt.datetime = Field(sa_column=_time(now=True))


class HistoryRow(SQLModel, table=True):
    """One transition of a booking: from, to, who, why, when."""

    __tablename__ = "booking_history"

    booking_id: str = Field(sa_column=_booking(primary_key=True))
    version: int = Field(primary_key=True)
    from_state: str | None = None
    to_state: str
    at: dt.datetime = Field(sa_column=_time())
    who: str
    why: str


class AttemptRow(SQLModel, table=True):
    """One call to a supplier or gateway: the intent before it, the outcome after it."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ux_attempts_key_number", "key", "number", unique=True),
        Index("ix_attempts_booking", "booking_id", "started_at"),
        Index("ix_attempts_provider_outcome", "provider", "operation", "outcome", "started_at"),
        Index("ix_attempts_provider", "provider", "id"),
        Index("ix_attempts_started", "started_at", postgresql_using="brin"),
        Index("ix_attempts_bulky", "started_at", postgresql_where=text(BULKY_ANSWER)),
        Index("ix_attempts_doubtful", "started_at", postgresql_where=text(DOUBTFUL_BOOKING)),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    booking_id: str = Field(sa_column=_booking())
    item: int | None = None
    provider: str
    operation: str
    key: str
    """The business key; attempts of one intention share it."""
    number: int
    started_at: dt.datetime = Field(sa_column=_time(now=True))
    finished_at: dt.datetime | None = Field(default=None, sa_column=_time(nullable=True))
    outcome: str | None = None
    """done, refused, not_done, unknown; NULL while running, or when the worker died."""
    settled: str | None = None
    """How it was found out what became of one nobody knew the end of: found, repeated, not_done."""
    provider_id: str | None = None
    provider_code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    message: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))


class TransitionRow(SQLModel, table=True):
    """An allowed transition; the trigger on ``bookings`` reads it."""

    __tablename__ = "booking_transitions"

    from_state: str = Field(primary_key=True)
    to_state: str = Field(primary_key=True)


BOOKINGS = SQLModel.metadata.tables["bookings"]
BOOKING_ITEMS = SQLModel.metadata.tables["booking_items"]
PAYMENTS = SQLModel.metadata.tables["payments"]
SUPPLEMENTS = SQLModel.metadata.tables["supplements"]
CHANGES = SQLModel.metadata.tables["booking_changes"]
REFUNDS = SQLModel.metadata.tables["refunds"]
HISTORY = SQLModel.metadata.tables["booking_history"]
TRIP_OPTIONS = SQLModel.metadata.tables["trip_options"]
EVERY_PAYMENT = table(
    "every_payment",
    column("booking_id", Uuid(as_uuid=False)),
    column("number", Integer),
    column("payment_intent_id", String),
)
"""A view: the first payment of each booking and its supplements, one row each."""
MONEY = table(
    "booking_money",
    column("booking_id", Uuid(as_uuid=False)),
    column("captured", BigInteger),
    column("refunded", BigInteger),
    column("disputes", JSONB),
    column("paid_by_hand", BigInteger),
    column("goodwill", BigInteger),
)
"""A view: what the payments of each booking come to together."""
ATTEMPTS = SQLModel.metadata.tables["attempts"]
