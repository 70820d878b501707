"""Who travels, and where they are reached."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from models.core.text import CAPITAL_COUNTRY, CamelModel, Country, Email, Name, Phone, Text
from models.core.times import Day


class Document(CamelModel):
    """A travel document, as airlines ask for it. What is wrong with one: ``models.core.party``."""

    document_type: Annotated[Text, Field(max_length=30)] = "PASSPORT"
    number: Annotated[Text, Field(min_length=1, max_length=40)]
    expiry_date: Day
    issuance_country: Country
    nationality: Country

    @property
    def kind(self) -> str:
        """The type as it is compared: ``IDENTITY_CARD`` for "identity card"."""
        return self.document_type.upper().replace(" ", "_")


class Traveler(CamelModel):
    """A person on the trip. The first one leads the booking."""

    first_name: Name
    last_name: Name
    date_of_birth: Day
    gender: Literal["MALE", "FEMALE", "UNSPECIFIED"] = "UNSPECIFIED"
    email: Email | None = None
    phone: Phone | None = None
    document: Document | None = None

    def age_on(self, day: dt.date) -> int:
        """Return the age in whole years on a day; negative before the birth."""
        born = self.date_of_birth
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class Contact(CamelModel):
    """Where the traveller is reached about the trip."""

    email: Email
    phone: Phone | None = None


_Line = Annotated[Text, Field(max_length=200)]


class Address(CamelModel):
    """A billing address."""

    line1: _Line
    line2: _Line | None = None
    city: _Line
    state: _Line | None = None
    postal_code: Annotated[Text, Field(max_length=20)] | None = None
    country: Annotated[Text, Field(pattern=CAPITAL_COUNTRY, description="ISO 3166-1 alpha-2.")]
