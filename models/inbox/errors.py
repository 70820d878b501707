"""What is refused about the events of gateways and suppliers."""

from models.core.domain_errors import DomainError


class EventNotFound(DomainError):
    """There is no event with this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no event {number}")
        self.number = number


class EventOfOtherMode(DomainError):
    """The event is of live mode and our payments of test mode, or the reverse: never handled."""

    def __init__(self, number: int) -> None:
        super().__init__(f"event {number} is of another mode than our payments")
        self.number = number


class EventNotEnded(DomainError):
    """The event is neither kept nor dead: it cannot be handled again."""

    def __init__(self, number: int) -> None:
        super().__init__(f"event {number} has not ended without being handled")
        self.number = number
