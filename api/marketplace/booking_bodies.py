"""What is sent about bookings: snake_case JSON, unknown fields refused (S6)."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.core.bodies import Body, KeyField
from models.core.money import MinorUnits
from models.core.text import Email, Name, PaymentMethodId, Phone, Prose


def _example(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class TravelerBody(Body):
    """Somebody who comes."""

    first_name: Name
    last_name: Name


class ContactBody(Body):
    """Where the lead is reached."""

    email: Email
    phone: Phone | None = None


class HoldBody(Body):
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
    idempotency_key: KeyField = None


class PayBody(Body):
    """How it is paid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment_method_id": "pm_card_visa"}]}
    )

    payment_method_id: Annotated[
        PaymentMethodId | None, Field(description="Not needed where nothing is to be paid.")
    ] = None
    idempotency_key: KeyField = None


class CardBody(Body):
    """Another card."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payment_method_id": "pm_card_mastercard"}]}
    )

    payment_method_id: PaymentMethodId
    idempotency_key: KeyField = None


class CancelBody(Body):
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
    idempotency_key: KeyField = None
