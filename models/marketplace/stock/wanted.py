"""What a quote lets its booking claim: agreed with ``models.marketplace.quotes``. No I/O.

A quote stores it in its ``request`` under :data:`CLAIMS`, as ``wanted.model_dump(mode="json")``;
the hold reads nothing else of ``request``.
"""

import datetime as dt
import uuid
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.core.terms import CancellationTerms

CLAIMS: Final = "claims"
"""The name in ``quotes.request``."""
MOST_NIGHTS: Final = 90
"""Of one stay."""
MOST_ROOMS: Final = 50
"""Lines of one quote."""

Id = Annotated[str, AfterValidator(lambda text: str(uuid.UUID(text)))]
"""A UUID, as text."""
Units = Annotated[int, Field(ge=1, le=500)]


class RoomNights(BaseModel):
    """Units of one type of room, from the night of ``check_in`` to that before ``check_out``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    room_id: Id
    check_in: dt.date
    check_out: dt.date
    units: Units = 1

    @model_validator(mode="after")
    def _some_nights(self) -> Self:
        if not 1 <= self.nights <= MOST_NIGHTS:
            raise ValueError(f"a stay has 1 to {MOST_NIGHTS} nights")
        return self

    @property
    def nights(self) -> int:
        """How many nights it is."""
        return (self.check_out - self.check_in).days


class Seats(BaseModel):
    """Seats of one departure of a tour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    departure_id: Id
    seats: Units


class Wanted(BaseModel):
    """Nights of rooms, or seats of a departure; exactly one of the two.

    The same room may stand in several lines: what they want of a night is added up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    room_nights: Annotated[tuple[RoomNights, ...], Field(max_length=MOST_ROOMS)] = ()
    """All of rooms of one listing."""
    departure: Seats | None = None
    guests: Annotated[int, Field(ge=1, le=500)]
    """Adults and children."""
    terms: CancellationTerms
    """What is kept on cancelling, as the snapshot has it, in the quote's currency: the booking's
    item keeps them."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.room_nights) is (self.departure is not None):
            raise ValueError("needs exactly one of room_nights and departure")
        return self
