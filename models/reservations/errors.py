"""What is refused about reservations."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError
from models.core.venues import Alternative


class VenueNotFound(DomainError):
    """There is no such venue, or it is another caller's: the two are not told apart (S4)."""

    def __init__(self) -> None:
        super().__init__("there is no such venue for this caller")


class VenueTimeZoneUnknown(DomainError):
    """Nobody has registered the venue, and its services do not tell its time zone."""

    def __init__(self) -> None:
        super().__init__("the venue's time zone is not known")


class NoReservations(DomainError):
    """No reservations are taken here: the services of the venues are not configured."""

    def __init__(self) -> None:
        super().__init__("no inventory and pricing service is configured")


class VenuesUnavailable(DomainError):
    """The services of the venues do not answer: nothing was begun."""

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__("the venues' services do not answer")
        self.retry_after = retry_after


class SlotRefused(DomainError):
    """What is asked for is nothing that the venue lets be reserved.

    Attributes:
        field: the part of the request it is about.
        words: a sentence for whoever sent it.
    """

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


class Contradiction(DomainError):
    """Two parts of a request say different things.

    Attributes:
        field: one of them.
        words: a sentence for whoever sent it.
    """

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


class SlotUnavailable(DomainError):
    """There is no room for the party at that time.

    Attributes:
        reason: why, as a stable word.
        alternatives: other times with room, on the venue's clock.
        moving: a reservation was to be moved there, and stands as it was.
    """

    def __init__(
        self, reason: str, alternatives: Sequence[Alternative] = (), *, moving: bool = False
    ) -> None:
        super().__init__(f"the slot is not to be had: {reason}")
        self.reason = reason
        self.alternatives = tuple(alternatives)
        self.moving = moving


class DuplicateReservation(DomainError):
    """The guest has another reservation at the venue at that time.

    Attributes:
        reference: of that one, where it is known.
        moving: whether one that stands was to be moved there.
    """

    def __init__(self, reference: str | None, *, moving: bool = False) -> None:
        super().__init__("the guest has another reservation there at that time")
        self.reference = reference
        self.moving = moving


class PaymentMethodMissing(DomainError):
    """Something is to be paid, and no payment method came with the request."""

    def __init__(self, amount: int, currency: str) -> None:
        super().__init__("something is to be paid, and nothing to pay it with was given")
        self.amount = amount
        self.currency = currency


class VersionConflict(DomainError):
    """The booking has moved on since it was read: nothing was done.

    Attributes:
        booking: as it stands.
        precondition: whether the version came as ``If-Match``.
        current: the reservation as callers see it.
    """

    def __init__(
        self,
        booking: Booking,
        *,
        current: Mapping[str, Any],
        precondition: bool = False,
    ) -> None:
        super().__init__(f"booking {booking.id} is in version {booking.version}")
        self.booking = booking
        self.precondition = precondition
        self.current = current


class VersionRequired(DomainError):
    """A change does not say which version of the reservation it is about: nothing was done."""

    def __init__(self) -> None:
        super().__init__("neither expected_version nor If-Match was given")


class PriceNotAccepted(DomainError):
    """The reservation would cost more than was accepted: nothing was done.

    Attributes:
        old: what is paid for it now, minor units.
        new: what would be.
        currency: of both.
    """

    def __init__(self, old: int, new: int, currency: str) -> None:
        super().__init__("the change costs more than was accepted")
        self.old = old
        self.new = new
        self.currency = currency


class NotChanged(DomainError):
    """A change was begun and could not be made: the reservation stands as it was.

    Attributes:
        problem: why.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class StateConflict(DomainError):
    """The reservation cannot move there from where it is.

    Attributes:
        booking: as it stands.
        allowed: where it can move now.
        why: a sentence, where the state alone does not tell.
    """

    def __init__(
        self, booking: Booking, allowed: Collection[BookingState], why: str | None = None
    ) -> None:
        super().__init__(f"booking {booking.id} cannot move there: it is {booking.state}")
        self.booking = booking
        self.allowed = sorted(allowed)
        self.why = why


class ReasonMissing(DomainError):
    """What the record has said is corrected, and nobody says why: nothing was done."""

    def __init__(self) -> None:
        super().__init__("a guest who has not come is checked in without a reason")


class ChangeUnderWay(DomainError):
    """Something else about the booking is being carried out: ask again when it has ended."""

    def __init__(self, booking_id: str) -> None:
        super().__init__(f"something is being carried out about booking {booking_id}")
