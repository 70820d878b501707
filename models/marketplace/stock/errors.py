"""What is refused about a booking that is bought of a provider."""

from models.bookings.booking import Booking
from models.core.domain_errors import DomainError


class HoldExpired(DomainError):
    """It is not held any more, and could not be taken again: no money was taken.

    Attributes:
        booking: as it stands.
    """

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"booking {booking.id} is not held any more")
        self.booking = booking


class NotPayable(DomainError):
    """There is nothing to pay now: it is being paid, was paid, or has ended.

    Attributes:
        booking: as it stands.
    """

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"booking {booking.id} cannot be paid: it is {booking.state}")
        self.booking = booking


class CardMissing(DomainError):
    """Something is to be paid, and no payment method was sent."""

    def __init__(self) -> None:
        super().__init__("no payment method was sent")
