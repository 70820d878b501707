"""What the domains refuse, as exceptions: facts, and nothing of how they are answered.

Every domain has its own in its module ``errors``. Pages, commands and consumers catch them; for
HTTP, ``api.errors`` maps each class to a status, a code and words. What suppliers and gateways
refuse is told apart in ``models.core.errors``.
"""

from enum import StrEnum


class DomainError(Exception):
    """Something is not done, for a reason the domain knows.

    The message is for logs and the command line: it has ids and states, and no personal data.
    """


class CallerUnknown(DomainError):
    """The API key is missing, unknown or revoked; which of them is not told."""

    def __init__(self) -> None:
        super().__init__("no service has this API key")


class SessionUnknown(DomainError):
    """No session is shown, or one that has ended, or that there is not; which is not told."""

    def __init__(self) -> None:
        super().__init__("nobody is signed in with this session")


class TooManyReads(DomainError):
    """So many reads wait for the database that the turn of this one did not come in time."""

    def __init__(self) -> None:
        super().__init__("too many reads wait for the database")


class TooManyBookings(DomainError):
    """So many bookings are to be made that another one is not taken: nothing was begun.

    Attributes:
        retry_after: seconds until asking again may help.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many bookings wait for the workers")
        self.retry_after = retry_after


class RateLimited(DomainError):
    """More was asked within a minute than a limit allows: nothing was done.

    Attributes:
        limit: its name, as callers are told it.
        quota: how many requests it allows a minute.
        retry_after: seconds until it allows another one.
    """

    def __init__(self, limit: str, quota: int, retry_after: int) -> None:
        super().__init__(f"more than {quota} {limit} a minute")
        self.limit = limit
        self.quota = quota
        self.retry_after = retry_after


class TemporalUnavailable(DomainError):
    """Temporal does not answer. What was asked may have been taken all the same.

    Attributes:
        key: the idempotency key to repeat the request with, where it is known.
    """

    def __init__(self, *, key: str | None = None) -> None:
        super().__init__("Temporal does not answer")
        self.key = key


class Keyed(StrEnum):
    """What is done once for an idempotency key."""

    BOOKING = "booking"
    CHANGE = "change"
    REFUND = "refund"
    REQUEST = "request"
    """Anything else."""


class KeyReused(DomainError):
    """The idempotency key belongs to another request of the same kind: nothing was done."""

    def __init__(self, kind: Keyed) -> None:
        super().__init__(f"the idempotency key was used before with another {kind}")
        self.kind = kind


class KeyInProgress(DomainError):
    """The same request is being carried out this moment, for longer than was waited.

    Attributes:
        retry_after: seconds until asking again may help.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("a request with this idempotency key is being carried out")
        self.retry_after = retry_after
