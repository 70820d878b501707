"""What a caller is answered who asks what cancelling would cost."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from api.core.schemas import Answer
from models.bookings.lifecycle import BookingState
from models.core.supply import ItemType


class SupplierSays(Answer):
    """What the supplier itself would keep; what counts for the traveller are the stored terms."""

    cancellable: bool
    fee: int | None = Field(description="Minor units of `currency`; null: it names none.")
    currency: str | None = Field(description="The supplier's own.")
    valid_until: AwareDatetime | None
    agrees: bool | None = Field(description="Whether the stored terms say the same.")
    reason: str | None = Field(description="Why it would not cancel.")


class QuotedComponent(Answer):
    """What cancelling one component would keep and give back; minor units."""

    component_id: str
    type: ItemType
    title: str
    supplier: str
    price: int
    kept: int
    refund: int = Field(description="Its share of what would go back now in all.")
    currency: str
    valid_until: AwareDatetime | None = Field(
        description="Until when just this is kept, by the stored terms; null: it stays so."
    )
    supplier_says: SupplierSays | None = Field(
        description="Null when the supplier was not asked, or did not say."
    )
    operator_needed: bool = Field(
        description="Its supplier will not cancel it: a person would have to settle it."
    )


class QuotedTotal(Answer):
    """All components asked about together; minor units."""

    price: int
    kept: int
    refund: int = Field(description="What would go back now in all.")
    in_dispute: int = Field(
        default=0,
        description="What does not go back before a dispute about it is decided: the card holder's"
        " bank has it.",
    )
    currency: str


class CancelQuoteAnswer(Answer):
    """What cancelling would keep and give back now. Nothing has been cancelled."""

    dry_run: Literal[True]
    booking_id: str
    booking_reference: str
    state: BookingState
    quoted_at: AwareDatetime
    valid_until: AwareDatetime | None = Field(
        description="When the first component's terms change; null: none do."
    )
    components: list[QuotedComponent] = Field(
        description="What would be cancelled; empty when nothing is left to cancel."
    )
    total: QuotedTotal
    operator_needed: bool
    money: str


_ID = "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10"

CANCEL_QUOTE: dict[str, Any] = {
    "dryRun": True,
    "bookingId": _ID,
    "bookingReference": "TS-4K7QP-9XW2M",
    "state": "CONFIRMED",
    "quotedAt": "2031-02-11T08:14:02Z",
    "validUntil": "2031-02-20T23:59:00Z",
    "components": [
        {
            "componentId": "hotel-1",
            "type": "HOTEL",
            "title": "Hotel Aurora",
            "supplier": "booking_com",
            "price": 100000,
            "kept": 20000,
            "refund": 80000,
            "currency": "USD",
            "validUntil": "2031-02-20T23:59:00Z",
            "supplierSays": {
                "cancellable": True,
                "fee": 20000,
                "currency": "USD",
                "validUntil": None,
                "agrees": True,
                "reason": None,
            },
            "operatorNeeded": False,
        }
    ],
    "total": {"price": 100000, "kept": 20000, "refund": 80000, "currency": "USD"},
    "operatorNeeded": False,
    "money": (
        "Cancelling now would give back 800.00 USD and keep 200.00 USD. Nothing has been cancelled."
    ),
}
