"""How sending a message may fail."""


class NotTaken(Exception):
    """No server has taken the message, as far as is known.

    Attributes:
        for_good: it never will be: its recipient or its content is refused.
    """

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good
