"""What an event says of its booking: one model for each type (record-and-marketplace.md §5.3).

Fields that do not apply to a booking are absent. Fields may be added to a published schema, never
changed or taken away: a consumer ignores those it does not know. No personal data.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.bookings import events as types

BookingStatus = Annotated[
    str,
    Field(
        description="What callers are told of the booking's state: PENDING, PAYMENT_PENDING,"
        " CONFIRMED, CHECKED_IN, COMPLETED, CANCELLED, EXPIRED, NO_SHOW, FAILED or"
        " NEEDS_ATTENTION. Kinds of bookings that come later may have others.",
        examples=["CONFIRMED"],
    ),
]


class BookingContent(BaseModel):
    """A booking as an event tells it."""

    # What a newer worker has written is passed on by an older one as it is.
    model_config = ConfigDict(extra="allow")

    kind: Annotated[
        str,
        Field(
            description="TRIP; later RESERVATION, STAY, HOTEL_PACKAGE, TOUR_PACKAGE.",
            examples=["TRIP"],
        ),
    ]
    reference: Annotated[
        str, Field(description="The booking's human reference.", examples=["TS-4K7QP-9XW2M"])
    ]
    status: BookingStatus
    previous_status: BookingStatus | None = Field(
        default=None,
        description="Its status before this version; absent in the first. May be the same.",
    )
    total: Annotated[
        int,
        Field(ge=0, description="The total accepted last, in minor units.", examples=[200000]),
    ]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["USD"])]
    changed: list[str] = Field(
        description="What has changed in this version: `status`, `total`, `captured`,"
        " `refunded`, `items`, `details` (time, party, table, guest or notes). Others may come.",
        examples=[["status", "captured"]],
    )
    trip_option_id: str | None = Field(default=None, description="The trip option; of trips only.")
    venue_id: str | None = Field(default=None, description="Where; of kinds with a venue.")
    provider_id: str | None = Field(
        default=None, description="Who provides it; of kinds with a provider."
    )
    starts_at: AwareDatetime | None = Field(default=None, description="When it begins.")
    ends_at: AwareDatetime | None = Field(default=None, description="When it ends.")
    time_zone: str | None = Field(
        default=None, description="Where it takes place (IANA).", examples=["Europe/Berlin"]
    )
    party_size: int | None = Field(default=None, ge=1, description="For how many people.")


class Created(BookingContent):
    """A booking has been asked for."""


class Updated(BookingContent):
    """Something of a booking has changed, and its status has not: `changed` says what."""


class StatusChanged(BookingContent):
    """The status has changed. Comes before the status's own event of the same version."""

    previous_status: BookingStatus = Field(description="Its status before this version.")


class Held(BookingContent):
    """What is booked is held at the suppliers, for a while, and not paid for yet."""


class Confirmed(BookingContent):
    """Everything is booked and paid for."""


class CheckedIn(BookingContent):
    """The guest has arrived."""


class Completed(BookingContent):
    """It has taken place."""


class Cancelled(BookingContent):
    """It has been called off."""


class Expired(BookingContent):
    """It was not confirmed in time."""


class NoShow(BookingContent):
    """The guest has not come."""


class Failed(BookingContent):
    """It could not be booked; what had been booked is undone and the money goes back."""


class AttentionNeeded(BookingContent):
    """A person must settle something. Comes after the other events of its version."""


CONTENTS: Mapping[tuple[str, int], type[BookingContent]] = {
    (types.CREATED, 1): Created,
    (types.UPDATED, 1): Updated,
    (types.STATUS_CHANGED, 1): StatusChanged,
    ("booking.held", 1): Held,
    ("booking.confirmed", 1): Confirmed,
    ("booking.checked_in", 1): CheckedIn,
    ("booking.completed", 1): Completed,
    ("booking.cancelled", 1): Cancelled,
    ("booking.expired", 1): Expired,
    ("booking.no_show", 1): NoShow,
    ("booking.failed", 1): Failed,
    (types.ATTENTION_NEEDED, 1): AttentionNeeded,
}
"""The content of every published type and version."""
