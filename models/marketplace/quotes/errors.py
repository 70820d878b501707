"""What is refused about quotes and searches: nothing is written then."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from models.core.domain_errors import DomainError


class OfferNotFound(DomainError):
    """There is no such listing, package or tour, or nobody has ever published it."""

    def __init__(self) -> None:
        super().__init__("there is no such offer")


class QuoteNotFound(DomainError):
    """There is no such quote, or it is somebody else's: the two are not told apart (S4)."""

    def __init__(self) -> None:
        super().__init__("there is no such quote of whoever asks")


class NotOnSale(DomainError):
    """It exists, and is not sold now.

    Attributes:
        what: "listing", "room", "rate_plan", "package", "tour" or "departure".
        why: a stable word, such as "PAUSED".
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"the {what} is not on sale: {why}")
        self.what = what
        self.why = why


class SoldOut(DomainError):
    """There are fewer units or seats than are asked for.

    Attributes:
        nights: those that are closed, not for sale or too full.
        seats_left: of a departure; None for rooms.
    """

    def __init__(self, nights: Sequence[dt.date] = (), seats_left: int | None = None) -> None:
        super().__init__("there is not enough left")
        self.nights = tuple(nights)
        self.seats_left = seats_left


class QuoteRefused(DomainError):
    """A rule does not let it be sold like this.

    Attributes:
        field: the part of the request it is about.
        rule: a stable word, such as "MIN_STAY".
        words: a sentence for whoever sent it.
        limits: the rule's figures.
    """

    def __init__(
        self, field: str, rule: str, words: str, limits: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(words)
        self.field = field
        self.rule = rule
        self.words = words
        self.limits = dict(limits or {})


class GuestsDoNotFit(DomainError):
    """There are more guests than the room takes.

    Attributes:
        field: the room in the request.
        room_id: of the room.
        limits: how many it takes, and until when one is a child.
    """

    def __init__(self, field: str, room_id: str, limits: Mapping[str, int]) -> None:
        super().__init__(f"the guests do not fit room {room_id}")
        self.field = field
        self.room_id = room_id
        self.limits = dict(limits)


class CurrencyNotOffered(DomainError):
    """It is sold in another currency.

    Attributes:
        expected: that one.
        given: what was asked for.
    """

    def __init__(self, expected: str, given: str) -> None:
        super().__init__(f"it is sold in {expected}, not in {given}")
        self.expected = expected
        self.given = given


class PriceNotPayable(DomainError):
    """The price is less than a card is charged, or more than any price may be.

    Attributes:
        least: the least that can be paid, minor units; None: it is too high.
        currency: of it.
    """

    def __init__(self, least: int | None, currency: str) -> None:
        super().__init__("nobody can pay this price by card")
        self.least = least
        self.currency = currency
