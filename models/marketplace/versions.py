"""Which version of something a request is about: of several changes of one version one is made."""

from dataclasses import dataclass

from models.core.domain_errors import DomainError


class MarketVersionConflict(DomainError):
    """What is to be changed has moved on since it was read: nothing was done.

    Attributes:
        current: the version it is in.
        precondition: whether the other version came as ``If-Match``.
    """

    def __init__(self, current: int, *, precondition: bool) -> None:
        super().__init__(f"it is in version {current}")
        self.current = current
        self.precondition = precondition


class MarketVersionRequired(DomainError):
    """A change does not say which version it is about: nothing was done."""

    def __init__(self) -> None:
        super().__init__("neither expected_version nor If-Match was given")


@dataclass(frozen=True)
class Expected:
    """The version that a request is about."""

    version: int | None
    """None: whichever there is."""
    precondition: bool = False
    """It came as ``If-Match``."""

    def check(self, current: int) -> None:
        """Make sure that it is the version there is. Raises MarketVersionConflict."""
        if self.version not in (None, current):
            raise MarketVersionConflict(current, precondition=self.precondition)

    def demand(self) -> None:
        """Make sure that a version is named. Raises MarketVersionRequired."""
        if self.version is None:
            raise MarketVersionRequired
