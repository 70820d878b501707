"""Steps of a provider's onboarding: what each asks for, and of whom.

No bank secret is kept: the payout step has the id that the payment gateway gave an account of the
provider's (decision 0118).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.core.money import WHOLE, Currency
from models.core.text import ACCOUNT, Email, Name, Phone, Text
from models.core.times import Day
from models.marketplace.catalogue.places import CountryCode
from models.marketplace.providers.lifecycle import ProviderType, VerificationStatus


class Step(StrEnum):
    """A step of the onboarding."""

    BUSINESS = "business"
    CONTACT = "contact"
    ADDRESS = "address"
    PROPERTY = "property"
    LICENCE = "licence"
    PAYOUT = "payout"
    TERMS = "terms"


_COMMON: Final = (Step.BUSINESS, Step.CONTACT, Step.ADDRESS)
_LAST: Final = (Step.PAYOUT, Step.TERMS)
STEPS_OF: Final[Mapping[ProviderType, tuple[Step, ...]]] = {
    ProviderType.HOTEL_MANAGER: (*_COMMON, Step.PROPERTY, *_LAST),
    ProviderType.TOUR_OPERATOR: (*_COMMON, Step.LICENCE, *_LAST),
}
"""What is asked of each type, in this order."""

OF_THE_OWNER: Final = frozenset({Step.PAYOUT, Step.TERMS})
"""Where money goes, and what is agreed to, is the owner's to say."""

OPEN_TO_CHANGES: Final[Mapping[VerificationStatus, frozenset[Step]]] = {
    VerificationStatus.NOT_STARTED: frozenset(Step),
    VerificationStatus.IN_PROGRESS: frozenset(Step),
    VerificationStatus.SUBMITTED: frozenset(Step),
    VerificationStatus.UNDER_REVIEW: frozenset(),
    VerificationStatus.REJECTED: frozenset(Step),
    # What was verified stays as it was; how to reach and to pay them may change.
    VerificationStatus.APPROVED: frozenset({Step.CONTACT, Step.ADDRESS, Step.PAYOUT}),
    VerificationStatus.SUSPENDED: frozenset({Step.CONTACT, Step.ADDRESS, Step.PAYOUT}),
}
"""Which steps may be filled in while the profile is in a status."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=2_000)


class BusinessStep(_Data):
    """Who the provider is."""

    step: Literal["business"]
    legal_name: Annotated[Text, Field(min_length=1, max_length=200)]
    display_name: Annotated[
        Text, Field(min_length=1, max_length=120, description="As travellers are told it.")
    ]
    country: CountryCode
    registration_number: Annotated[
        Text, Field(min_length=1, max_length=60, description="In the register of companies.")
    ]
    tax_id: Annotated[Text, Field(max_length=40)] = ""


class ContactStep(_Data):
    """Who is asked when something is unclear."""

    step: Literal["contact"]
    name: Name
    email: Email
    phone: Phone


class AddressStep(_Data):
    """Where the business is registered."""

    step: Literal["address"]
    line1: Annotated[Text, Field(min_length=1, max_length=200)]
    line2: Annotated[Text, Field(max_length=200)] = ""
    city: Annotated[Text, Field(min_length=1, max_length=120)]
    postal_code: Annotated[Text, Field(max_length=20)] = ""
    country: CountryCode


class PropertyStep(_Data):
    """What a hotel manager will list first."""

    step: Literal["property"]
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    kind: Literal["HOTEL", "GUESTHOUSE", "APARTMENTS", "HOSTEL", "RESORT", "OTHER"]
    units: Annotated[int, Field(ge=1, le=10_000, strict=True, description="Rooms in all."), WHOLE]
    permit_number: Annotated[
        Text, Field(max_length=60, description="Of the permit to let, where one is needed.")
    ] = ""


class LicenceStep(_Data):
    """What lets a tour operator guide tours."""

    step: Literal["licence"]
    number: Annotated[Text, Field(min_length=1, max_length=60)]
    authority: Annotated[Text, Field(min_length=1, max_length=200)]
    country: CountryCode
    valid_until: Day | None = None


class PayoutStep(_Data):
    """Where earnings go: an account at the payment gateway, by its opaque id."""

    step: Literal["payout"]
    gateway: Literal["stripe", "payment_service"]
    account_id: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=100,
            pattern=ACCOUNT,
            description="The gateway's id of the account; never an account number or an IBAN.",
        ),
    ]
    currency: Currency


class TermsStep(_Data):
    """That the owner has accepted the terms of the house."""

    step: Literal["terms"]
    version: Annotated[Text, Field(min_length=1, max_length=40, description="Of the terms.")]
    accepted: Literal[True]


StepData = Annotated[
    BusinessStep | ContactStep | AddressStep | PropertyStep | LicenceStep | PayoutStep | TermsStep,
    Field(discriminator="step"),
]
"""What a step asks for, told apart by ``step``."""

_STORED: Final[TypeAdapter[StepData]] = TypeAdapter(StepData)


def stored(data: StepData) -> dict[str, Any]:
    """Return a step as it is kept."""
    return data.model_dump(mode="json")


def read(data: Mapping[str, Any]) -> StepData:
    """Return a step that was kept."""
    return _STORED.validate_python(dict(data))
