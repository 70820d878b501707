"""Who travels, and where they are reached."""

from typing import Annotated, Literal

from pydantic import Field

from models.core.text import CAPITAL_COUNTRY, CamelModel, Country, Email, Name, Phone, Text
from models.core.times import Day


class Document(CamelModel):
    """A travel document, as airlines ask for it."""

    document_type: Annotated[Text, Field(max_length=30)] = "PASSPORT"
    number: Annotated[Text, Field(min_length=1, max_length=40)]
    expiry_date: Day
    issuance_country: Country
    nationality: Country


class Traveler(CamelModel):
    """A person on the trip. The first one leads the booking."""

    first_name: Name
    last_name: Name
    date_of_birth: Day
    gender: Literal["MALE", "FEMALE", "UNSPECIFIED"] = "UNSPECIFIED"
    email: Email | None = None
    phone: Phone | None = None
    document: Document | None = None


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
