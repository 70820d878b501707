"""What is refused about users and how they sign in."""

from models.core.domain_errors import DomainError


class AddressUnfit(DomainError):
    """This is no mail address, or no phone number, to which a code could be sent.

    Attributes:
        field: ``email`` or ``phone``.
        why: for people; it does not repeat the address.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class TooManyCodes(DomainError):
    """No code is sent yet; the same for known, unknown and blocked addresses.

    Attributes:
        retry_after: seconds until one may be asked for.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many codes were asked for")
        self.retry_after = retry_after


class IdentityLocked(DomainError):
    """So many codes for an address were wrong in a row that none is sent to it any more."""

    def __init__(self) -> None:
        super().__init__("too many wrong codes in a row for an address")


class CodeRefused(DomainError):
    """The code is wrong, old, used, or was asked for elsewhere: which of them is not told.

    Attributes:
        attempts_left: how many guesses are left; None: none, the code has ended.
    """

    def __init__(self, attempts_left: int | None = None) -> None:
        super().__init__("the code is refused")
        self.attempts_left = attempts_left


class AccountBlocked(DomainError):
    """The code was right, and the account it belongs to is blocked: no session begins."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"user {user_id} is blocked")


class ContactInUse(DomainError):
    """The address was proved, and is another user's contact."""

    def __init__(self) -> None:
        super().__init__("the address is another user's contact")


class UserNotFound(DomainError):
    """There is no such user."""

    def __init__(self) -> None:
        super().__init__("there is no such user")


class SessionNotFound(DomainError):
    """The user has no session with this id."""

    def __init__(self) -> None:
        super().__init__("the user has no such session")


class SecondFactorEnrolled(DomainError):
    """A second factor is confirmed already; only an operator resets it."""

    def __init__(self) -> None:
        super().__init__("a second factor is enrolled already")


class SecondFactorRefused(DomainError):
    """The code of the authenticator is wrong or was used, or there is no authenticator.

    Attributes:
        retry_after: seconds until the next guess is looked at; None: now.
    """

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__("the code of the second factor is refused")
        self.retry_after = retry_after
