"""What may be asked of the planner, and the plain words when it cannot be done."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from pydantic.alias_generators import to_camel


class Unplannable(Exception):
    """Criteria that no trip can be made of; the message is for people."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Dates(_Body):
    """First and last day of the trip."""

    start: dt.date
    end: dt.date


class Document(_Body):
    """A travel document."""

    document_type: str = "PASSPORT"
    number: str = Field(min_length=1, max_length=40)
    expiry_date: dt.date
    issuance_country: str = Field(min_length=2, max_length=2)
    nationality: str = Field(min_length=2, max_length=2)


class Traveler(_Body):
    """Someone who travels, as in a trip option."""

    first_name: str = Field(min_length=1, max_length=120)
    last_name: str = Field(min_length=1, max_length=120)
    date_of_birth: dt.date
    gender: Literal["MALE", "FEMALE", "UNSPECIFIED"] = "UNSPECIFIED"
    email: str | None = None
    phone: str | None = None
    document: Document | None = None


class Suppliers(_Body):
    """Who delivers each part; null leaves the part out of the trip."""

    flight: str | None = "amadeus"
    hotel: str | None = "booking_com"
    activity: str | None = "viator"


_Code = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Currencies(_Body):
    """What each part is priced in; null: in the currency of the trip."""

    flight: _Code | None = None
    hotel: _Code | None = None
    activity: _Code | None = None


class TripCriteria(_Body):
    """What a trip is to be like; everything has a default."""

    origin: str = "JFK"
    destination: str = "LIS"
    dates: Dates | None = None
    travelers: StrictInt | list[Traveler] = 2
    suppliers: Suppliers = Suppliers()
    activities: StrictInt | None = Field(default=None, ge=0, le=10)
    currency: _Code = "USD"
    """What the trip is paid in; its total is in it."""
    currencies: Currencies = Currencies()
    """Parts may be priced in another; the total converts them at the sandbox's rates."""


class LockOrder(_Body):
    """Who holds a trip option now."""

    status: Literal["OPEN", "LOCKED", "BOOKED"]
    booking_id: str | None = Field(default=None, max_length=200)


def read(model: type[BaseModel], content: Any) -> Any:
    """Read what a client sent.

    Raises:
        Unplannable: it is something else.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        words = f"{field}: {first['msg']}" if field else str(first["msg"])
        raise Unplannable(words, field) from error
