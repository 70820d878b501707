"""What is refused about providers."""

from collections.abc import Collection, Sequence

from models.core.domain_errors import DomainError
from models.marketplace.providers.lifecycle import VerificationStatus


class ProviderNotFound(DomainError):
    """There is no such provider, or the user is no member: the two are not told apart (S4)."""

    def __init__(self) -> None:
        super().__init__("there is no such provider for this user")


class OwnersOnly(DomainError):
    """Only the owner of the provider may do this."""

    def __init__(self) -> None:
        super().__init__("only the owner of the provider may do this")


class StepNotAsked(DomainError):
    """The step is none of the onboarding of this type of provider.

    Attributes:
        steps: those that are.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__("this type of provider has no such step")
        self.steps = tuple(steps)


class StepsMissing(DomainError):
    """The onboarding is not complete: nothing was submitted.

    Attributes:
        steps: what is missing, in the order of the onboarding.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__(f"steps are missing: {', '.join(steps)}")
        self.steps = tuple(steps)


class ProviderStateConflict(DomainError):
    """The profile's status does not let this be done: nothing was.

    Attributes:
        status: what it is.
        allowed: where it can move now.
        why: a sentence for whoever asked.
    """

    def __init__(
        self, status: VerificationStatus, allowed: Collection[VerificationStatus], why: str
    ) -> None:
        super().__init__(f"the provider is {status}")
        self.status = status
        self.allowed = sorted(allowed)
        self.why = why
