"""What callers send. Unknown fields are refused; prices and states are never theirs to set (S6)."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from api.core.schemas import LARGEST
from models.bookings.messages import Resolution
from models.core.money import WHOLE, Currency
from models.core.people import Address, Contact, Traveler
from models.core.text import CamelModel, Email, Key, Name, PaymentMethodId, Phone, Prose, Text
from models.trips.option import Trip


class BillingDetails(CamelModel):
    """Who pays."""

    name: Name
    email: Email
    phone: Phone | None = None
    address: Address | None = None


class PaymentInfo(CamelModel):
    """How the trip is paid, and the total the traveller accepted."""

    payment_method_id: PaymentMethodId
    billing_details: BillingDetails
    amount: Annotated[
        int,
        Field(
            gt=0, le=99_999_999_999, strict=True, description="In minor units; the trip's total."
        ),
        WHOLE,
    ]
    currency: Currency


_BOOK_EXAMPLE = {
    "tripOptionId": "0b9fd6e0-5a63-4d3b-9a39-3d0d3f2a7f11",
    "paymentInfo": {
        "paymentMethodId": "pm_card_visa",
        "billingDetails": {
            "name": "Ada Moreno",
            "email": "ada@example.com",
            "phone": "+12125550123",
            "address": {
                "line1": "1 Main Street",
                "city": "New York",
                "state": "NY",
                "postalCode": "10001",
                "country": "US",
            },
        },
        "amount": 200000,
        "currency": "USD",
    },
    "userContact": {"email": "ada@example.com", "phone": "+12125550123"},
}


def _one_of_two(schema: dict[str, Any]) -> None:
    """Describe that a trip is either named or handed in; neither is ever null."""
    for name in ("tripOptionId", "trip"):
        field = schema["properties"][name]
        field |= field.pop("anyOf")[0]
        field.pop("default", None)
    schema["oneOf"] = [{"required": ["tripOptionId"]}, {"required": ["trip"]}]
    schema["examples"] = [_BOOK_EXAMPLE]


def _something(trip: object) -> object:
    if trip is None:
        raise PydanticCustomError("model_type", "Input should be an object")
    return trip


def _one_of_both(trip_option_id: str | None, told: ValidationInfo) -> str | None:
    """See that a trip is named or handed in, not both and not neither."""
    if "trip" in told.data:  # else it is wrong itself
        if trip_option_id is None and told.data["trip"] is None:
            raise PydanticCustomError("missing", "Field required")
        if trip_option_id is not None and told.data["trip"] is not None:
            raise ValueError("stands in place of trip: send one of the two")
    return trip_option_id


class BookRequest(CamelModel):
    """A trip to be booked: named by its option, or handed in (contracts.md §1)."""

    model_config = ConfigDict(json_schema_extra=_one_of_two)

    # Before the id, whose check looks at it.
    trip: Annotated[
        Trip | None,
        BeforeValidator(_something),
        Field(
            description="The whole trip, from callers that have the right to hand one in. Its"
            " offers are verified as those of a trip planner are."
        ),
    ] = None
    trip_option_id: Annotated[
        Key | None, Field(validate_default=True), AfterValidator(_one_of_both)
    ] = None
    payment_info: PaymentInfo
    user_contact: Contact | None = None
    travelers: Annotated[
        list[Traveler] | None,
        Field(min_length=1, max_length=20, description="Instead of those of the trip option."),
    ] = None

    @property
    def contact(self) -> Contact:
        """Where the traveller is reached: as whoever pays, unless it is said otherwise."""
        billing = self.payment_info.billing_details
        return self.user_contact or Contact(email=billing.email, phone=billing.phone)


class PaymentMethodBody(CamelModel):
    """Another card for a booking whose card was refused."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"paymentMethodId": "pm_card_mastercard"}]}
    )

    payment_method_id: PaymentMethodId


class GoodwillBody(CamelModel):
    """Money an operator gives back although the terms would keep it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount": 2500, "currency": "USD", "reason": "The tour began late."}]
        }
    )

    amount: Annotated[
        int, Field(gt=0, le=99_999_999_999, strict=True, description="In minor units."), WHOLE
    ]
    currency: Currency
    reason: Annotated[Prose, Field(min_length=1, max_length=500)]
    component_id: Key | None = None


class CancelBookingBody(CamelModel):
    """A booking, or some of its components, to be cancelled."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "bookingId": "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
                    "reason": "The dates have changed.",
                },
                {
                    "bookingId": "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
                    "components": ["activity-1"],
                },
            ]
        }
    )

    booking_id: Annotated[
        Text, Field(min_length=1, max_length=64, description="The booking's id or its reference.")
    ]
    reason: Annotated[Prose, Field(max_length=500)] = ""
    components: Annotated[
        list[Key],
        Field(
            default_factory=list,
            max_length=20,
            description="Component ids; none for the whole booking.",
        ),
    ]
    accepted_fee: Annotated[
        int | None,
        Field(
            ge=0,
            le=99_999_999_999,
            strict=True,
            description="The most that may be kept, in minor units: a higher fee cancels nothing.",
        ),
        WHOLE,
    ] = None


class ResolveBody(CamelModel):
    """An operator's decision about a case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "caseId": 17,
                    "decision": "resolved",
                    "note": "Cancelled with the airline by phone.",
                },
                {
                    "caseId": 17,
                    "decision": "retry",
                    "note": "Found at the airline.",
                    "supplierId": "order-8812",
                },
            ]
        }
    )

    case_id: Annotated[
        int,
        Field(ge=1, le=LARGEST, strict=True, description="One of the booking's open `cases`."),
        WHOLE,
    ]
    decision: Literal["retry", "resolved"]
    note: Annotated[Prose, Field(min_length=1, max_length=1_000)]
    supplier_id: Annotated[
        Key | None,
        Field(description="With `retry`: the supplier's id of a reservation found by hand."),
    ] = None
    paid_by_hand: Annotated[
        bool,
        Field(
            strict=True,
            description="With `resolved`: what the traveller is owed has been paid out otherwise,"
            " not through the payment gateway.",
        ),
    ] = False

    def to_resolution(self) -> Resolution:
        """Return the workflow's message."""
        return Resolution(**self.model_dump())
