"""What is refused about what providers offer."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.core.domain_errors import DomainError


class OfferNotFound(DomainError):
    """There is no such thing, or it is another provider's: the two are not told apart (S4).

    Attributes:
        what: a listing, room, rate plan, package, tour or departure.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no such {what} for this user")
        self.what = what


class OfferRefused(DomainError):
    """What is said of an offer contradicts itself, or is nothing that can be.

    Attributes:
        field: the part of the request it is about.
        words: a sentence for whoever sent it.
    """

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


class ProviderNotApproved(DomainError):
    """Only what an approved provider offers is published: nothing was.

    Attributes:
        status: the provider's, where it is known.
    """

    def __init__(self, status: str | None = None) -> None:
        super().__init__("the provider is not approved")
        self.status = status


class OfferIncomplete(DomainError):
    """Something is missing without which an offer is not published.

    Attributes:
        what: a listing, package or tour.
        missing: what, by the names of fields.
    """

    def __init__(self, what: str, missing: Sequence[str]) -> None:
        super().__init__(f"the {what} has no {', '.join(missing)}")
        self.what = what
        self.missing = tuple(missing)


class OfferStateConflict(DomainError):
    """The status of an offer does not let this be done: nothing was.

    Attributes:
        status: what it is.
        allowed: where it can move now.
        why: a sentence for whoever asked.
    """

    def __init__(self, status: str, allowed: Collection[str], why: str) -> None:
        super().__init__(f"it is {status}")
        self.status = status
        self.allowed = sorted(allowed)
        self.why = why


class FieldFixed(DomainError):
    """Something of an offer stays as it was when it was held or sold first.

    Attributes:
        field: what.
        words: a sentence for whoever asked.
    """

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


@dataclass(frozen=True)
class Taken:
    """How many units of a night, or seats of a departure, are not free."""

    day: dt.date
    held: int
    sold: int


class BelowSold(DomainError):
    """Fewer would be offered than are held and sold: nothing was changed.

    Attributes:
        days: of which nights or departures, and how many.
    """

    def __init__(self, days: Sequence[Taken]) -> None:
        super().__init__("fewer would be offered than are held and sold")
        self.days = tuple(days)


class DepartureTimeDoesNotExist(DomainError):
    """On a day the clocks are put forward over the time of the departure: none was made.

    Attributes:
        day: which.
        following: the next local time there is.
    """

    def __init__(self, day: dt.date, following: dt.datetime) -> None:
        super().__init__(f"the time does not exist on {day}")
        self.day = day
        self.following = following
