"""What a traveller buys: the trip option a trip planner offers, and who travels.

JSON is camelCase, as trip planners send it (contracts.md §1); Python is snake_case.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from models.money import Currency, MinorUnits, Money


def _clean(text: str) -> str:
    # PostgreSQL text has no NUL, and UTF-8 has no lone surrogates (reliability.md S8).
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must not contain lone surrogates") from error
    return text.strip()


Text = Annotated[str, AfterValidator(_clean)]
"""Text that can be stored and sent: no NUL, no lone surrogates, trimmed."""

Name = Annotated[Text, Field(min_length=1, max_length=120)]
Email = Annotated[
    Text, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$")
]
Phone = Annotated[Text, Field(min_length=4, max_length=32, pattern=r"^\+?[0-9 ()./-]+$")]
Key = Annotated[Text, Field(min_length=1, max_length=200)]


class ItemType(StrEnum):
    """What kind of thing an item is; ACTIVITY is the contract's word for an experience."""

    FLIGHT = "FLIGHT"
    HOTEL = "HOTEL"
    ACTIVITY = "ACTIVITY"


class CamelModel(BaseModel):
    """A message at the HTTP edge: camelCase JSON, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_max_length=10_000
    )


class Document(CamelModel):
    """A travel document, as airlines ask for it."""

    document_type: Annotated[Text, Field(max_length=30)] = "PASSPORT"
    number: Annotated[Text, Field(min_length=1, max_length=40)]
    expiry_date: dt.date
    issuance_country: Annotated[Text, Field(min_length=2, max_length=2)]
    nationality: Annotated[Text, Field(min_length=2, max_length=2)]


class Traveler(CamelModel):
    """A person on the trip. The first one leads the booking."""

    first_name: Name
    last_name: Name
    date_of_birth: dt.date
    gender: Annotated[str, Field(pattern="^(MALE|FEMALE|UNSPECIFIED)$")] = "UNSPECIFIED"
    email: Email | None = None
    phone: Phone | None = None
    document: Document | None = None


class Contact(CamelModel):
    """Where the traveller is reached about the trip."""

    email: Email
    phone: Phone | None = None


class TripComponent(CamelModel):
    """One thing of a trip option that can be booked at one supplier."""

    model_config = ConfigDict(extra="ignore")  # a planner may say more than we need

    component_id: Key
    type: ItemType
    supplier: Annotated[Text, Field(min_length=1, max_length=40, pattern="^[a-z][a-z0-9_]*$")]
    title: Annotated[Text, Field(max_length=300)] = ""
    price: MinorUnits
    currency: Currency
    starts_at: dt.datetime
    ends_at: dt.datetime
    offer: dict[str, Any]
    """The supplier's own offer as the planner found it; only the supplier's adapter reads it."""

    @property
    def money(self) -> Money:
        """The price the traveller was shown, for the whole party."""
        return Money(amount=self.price, currency=self.currency)


class TripOption(CamelModel):
    """A whole trip as a planner offers it; ``total_price`` is in minor units."""

    model_config = ConfigDict(extra="ignore")

    trip_option_id: Key
    title: Annotated[Text, Field(max_length=300)] = ""
    total_price: MinorUnits
    currency: Currency
    travelers: Annotated[list[Traveler], Field(max_length=20)] = []
    components: Annotated[list[TripComponent], Field(min_length=1, max_length=20)]
