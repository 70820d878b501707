"""A change of a booking that stands: what callers send, and what they are answered."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from api.core.schemas import Answer
from api.trips.schemas.answers import Confirmations, ErrorAnswer, PayAtProperty, WholePaymentAnswer
from models.bookings.lifecycle import BookingState
from models.core.money import WHOLE
from models.core.people import Traveler
from models.core.supply import ItemType, TripComponent
from models.core.text import CamelModel, Key, PaymentMethodId
from models.trips.changes import Part, Swap, TripChanges
from models.trips.errors import ComponentRepeated

MOST_ITEMS = 20


class SwapBody(CamelModel):
    """One component in place of another."""

    component_id: Key
    component: TripComponent


class ChangesBody(CamelModel):
    """What is to be different. New dates are swaps for the same things on other days."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"drop": {"minItems": 1}}, "required": ["drop"]},
                {"properties": {"swap": {"minItems": 1}}, "required": ["swap"]},
                {"properties": {"add": {"minItems": 1}}, "required": ["add"]},
                {"properties": {"travelers": {"type": "array"}}, "required": ["travelers"]},
            ]
        }
    )

    drop: Annotated[list[Key], Field(default_factory=list, max_length=MOST_ITEMS)]
    swap: Annotated[list[SwapBody], Field(default_factory=list, max_length=MOST_ITEMS)]
    add: Annotated[
        list[TripComponent],
        Field(default_factory=list, max_length=MOST_ITEMS, description="As in a trip option."),
    ]
    travelers: Annotated[
        list[Traveler] | None,
        Field(
            min_length=1,
            max_length=20,
            description="Who travels instead, where every component is swapped.",
        ),
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> "ChangesBody":
        if not (self.drop or self.swap or self.add or self.travelers):
            raise ValueError("must say what is to be changed: drop, swap, add or travelers")
        return self

    def to_trip_changes(self) -> TripChanges:
        """Return the workflows' message.

        Raises:
            ComponentRepeated: a component would go twice.
        """
        gone = [*self.drop, *(swap.component_id for swap in self.swap)]
        if len(set(gone)) < len(gone):
            raise ComponentRepeated
        return TripChanges(
            drop=self.drop,
            swap=[Swap(component_id=s.component_id, component=s.component) for s in self.swap],
            add=self.add,
            travelers=self.travelers,
        )


class ChangePaymentInfo(CamelModel):
    """What pays the difference."""

    payment_method_id: PaymentMethodId


class ModifyBody(CamelModel):
    """A change of a booking; without ``acceptedTotal`` it is only asked about."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"changes": {"drop": ["activity-1"]}},
                {"changes": {"drop": ["activity-1"]}, "acceptedTotal": 160000},
            ]
        }
    )

    changes: ChangesBody
    accepted_total: Annotated[
        int | None,
        Field(
            ge=0,
            le=99_999_999_999,
            strict=True,
            description="In minor units: the most the whole booking may cost then, fees included."
            " `newTotal` of the quote that the traveller has accepted.",
        ),
        WHOLE,
    ] = None
    payment_info: ChangePaymentInfo | None = None


class ChangedComponent(Answer):
    """What a change means for one component; minor units."""

    part: Part
    component_id: str
    type: ItemType
    title: str
    supplier: str
    price: int
    fee: int = Field(description="Of one that goes: kept by its cancellation terms.")
    currency: str
    pay_at_property: PayAtProperty = Field(default=[])


class ChangeFigures(Answer):
    """What a change costs; minor units."""

    components: list[ChangedComponent]
    old_total: int
    new_total: int = Field(description="What the booking costs then, fees included.")
    to_pay: int
    to_refund: int = Field(
        description="What goes back now: not what has been given back before, nor what a dispute"
        " has taken."
    )
    in_dispute: int = Field(
        default=0,
        description="What does not go back before a dispute about it is decided: the card holder's"
        " bank has it.",
    )
    currency: str
    quoted_at: AwareDatetime
    holds_until: AwareDatetime | None = Field(
        description="When an offer ends or a fee changes; null: nobody says. It is verified again."
    )


class ChangeQuoteAnswer(Answer):
    """What a change would cost now. Nothing has been changed."""

    dry_run: Literal[True]
    booking_id: str
    booking_reference: str
    state: BookingState
    quote: ChangeFigures
    money: str


class ChangeAnswer(Answer):
    """How a change went. Without success the booking stands as it was."""

    success: bool
    booking_id: str
    booking_reference: str
    state: BookingState
    change_id: str
    quote: ChangeFigures | None = None
    confirmations: Confirmations
    payment: WholePaymentAnswer | None = Field(
        default=None, description="What the difference is paid with, where it is to be paid."
    )
    warnings: list[str]
    money: str
    error: ErrorAnswer | None = None
    message: str | None = None
    status_url: str | None = None


_FIGURES: dict[str, Any] = {
    "components": [
        {
            "part": "GOES",
            "componentId": "activity-1",
            "type": "ACTIVITY",
            "title": "Harbour tour by boat",
            "supplier": "viator",
            "price": 40000,
            "fee": 0,
            "currency": "USD",
        }
    ],
    "oldTotal": 200000,
    "newTotal": 160000,
    "toPay": 0,
    "toRefund": 40000,
    "currency": "USD",
    "quotedAt": "2031-02-11T08:14:02Z",
    "holdsUntil": "2031-02-20T23:59:00Z",
}
_BOOKING: dict[str, Any] = {
    "bookingId": "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
    "bookingReference": "TS-4K7QP-9XW2M",
    "state": "CONFIRMED",
}
CHANGE_QUOTE: dict[str, Any] = {
    "dryRun": True,
    **_BOOKING,
    "quote": _FIGURES,
    "money": "The change would give back 400.00 USD. Nothing has been changed.",
}
_CHANGE: dict[str, Any] = {
    **_BOOKING,
    "changeId": "0c1d7f9e-45f1-5b6c-8a56-51d0f5f5f5f5",
    "quote": _FIGURES,
    "confirmations": {
        "flight": None,
        "hotel": None,
        "activities": [],
        "flights": [],
        "hotels": [],
    },
    "warnings": [],
}
CHANGED: dict[str, Any] = {
    "success": True,
    **_CHANGE,
    "money": "400.00 USD is being refunded. Banks usually show a refund within 5 to 10 days.",
}
NOT_CHANGED: dict[str, Any] = {
    "success": False,
    **_CHANGE,
    "money": "Your booking stands as it was. Nothing was charged for the change.",
    "error": {
        "code": "UNAVAILABLE",
        "message": "The hotel “Aurora” is no longer available.",
        "failedStep": "validate",
        "undone": [],
        "money": "Your booking stands as it was. Nothing was charged for the change.",
        "nextStep": "Choose something else and ask for the change again.",
        "details": {},
    },
}
CHANGING: dict[str, Any] = {
    "success": False,
    **_CHANGE,
    "money": "Nothing has been charged for the change yet. Your booking stands as it was.",
    "message": "The change is under way.",
    "statusUrl": "/booking/7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
}
