"""Messages about a booking's payment."""

from enum import StrEnum

from pydantic import BaseModel

from models.bookings.booking import PaymentView
from models.bookings.problems import Problem
from models.core.money import MinorUnits
from models.core.patience import Patience

PAYMENT_METHOD_UPDATE = "payment_method"
NO_CARD = "NoCardExpected"
"""Type of the failure by which a workflow refuses a card: it waits for none."""
RUN_BEHIND = "RunBehind"
"""Type of the failure by which a workflow refuses a card: it is behind the record."""
CARD_IN_USE = "CardInUse"
"""Type of the failure by which a workflow refuses a card: the one before it is being asked."""


class NewCard(BaseModel):
    """Another card for a booking whose card was refused."""

    payment_method_id: str
    who: str
    """The caller, for the history."""
    version: int = 0
    """Of the booking when it was seen to wait for a card: the run may not know of it yet."""


class GoodwillRefund(BaseModel):
    """An operator gives back more than the terms ask for."""

    key: str
    """Of the request: a repeat gives nothing back a second time."""
    amount: MinorUnits
    reason: str = ""
    item: int | None = None
    """The item it is about, if any."""


class SettlePaymentRequest(BaseModel):
    """What ``SettlePayment`` needs: a booking at rest whose money is to be looked at."""

    booking_id: str
    why: str
    """What led here, for the history: an event of the gateway, a reconciliation, an operator."""
    stray: str | None = None
    """A payment made under this booking's id that is not the one on record: to be given back."""
    patience: Patience = Patience()


class PaymentCall(BaseModel):
    """Asks for the booking's payment to be authorised, captured, given back or read.

    ``amount`` in minor units of the booking's currency.
    """

    booking_id: str
    key: str
    amount: MinorUnits = 0
    keep: MinorUnits = 0
    """For refunds: what stays with the company; everything else that was taken goes back."""
    payment: int = 1
    """The number of the payment within the booking (``PaymentView.number``)."""
    hold: int = 1
    """The ordinal of the payment at the gateway (``PaymentView.hold``)."""
    payment_id: str | None = None
    """Its id there, as the authorisation answered it; None: the attempt log knows."""
    authorisations: int = 1
    """How often this payment's money has been asked for so far: what an undo has to close."""
    payment_method_id: str | None = None
    """Another card than the booking began with."""
    reason: str = ""
    """Why money goes back; kept with the refund."""


class StrayPayment(BaseModel):
    """Asks for a payment to be given back that is not the one the booking has on record."""

    booking_id: str
    payment_id: str
    key: str


class Advice(StrEnum):
    """What a refused card means for the traveller."""

    OTHER_CARD = "other_card"
    """Another card, or this one with its data mended, may be accepted."""
    DO_NOT_RETRY = "do_not_retry"
    """Lost, stolen, suspected of fraud: no further card is taken for this booking."""


class PaymentOutcome(BaseModel):
    """The payment (of a look: all of them) as it is now, or a definite refusal."""

    payment: PaymentView | None = None
    """None when it was never created."""
    payments: list[PaymentView] = []
    """Of a look: every payment of the booking that exists at the gateway."""
    refused: Problem | None = None
    advice: Advice | None = None
    """With a refused card: what may help."""
