"""What is refused about a booking of any kind."""

from collections.abc import Sequence

from models.bookings.booking import Booking
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError


class BookingNotFound(DomainError):
    """There is no such booking, or it is another caller's: the two are not told apart (S4)."""

    def __init__(self, booking_id: str) -> None:
        super().__init__("there is no such booking for this caller")
        self.booking_id = booking_id


class BookingNotRecordedYet(DomainError):
    """The booking has been accepted, and its workflow has yet to write it down: ask again."""

    def __init__(self, booking_id: str) -> None:
        super().__init__(f"booking {booking_id} is not written down yet")
        self.booking_id = booking_id


class ComponentUnknown(DomainError):
    """The booking has no such component.

    Attributes:
        place: where it stands in the list of components that are named; None where one is named.
    """

    def __init__(self, booking_id: str, *, place: int | None = None) -> None:
        super().__init__(f"booking {booking_id} has no such component")
        self.booking_id = booking_id
        self.place = place


class NotCancellable(DomainError):
    """The booking is in a state in which it cannot be cancelled (any more)."""

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"booking {booking.id} cannot be cancelled: it is {booking.state}")
        self.booking = booking


class FeeChanged(DomainError):
    """Cancelling would keep more than was accepted: nothing was cancelled.

    Attributes:
        booking: as it stands.
        problem: with the fees in its details, in minor units.
    """

    def __init__(self, booking: Booking, problem: Problem) -> None:
        super().__init__(f"cancelling booking {booking.id} would keep more than was accepted")
        self.booking = booking
        self.problem = problem


class CaseNotOpen(DomainError):
    """The booking has no such case that is open for a decision: nothing was decided.

    Attributes:
        open_cases: numbers of the cases that are.
    """

    def __init__(self, booking_id: str, case_id: int, open_cases: Sequence[int | None]) -> None:
        super().__init__(f"case {case_id} of booking {booking_id} is not open for a decision")
        self.booking_id = booking_id
        self.case_id = case_id
        self.open_cases = list(open_cases)
