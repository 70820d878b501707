"""What dashboards are told of a booking (contracts.md §5): snake_case JSON."""

from pydantic import AwareDatetime, BaseModel, Field

from models.bookings.lifecycle import BookingKind, StatusGroup


class RecentBooking(BaseModel):
    """A booking of any kind in a list; the amount is in minor units."""

    id: str
    reference: str
    user_id: str = Field(description="Of the traveller: what `user` finds.")
    username: str = Field(description="The traveller's address: the contact's e-mail.")
    first_name: str | None = Field(
        description="Of who leads the party; null where nobody is named."
    )
    product: BookingKind
    product_title: str | None = Field(description="Of all its items.")
    status: StatusGroup
    created_at: AwareDatetime
    referral_code: str | None
    discount_percent: float | None = Field(description="0 to 100, with two decimals.")
    total: int = Field(description="What was accepted last.")
    currency: str
