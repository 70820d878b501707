"""What is answered about many bookings."""

from pydantic import AwareDatetime, Field

from api.core.schemas import Answer
from models.bookings.lifecycle import BookingKind, BookingState


class ListedBooking(Answer):
    """A booking in a list; amounts are in minor units."""

    booking_id: str
    booking_reference: str
    kind: BookingKind
    state: BookingState
    titles: list[str] = Field(description="Of its components.")
    total_price: int
    paid: int = Field(description="What was taken and not given back.")
    currency: str
    needs_attention: bool = Field(description="Whether a person must settle something about it.")
    failed_step: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class BookingPage(Answer):
    """Bookings, newest first."""

    bookings: list[ListedBooking]
    next: str | None = Field(
        default=None, description="Send it as `after` to get the next page; absent on the last."
    )
