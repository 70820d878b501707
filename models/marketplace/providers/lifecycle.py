"""The life of a provider's profile: whether it may publish what it offers (contracts.md §3)."""

from collections.abc import Mapping
from enum import StrEnum


class ProviderType(StrEnum):
    """What a profile offers."""

    HOTEL_MANAGER = "HOTEL_MANAGER"
    """Listings with rooms, and hotel packages."""
    TOUR_OPERATOR = "TOUR_OPERATOR"
    """Tours with departures."""


class VerificationStatus(StrEnum):
    """How far the house has verified a provider."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUBMITTED = "SUBMITTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    APPROVED = "APPROVED"
    """May publish."""
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    """Was approved; what it had published is off sale until it is again."""


class MemberRole(StrEnum):
    """What a user is to a provider."""

    OWNER = "OWNER"
    """Whose profile it is: may change where money goes, and who is a member."""
    STAFF = "STAFF"


_V = VerificationStatus

TRANSITIONS: Mapping[VerificationStatus, frozenset[VerificationStatus]] = {
    _V.NOT_STARTED: frozenset({_V.IN_PROGRESS}),
    _V.IN_PROGRESS: frozenset({_V.SUBMITTED}),
    # taken back by the provider to be corrected
    _V.SUBMITTED: frozenset({_V.UNDER_REVIEW, _V.IN_PROGRESS}),
    _V.UNDER_REVIEW: frozenset({_V.APPROVED, _V.REJECTED}),
    _V.APPROVED: frozenset({_V.SUSPENDED}),
    _V.REJECTED: frozenset({_V.IN_PROGRESS}),
    _V.SUSPENDED: frozenset({_V.APPROVED}),
}
"""To which statuses a profile may move; migrations fill ``provider_transitions`` from it, which a
trigger reads."""
