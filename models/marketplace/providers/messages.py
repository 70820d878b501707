"""Messages about providers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.marketplace.providers.lifecycle import MemberRole, VerificationStatus
from models.marketplace.providers.tables import ProviderRow, ProviderStepRow

_V = VerificationStatus


class Decision(StrEnum):
    """What an admin decides about a provider."""

    START = "START"
    """Somebody is looking at it now: the provider cannot change it meanwhile."""
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    SUSPEND = "SUSPEND"
    REINSTATE = "REINSTATE"


MOVES: Final[Mapping[Decision, tuple[VerificationStatus, VerificationStatus]]] = {
    Decision.START: (_V.SUBMITTED, _V.UNDER_REVIEW),
    Decision.APPROVE: (_V.UNDER_REVIEW, _V.APPROVED),
    Decision.REJECT: (_V.UNDER_REVIEW, _V.REJECTED),
    Decision.SUSPEND: (_V.APPROVED, _V.SUSPENDED),
    Decision.REINSTATE: (_V.SUSPENDED, _V.APPROVED),
}
"""From which status to which each decision moves a profile."""

SEEN_BY_ADMINS: Final = (_V.SUBMITTED, _V.UNDER_REVIEW, _V.APPROVED, _V.REJECTED, _V.SUSPENDED)
"""Statuses of profiles that have been submitted."""


@dataclass(frozen=True)
class Provider:
    """A provider as its members see it."""

    row: ProviderRow
    role: MemberRole | None
    """What the user who asks is to it; None: an admin, who is no member."""
    steps: Sequence[ProviderStepRow]


@dataclass(frozen=True)
class Reviewed:
    """What a decision about a provider did."""

    provider: ProviderRow
    offers: int = 0
    """Taken off sale, or put on sale again."""
    holds: int = 0
    """Open holds that were ended."""
    bookings: int = 0
    """Confirmed bookings that stand, and are a case."""
