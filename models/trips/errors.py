"""What is refused about a trip: its option, what was accepted of it, and its changes."""

from collections.abc import Sequence

from models.bookings.booking import Booking
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError
from models.core.party import Fault
from models.trips.changes import ChangeQuote


class TripOptionNotFound(DomainError):
    """The trip planner has no such option (any more)."""

    def __init__(self, trip_option_id: str) -> None:
        super().__init__("there is no such trip option")
        self.trip_option_id = trip_option_id


class TripOptionUnbookable(DomainError):
    """The option is not one that could be booked.

    Attributes:
        reason: part of a sentence, without personal data.
        handed_in: the trip came with the request, not from the trip planner.
    """

    def __init__(self, reason: str, *, handed_in: bool = False) -> None:
        super().__init__(f"the trip option cannot be booked: {reason}")
        self.reason = reason
        self.handed_in = handed_in


class TripNotAllowed(DomainError):
    """The caller may not hand in a trip of its own with a booking."""

    def __init__(self) -> None:
        super().__init__("the caller may not hand in trips")


class AmountNotAccepted(DomainError):
    """The amount that was accepted is not the trip's. Both in minor units."""

    def __init__(self, *, expected: int, given: int) -> None:
        super().__init__(f"the trip costs {expected}, not {given}")
        self.expected = expected
        self.given = given


class CurrencyNotAccepted(DomainError):
    """The currency that was accepted is not the trip's. Both are ISO 4217 codes."""

    def __init__(self, *, expected: str, given: str) -> None:
        super().__init__(f"the trip is priced in {expected}, not in {given}")
        self.expected = expected
        self.given = given


class TravelersMissing(DomainError):
    """Neither the trip option nor the request names a traveller."""

    def __init__(self) -> None:
        super().__init__("nobody travels")


class InvalidTrip(DomainError):
    """Those who travel cannot travel like this, or not on this trip. Nothing was begun.

    Attributes:
        faults: what is wrong, each with its field as the request names it; at least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"wrong: {', '.join(fault.field for fault in faults)}")
        self.faults = faults


class PlannerUnavailable(DomainError):
    """The trip planner does not answer.

    Attributes:
        retry_after: seconds until asking again may help, where the planner tells.
    """

    def __init__(self, retry_after: int | None) -> None:
        super().__init__("the trip planner does not answer")
        self.retry_after = retry_after


class NotChangeable(DomainError):
    """The booking is no trip, or in a state in which it cannot be changed."""

    def __init__(self, booking: Booking) -> None:
        super().__init__(
            f"booking {booking.id} cannot be changed: it is a {booking.kind} and {booking.state}"
        )
        self.booking = booking


class ComponentRepeated(DomainError):
    """A change names a component twice: it can go only once."""

    def __init__(self) -> None:
        super().__init__("a component can go only once")


class ChangeRefused(DomainError):
    """A change cannot be made as it was asked for: the booking stands as it was.

    Attributes:
        booking: as it stands.
        problem: why.
        change_id: None where only its price was asked for.
        quote: what it would cost now, where that is known.
    """

    def __init__(
        self,
        booking: Booking,
        problem: Problem,
        *,
        change_id: str | None = None,
        quote: ChangeQuote | None = None,
    ) -> None:
        super().__init__(f"booking {booking.id} is not changed: {problem.code}")
        self.booking = booking
        self.problem = problem
        self.change_id = change_id
        self.quote = quote
