"""Journal entries: accounts, lines and what an entry must be. No I/O.

A debit says where value went, a credit where it came from. Here amounts carry a sign, debit
positive, because sums are then plain sums; rows and answers have a direction and no sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Account(StrEnum):
    """The accounts of the company (contracts.md §3, and what real money needs besides)."""

    TRAVELER = "TRAVELER"
    """What the company owes the traveller of a booking (credit), booking by booking."""
    PROVIDER_EARNINGS = "PROVIDER_EARNINGS"
    """What is owed for what was sold; owner: the supplier, or the marketplace's provider."""
    COMMISSION = "COMMISSION"
    """What the company earned."""
    GATEWAY = "GATEWAY"
    """Money lying at a gateway (debit), or paid out otherwise; owner: the gateway, or by_hand."""
    FEES = "FEES"
    """Cancellation fees; owner: as above. Also what the company bears: goodwill, disputes."""
    SUSPENSE = "SUSPENSE"
    """Money whose place is not settled yet; owner ``disputes`` for disputed charges."""


class Direction(StrEnum):
    """A side of an entry."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"


class EntryType(StrEnum):
    """Why money moved."""

    CAPTURE = "capture"
    SALE = "sale"
    CANCELLATION = "cancellation"
    GOODWILL = "goodwill"
    PAID_BY_HAND = "paid_by_hand"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    SUSPENSE = "suspense"
    SUSPENSE_RELEASED = "suspense_released"


class Place(NamedTuple):
    """An account of an owner: where money can be."""

    account: Account
    owner: str = ""

    def __str__(self) -> str:
        """Return it as people read it: ``GATEWAY stripe``."""
        return f"{self.account} {self.owner}".rstrip()


@dataclass(frozen=True)
class Line:
    """One side of an entry; ``signed`` in minor units, debit positive, never 0."""

    place: Place
    signed: int
    currency: str

    @property
    def direction(self) -> Direction:
        """Which side it is."""
        return Direction.DEBIT if self.signed > 0 else Direction.CREDIT

    @property
    def amount(self) -> int:
        """Minor units, without a sign."""
        return abs(self.signed)


@dataclass(frozen=True)
class Entry:
    """One movement of money. ``(type, source)`` is written once in the life of the ledger."""

    type: str
    """An ``EntryType``."""
    source: str
    description: str
    """For people; no personal data."""
    lines: tuple[Line, ...]

    def moved(self, place: Place) -> int:
        """Return what it does to a place: minor units, debit positive."""
        return sum(line.signed for line in self.lines if line.place == place)

    def faults(self) -> list[str]:
        """Return what the database would refuse at commit; empty for every entry it accepted."""
        found = []
        if len(self.lines) < 2:
            found.append("has fewer than two lines")
        for currency in sorted({line.currency for line in self.lines}):
            off = sum(line.signed for line in self.lines if line.currency == currency)
            if off:
                found.append(f"is off balance by {off} minor units of {currency}")
        return found


def balance(entries: Iterable[Entry], place: Place) -> int:
    """Return what stands on a place after ``entries``: minor units, debit positive."""
    return sum(entry.moved(place) for entry in entries)
