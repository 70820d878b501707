"""What a change of a booking costs and how it ended: what a transition says of it."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import PaymentPurpose, PaymentStatus
from models.bookings.problems import Problem
from models.core.fencing import Fence
from models.core.money import Currency, MinorUnits
from models.core.people import Traveler
from models.core.supply import ItemType, PropertyCharge


class Part(StrEnum):
    """What becomes of an item."""

    GOES = "GOES"
    COMES = "COMES"


class ChangedItem(BaseModel):
    """What a change means for one item; amounts in minor units of the payment's currency."""

    part: Part
    component_id: str
    type: ItemType
    title: str
    supplier: str
    price: MinorUnits
    """What it cost, or will cost."""
    fee: MinorUnits = 0
    """Of one that goes: kept by the stored terms."""
    pay_at_property: tuple[PropertyCharge, ...] = ()
    """What the hotel takes itself, on top of ``price``."""


class ChangeQuote(BaseModel):
    """What a change costs, verified at the suppliers at that moment."""

    currency: Currency
    items: list[ChangedItem]
    old_total: MinorUnits
    new_total: MinorUnits
    difference: int
    """To be paid; negative: what the change costs less."""
    refund: MinorUnits | None = None
    """What would go back now, what has gone back already not counted again; None in quotes made
    before this was reckoned."""
    in_dispute: MinorUnits = 0
    """What would go back besides, if the card holder's open dispute is decided for us."""
    quoted_at: AwareDatetime
    holds_until: AwareDatetime | None = None
    """When an offer ends or a fee changes; None when nobody says. Prices are verified again."""


class ChangeOutcome(BaseModel):
    """How a change ended, or what it would cost."""

    change_id: str | None = None
    """None for a question."""
    carried_out: bool = False
    quote: ChangeQuote | None = None
    problem: Problem | None = None
    """Why it was not carried out; then the booking stands as it was."""
    refunded: MinorUnits | None = None
    """What the gateway gave back because of it; None where that was not recorded."""
    in_dispute: MinorUnits = 0
    """What was to go back besides when it had been carried out, and an open dispute held."""
    key_reused: bool = False
    """The Idempotency-Key belongs to another change; nothing was looked at."""


class ChangeNote(BaseModel):
    """What is recorded of a change, with a transition of its booking or without one."""

    change_id: str
    begins: bool = False
    """The new items are written down, with what their suppliers quoted."""
    outcome: ChangeOutcome | None = None
    """How it ended."""
    travelers: list[Traveler] | None = None
    """Who travels from now on."""
    fence: Fence | None = None
    """Of the workflow, where no transition goes with it."""


def payment_for(
    booking: Booking, amount: int, payment_method_id: str | None, change_id: str
) -> PaymentView:
    """Return the payment of a change that costs ``amount`` more (minor units), still to be made."""
    first = booking.payment
    return PaymentView(
        number=booking.payments[-1].number + 1,
        purpose=PaymentPurpose.CHANGE,
        gateway=first.gateway,
        payment_method_id=payment_method_id or first.payment_method_id,
        currency=booking.currency,
        amount=amount,
        hold=booking.next_hold,
        change=change_id,
    )


def end_payments(booking: Booking, change_id: str) -> None:
    """Have nobody wait any more for what the payment of a change needed: the change is undone."""
    for payment in booking.payments:
        if payment.change == change_id:
            payment.waits_until = payment.client_secret = payment.next_action = None
            if payment.id is None:
                payment.status = PaymentStatus.FAILED  # it was never begun
