"""What callers are answered about reservations: snake_case JSON, amounts in minor units, UTC."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from models.bookings.listing import MOST_COUNTED
from models.core.venues import VenueType
from models.reservations.policy import Approval, VenuePolicy

Status = Literal[
    "PENDING", "CONFIRMED", "CHECKED_IN", "COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW"
]
"""Where a reservation stands, as callers see it (contracts.md §2)."""


class GuestAnswer(BaseModel):
    """Who comes."""

    id: str
    name: str
    email: str
    phone: str | None


class VenueOfAnswer(BaseModel):
    """Where."""

    id: str
    type: VenueType
    name: str
    time_zone: str


class PriceLineAnswer(BaseModel):
    """A part of the price."""

    description: str
    quantity: int
    unit_amount: int
    amount: int


class FeeStepAnswer(BaseModel):
    """What is kept on cancelling before ``until``."""

    until: AwareDatetime | None = Field(description="Null: from the step before on.")
    fee: int


class PriceSnapshot(BaseModel):
    """What the reservation costs, as it was answered when it was made; never reckoned anew."""

    total: int
    currency: str
    lines: list[PriceLineAnswer]
    deposit: int | None = Field(description="Paid when reserving; null: the whole.")
    no_show_fee: int
    terms: list[FeeStepAnswer]
    sha256: str = Field(description="Of the snapshot as JSON with sorted names.")


class PaymentAnswer(BaseModel):
    """What is paid through us."""

    status: str
    amount: int
    captured: int
    refunded: int
    waits_until: AwareDatetime | None = Field(description="For 3-D Secure, or another card.")
    client_secret: str | None
    next_action: dict[str, Any] | None
    note: str | None = Field(description="What became of a card that is not needed.")


class CancellationAnswer(BaseModel):
    """How it was cancelled."""

    by: Literal["GUEST", "VENUE", "OPERATOR"]
    reason: str | None
    fee: int
    refund: int


class FailureAnswer(BaseModel):
    """Why it could not be had."""

    code: str
    message: str = Field(description="What happened, in plain words.")
    money: str = Field(description="What happens to the guest's money.")
    next_step: str = Field(description="What the guest can do now.")


class HistoryAnswer(BaseModel):
    """A step of its life."""

    from_: Status | None = Field(alias="from", serialization_alias="from")
    to: Status
    at: AwareDatetime
    who: str
    why: str


class ReservationAnswer(BaseModel):
    """A reservation, whole."""

    id: str
    booking_reference: str
    version: int
    status: Status
    attention: bool = Field(description="Whether a person must settle something about it.")
    guest: GuestAnswer
    venue: VenueOfAnswer
    date: str
    time: str
    utc_offset: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    duration_minutes: int
    party_size: int
    resource_id: str | None = Field(description="What was asked for; null: any one.")
    assigned_resource_id: str | None = Field(
        description="What the venue's inventory has given, once it has; it may still give another."
    )
    notes: str
    price_snapshot: PriceSnapshot
    payment: PaymentAnswer
    inventory_reference: str | None
    hold_expires_at: AwareDatetime | None
    cancellation: CancellationAnswer | None
    failure: FailureAnswer | None
    message: str = Field(description="How it stands, and where the money is, in plain words.")
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime | None
    checked_in_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    no_show_at: AwareDatetime | None
    expired_at: AwareDatetime | None
    history: list[HistoryAnswer]


class TakenAnswer(BaseModel):
    """A reservation that has been taken, and of which nothing more is known this moment."""

    id: str
    booking_reference: str
    status: Literal["PENDING"] = "PENDING"
    status_url: str


class CancelQuote(BaseModel):
    """What cancelling would keep now, by the terms stored with the reservation."""

    dry_run: Literal[True] = True
    id: str
    status: Status
    fee: int
    refund: int
    currency: str
    valid_until: AwareDatetime | None


class VenueAnswer(BaseModel):
    """A venue with its policy."""

    id: str
    type: VenueType
    name: str
    time_zone: str
    policy: VenuePolicy
    version: int


class CapacityAnswer(BaseModel):
    """How much there is, as the inventory service tells."""

    total: int
    free: int
    unit: Literal["covers", "resources"]


class PacingAnswer(BaseModel):
    """How many more may arrive in that slot of the venue; null: any number."""

    starts_free: int | None
    covers_free: int | None


class DepositAnswer(BaseModel):
    """What is paid when reserving."""

    amount: int
    currency: str


class ConflictAnswer(BaseModel):
    """A reservation that stands in the way; or the guest's own elsewhere, which does not."""

    kind: Literal["GUEST", "VENUE", "RESOURCE"]
    venue_id: str = Field(description="Where: another venue's refuses nothing.")
    booking_reference: str | None = Field(description="Null where it is no single one.")
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None


class AlternativeAnswer(BaseModel):
    """Another time, on the venue's clock, at which the party would be reserved."""

    date: str
    time: str
    utc_offset: str
    free: int


class AvailabilityAnswer(BaseModel):
    """What is free this moment; only a reservation holds it."""

    available: bool
    checked_at: AwareDatetime
    reason: str | None = Field(
        description="Why not: `too_soon`, `too_far_ahead`, `guest`, `venue` or `resource` by the"
        " venue's policy and our record, else as the inventory service says it."
    )
    time_zone: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    turn_minutes: int
    approval: Approval
    capacity: CapacityAnswer
    pacing: PacingAnswer
    deposit: DepositAnswer | None
    conflicts: list[ConflictAnswer]
    alternatives: list[AlternativeAnswer] = Field(
        max_length=5, description="Where it is not available, the nearest first."
    )


class ListedReservation(BaseModel):
    """A reservation in a list."""

    id: str
    booking_reference: str
    version: int
    status: Status
    attention: bool = Field(description="Whether a person must settle something about it.")
    guest_id: str
    guest_name: str
    venue_id: str
    venue_name: str
    date: str
    time: str
    utc_offset: str
    time_zone: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    party_size: int
    resource_id: str | None
    total: int
    currency: str
    created_at: AwareDatetime


class ReservationPage(BaseModel):
    """A page of reservations."""

    bookings: list[ListedReservation]
    has_more: bool
    next_cursor: str | None = Field(description="The next page's `cursor`.")
    count: int | None = Field(
        default=None,
        ge=0,
        le=MOST_COUNTED,
        description="How many the whole list has, but no more than 1,000; there with `count=true`.",
    )
    count_exceeded: bool | None = Field(
        default=None,
        description="Whether it has more than `count`, which is 1,000 then; there with `count`.",
    )
