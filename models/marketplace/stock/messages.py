"""Messages about holds."""

from typing import Any, Final

from pydantic import AwareDatetime, BaseModel

from models.bookings.problems import Problem
from models.core.fencing import Fence
from models.core.people import Contact

ITEM: Final = 1
"""The number of the one item of what is bought."""

OPENED: Final = 2
"""Version of a booking just opened: QUOTED, then HELD."""


class HoldRequest(BaseModel):
    """Everything a hold needs; ids are made by whoever asks for it."""

    booking_id: str
    booking_reference: str
    caller_id: str
    """Whose booking it is: the quote's subject."""
    user_id: str | None = None
    """Who buys, where it is somebody with an account here."""
    idempotency_key: str
    fingerprint: str
    quote_id: str
    traveler_id: str
    travelers: list[dict[str, Any]]
    contact: Contact
    gateway: str = "stripe"
    hold_seconds: int = 900


class OpenHold(BaseModel):
    """Asks for a hold to be opened."""

    request: HoldRequest
    run: str
    """The workflow's first run id: tells this workflow, repeating itself, from an earlier one."""
    fence: Fence | None = None


class PayRequest(BaseModel):
    """Asks for what is held to be paid (the body of a request of the kind PAY)."""

    payment_method_id: str | None = None
    """None where nothing is to be paid."""


class KeepHeld(BaseModel):
    """Asks for what a booking holds to be held on to while it is paid."""

    booking_id: str
    seconds: float
    """From now on, at least; never more than the longest hold in all."""
    fence: Fence | None = None


class KeptHeld(BaseModel):
    """The answer."""

    until: AwareDatetime | None = None
    """When it ends now (UTC)."""
    refused: Problem | None = None
    """Why it is not held any more, and could not be taken again."""
