"""What is refused about the feed of events."""

from models.core.domain_errors import DomainError


class EventsGone(DomainError):
    """Events behind this position are not kept any more: a reader who goes on misses some.

    Attributes:
        oldest: the lowest position behind which every event is kept.
    """

    def __init__(self, after: int, oldest: int) -> None:
        super().__init__(f"events behind {after} are gone; those behind {oldest} are kept")
        self.oldest = oldest


class EventsNotThereYet(DomainError):
    """The feed has not come so far as this position: it was not given by this feed.

    Attributes:
        latest: how far the feed has come.
    """

    def __init__(self, after: int, latest: int) -> None:
        super().__init__(f"the feed has come to {latest}, not to {after}")
        self.latest = latest


class DeadLetterNotFound(DomainError):
    """There is no dead letter with this number."""

    def __init__(self, letter_id: int) -> None:
        super().__init__(f"there is no dead letter {letter_id}")
        self.letter_id = letter_id


class DeadLetterDelivered(DomainError):
    """The dead letter was sent again and accepted: there is nothing to send."""

    def __init__(self, letter_id: int) -> None:
        super().__init__(f"dead letter {letter_id} has been accepted")
        self.letter_id = letter_id
