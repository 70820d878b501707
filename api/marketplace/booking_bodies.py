"""What is sent about bookings: snake_case JSON, unknown fields refused (S6)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.core.idempotency import IdempotencyKey
from models.core.money import MinorUnits
from models.core.text import Email, Name, PaymentMethodId, Phone, Prose

_KeyField = Annotated[
    IdempotencyKey | None, Field(description="In place of the header Idempotency-Key.")
]


def _example(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TravelerBody(_Body):
    """Somebody who comes."""

    first_name: Name
    last_name: Name


class ContactBody(_Body):
    """Where the lead is reached."""

    email: Email
    phone: Phone | None = None


class HoldBody(_Body):
    """Who comes, and how they are reached."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "travelers": [{"first_name": "Ada", "last_name": "Okafor"}],
                    "contact": {"email": "ada@example.com"},
                    "requests": "We arrive late.",
                }
            ]
        }
    )

    travelers: Annotated[
        list[TravelerBody],
        Field(min_length=1, max_length=500, description="The first one leads the booking."),
    ]
    contact: ContactBody
    requests: Annotated[
        Prose, Field(max_length=1_000, description="What the provider should know.")
    ] = ""
    idempotency_key: _KeyField = None


class PayBody(_Body):
    """How it is paid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment_method_id": "pm_card_visa"}]}
    )

    payment_method_id: Annotated[
        PaymentMethodId | None, Field(description="Not needed where nothing is to be paid.")
    ] = None
    idempotency_key: _KeyField = None


class CardBody(_Body):
    """Another card."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment_method_id": "pm_card_mastercard"}]}
    )

    payment_method_id: PaymentMethodId
    idempotency_key: _KeyField = None


class CancelBody(_Body):
    """Why it is cancelled."""

    model_config = _example(reason="ill")

    reason: Annotated[Prose, Field(max_length=500)] = ""
    by: Annotated[
        Literal["GUEST", "PROVIDER"] | None,
        Field(
            description="Who does not keep to it. An operator cancels for the PROVIDER, who gives"
            " everything back, unless it says GUEST; nobody else may say PROVIDER."
        ),
    ] = None
    accepted_fee: Annotated[
        MinorUnits | None, Field(description="The most that may be kept, else 409 `FEE_CHANGED`.")
    ] = None
    idempotency_key: _KeyField = None
