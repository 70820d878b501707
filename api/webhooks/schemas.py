"""What gateways and suppliers are answered."""

from typing import Literal

from api.core.schemas import Answer


class EventTaken(Answer):
    """The answer to a gateway: it need not send this event again."""

    received: Literal[True] = True
